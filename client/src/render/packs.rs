//! Packs and runtimes, as tables for people or as JSON for programs.

use std::io;

use indicatif::HumanBytes;
use serde_json::{Map, Value, json};
use vow_proto::v1;

use super::{Output, line, table, value};
use crate::json::{lossy, optional, path_json, shown};

impl Output {
    pub(crate) fn packs(&self, answer: &v1::ListPacksResponse) -> io::Result<()> {
        if self.json {
            return value(&answer.packs.iter().map(pack_json).collect());
        }
        let rows = answer.packs.iter().map(|pack| {
            let size = pack.download_size.map(|size| HumanBytes(size).to_string()).unwrap_or_default();
            let terms = if pack.non_commercial { "non-commercial" } else { &pack.licence };
            let about = if pack.problem.is_empty() { &pack.summary } else { &pack.problem };
            vec![pack.name.clone(), state(pack).to_owned(), size, terms.to_owned(), about.clone()]
        });
        table(&["pack", "state", "size", "licence", "what it is"], &[2], rows, "no packs")?;
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
        let hint = if used || pack.in_use {
            String::new()
        } else {
            format!("; `vow models use {}` switches over to it", pack.name)
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

    pub(crate) fn runtime_installed(&self, done: &v1::InstalledRuntime, now: Option<&str>) -> io::Result<()> {
        let runtime = done.runtime.clone().unwrap_or_default();
        if self.json {
            let mut object = runtime_json(&runtime);
            object.insert("switched".into(), done.switching.into());
            object.insert("in_use".into(), now.map_or(Value::Null, Value::from));
            return value(&object.into());
        }
        let kind = match (runtime.cuda, runtime.libraries) {
            (true, true) => " with CUDA and NVIDIA's libraries",
            (true, false) => " with CUDA",
            (false, _) => "",
        };
        line(&format!("ONNX Runtime {}{kind} is installed: {}", runtime.version, shown(&runtime.library)))?;
        match now {
            Some(now) => line(&format!("the daemon runs on {now} now (`vow runtime show` says more)")),
            None => {
                line("the daemon goes on with the runtime that was named at its start (`vow runtime show`)")
            }
        }
    }
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

fn shown_json(answer: &v1::ShowRuntimeResponse) -> Value {
    let passed = |rows: &[v1::PassedOver]| -> Vec<Value> {
        rows.iter().map(|one| json!({ "what": lossy(&one.what), "reason": one.reason })).collect()
    };
    json!({
        "runtime": answer.name,
        "version": answer.version,
        "library": optional(&lossy(&answer.library)),
        "why": answer.why,
        "provider": answer.provider,
        "providers": answer.providers,
        "passed_over": passed(&answer.passed_over),
        "providers_passed_over": passed(&answer.providers_passed_over),
        "installed": answer.installed.iter().map(|one| Value::from(runtime_json(one))).collect::<Vec<_>>(),
        "named_by": optional(&answer.named_by),
    })
}
