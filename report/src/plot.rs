//! The course over time as SVG: one panel a quantity below another, on one time axis. Colours follow the reader's light
//! or dark scheme.

use std::fmt::Write as _;

use vow_proto::v1::{MomentReport, ReportResponse};

use crate::scale::{Axis, Unit, bytes, seconds};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 78.0;
/// A panel's plotting area, and the room above it for its title.
const PANEL: f64 = 120.0;
const HEAD: f64 = 46.0;
const BOTTOM: f64 = 56.0;

/// Colours that the colour-blind can tell apart (Okabe and Ito), darker on light and lighter on dark ground.
const STYLE: &str = "
text { font-family: system-ui, sans-serif; font-size: 13px; fill: #24292f; }
.ground { fill: #ffffff; } .small { font-size: 12px; fill: #57606a; } .name { font-weight: 600; }
.big { font-size: 18px; font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: #d8dee4; stroke-width: 1; } .axis { stroke: #8c959f; stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.c0 { stroke: #0072b2; } .c1 { stroke: #d55e00; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .ground { fill: #0d1117; } .small { fill: #9da7b3; }
  .grid { stroke: #30363d; } .axis { stroke: #6e7681; } .c0 { stroke: #56b4e9; } .c1 { stroke: #e69f00; }
}
";

/// A value of a moment, where it was measured.
type Get = fn(&MomentReport) -> Option<f64>;

struct Line {
    name: String,
    get: Get,
}

struct Panel {
    title: String,
    axis: Axis,
    unit: Unit,
    lines: Vec<Line>,
    /// Drawn over longer stretches: a photo is done or not, so that a short one has none or many a second.
    calm: bool,
}

/// The report's course as an SVG document.
#[must_use]
pub fn plot(report: &ReportResponse) -> String {
    let span = report.course.last().map_or(0.0, |moment| moment.at_s);
    let calm = calmed(&report.course, (span / 60.0).max(1.0));
    let panels = panels(report, &calm);
    let height = TOP + count(panels.len()) * (HEAD + PANEL) + BOTTOM;
    let mut svg = Svg { text: String::new() };
    svg.add(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">"#
    ));
    svg.add(format_args!("<title>VowImager: photos a second and use of the machine over time</title>"));
    svg.add(format_args!("<style>{STYLE}</style>"));
    svg.add(format_args!(r#"<rect class="ground" width="{WIDTH}" height="{height}"/>"#));
    svg.label(LEFT, 32.0, "big", &headline(report));
    let below = format!("{}, {}, {} threads", report.pack, report.runtime, report.threads);
    svg.label(LEFT, 54.0, "small", &below);
    let (name, second) = seconds(span);
    let time = Time { axis: Axis::holding(span / second, 10), second };
    let mut top = TOP;
    for panel in &panels {
        let course = if panel.calm { &calm } else { &report.course };
        svg.panel(panel, top + HEAD, course, &time);
        top += HEAD + PANEL;
    }
    for mark in time.axis.marks() {
        svg.label(time.x(mark * second), top + 18.0, "small middle", &time.axis.text(mark));
    }
    let what = format!("time at work, {name} (idle time is left out)");
    svg.label((LEFT + WIDTH - RIGHT) / 2.0, top + 40.0, "middle", &what);
    if report.course.is_empty() {
        svg.label(
            (LEFT + WIDTH - RIGHT) / 2.0,
            TOP + HEAD + PANEL / 2.0,
            "middle",
            "nothing was indexed yet",
        );
    }
    svg.add(format_args!("</svg>"));
    svg.text
}

fn count(things: usize) -> f64 {
    f64::from(u32::try_from(things).unwrap_or(u32::MAX))
}

fn headline(report: &ReportResponse) -> String {
    let ReportResponse { photos, faces, work_s, photos_per_s, .. } = report;
    format!("{photos} photos, {faces} faces; {work_s:.1} s at work, {photos_per_s:.1} photos/s")
}

fn panels(report: &ReportResponse, calm: &[MomentReport]) -> Vec<Panel> {
    let course = &report.course;
    let line = |name: &str, get: Get| Line { name: name.to_owned(), get };
    let most = |get: Get| course.iter().filter_map(get).fold(0.0, f64::max);
    let percent = |title: &str, lines| Panel {
        title: title.to_owned(),
        axis: Axis { end: 100.0, step: 25.0 },
        unit: ("%", 1.0),
        lines,
        calm: false,
    };
    let plain = |title: &str, unit: &'static str, get: Get, name: &str| Panel {
        title: title.to_owned(),
        axis: Axis::holding(most(get), 4),
        unit: (unit, 1.0),
        lines: vec![line(name, get)],
        calm: false,
    };
    let memory = |title: &str, get: Get, name: &str| {
        let unit = bytes(most(get));
        let axis = Axis::holding(most(get) / unit.1, 4);
        Panel { title: format!("{title}, {}", unit.0), axis, unit, lines: vec![line(name, get)], calm: false }
    };
    let speed: Get = |moment| Some(moment.photos_per_s);
    let fastest = calm.iter().filter_map(speed).fold(0.0, f64::max);
    let mut panels = vec![
        Panel {
            axis: Axis::holding(fastest, 4),
            calm: true,
            ..plain("Photos a second", "", speed, "photos/s")
        },
        percent(
            "CPU, % of all cores",
            vec![
                line("this process", |moment| moment.process_cpu_percent),
                line("whole machine", |moment| moment.machine_cpu_percent),
            ],
        ),
        memory("Memory of this process", |moment| moment.process_bytes, "resident"),
        memory("Memory of the machine", |moment| moment.machine_bytes, "in use"),
    ];
    if report.gpu.is_some() {
        panels.push(percent("GPU, % busy", vec![line("graphics card", |moment| moment.gpu_percent)]));
        panels.push(memory("GPU memory", |moment| moment.gpu_bytes, "in use"));
        panels.push(plain("GPU temperature, °C", "°C", |moment| moment.gpu_celsius, "graphics card"));
    }
    panels
}

struct Time {
    axis: Axis,
    /// Seconds in a unit of the axis.
    second: f64,
}

impl Time {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (seconds / self.second / self.axis.end)
    }
}

struct Svg {
    text: String,
}

impl Svg {
    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{element}");
    }

    fn label(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let text = escaped(text);
        self.add(format_args!(r#"<text x="{x:.1}" y="{y:.1}" class="{class}">{text}</text>"#));
    }

    fn rule(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    fn panel(&mut self, panel: &Panel, top: f64, course: &[MomentReport], time: &Time) {
        let (axis, right, floor) = (panel.axis, WIDTH - RIGHT, top + PANEL);
        let y = |value: f64| floor - PANEL * (value / panel.unit.1 / axis.end).clamp(0.0, 1.0);
        self.label(LEFT, top - 14.0, "name", &panel.title);
        for mark in axis.marks() {
            let at = y(mark * panel.unit.1);
            self.rule("grid", (LEFT, at), (right, at));
            self.label(LEFT - 8.0, at + 4.0, "small end", &axis.text(mark));
        }
        for mark in time.axis.marks() {
            self.rule("axis", (time.x(mark * time.second), floor), (time.x(mark * time.second), floor + 4.0));
        }
        self.rule("axis", (LEFT, floor), (right, floor));
        let mut key = right;
        // Drawn from the last to the first, so that the first, which matters most, lies on top.
        for (number, line) in panel.lines.iter().enumerate().rev() {
            let path = path(course, line.get, |seconds| time.x(seconds), y);
            if !path.is_empty() {
                self.add(format_args!(r#"<path class="line c{number}" d="{path}"/>"#));
            }
            self.label(key, top - 14.0, "small end", &line.name);
            key -= 6.6 * count(line.name.chars().count()) + 8.0;
            self.add(format_args!(
                r#"<path class="line c{number}" d="M{:.1} {:.1}h18"/>"#,
                key - 18.0,
                top - 18.0
            ));
            key -= 40.0;
        }
    }
}

/// The speed over stretches of at least `least` seconds; the last may be shorter.
fn calmed(course: &[MomentReport], least: f64) -> Vec<MomentReport> {
    let mut calm = Vec::new();
    let (mut begin, mut before, mut photos) = (0.0, 0.0, 0.0);
    for (at, moment) in course.iter().enumerate() {
        photos += moment.photos_per_s * (moment.at_s - before);
        before = moment.at_s;
        let span = before - begin;
        if span > 0.0 && (span >= least || at + 1 == course.len()) {
            calm.push(MomentReport { at_s: before, photos_per_s: photos / span, ..MomentReport::default() });
            (begin, photos) = (before, 0.0);
        }
    }
    calm
}

/// Steps: each value over the time that it is the mean of. Where nothing was measured there is a gap.
fn path(course: &[MomentReport], get: Get, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let (mut begin, mut drawing) = (0.0, false);
    for moment in course {
        if let Some(value) = get(moment).filter(|value| value.is_finite()) {
            let (from, to, height) = (x(begin), x(moment.at_s), y(value));
            // Writing to a String cannot fail.
            let _ = if drawing {
                write!(path, "V{height:.1}H{to:.1}")
            } else {
                write!(path, "M{from:.1} {height:.1}H{to:.1}")
            };
            drawing = true;
        } else {
            drawing = false;
        }
        begin = moment.at_s;
    }
    path
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // XML 1.0 has no way to write most control characters.
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::sample;

    /// Every element that is opened is closed, in order; the names of all.
    fn elements(svg: &str) -> Vec<&str> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for piece in svg.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap();
            assert!(!text.contains('>') && tag.matches('"').count() % 2 == 0, "{piece}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            let name = tag.split_whitespace().next().unwrap();
            all.push(name);
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
        all
    }

    #[test]
    fn well_formed_with_a_panel_a_quantity() {
        for (card, panels) in [(false, 4), (true, 7)] {
            let svg = plot(&sample(card));
            let paths = elements(&svg).iter().filter(|name| **name == "path").count();
            // A curve and its key; the processor has two of each.
            assert_eq!(paths, 2 * (panels + 1), "{svg}");
            for words in [
                "a &lt;pack&gt; &amp; more",
                "Photos a second",
                "CPU, % of all cores",
                "MiB",
                "time at work, s",
            ] {
                assert!(svg.contains(words), "{words}");
            }
            assert_eq!(svg.contains("GPU temperature, °C"), card);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn a_course_of_nothing_is_said_to_be_so() {
        let svg = plot(&ReportResponse::default());
        elements(&svg);
        assert!(svg.contains("nothing was indexed yet") && !svg.contains("NaN"));
    }

    #[test]
    fn the_speed_is_calmed_and_no_photo_is_lost() {
        let moment = |n: u32| MomentReport {
            at_s: f64::from(n) / 4.0,
            photos_per_s: if n.is_multiple_of(5) { 4.0 } else { 0.0 },
            ..MomentReport::default()
        };
        let calm = calmed(&(1..=22).map(moment).collect::<Vec<_>>(), 1.25);
        let shape: Vec<(f64, f64)> = calm.iter().map(|moment| (moment.at_s, moment.photos_per_s)).collect();
        assert_eq!(shape, [(1.25, 0.8), (2.5, 0.8), (3.75, 0.8), (5.0, 0.8), (5.5, 0.0)]);
        assert!(calmed(&[], 1.0).is_empty());
    }

    #[test]
    fn what_was_not_measured_is_a_gap() {
        let moment = |at_s, gpu_celsius| MomentReport { at_s, gpu_celsius, ..MomentReport::default() };
        let course =
            [moment(1.0, Some(5.0)), moment(2.0, None), moment(3.0, Some(7.0)), moment(4.0, Some(8.0))];
        let drawn = path(&course, |moment| moment.gpu_celsius, |x| x, |y| y);
        assert_eq!(drawn, "M0.0 5.0H1.0M2.0 7.0H3.0V8.0H4.0");
    }
}
