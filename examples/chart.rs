//! Draws what the benchmarks have measured, for the book's chapter on strategies.
//!
//! ```text
//! scripts/with-postgres cargo bench
//! cargo run --example chart
//! ```

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: chart [FOLDER [FILE]]

Reads Criterion's FOLDER, target/criterion by default, and draws the chart of
the strategies into FILE, docs/src/strategies.svg by default.
";

/// The commit of 100 users with 2 addresses each, 20 ms away: this group, with these functions. The
/// last is no strategy, but what there is to compare them with.
const AT_A_DISTANCE: &str = "strategies_at_20_ms";
const ALL: &[&str] = &["row_by_row", "batch", "unnest", "copy", "one_trip", "auto", "raw_copy"];
const ROWS_AT_A_DISTANCE: usize = 300;

/// The time against that of raw `COPY`, by number of rows.
const AGAINST_RAW_COPY: &str = "against_raw_copy";
/// The first lies below the others, which it is made of.
const COMPARED: &[&str] = &["auto", "one_trip", "copy", "unnest"];
const SIZES: &[usize] = &[300, 3_000, 30_000, 300_000];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.len() > 2 || arguments.iter().any(|argument| argument.starts_with('-')) {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    }
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let folder = arguments.first().map_or_else(
        || target.unwrap_or_else(|| crate_folder.join("target")).join("criterion"),
        PathBuf::from,
    );
    let file = arguments
        .get(1)
        .map_or_else(|| crate_folder.join("docs/src/strategies.svg"), PathBuf::from);
    let drawn = Figures::read(&folder).and_then(|figures| {
        let svg = draw(&figures);
        fs::write(&file, svg).map_err(|error| format!("{}: {error}", file.display()))
    });
    match drawn {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chart: {error}");
            ExitCode::FAILURE
        }
    }
}

// --- What was measured ---

#[derive(Debug, PartialEq)]
struct Figures {
    /// In milliseconds, in the order of `ALL`.
    times: Vec<f64>,
    /// In the order of `COMPARED`, and for each of `SIZES`.
    ratios: Vec<Vec<f64>>,
}

impl Figures {
    fn read(folder: &Path) -> Result<Figures, String> {
        let time = |name: &&str| estimate(folder, AT_A_DISTANCE, name, ROWS_AT_A_DISTANCE);
        let ratios = |name: &&str| {
            SIZES.iter().map(|&rows| estimate(folder, AGAINST_RAW_COPY, name, rows)).collect()
        };
        Ok(Figures {
            times: ALL
                .iter()
                .map(|name| time(name).map(|nanoseconds| nanoseconds / 1e6))
                .collect::<Result<_, String>>()?,
            ratios: COMPARED.iter().map(ratios).collect::<Result<_, String>>()?,
        })
    }
}

/// The median that Criterion has kept of a benchmark.
fn estimate(folder: &Path, group: &str, function: &str, rows: usize) -> Result<f64, String> {
    let path = folder.join(format!("{group}/{function}/{rows}/new/estimates.json"));
    let advice = format!("measure it with `scripts/with-postgres cargo bench -- {group}`");
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}; {advice}", path.display()))?;
    median(&text).ok_or_else(|| format!("{}: it has no median; {advice}", path.display()))
}

fn median(estimates: &str) -> Option<f64> {
    let estimates: serde_json::Value = serde_json::from_str(estimates).ok()?;
    let median = estimates["median"]["point_estimate"].as_f64()?;
    (median > 0.0).then_some(median)
}

// --- Numbers and places ---

/// From values to places, in proportion, or in proportion to their logarithms.
struct Scale {
    values: (f64, f64),
    places: (f64, f64),
    is_logarithmic: bool,
}

impl Scale {
    fn linear(values: (f64, f64), places: (f64, f64)) -> Scale {
        Scale { values, places, is_logarithmic: false }
    }

    fn logarithmic(values: (f64, f64), places: (f64, f64)) -> Scale {
        Scale { values, places, is_logarithmic: true }
    }

    fn place(&self, value: f64) -> f64 {
        let on_axis = |value: f64| if self.is_logarithmic { value.log10() } else { value };
        let (from, to) = (on_axis(self.values.0), on_axis(self.values.1));
        let part = (on_axis(value) - from) / (to - from);
        self.places.0 + part * (self.places.1 - self.places.0)
    }
}

/// A distance between ticks that is easy to read and gives no more than `most` of them.
fn step(range: f64, most: usize) -> f64 {
    let rough = range / most as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999_999);
    power * factor.unwrap_or(10.0)
}

