//! The chart, drawn from what Criterion would have left.

use crate::*;

/// Makes up what Criterion leaves, in a folder that is gone at the end.
struct Criterion(PathBuf);

impl Criterion {
    fn new(test: &str) -> Criterion {
        let name = format!("chart_{}_{test}", std::process::id());
        let criterion = Criterion(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        for (name, nanoseconds) in [
            ("row_by_row", 6_100e6),
            ("batch", 105e6),
            ("unnest", 106e6),
            ("copy", 190e6),
            ("one_trip", 21.5e6),
            ("auto", 21.4e6),
            ("raw_copy", 170e6),
        ] {
            criterion.measured("strategies_at_20_ms", name, 300, nanoseconds);
        }
        for (index, name) in ["auto", "one_trip", "copy", "unnest"].iter().enumerate() {
            for rows in [300, 3_000, 30_000, 300_000] {
                let ratio = 1.0 + (index + 1) as f64 / 10.0 + rows as f64 / 1e6;
                criterion.measured("against_raw_copy", name, rows, ratio);
            }
        }
        criterion
    }

    fn measured(&self, group: &str, function: &str, rows: usize, median: f64) {
        let folder = self.0.join(format!("{group}/{function}/{rows}/new"));
        fs::create_dir_all(&folder).unwrap();
        let estimates = serde_json::json!({ "median": { "point_estimate": median } });
        fs::write(folder.join("estimates.json"), estimates.to_string()).unwrap();
    }

    fn chart(&self) -> Command {
        let mut chart = program("chart");
        chart.arg(&self.0).arg(self.0.join("chart.svg"));
        chart
    }
}

impl Drop for Criterion {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn draws_what_was_measured() {
    let criterion = Criterion::new("draws");
    assert_eq!(run(&mut criterion.chart()), "");
    let svg = fs::read_to_string(criterion.0.join("chart.svg")).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    for part in [">6,100 ms<", ">21.4 ms<", ">auto 1.40×<", ">unnest 1.70×<", "30,000"] {
        assert!(svg.contains(part), "no {part} in {svg}");
    }
    // As without the argument, when the environment says so.
    let mut chart = program("chart");
    let target = criterion.0.join("target");
    fs::create_dir_all(&target).unwrap();
    let complaint = complaint(chart.env("CARGO_TARGET_DIR", &target), 1);
    assert!(complaint.contains("target/criterion"), "{complaint}");
}

#[test]
fn says_what_has_not_been_measured() {
    let criterion = Criterion::new("missing");
    fs::remove_dir_all(criterion.0.join("against_raw_copy/copy/30000")).unwrap();
    let missing = complaint(&mut criterion.chart(), 1);
    assert!(missing.contains("against_raw_copy/copy/30000"), "{missing}");
    assert!(
        missing.contains("`scripts/with-postgres cargo bench -- against_raw_copy`"),
        "{missing}"
    );
    criterion.measured("against_raw_copy", "copy", 30_000, 0.0);
    assert!(complaint(&mut criterion.chart(), 1).contains("no median"));
    assert!(!criterion.0.join("chart.svg").exists(), "nothing is drawn by half");
    assert!(complaint(program("chart").arg("--help"), 2).contains("usage:"));
}
