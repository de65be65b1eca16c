//! How long a decision takes in a large library, by the real daemon over gRPC: from the request to the answer that says what
//! changed, when it is on disk. Some 180,000 made-up faces of 4,000 people and many strangers, or as many as the files of
//! `VOW_FILES` have (559,000 have a million), `VOW_LARGEST` of a hundred one person's; the built-in pack (or `VOW_PACK`), tract
//! (or the library that `VOW_ORT` names).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints, and may panic: that is how it fails"
)]

#[path = "common/library.rs"]
mod library;
#[path = "common/vowd.rs"]
mod vowd;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use vow_models::Pack;
use vow_proto::v1;

use crate::vowd::Vowd;

/// People each kind of decision is taken about.
const PEOPLE: usize = 30;

fn main() {
    let program = vowd::build();
    let home = tempfile::tempdir().unwrap();
    let folder = vowd::setting("VOW_PACK").map(PathBuf::from);
    let pack = folder.as_ref().map_or_else(Pack::starter, |folder| Pack::load(folder)).unwrap();
    let (photos, data, faces) = library::make(home.path(), &pack);
    let daemon = Vowd::start(&program, &data, &photos, folder.as_deref());
    println!("{} photos, {faces} faces; answers after {:.1?}\n", library::size(), daemon.ready);
    println!(
        "| | decision | median, ms | 95 of 100 within | worst | faces that moved, at most |\n|---|---|---|---|---|---|"
    );
    // Far down the list, people are as large as people are.
    table("while the index is built", &daemon, &everyone(&daemon)[1000..][..PEOPLE]);
    let idle = daemon.wait_idle();
    table("at rest", &daemon, &everyone(&daemon)[1100..][..PEOPLE]);
    let largest = everyone(&daemon)[0].clone();
    table(&format!("at rest, a person of {} faces", largest.faces), &daemon, &vec![largest; PEOPLE]);
    let [memory, peak] = daemon.memory();
    println!("\nat rest after {idle:.0?}; memory {memory:.0} MB, at most {peak:.0} MB");
    daemon.stop();
}

/// A thousand people and more, those with the most faces first.
fn everyone(daemon: &Vowd) -> Vec<v1::Person> {
    let mut people = Vec::new();
    let mut page_token = String::new();
    while people.len() < 2000 {
        let order = v1::list_people_request::Order::Faces.into();
        let request = v1::ListPeopleRequest { page_size: 1000, page_token, order, ..Default::default() };
        let page = daemon.people(async |mut people| people.list_people(request).await);
        people.extend(page.people);
        page_token = page.next_page_token;
    }
    people
}

/// One decision of each kind about each of these people, and undoing all of them.
fn table(when: &str, daemon: &Vowd, people: &[v1::Person]) {
    let mut taken = Taken::default();
    for (number, person) in people.iter().enumerate() {
        decide(&mut taken, daemon, &person.person_id, number);
    }
    for (decision, Times { mut each, moved }) in taken.times {
        each.sort_unstable();
        let ms = |time: Duration| 1e3 * time.as_secs_f64();
        let [median, most, worst] =
            [each.len() / 2, each.len() * 95 / 100, each.len() - 1].map(|at| ms(each[at]));
        println!("| {when} | {decision} | {median:.1} | {most:.1} | {worst:.1} | {moved} |");
    }
}

fn decide(taken: &mut Taken, daemon: &Vowd, person: &str, number: usize) {
    let request = v1::GetPersonRequest { person: person.to_owned() };
    let known = daemon.people(async |mut people| people.get_person(request).await);
    let faces: Vec<String> = known.faces.iter().rev().map(|face| face.face_id.clone()).collect();
    let person = person.to_owned();
    macro_rules! time {
        ($decision:literal, $call:ident, $request:expr) => {
            taken.time($decision, daemon, async |mut people| people.$call($request).await)
        };
    }
    let name = format!("Somebody {number}");
    time!("name", name_person, v1::NamePersonRequest { person: person.clone(), name });
    let face = || faces[0].clone();
    time!("cover", set_cover, v1::SetCoverRequest { person: person.clone(), face_id: face() });
    time!("confirm", confirm_face, v1::ConfirmFaceRequest { face_id: face(), person: person.clone() });
    time!("reject", reject_face, v1::RejectFaceRequest { face_id: faces[1].clone(), ..Default::default() });
    time!("not a face", reject_non_face, v1::RejectNonFaceRequest { face_id: faces[2].clone() });
    let face_ids = faces[3..6].to_vec();
    let split = time!("split", split_person, v1::SplitPersonRequest { person: person.clone(), face_ids });
    let from = split.entry.unwrap().other_person_ids;
    time!("merge", merge_people, v1::MergePeopleRequest { into: person.clone(), from, same_photo: false });
    time!("hide", hide_person, v1::HidePersonRequest { person: person.clone(), hidden: true });
    for _ in 0..std::mem::take(&mut taken.counting) {
        time!("undo", undo, v1::UndoRequest { entry_id: 0, with_dependents: false });
    }
    taken.counting = 0;
}

/// How long decisions took, by their kind.
#[derive(Default)]
struct Taken {
    times: BTreeMap<&'static str, Times>,
    /// Decisions that changed something.
    counting: usize,
}

#[derive(Default)]
struct Times {
    each: Vec<Duration>,
    moved: usize,
}

impl Taken {
    fn time(
        &mut self,
        decision: &'static str,
        daemon: &Vowd,
        ask: impl AsyncFnOnce(vowd::People) -> Result<tonic::Response<v1::DecisionResponse>, tonic::Status>,
    ) -> v1::DecisionResponse {
        let begun = Instant::now();
        let answer = daemon.people(ask);
        let times = self.times.entry(decision).or_default();
        times.each.push(begun.elapsed());
        times.moved = times.moved.max(answer.moved.len());
        self.counting += usize::from(answer.entry.is_some());
        answer
    }
}
