//! Which provider is used, and why the others are not. The decision alone: trying one is a parameter.

use super::provider::TRIED;
use super::{Provider, ProviderChoice};

/// A provider that could have been used, and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPassedOver {
    /// Which.
    pub provider: Provider,
    /// Why not, for a person to read.
    pub reason: String,
    /// Whether it should have been used: it was asked for, or it was found and did not start.
    pub is_a_loss: bool,
}

/// What is used, and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) provider: Provider,
    pub(super) passed_over: Vec<ProviderPassedOver>,
}

/// Chooses among the providers that a library says it has, in ONNX Runtime's names. `attempt` starts one and says why it
/// does not work.
pub(super) fn select(
    choice: ProviderChoice,
    offered: &[String],
    is_compiled_in: impl Fn(Provider) -> bool,
    mut attempt: impl FnMut(Provider) -> Result<(), String>,
) -> Selected {
    let is_offered = |provider: Provider| offered.iter().any(|name| name == provider.onnx_name());
    let mut passed_over = Vec::new();
    let mut pass = |provider, reason, is_a_loss| {
        passed_over.push(ProviderPassedOver { provider, reason, is_a_loss });
    };
    let wanted: Vec<Provider> = match choice {
        ProviderChoice::Only(Provider::Cpu) => Vec::new(),
        ProviderChoice::Only(provider) => vec![provider],
        ProviderChoice::Auto => TRIED.into_iter().filter(|provider| is_offered(*provider)).collect(),
    };
    let asked_for = choice != ProviderChoice::Auto;
    let mut used = Provider::Cpu;
    for provider in wanted {
        if used != Provider::Cpu {
            pass(provider, format!("{used} works"), false);
        } else if !is_compiled_in(provider) {
            // First: another runtime would not help.
            pass(provider, not_in_this_build(provider), asked_for);
        } else if !is_offered(provider) {
            pass(provider, not_offered(provider), asked_for);
        } else {
            match attempt(provider) {
                Ok(()) => used = provider,
                Err(reason) => pass(provider, reason, true),
            }
        }
    }
    for provider in offered.iter().filter_map(|name| Provider::from_onnx_name(name)) {
        let known = provider == used || passed_over.iter().any(|passed| passed.provider == provider);
        if provider != Provider::Cpu && !known {
            let reason = match choice {
                _ if !is_compiled_in(provider) => not_in_this_build(provider),
                ProviderChoice::Auto => format!("used only when asked for: provider = \"{provider}\""),
                ProviderChoice::Only(other) => format!("{other} was asked for"),
            };
            passed_over.push(ProviderPassedOver { provider, reason, is_a_loss: false });
        }
    }
    Selected { provider: used, passed_over }
}

/// What a build without the provider means for the user.
fn not_in_this_build(provider: Provider) -> String {
    format!(
        "not in this build of VowImager; `cargo build --release -p vowd -p vow-infer --features vow-infer/{provider}` makes one \
         that has it"
    )
}

/// What a library without the provider means for the user.
fn not_offered(provider: Provider) -> String {
    let hint = match provider {
        Provider::Cuda | Provider::TensorRt => "; `vow runtime install --cuda` installs one that has it",
        _ => "",
    };
    format!("the runtime in use was built without it{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(providers: &[Provider]) -> Vec<String> {
        providers.iter().map(|provider| provider.onnx_name().to_owned()).collect()
    }

    const ASKED: fn(Provider) -> ProviderChoice = ProviderChoice::Only;

    #[test]
    fn a_card_that_works_is_used_unasked() {
        let all = offered(&[Provider::TensorRt, Provider::Cuda, Provider::Cpu]);
        let selected = select(ProviderChoice::Auto, &all, |_| true, |_| Ok(()));
        assert_eq!(selected.provider, Provider::Cuda);
        let [tensorrt] = selected.passed_over.as_slice() else { panic!("{:?}", selected.passed_over) };
        assert!(tensorrt.reason.contains("when asked for") && !tensorrt.is_a_loss, "{tensorrt:?}");
    }

    #[test]
    fn one_that_does_not_start_is_a_loss_with_its_reason() {
        for choice in [ProviderChoice::Auto, ASKED(Provider::Cuda)] {
            let all = offered(&[Provider::Cuda, Provider::Cpu]);
            let selected = select(choice, &all, |_| true, |_| Err("no driver".to_owned()));
            assert_eq!(selected.provider, Provider::Cpu);
            let [cuda] = selected.passed_over.as_slice() else { panic!("{:?}", selected.passed_over) };
            assert_eq!((cuda.reason.as_str(), cuda.is_a_loss), ("no driver", true));
        }
    }

    #[test]
    fn one_that_is_not_there_is_missed_only_when_asked_for() {
        let cpu = offered(&[Provider::Cpu]);
        let never = |_| -> Result<(), String> { panic!("nothing to try") };
        assert_eq!(select(ProviderChoice::Auto, &cpu, |_| true, never).passed_over, []);
        let selected = select(ASKED(Provider::Cuda), &cpu, |_| true, never);
        assert_eq!(selected.provider, Provider::Cpu);
        assert!(selected.passed_over[0].is_a_loss);
        assert!(selected.passed_over[0].reason.contains("vow runtime install --cuda"));

        let both = offered(&[Provider::Rocm, Provider::Cpu]);
        let selected = select(ProviderChoice::Auto, &both, |provider| provider != Provider::Rocm, never);
        assert!(selected.passed_over[0].reason.contains("--features vow-infer/rocm"));
        assert!(!selected.passed_over[0].is_a_loss);
    }

    #[test]
    fn one_that_is_not_in_this_build_is_not_said_to_be_had_for_the_asking() {
        let in_build = |provider| provider != Provider::TensorRt;
        let all = offered(&[Provider::TensorRt, Provider::Cuda, Provider::Cpu]);
        for (choice, offered, is_a_loss) in [
            (ProviderChoice::Auto, &all[..], false),
            (ASKED(Provider::Cuda), &all, false),
            (ASKED(Provider::TensorRt), &all, true),
            // A runtime that has it would not help either.
            (ASKED(Provider::TensorRt), &[], true),
        ] {
            let selected = select(choice, offered, in_build, |_| Ok(()));
            let passed = selected.passed_over.iter().find(|passed| passed.provider == Provider::TensorRt);
            let passed = passed.unwrap();
            assert!(passed.reason.starts_with("not in this build of VowImager; `cargo build"), "{passed:?}");
            assert!(!passed.reason.contains("nvidia-smi") && passed.is_a_loss == is_a_loss, "{passed:?}");
        }
    }

    #[test]
    fn the_processor_asked_for_tries_nothing() {
        let all = offered(&[Provider::Cuda, Provider::Cpu]);
        let selected = select(ASKED(Provider::Cpu), &all, |_| true, |_| panic!("not asked for"));
        assert_eq!(selected.provider, Provider::Cpu);
        assert_eq!(selected.passed_over[0].reason, "cpu was asked for");
    }
}
