//! What happens when a GPU fails, with tract in its place: the crew of a card, but every network is the processor's.

use std::path::Path;

use vow_types::{Channels, DetectorSpec, EmbedderSpec, Head, InputFormat, Shift, Size};

use super::rescue::STRIKES;
use super::*;
use crate::error::chain;
use crate::graph::Graph;
use crate::net::Loader;
use crate::onnx::{self, Dim};
use crate::runtime::{ProviderChoice, RuntimeChoice};

const RGB: InputFormat = InputFormat { channels: Channels::Rgb, mean: 0.0, std: 1.0 };
const SIZE: Size = Size { width: 64, height: 64 };
const CUDA: Place = Place { provider: Provider::Cuda, ..Place::CPU };

fn tract() -> Runtime {
    Runtime::start(&RuntimeChoice::Tract, ProviderChoice::Auto, Path::new("unused")).unwrap()
}

fn networks() -> Networks {
    let spec = DetectorSpec { head: Head::Yunet, input: RGB, threshold: 0.6, nms_iou: 0.4 };
    let graph = onnx::yunet(Dim::Open("h"), Dim::Open("w"));
    let detector = Detector::new(spec, graph.bytes(), &tract()).unwrap();
    let spec = EmbedderSpec {
        input: RGB,
        size: 16,
        dimension: 12,
        mirror: false,
        refine: false,
        shift: Shift::default(),
    };
    let embedder = Embedder::new(spec, onnx::embedder(Dim::Open("n"), 16).bytes(), &tract()).unwrap();
    Networks::new(
        detector,
        embedder,
        (&tract(), Provider::Cpu),
        &Tuning::new(1),
        None,
        &AtomicBool::new(false),
    )
    .unwrap()
}

/// A network that cannot be run, as of a card that has gone.
fn gone() -> Net {
    failing("Teleport")
}

/// A network whose runtime fails with these words.
fn failing(words: &str) -> Net {
    let mut graph = onnx::yunet(Dim::Open("h"), Dim::Open("w"));
    graph.0.node[0].op_type = words.to_owned();
    let graph = Graph::read(graph.bytes()).unwrap();
    Loader::new(graph, &tract()).open(Place::CPU).unwrap()
}

fn run(networks: &Networks, nets: &mut Nets) -> Result<Vec<Made>, Trouble<InferError>> {
    let key = Key { role: Role::Detector, size: SIZE };
    let works = [Work::Frame(Arc::new(Framed { shape: SIZE, pixels: vec![255; 3 * 64 * 64], fitted: SIZE }))];
    let input = networks.gather(key, &works, 1, None);
    networks.run(nets, key, &works, &input, 0..1)
}

#[test]
fn pictures_that_a_card_fails_at_are_done_and_the_card_is_given_up() {
    let networks = networks();
    let nets =
        Nets { provider: Provider::Cuda, detector: Some(gone()), embedder: None, rescue: None, strikes: 0 };
    let mut nets = nets;
    for strikes in 1..=STRIKES {
        let made = run(&networks, &mut nets).unwrap();
        assert!(matches!(made.as_slice(), [Made::Faces(faces)] if faces.len() == 4), "one for each cell");
        assert_eq!(nets.strikes, strikes);
    }
    assert_eq!(nets.provider, Provider::Cpu);
    // From now on nothing fails, so nothing is counted.
    run(&networks, &mut nets).unwrap();
    assert_eq!(nets.strikes, 0);
}

#[test]
fn a_card_that_is_given_up_says_why() {
    let networks = networks();
    assert_eq!(networks.card_given_up(Provider::Cuda), None);
    networks.runtime.give_up(Provider::Cuda, "it is gone");
    let reason = networks.card_given_up(Provider::Cuda).unwrap();
    assert!(reason.starts_with("it is gone; check that `nvidia-smi`"), "{reason}");
    assert_eq!(networks.card_given_up(Provider::OpenVino), None, "it was never used");
}

#[test]
fn a_card_whose_memory_is_others_rests_and_is_not_given_up() {
    let rest = Arc::<Rest>::default();
    let mut networks = networks().heed(Arc::clone(&rest));
    networks.provider = Provider::Cuda;
    let full = Some(failing("out of memory"));
    let mut nets =
        Nets { provider: Provider::Cuda, detector: full, embedder: None, rescue: None, strikes: 0 };
    for strike in 1..=STRIKES {
        assert!(!rest.is_on(), "before strike {strike}");
        let made = run(&networks, &mut nets).unwrap();
        assert!(matches!(made.as_slice(), [Made::Faces(faces)] if faces.len() == 4), "the processor did it");
    }
    assert!(rest.is_on() && networks.is_resting());
    assert_eq!(nets.provider, Provider::Cuda);
    // What the card's crew still has in hand is done by the processor.
    let mut nets = networks.open(Roles::Only(Role::Detector)).unwrap();
    assert_eq!((nets.provider, run(&networks, &mut nets).unwrap().len()), (Provider::Cpu, 1));
}

