//! Packs and runtimes, as tables for people or as JSON for programs.

use std::io;

use indicatif::HumanBytes;
use serde_json::{Map, Value, json};
use vow_proto::v1;

use super::{Output, arranged, line, value};
use crate::json::{lossy, optional, path_json, printable, shown};

impl Output {
    pub(crate) fn packs(&self, answer: &v1::ListPacksResponse) -> io::Result<()> {
        if self.json {
            return value(&answer.packs.iter().map(pack_json).collect());
        }
        match packs_table(&answer.packs) {
            Some(text) => text.lines().try_for_each(line)?,
            None => line("no packs")?,
        }
        if answer.packs.iter().any(|pack| !pack.unconfirmed.is_empty()) {
            line(UNCONFIRMED)?;
        }
        if !answer.named_by.is_empty() {
            line(&format!(
                "\n{} names the pack in use, so `vow models use` cannot change it",
                answer.named_by
            ))?;
        }
        Ok(())
    }

    pub(crate) fn pack_installed(&self, pack: &v1::Pack, used: bool) -> io::Result<()> {
        if self.json {
            return if used { Ok(()) } else { value(&pack_json(pack)) };
        }
        let hint = match (used, pack.in_use) {
            (true, _) => String::new(),
            (false, true) => ", and in use: the daemon begins anew with it".to_owned(),
            (false, false) => format!("; `vow models use {}` switches over to it", pack.name),
        };
        line(&format!("{} {} is installed{hint}", pack.name, pack.version))
    }

    pub(crate) fn pack_used(&self, name: &str, switched: bool) -> io::Result<()> {
        if self.json {
            return value(&json!({ "pack": name, "switched": switched }));
        }
        line(&if switched {
            format!("{name} is in use now; photos are looked at again, names stay (`vow watch` follows)")
        } else {
            format!("{name} was in use already")
        })
    }

    pub(crate) fn pack_removed(&self, name: &str) -> io::Result<()> {
        if self.json {
            return value(&json!({ "removed": name }));
        }
        line(&format!("{name} is removed; what it found in your photos is kept"))
    }

    pub(crate) fn runtime(&self, answer: &v1::ShowRuntimeResponse) -> io::Result<()> {
        if self.json {
            return value(&shown_json(answer));
        }
        let mut rows = vec![("runtime", format!("{} {}", answer.name, answer.version))];
        if !answer.library.is_empty() {
            rows.push(("library", shown(&answer.library)));
        }
        rows.push(("why", answer.why.clone()));
        rows.push(("runs on", answer.provider.clone()));
        if !answer.providers.is_empty() {
            rows.push(("providers", answer.providers.join(", ")));
        }
        for (name, text) in rows {
            line(&format!("{name:<11} {text}"))?;
        }
        for one in answer.passed_over.iter().chain(&answer.providers_passed_over) {
            line(&format!("passed over {}: {}", shown(&one.what), one.reason))?;
        }
        for one in &answer.installed {
            line(&format!("installed   {} {}", one.wheel, shown(&one.library)))?;
        }
        if !answer.named_by.is_empty() {
            line(&format!("named by    {}, so that an installed one is not looked at", answer.named_by))?;
        } else if answer.name == "tract" {
            line(
                "`vow runtime install` fetches ONNX Runtime, which runs the models two to four times as fast",
            )?;
        }
        Ok(())
    }

    /// An installation, and what the daemon runs on since it switched over, if it did.
    pub(crate) fn runtime_installed(
        &self,
        done: &v1::InstalledRuntime,
        now: Option<&v1::ShowRuntimeResponse>,
    ) -> io::Result<()> {
        if self.json { value(&installed_json(done, now)) } else { line(&installed_text(done, now)) }
    }
}

/// What the word means that some packs have beside their state.
const UNCONFIRMED: &str = "\nunconfirmed: nobody has confirmed the SHA-256 of some of its files (--json names them), so it is \
                           installed only with --accept-unconfirmed";

fn packs_table(packs: &[v1::Pack]) -> Option<String> {
    let rows = packs.iter().map(|pack| {
        let unconfirmed = if pack.unconfirmed.is_empty() { "" } else { ", unconfirmed" };
        let size = pack.download_size.map(|size| HumanBytes(size).to_string()).unwrap_or_default();
        let terms = if pack.non_commercial { "non-commercial" } else { &pack.licence };
        let about = if pack.problem.is_empty() { &pack.summary } else { &pack.problem };
        let state = format!("{}{unconfirmed}", state(pack));
        vec![pack.name.clone(), state, size, terms.to_owned(), about.clone()]
    });
    arranged(&["pack", "state", "size", "licence", "what it is"], &[2], rows)
}

fn state(pack: &v1::Pack) -> &'static str {
    match pack {
        pack if pack.in_use => "in use",
        pack if !pack.problem.is_empty() => "broken",
        pack if pack.installed => "installed",
        pack if pack.bundled => "built in",
        _ => "available",
    }
}

fn pack_json(pack: &v1::Pack) -> Value {
    json!({
        "name": pack.name,
        "version": pack.version,
        "state": state(pack),
        "summary": optional(&pack.summary),
        "licence": pack.licence,
        "licence_url": optional(&pack.licence_url),
        "notice": optional(&pack.notice),
        "non_commercial": pack.non_commercial,
        "dimension": pack.dimension,
        "download_size": pack.download_size,
        "bundled": pack.bundled,
        "installed": pack.installed,
        "in_use": pack.in_use,
        "unconfirmed": pack.unconfirmed,
        "problem": optional(&pack.problem),
    })
}

