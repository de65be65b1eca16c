//! Any bytes through `vow-graph`: no panic; what is not understood comes back as it was, and what was prepared is a graph
//! that every later step can read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vow_graph::{NotPrepared, Picture, Recipe, fixed, half, prepare};
use vow_types::{Channels, InputFormat};

fuzz_target!(|bytes: &[u8]| {
    let input = InputFormat { channels: Channels::Bgr, mean: 127.5, std: 128.0 };
    for picture in [Picture::Any, Picture::Square(112)] {
        let prepared = prepare(bytes.to_vec(), &Recipe { input, picture });
        let readable = |result: Result<Vec<u8>, NotPrepared>| {
            !matches!(result, Err(NotPrepared::NotOnnx(_) | NotPrepared::Lossy))
        };
        let (halved, sized) = (half(&prepared.graph), fixed(&prepared.graph, 3, 112, 112));
        match prepared.did {
            Ok(_) => assert!(readable(halved) && readable(sized), "a prepared graph can be read again"),
            Err(_) => assert_eq!(prepared.graph, bytes),
        }
    }
});
