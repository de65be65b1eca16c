//! scratch
mod common;
use common::*;
#[test]
fn dump() {
    std::fs::create_dir_all("/tmp/kinds").unwrap();
    for (i, kind) in Jpeg::all().into_iter().enumerate() {
        for (w, h) in [(1u32, 1u32), (7, 9), (8, 8), (16, 16), (17, 33), (64, 48), (100, 3), (203, 131), (640, 481), (33, 8), (33, 16), (33, 24),(5,40),(300,17)] {
            let j = kind.encode(&scene(w, h));
            let name = format!("/tmp/kinds/{i:02}_{:?}_p{}_r{}_o{}_{w}x{h}", kind.sampling, kind.progressive, kind.restart, kind.optimised);
            std::fs::write(format!("{name}.jpg"), &j).unwrap();
            let (hd, p) = open(&j);
            let mut v = format!("P6 {} {} 255\n", hd.coded.width, hd.coded.height).into_bytes();
            v.extend(&p.pixels);
            std::fs::write(format!("{name}.ppm"), v).unwrap();
        }
    }
}
