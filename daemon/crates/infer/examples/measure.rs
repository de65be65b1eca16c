#![allow(missing_docs, clippy::all)]
use ort::session::{Session, builder::GraphOptimizationLevel};
use ort::value::TensorRef;
use tract_onnx::prelude::*;
fn stat(key: &str) -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().find(|l| l.starts_with(key)).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}
fn cpu() -> f64 {
    use std::time::SystemTime;
    return SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64() * 1e3;
}
fn _old() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e6
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let file = &a[2];
    let bytes = std::fs::read(format!("/work/shared/models/{file}")).unwrap();
    let shapes: Vec<(usize, usize)> = if file.starts_with("mobile") {
        vec![(112, 112)]
    } else if file.contains("_640") {
        vec![(640, 640)]
    } else {
        vec![(640, 640), (480, 640), (640, 480), (448, 640), (640, 448), (384, 640), (640, 384)]
    };
    let n: usize = a[3].parse().unwrap();
    println!("start rss {}", stat("VmRSS"));
    match a[1].as_str() {
        "tract-shared" | "tract-own" => {
            let onnx = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
            let proto = onnx.proto_model_for_read(&mut &bytes[..]).unwrap();
            let mut states = vec![];
            let make = |h: usize, w: usize| {
                let c = cpu();
                let p = onnx
                    .model_for_proto_model(&proto)
                    .unwrap()
                    .with_input_fact(0, f32::fact([1, 3, h, w]).into())
                    .unwrap()
                    .into_optimized()
                    .unwrap()
                    .into_runnable()
                    .unwrap();
                println!("  plan {h}x{w}: {:.0} ms", cpu() - c);
                p
            };
            let mut plans = vec![];
            if a[1] == "tract-shared" {
                for &(h, w) in &shapes {
                    plans.push(((h, w), make(h, w)));
                }
            }
            for t in 0..n {
                for (i, &(h, w)) in shapes.iter().enumerate() {
                    let plan = if a[1] == "tract-shared" { plans[i].1.clone() } else { make(h, w) };
                    let mut state = plan.spawn().unwrap();
                    let input = vec![0.1f32; 3 * h * w];
                    let mut best = f64::MAX;
                    for _ in 0..40 {
                        let c = cpu();
                        let x = Tensor::from_shape(&[1, 3, h, w], &input).unwrap();
                        let o = state.run(tvec!(x.into())).unwrap();
                        drop(o);
                        best = best.min(cpu() - c);
                    }
                    if t == 0 {
                        println!("  run {h}x{w}: {best:.1} ms");
                    }
                    states.push(state);
                }
                println!("thread {t}: rss {}", stat("VmRSS"));
            }
        }
        mode => {
            let lib = std::env::var("VOW_ORT").unwrap();
            let env = ort::init_from(lib)
                .unwrap()
                .with_logger(std::sync::Arc::new(
                    |_: ort::logging::LogLevel, _: &str, _: &str, _: &str, _: &str| {},
                ))
                .build()
                .unwrap();
            env.set_log_level(ort::logging::LogLevel::Warning);
            println!("env rss {}", stat("VmRSS"));
            let mut sessions = vec![];
            for t in 0..n {
                let c = cpu();
                let mut b = Session::builder(&env)
                    .unwrap()
                    .with_optimization_level(GraphOptimizationLevel::All)
                    .unwrap()
                    .with_intra_threads(1)
                    .unwrap()
                    .with_inter_threads(1)
                    .unwrap()
                    .with_intra_op_spinning(false)
                    .unwrap();
                b = b.with_memory_pattern(mode.contains("pattern")).unwrap();
                if mode.contains("noarena") {
                    b = b
                        .with_execution_providers([ort::ep::CPU::default()
                            .with_arena_allocator(false)
                            .build()])
                        .unwrap();
                }
                if mode.contains("perf") {
                    b = b.with_auto_device(ort::session::builder::AutoDevicePolicy::PreferCPU).unwrap();
                }
                if mode.contains("l2") {
                    b = b.with_optimization_level(GraphOptimizationLevel::Level2).unwrap();
                }
                let mut s = b.commit_from_memory(&bytes).unwrap();
                if t == 0 {
                    println!("  session: {:.0} ms rss {}", cpu() - c, stat("VmRSS"));
                }
                for round in 0..2 {
                    for &(h, w) in &shapes {
                        let input = vec![0.1f32; 3 * h * w];
                        let mut best = f64::MAX;
                        for _ in 0..40 {
                            let c = cpu();
                            let x = TensorRef::from_array_view(([1, 3, h, w], &input[..])).unwrap();
                            let o = s.run(ort::inputs![x]).unwrap();
                            drop(o);
                            best = best.min(cpu() - c);
                        }
                        if t == 0 && round == 1 {
                            println!("  run {h}x{w}: {best:.1} ms");
                        }
                    }
                }
                sessions.push(s);
                println!("thread {t}: rss {}", stat("VmRSS"));
            }
        }
    }
    println!("peak {}", stat("VmHWM"));
}
