//! temp
use crate::*;
use std::time::Instant;
use vow_types::*;
fn f32s(p: &str) -> Vec<f32> {
    std::fs::read(p).unwrap_or_default().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}
#[test]
fn oneoff() {
    for n in 0..10 {
        let d = format!("/tmp/vision-exp/raw/{n}");
        let Ok(s) = std::fs::read_to_string(format!("{d}/size")) else { continue };
        let v: Vec<u32> = s.split(' ').map(|x| x.trim().parse().unwrap()).collect();
        let (size, fitted, shape) = (
            Size { width: v[0], height: v[1] },
            Size { width: v[2], height: v[3] },
            Size { width: 640, height: 640 },
        );
        let image = std::fs::read(format!("{d}/image")).unwrap();
        let view = PictureView::new(size, &image).unwrap();
        let framed = frame(view, Orientation::Upright, shape).unwrap();
        assert_eq!(framed.fitted, fitted);
        let cvframe = std::fs::read(format!("{d}/frame")).unwrap();
        let mad: f64 =
            framed.pixels.iter().zip(&cvframe).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>()
                / framed.pixels.len() as f64;
        let t: Vec<Vec<f32>> = (0..9).map(|i| f32s(&format!("{d}/s{i}"))).collect();
        let levels: Vec<scrfd::Level<'_>> = (0..3)
            .map(|i| scrfd::Level {
                stride: scrfd::STRIDES[i],
                scores: &t[i],
                boxes: &t[i + 3],
                landmarks: &t[i + 6],
            })
            .collect();
        let t0 = Instant::now();
        let found = suppress(scrfd::decode(&levels, shape, 0.5).unwrap(), 0.4);
        let dec = t0.elapsed();
        let y: Vec<[Vec<f32>; 4]> = [8, 16, 32]
            .iter()
            .map(|s| ["cls", "obj", "bbox", "kps"].map(|q| f32s(&format!("{d}/y_{q}_{s}"))))
            .collect();
        let yl: Vec<yunet::Level<'_>> = (0..3)
            .map(|i| yunet::Level {
                stride: yunet::STRIDES[i],
                cls: &y[i][0],
                obj: &y[i][1],
                bbox: &y[i][2],
                kps: &y[i][3],
            })
            .collect();
        let yfound = suppress(yunet::decode(&yl, shape, 0.5).unwrap(), 0.4);
        for (name, found) in [("scrfd", &found), ("yunet", &yfound)] {
            let expect = f32s(&format!("{d}/{name}"));
            let expect = expect.as_chunks::<15>().0;
            assert_eq!(expect.len(), found.len(), "{name} {n}");
            let mut worst = 0.0f32;
            for (e, f) in expect.iter().zip(found) {
                let mut got = vec![f.score, f.bbox.left, f.bbox.top, f.bbox.right, f.bbox.bottom];
                got.extend(f.landmarks.iter().flat_map(|p| [p.x, p.y]));
                for (a, b) in e.iter().zip(&got) {
                    worst = worst.max((a - b).abs());
                }
            }
            println!("{n} {name} {} worst {worst}", found.len());
        }
        let crops = std::fs::read(format!("{d}/crops")).unwrap_or_default();
        let exact = f32s(&format!("{d}/exact"));
        let t0 = Instant::now();
        let got: Vec<Vec<u8>> = found
            .iter()
            .map(|f| crop(view, Orientation::Upright, &framed.detection(f).landmarks, 112).unwrap())
            .collect();
        let ct = t0.elapsed() / u32::try_from(found.len().max(1)).unwrap();
        for (i, g) in got.iter().enumerate().take(4) {
            let c = &crops[i * 37632..][..37632];
            let e = &exact[i * 37632..][..37632];
            let cv: f64 = g.iter().zip(c).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / 37632.0;
            let ex: f64 =
                g.iter().zip(e).map(|(a, b)| f64::from((f32::from(*a) - b).abs())).sum::<f64>() / 37632.0;
            let mx = g.iter().zip(e).map(|(a, b)| (f32::from(*a) - b).abs()).fold(0.0, f32::max);
            let q = quality(
                &framed.detection(&found[i]),
                (found[i].bbox.right - found[i].bbox.left) * size.width as f32 / fitted.width as f32,
                g,
            );
            println!("   crop {i} mad cv {cv:.3} exact {ex:.3} max {mx:.3} quality {q:.2}");
        }
        println!("{n} frame vs area mad {mad:.2} decode+nms {dec:?} crop {ct:?}");
    }
    let size = Size { width: 4000, height: 3000 };
    let pixels = testing::noise(size, 3);
    let view = PictureView::new(size, &pixels).unwrap();
    for o in Orientation::ALL {
        let shape = choose_shape(o.upright_size(size), &SHAPES).unwrap();
        frame(view, o, shape).unwrap();
        let t0 = Instant::now();
        for _ in 0..5 {
            std::hint::black_box(frame(view, o, shape).unwrap());
        }
        let all = t0.elapsed() / 5;
        let small = Size { width: 640, height: 480 };
        let px = testing::noise(small, 4);
        let mut out = vec![0u8; 640 * 640 * 3];
        let t0 = Instant::now();
        for _ in 0..20 {
            turn::turn_into(&px, small, o, &mut out, shape.width);
            std::hint::black_box(&mut out);
        }
        println!("frame 12MP {o:?} {all:?} turn {:?}", t0.elapsed() / 20);
    }
    let px = testing::noise(Size { width: 640, height: 480 }, 4);
    let mut out = vec![0.0; px.len()];
    for channels in [Channels::Rgb, Channels::Bgr] {
        let t0 = Instant::now();
        for _ in 0..50 {
            fill_nchw(&px, InputFormat { channels, mean: 127.5, std: 127.5 }, &mut out);
            std::hint::black_box(&mut out);
        }
        println!("fill 640x480 {:?}", t0.elapsed() / 50);
    }
    for k in [0.5f32, 1.2, 2.0, 3.5, 7.5, 20.0] {
        let lm = Landmarks(align::TEMPLATE.map(|(x, y)| RelPoint {
            x: ((x as f32 - 56.0) * k * 0.95 + (y as f32 - 56.0) * k * 0.3 + 2000.0) / 4000.0,
            y: ((y as f32 - 56.0) * k * 0.95 - (x as f32 - 56.0) * k * 0.3 + 1500.0) / 3000.0,
        }));
        let t0 = Instant::now();
        for _ in 0..10 {
            std::hint::black_box(
                crop(view, Orientation::Turned90.inverse().inverse().inverse().inverse(), &lm, 112).unwrap(),
            );
        }
        println!("crop k {k} {:?}", t0.elapsed() / 10);
    }
    let c = testing::noise(Size { width: 112, height: 112 }, 1);
    let t0 = Instant::now();
    for _ in 0..100 {
        std::hint::black_box(quality(
            &Detection {
                bbox: RelBox { left: 0., top: 0., right: 1., bottom: 1. },
                landmarks: Landmarks(align::TEMPLATE.map(|(x, y)| RelPoint { x: x as f32, y: y as f32 })),
                score: 1.,
            },
            50.,
            &c,
        ));
    }
    println!("quality {:?}", t0.elapsed() / 100);
}