#[test]
fn a_batch_that_was_filled_up_is_as_large_as_the_card_says() {
    assert_eq!(fewer(20, Some(32), Some(16)), Some(16), "32 were run");
    assert_eq!(fewer(3, Some(32), Some(32)), None, "they were run one by one");
    assert_eq!(fewer(20, None, None), Some(10), "a processor runs what it is given");
}

#[test]
fn a_trial_ends_early_when_it_is_over() {
    let mut networks = networks();
    let crop = networks.embedder.size();
    let network = &mut networks.embedder.network;
    network.offer_half(onnx::embedder(Dim::Open("n"), 16).bytes(), &tract());
    let over = || Err(GraphError::Incomplete { what: "it is over".to_owned() });
    assert!(network.try_out(crop, CUDA, 1, &over).is_err());
    assert!(!network.found().half, "nothing was found out");
}

#[test]
fn one_failure_does_not_end_a_card() {
    let networks = networks();
    let mut nets = networks.open(Roles::Only(Role::Detector)).unwrap();
    nets.provider = Provider::Cuda;
    let good = nets.detector.replace(gone());
    run(&networks, &mut nets).unwrap();
    nets.detector = good;
    run(&networks, &mut nets).unwrap();
    assert_eq!((nets.strikes, nets.provider), (0, Provider::Cuda));
}

#[test]
fn on_the_processor_a_failure_is_a_failure() {
    let networks = networks();
    let mut nets =
        Nets { provider: Provider::Cpu, detector: Some(gone()), embedder: None, rescue: None, strikes: 0 };
    let Err(Trouble::Other(error)) = run(&networks, &mut nets) else { panic!("it cannot be run") };
    assert!(chain(&error).contains("Teleport"), "{}", chain(&error));
}

#[test]
fn half_precision_is_used_where_it_agrees() {
    let mut networks = networks();
    let crop = networks.embedder.size();
    let network = &mut networks.embedder.network;
    let same = onnx::embedder(Dim::Open("n"), 16);
    network.offer_half(same.bytes(), &tract());
    network.try_out(crop, CUDA, 1, &|| Ok(())).unwrap();
    assert!(network.found().half);
    // Only on a card.
    network.try_out(crop, Place::CPU, 1, &|| Ok(())).unwrap();

    // What was found is believed without a trial, as far as it can be.
    let found = network.found();
    assert_eq!(found, Tried { half: true, batched: false });
    network.believe(Tried { half: false, batched: true });
    assert_eq!(network.found(), Tried { half: false, batched: false }, "tract takes one at a time");
    network.believe(found);
    assert_eq!(network.found(), found);

    // The maximum in place of the mean: a little different.
    let mut other = same.clone();
    other.0.node.iter_mut().filter(|node| node.op_type == "AveragePool").for_each(|node| {
        node.op_type = "MaxPool".to_owned();
    });
    network.offer_half(other.bytes(), &tract());
    network.try_out(crop, CUDA, 1, &|| Ok(())).unwrap();
    assert!(!network.found().half);

    // One that cannot be run at all, and one that is fed differently.
    let mut broken = same.clone();
    broken.0.node[0].op_type = "Teleport".to_owned();
    network.offer_half(broken.bytes(), &tract());
    network.try_out(crop, CUDA, 1, &|| Ok(())).unwrap();
    assert!(!network.found().half);
}

/// glibc keeps what is freed below something that is still in use; whoever unloads has it given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn what_networks_took_is_given_back_when_the_last_is_unloaded() {
    let networks = networks();
    let mut taken: Vec<Vec<u8>> = (0..2048).map(|_| vec![1; 64 << 10]).collect();
    let pin = taken.split_off(2047);
    drop(taken);
    let kept = crate::memory::resident().unwrap();
    networks.all_unloaded();
    let left = crate::memory::resident().unwrap();
    assert!(left + (64 << 20) < kept, "of {kept} bytes {left} are left");
    drop(pin);
}