fn runtime_json(runtime: &v1::Runtime) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("version".into(), runtime.version.clone().into());
    object.insert("cuda".into(), runtime.cuda.into());
    object.insert("libraries".into(), runtime.libraries.into());
    path_json(&mut object, "library", &runtime.library);
    object.insert("wheel".into(), runtime.wheel.clone().into());
    object.insert("sha256".into(), runtime.sha256.clone().into());
    object
}

/// A card that was hoped for and is not used is said here and now: that it is installed is not what was wanted.
fn installed_text(done: &v1::InstalledRuntime, now: Option<&v1::ShowRuntimeResponse>) -> String {
    let runtime = done.runtime.clone().unwrap_or_default();
    let kind = match (runtime.cuda, runtime.libraries) {
        (true, true) => " with CUDA and NVIDIA's libraries",
        (true, false) => " with CUDA",
        (false, _) => "",
    };
    let mut text =
        format!("ONNX Runtime {}{kind} is installed: {}\n", runtime.version, shown(&runtime.library));
    let Some(now) = now else {
        return text + "the daemon goes on with the runtime that was named at its start (`vow runtime show`)";
    };
    text += &format!(
        "the daemon runs on {} {} now, the models on {} (`vow runtime show` says more)",
        now.name, now.version, now.provider
    );
    for missed in now.providers_passed_over.iter().filter(|one| one.loss) {
        text += &format!("\n{} is not used: {}", shown(&missed.what), printable(&missed.reason));
    }
    text
}

fn installed_json(done: &v1::InstalledRuntime, now: Option<&v1::ShowRuntimeResponse>) -> Value {
    let mut object = runtime_json(&done.runtime.clone().unwrap_or_default());
    object.insert("switched".into(), done.switching.into());
    object.insert("in_use".into(), now.map(|now| format!("{} {}", now.name, now.version)).into());
    object.insert("provider".into(), now.map(|now| now.provider.clone()).into());
    let passed_over = now.map(|now| providers_json(&now.providers_passed_over));
    object.insert("providers_passed_over".into(), passed_over.into());
    object.into()
}

fn providers_json(providers: &[v1::PassedOver]) -> Vec<Value> {
    let one =
        |one: &v1::PassedOver| json!({ "what": lossy(&one.what), "reason": one.reason, "loss": one.loss });
    providers.iter().map(one).collect()
}

fn shown_json(answer: &v1::ShowRuntimeResponse) -> Value {
    let libraries =
        answer.passed_over.iter().map(|one| json!({ "what": lossy(&one.what), "reason": one.reason }));
    json!({
        "runtime": answer.name,
        "version": answer.version,
        "library": optional(&lossy(&answer.library)),
        "why": answer.why,
        "provider": answer.provider,
        "providers": answer.providers,
        "passed_over": libraries.collect::<Vec<_>>(),
        "providers_passed_over": providers_json(&answer.providers_passed_over),
        "installed": answer.installed.iter().map(|one| Value::from(runtime_json(one))).collect::<Vec<_>>(),
        "named_by": optional(&answer.named_by),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_over(what: &str, loss: bool) -> v1::PassedOver {
        v1::PassedOver { what: what.into(), reason: format!("no {what} here"), loss }
    }

    #[test]
    fn packs_with_files_that_nobody_confirmed_are_marked() {
        let pack = |name: &str, unconfirmed: &[&str]| v1::Pack {
            name: name.to_owned(),
            licence: "MIT".to_owned(),
            unconfirmed: unconfirmed.iter().map(ToString::to_string).collect(),
            ..v1::Pack::default()
        };
        let text = packs_table(&[pack("sure", &[]), pack("unsure", &["a.onnx"])]).unwrap();
        let [_, sure, unsure] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(sure.contains("available") && !sure.contains("unconfirmed"), "{text}");
        assert!(unsure.contains("available, unconfirmed"), "{text}");
        assert_eq!(packs_table(&[]), None);
    }

    #[test]
    fn an_installation_says_what_is_used_and_why_the_card_is_not() {
        let runtime =
            v1::Runtime { version: "1.31.1".to_owned(), cuda: true, libraries: true, ..Default::default() };
        let done = v1::InstalledRuntime { runtime: Some(runtime), switching: true };
        let now = |provider: &str, providers_passed_over| v1::ShowRuntimeResponse {
            name: "onnxruntime".to_owned(),
            version: "1.31.1".to_owned(),
            provider: provider.to_owned(),
            providers_passed_over,
            ..Default::default()
        };
        let missed = now("cpu", vec![passed_over("cuda", true), passed_over("tensorrt", false)]);
        let text = installed_text(&done, Some(&missed));
        let [installed, used, why] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert!(installed.contains("1.31.1 with CUDA and NVIDIA's libraries is installed"), "{text}");
        assert!(used.starts_with("the daemon runs on onnxruntime 1.31.1 now, the models on cpu"), "{text}");
        assert_eq!(why, "cuda is not used: no cuda here");
        let json = installed_json(&done, Some(&missed));
        assert_eq!((&json["provider"], &json["in_use"]), (&json!("cpu"), &json!("onnxruntime 1.31.1")));
        let cuda = json!({ "what": "cuda", "reason": "no cuda here", "loss": true });
        assert_eq!(json["providers_passed_over"][0], cuda);

        let works = installed_text(&done, Some(&now("cuda", vec![passed_over("tensorrt", false)])));
        assert!(works.contains("the models on cuda") && !works.contains("not used"), "{works}");
        let unchanged = (installed_text(&done, None), installed_json(&done, None));
        assert!(unchanged.0.contains("goes on with the runtime"), "{}", unchanged.0);
        assert_eq!((&unchanged.1["provider"], &unchanged.1["in_use"]), (&Value::Null, &Value::Null));
    }
}
