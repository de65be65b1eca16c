//! temp
use crate::*;
use std::time::{Duration, Instant};
use vow_types::*;
fn best(mut f: impl FnMut()) -> Duration {
    (0..30).map(|_| { let t = Instant::now(); f(); t.elapsed() }).min().unwrap()
}
#[test]
fn oneoff() {
    let size = Size { width: 4000, height: 3000 };
    let pixels = testing::noise(size, 3);
    let view = PictureView::new(size, &pixels).unwrap();
    for o in Orientation::ALL {
        let shape = choose_shape(o.upright_size(size), &SHAPES).unwrap();
        let all = best(|| { std::hint::black_box(frame(view, o, shape).unwrap()); });
        let small = Size { width: 640, height: 480 };
        let px = testing::noise(small, 4);
        let mut out = vec![0u8; 640 * 640 * 3];
        let t = best(|| { turn::turn_into(&px, small, o, &mut out, shape.width); std::hint::black_box(&mut out); });
        println!("frame 12MP {o:?} {all:?} turn {t:?}");
    }
    let px = testing::noise(Size { width: 640, height: 480 }, 4);
    let mut out = vec![0.0; px.len()];
    for channels in [Channels::Rgb, Channels::Bgr] {
        let t = best(|| { fill_nchw(&px, InputFormat { channels, mean: 127.5, std: 127.5 }, &mut out); std::hint::black_box(&mut out); });
        println!("fill 640x480 {t:?}");
    }
    for k in [0.5f32, 1.2, 2.0, 3.5, 7.5, 20.0] {
        let lm = Landmarks(align::TEMPLATE.map(|(x, y)| RelPoint { x: ((x as f32 - 56.0) * k * 0.95 + (y as f32 - 56.0) * k * 0.3 + 2000.0) / 4000.0, y: ((y as f32 - 56.0) * k * 0.95 - (x as f32 - 56.0) * k * 0.3 + 1500.0) / 3000.0 }));
        let t = best(|| { std::hint::black_box(crop(view, Orientation::Upright, &lm, 112).unwrap()); });
        println!("crop k {k} {t:?}");
    }
}