/// The multiples of `step` from the last one below `low` to the first one above `high`.
fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step + 1e-9).floor() as i64, (high / step - 1e-9).ceil() as i64);
    (first..=last).map(|number| number as f64 * step).collect()
}

/// Where the scale of the times ends. One that dwarfs all others is cut off there.
fn end_of_scale(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let largest = sorted.pop().unwrap_or(1.0);
    match sorted.pop() {
        Some(second) if largest > 3.0 * second => second,
        _ => largest,
    }
}

/// Moves places apart, downwards and as little as that takes, so that texts do not overlap.
fn apart(places: &[f64], distance: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&a, &b| places[a].total_cmp(&places[b]));
    let mut moved = places.to_vec();
    for pair in 1..order.len() {
        let least = moved[order[pair - 1]] + distance;
        moved[order[pair]] = moved[order[pair]].max(least);
    }
    moved
}

/// `1234.5` as `1,234`, and `20.94` as `20.9`.
fn number(value: f64) -> String {
    if value < 99.95 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Without decimals where there are none.
fn tick_label(value: f64) -> String {
    if (value - value.round()).abs() < 1e-9 {
        number(value).trim_end_matches(".0").to_owned()
    } else {
        format!("{value:.1}")
    }
}

// --- The drawing ---

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 720.0;
const MARGIN: f64 = 28.0;

const STYLE: &str = "    svg { --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --rule: #d9dee4; --plain: #9aa4af;
      --auto: #7c4dbd; --one_trip: #0b6bcb; --copy: #b4540a; --unnest: #14785a; }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #161b22; --ink: #e6edf3; --soft: #9aa5b1; --rule: #30363d; --plain: #6b7682;
        --auto: #b794f6; --one_trip: #58a6ff; --copy: #f0954a; --unnest: #4cc79a; }
    }
    text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial,
      sans-serif; font-size: 13px; fill: #1f2328; fill: var(--ink); font-variant-numeric: tabular-nums; }
    .title { font-size: 16px; font-weight: 600; }
    .soft { fill: #59636e; fill: var(--soft); }
    .name { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
    .paper { fill: #ffffff; fill: var(--paper); }
    .rule { stroke: #d9dee4; stroke: var(--rule); stroke-width: 1; }
    .one { stroke: #1f2328; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; }
    .cut { stroke: #ffffff; stroke: var(--paper); stroke-width: 4; }
    .row_by_row, .batch, .raw_copy { --own: var(--plain); }
    .auto { --own: var(--auto); } .one_trip { --own: var(--one_trip); }
    .copy { --own: var(--copy); } .unnest { --own: var(--unnest); }
    .bar, .dot, .mark { fill: #59636e; fill: var(--own); }
    .line { fill: none; stroke: #59636e; stroke: var(--own); stroke-width: 2; stroke-linejoin: round; }
    .auto.line { stroke-width: 9; stroke-linecap: round; opacity: 0.35; }
";

/// The whole picture.
fn draw(figures: &Figures) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-labelledby=\"title description\">\n\
         <title id=\"title\">How long a commit takes, by strategy</title>\n\
         <desc id=\"description\">{}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n",
        description(figures)
    );
    draw_times(&figures.times, &mut svg);
    draw_ratios(&figures.ratios, &mut svg);
    svg += "</svg>\n";
    svg
}

/// The figures in words, for those who do not see them.
fn description(figures: &Figures) -> String {
    let times: Vec<_> = ALL
        .iter()
        .zip(&figures.times)
        .map(|(name, ms)| format!("{name} {}", number(*ms)))
        .collect();
    let ratios = |(name, ratios): (&&str, &Vec<f64>)| {
        let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        format!("{name} {}", ratios.join(", "))
    };
    let ratios: Vec<_> = COMPARED.iter().zip(&figures.ratios).map(ratios).collect();
    let sizes: Vec<_> = SIZES.iter().map(|&rows| tick_label(rows as f64)).collect();
    format!(
        "Milliseconds of a commit of 100 users with 2 addresses each, where a round trip takes 20: \
         {}. The time of a commit as a multiple of that of raw binary COPY, for {} rows: {}.",
        times.join("; "),
        sizes.join(", "),
        ratios.join("; "),
    )
}

fn text(x: f64, y: f64, class: &str, anchor: &str, text: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"{anchor}\">{text}</text>\n"
    )
}

fn line(from: (f64, f64), to: (f64, f64), class: &str) -> String {
    let ((x1, y1), (x2, y2)) = (from, to);
    format!(
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
    )
}

/// A bar for each strategy.
fn draw_times(times: &[f64], svg: &mut String) {
    const LEFT: f64 = 122.0;
    const RIGHT: f64 = 612.0;
    const TOP: f64 = 84.0;
    const EACH: f64 = 30.0;
    let bottom = TOP + EACH * times.len() as f64;
    let end = end_of_scale(times);
    let step = step(end, 6);
    let ticks = ticks(0.0, end, step);
    let scale = Scale::linear((0.0, ticks[ticks.len() - 1]), (LEFT, RIGHT));
    *svg += &text(MARGIN, 38.0, "title", "start", "One commit, 20 ms away");
    let subtitle = "100 users with 2 addresses each: milliseconds, to scale unless cut off";
    *svg += &text(MARGIN, 60.0, "soft", "start", subtitle);
    for &tick in &ticks {
        let x = scale.place(tick);
        *svg += &line((x, TOP - 4.0), (x, bottom), "rule");
        *svg += &text(x, bottom + 17.0, "soft", "middle", &tick_label(tick));
    }
    for (index, (name, &time)) in ALL.iter().zip(times).enumerate() {
        let y = TOP + EACH * index as f64;
        let is_cut = time > scale.values.1;
        let x = if is_cut { RIGHT } else { scale.place(time) };
        *svg += &text(LEFT - 10.0, y + 16.0, "name", "end", name);
        *svg += &format!(
            "<rect class=\"bar {name}\" x=\"{LEFT:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"18\" \
             rx=\"2\"/>\n",
            y + 2.0,
            x - LEFT,
        );
        if is_cut {
            for x in [RIGHT - 36.0, RIGHT - 26.0] {
                *svg += &line((x - 5.0, y + 23.0), (x + 5.0, y - 1.0), "cut");
            }
        }
        *svg += &text(x + 8.0, y + 16.0, "value", "start", &format!("{} ms", number(time)));
    }
}

/// A line for each strategy.
fn draw_ratios(ratios: &[Vec<f64>], svg: &mut String) {
    const LEFT: f64 = 64.0;
    const RIGHT: f64 = 580.0;
    const TOP: f64 = 428.0;
    const BOTTOM: f64 = 658.0;
    let all = || ratios.iter().flatten().copied().chain([1.0]);
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
    let step = step((high - low).max(0.5), 5);
    let ticks = ticks(low, high, step);
    let y_scale = Scale::linear((ticks[0], ticks[ticks.len() - 1]), (BOTTOM, TOP));
    let sizes = (SIZES[0] as f64, SIZES[SIZES.len() - 1] as f64);
    let x_scale = Scale::logarithmic(sizes, (LEFT + 14.0, RIGHT));
    *svg += &text(MARGIN, 376.0, "title", "start", "Against raw COPY, without latency");
    let subtitle = "the time of a commit as a multiple of that of a hand-written binary COPY of \
                    the same rows";
    *svg += &text(MARGIN, 398.0, "soft", "start", subtitle);
    for &tick in &ticks {
        let y = y_scale.place(tick);
        let is_one = (tick - 1.0).abs() < 1e-9;
        *svg += &line((LEFT, y), (RIGHT, y), if is_one { "one" } else { "rule" });
        *svg += &text(LEFT - 8.0, y + 4.5, "soft", "end", &format!("{tick:.1}×"));
    }
    if !ticks.iter().any(|tick| (tick - 1.0).abs() < 1e-9) {
        let y = y_scale.place(1.0);
        *svg += &line((LEFT, y), (RIGHT, y), "one");
    }
    for &rows in SIZES {
        let x = x_scale.place(rows as f64);
        *svg += &text(x, BOTTOM + 20.0, "soft", "middle", &tick_label(rows as f64));
    }
    let middle = (LEFT + RIGHT) / 2.0;
    *svg += &text(middle, BOTTOM + 40.0, "soft", "middle", "rows in a commit");

    let places = |ratios: &Vec<f64>| -> Vec<(f64, f64)> {
        let xs = SIZES.iter().map(|&rows| x_scale.place(rows as f64));
        xs.zip(ratios.iter().map(|&ratio| y_scale.place(ratio))).collect()
    };
    for (name, ratios) in COMPARED.iter().zip(ratios) {
        let points: Vec<_> = places(ratios).iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        *svg += &format!("<polyline class=\"line {name}\" points=\"{}\"/>\n", points.join(" "));
        if *name != "auto" {
            for (x, y) in places(ratios) {
                *svg += &format!(
                    "<circle class=\"dot {name}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>\n"
                );
            }
        }
    }
    let ends: Vec<f64> =
        ratios.iter().map(|ratios| y_scale.place(ratios[SIZES.len() - 1])).collect();
    for ((name, ratios), y) in COMPARED.iter().zip(ratios).zip(apart(&ends, 18.0)) {
        let label = format!("{name} {:.2}×", ratios[SIZES.len() - 1]);
        *svg += &text(RIGHT + 12.0, y + 4.5, &format!("name mark {name}"), "start", &label);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures {
            times: vec![6_130.4, 105.26, 105.0, 186.0, 21.04, 21.0, 170.0],
            ratios: vec![
                vec![1.2, 1.1, 1.05, 1.02],
                vec![1.2, 1.1, 1.3, 1.4],
                vec![1.5, 1.2, 1.05, 1.02],
                vec![1.4, 1.3, 1.5, 1.6],
            ],
        }
    }

    #[test]
    fn the_median_of_an_estimate() {
        let estimates = r#"{"mean": {"point_estimate": 2.0}, "median": {"point_estimate": 1.5}}"#;
        assert_eq!(median(estimates), Some(1.5));
        assert_eq!(median("{}"), None);
        assert_eq!(median("no JSON"), None);
        assert_eq!(median(r#"{"median": {"point_estimate": 0.0}}"#), None);
    }

    #[test]
    fn scales_in_proportion_and_in_proportion_to_logarithms() {
        let linear = Scale::linear((1.0, 2.0), (100.0, 0.0));
        assert_eq!([1.0, 1.25, 2.0].map(|value| linear.place(value)), [100.0, 75.0, 0.0]);
        let logarithmic = Scale::logarithmic((1.0, 100.0), (0.0, 10.0));
        assert_eq!([1.0, 10.0, 100.0].map(|value| logarithmic.place(value)), [0.0, 5.0, 10.0]);
    }

    #[test]
    fn ticks_are_round_numbers_around_the_values() {
        for (range, most, expected) in
            [(186.0, 6, 50.0), (0.2, 5, 0.05), (0.6, 5, 0.2), (6.0, 6, 1.0)]
        {
            let step = step(range, most);
            assert!((step - expected).abs() < 1e-9, "{range}: {step}");
        }
        assert_eq!(ticks(0.0, 186.0, 50.0), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert_eq!(ticks(0.97, 1.5, 0.5), [0.5, 1.0, 1.5]);
    }

    #[test]
    fn a_scale_ends_before_a_time_that_dwarfs_the_others() {
        assert_eq!(end_of_scale(&[6_000.0, 100.0, 20.0]), 100.0);
        assert_eq!(end_of_scale(&[200.0, 100.0]), 200.0);
        assert_eq!(end_of_scale(&[200.0]), 200.0);
    }

    #[test]
    fn labels_that_would_overlap_move_apart() {
        assert_eq!(apart(&[50.0, 10.0, 12.0, 11.0], 10.0), [50.0, 10.0, 30.0, 20.0]);
        assert!(apart(&[], 10.0).is_empty());
    }

    #[test]
    fn numbers_as_people_write_them() {
        for (value, text) in
            [(0.84, "0.8"), (20.94, "20.9"), (99.96, "100"), (105.5, "106"), (6_130.4, "6,130")]
        {
            assert_eq!(number(value), text);
        }
        for (value, text) in [(0.0, "0"), (50.0, "50"), (0.5, "0.5"), (30_000.0, "30,000")] {
            assert_eq!(tick_label(value), text);
        }
    }

    #[test]
    fn the_same_figures_give_the_same_picture_and_say_the_same_in_words() {
        let svg = draw(&figures());
        assert_eq!(svg, draw(&figures()));
        assert!(svg.contains("6,130 ms</text>") && svg.contains("21.0 ms</text>"), "{svg}");
        assert!(svg.contains("row_by_row 6,130; batch 105;"), "{svg}");
        assert!(svg.contains("auto 1.20, 1.10, 1.05, 1.02;"), "{svg}");
        // What is cut off is marked by two strokes, once.
        assert_eq!(svg.matches("class=\"cut\"").count(), 2);
        assert_eq!(svg.matches("class=\"one\"").count(), 1);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
