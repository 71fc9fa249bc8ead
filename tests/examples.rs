//! The examples, run as programs.

#[path = "../examples/chart.rs"]
#[allow(dead_code, reason = "its own tests are what runs here")]
mod chart;
#[path = "examples/chart_program.rs"]
mod chart_program;
mod common;
#[path = "examples/models_program.rs"]
mod models_program;
#[path = "../examples/git_import/parse.rs"]
#[allow(dead_code, reason = "its own tests are what runs here")]
mod parse;
#[path = "common/programs.rs"]
mod programs;

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Schema;
use programs::{complaint, program, run, run_alone, text, without_configuration};

/// A database in which the import leaves its tables.
struct Left {
    database: Schema,
}

impl Left {
    fn new(test: &str) -> Left {
        Left { database: Schema::in_own_database(test) }
    }

    fn rows(&self, sql: &str) -> Vec<String> {
        self.database.rows(&format!("SET search_path = onetrip_git; {sql}"))
    }

    fn row(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows[0].clone()
    }

    /// Commits, links to parents, parents beyond the limit, authors, changed files.
    fn counts(&self) -> String {
        self.row(
            "SELECT (SELECT count(*) FROM commits), (SELECT count(*) FROM commit_parents),
                    (SELECT count(*) FROM absent_parents), (SELECT count(*) FROM authors),
                    (SELECT count(*) FROM file_changes)",
        )
    }

    /// Runs the import, which checks by itself that the database has what git has.
    fn import(&self, repository: &Path, options: &[&str]) -> String {
        run(self.program().arg(repository).args(options))
    }

    fn program(&self) -> Command {
        let mut import = program("git_import");
        import.env("DATABASE_URL", self.database.url());
        import
    }
}

mod demo {
    use super::*;

    fn json(test: &str, options: &[&str]) -> HashMap<String, serde_json::Value> {
        let mut demo = program("demo");
        demo.args(["--json", "--latency", "0"]).args(options);
        let array: Vec<serde_json::Value> =
            serde_json::from_str(&run_alone(test, &mut demo)).expect("stdout is one array");
        let name = |object: &serde_json::Value| match object["strategy"].as_str() {
            Some(strategy) => strategy.to_owned(),
            None => format!("loaded by {}", object["loaded_by"].as_str().unwrap()),
        };
        array.into_iter().map(|object| (name(&object), object)).collect()
    }

    #[test]
    fn round_trips_on_the_wire() {
        let mut measured = json("round_trips", &["--users", "100"]);
        for (name, round_trips) in [("graph", 2), ("levels", 5)] {
            let loaded = measured.remove(&format!("loaded by {name}")).expect("it is measured");
            assert_eq!(loaded["verified"], true, "{name}");
            assert_eq!(loaded["round_trips"], round_trips, "{name}");
            assert_eq!(loaded["entities"], 20 + 100 + 400 + 47, "{name}");
        }
        for (name, object) in &measured {
            assert_eq!(object["verified"], true, "{name}");
            assert_eq!(object["users"], 100, "{name}");
            assert_eq!(object["rows"], 300, "{name}");
            assert!(object["wall_ms"].as_f64().unwrap() > 0.0, "{name}");
            assert!(object["rows_per_s"].as_f64().unwrap() > 0.0, "{name}");
        }
        for (name, round_trips) in [
            ("row_by_row", 302),
            ("batch", 5),
            ("unnest", 5),
            ("one_trip", 1),
            ("auto", 1),
            ("copy", 9),
            // It need not find out anything: the ids are given.
            ("raw-copy", 8),
        ] {
            assert_eq!(measured[name]["round_trips"], round_trips, "{name}");
        }
        assert_eq!(measured.len(), 7);
    }

    #[test]
    fn several_commits() {
        let measured = json("commits", &["--users=7", "--repeat=3", "--strategy=batch"]);
        assert_eq!(measured.len(), 1);
        assert_eq!(measured["batch"]["verified"], true);
        assert_eq!(measured["batch"]["rows"], 21);
    }

    #[test]
    fn no_users() {
        let measured = json("no_users", &["--users", "0"]);
        let is_written = |(name, _): &(String, _)| !name.starts_with("loaded by");
        for (name, object) in measured.into_iter().filter(is_written) {
            assert_eq!(object["verified"], true, "{name}");
            assert_eq!(object["rows"], 0, "{name}");
            if name != "raw-copy" {
                assert_eq!(object["round_trips"], 0, "{name}");
            }
            assert_eq!(object["rows_per_s"], 0.0, "{name}");
        }
    }

    #[test]
    fn table() {
        let text = run_alone("table", program("demo").args(["--latency=1", "--users=5"]));
        assert!(text.contains("every address belongs to its user"), "{text}");
        assert!(text.contains("every total is that of the order's lines"), "{text}");
        let longest = text.lines().filter(|line| line.ends_with("  ████████████████")).count();
        assert!(longest >= 1, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn arguments() {
        assert!(run(program("demo").arg("--help").env_remove("DATABASE_URL")).contains("usage:"));
        for wrong in [
            &["--users"][..],
            &["--users", "many"],
            &["--users=-1"],
            &["--strategy", "batch,"],
            &["--strategy", "fast"],
            &["--latency=-1"],
            &["--latency", "1e9"],
            &["--repeat", "0"],
            &["--json=yes"],
            &["--fast"],
            &["extra"],
        ] {
            let complaint = complaint(program("demo").args(wrong), 2);
            assert!(complaint.starts_with("demo: "), "{complaint}");
        }
    }

    #[test]
    fn servers_that_it_cannot_use() {
        let without = complaint(program("demo").env_remove("DATABASE_URL"), 1);
        assert!(without.contains("scripts/with-postgres"), "{without}");
        assert_eq!(without.lines().count(), 1, "{without}");
        for (url, expected) in [
            ("nonsense", "not a PostgreSQL address"),
            ("postgres:///test?host=/var/run/postgresql", "Unix socket"),
            ("postgres://127.0.0.1:1/test", "cannot connect to 127.0.0.1:1"),
        ] {
            let complaint = complaint(program("demo").env("DATABASE_URL", url), 1);
            assert!(complaint.contains(expected), "{complaint}");
        }
    }

    /// A schema of the same name that is somebody else's stays as it is.
    #[test]
    fn schemas_of_others() {
        let database = Schema::in_own_database("of_others");
        let precious = "CREATE SCHEMA onetrip_demo CREATE TABLE precious ()";
        database.session().batch_execute(precious).unwrap();
        let complaint = complaint(program("demo").env("DATABASE_URL", database.url()), 1);
        assert!(complaint.contains("onetrip_demo is there already"), "{complaint}");
        assert_eq!(database.count("onetrip_demo.precious"), 0);
    }
}

mod csv_import {
    use super::*;

    fn import(test: &str, options: &[&str]) -> String {
        run_alone(&format!("csv_{test}"), program("csv_import").args(options))
    }

    #[test]
    fn the_bad_lines_are_told_and_the_others_written() {
        let text = import("made_up", &["--lines=1000", "--show=3"]);
        assert!(text.starts_with("990 of 1,000 lines were written in "), "{text}");
        assert!(text.contains("\n     1  another line has the same value\n"), "{text}");
        assert!(text.contains("\n    59  name      a value is missing\n"), "{text}");
        assert!(
            text.contains("\n   259  email     another line has the same value, as on line 258\n")
        );
        assert!(text.ends_with("        and 7 more\n"), "{text}");
        let text = import("good", &["--lines", "50"]);
        assert!(
            text.starts_with("50 of 50 lines") && text.contains(" and 1 round trip\n"),
            "{text}"
        );
    }

    #[test]
    fn a_file() {
        let path = env::temp_dir().join(format!("onetrip_{}.csv", std::process::id()));
        let lines = "name,email,born,score,mood,country\n\
                     Ada,ada@example.org,1815-12-10,100,happy,fr\n\
                     Bob,ada@example.org,1900-01-01,1,sad,at\n\
                     Cid,cid@example.org,1900-13-01,1,sad,at\n";
        fs::write(&path, lines).unwrap();
        let text = run_alone("csv_file", program("csv_import").arg(&path));
        assert!(text.starts_with("1 of 3 lines"), "{text}");
        assert!(text.contains("     3  email     another line has the same value, as on line 2\n"));
        assert!(text.contains("     4            there is no such date\n"), "{text}");
        fs::write(&path, "name\nAda\n").unwrap();
        let database = Schema::in_own_database("csv_short");
        let mut import = program("csv_import");
        let complaint = complaint(import.env("DATABASE_URL", database.url()).arg(&path), 1);
        assert!(complaint.contains("line 2 has 1 fields"), "{complaint}");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn arguments() {
        let help = run(program("csv_import").arg("--help").env_remove("DATABASE_URL"));
        assert!(help.contains("usage:"));
        for wrong in ["--lines=many", "--show=-1", "--loud"] {
            assert!(complaint(program("csv_import").arg(wrong), 2).starts_with("csv_import: "));
        }
    }
}

mod bank {
    use super::*;

    fn bank(options: &[&str]) -> Command {
        let mut bank = program("bank");
        bank.args(["--latency", "1"]).args(options);
        bank
    }

    fn json(test: &str, options: &[&str]) -> serde_json::Value {
        let object = run_alone(&format!("bank_{test}"), bank(options).arg("--json"));
        serde_json::from_str(&object).expect("stdout is one object")
    }

    #[test]
    fn no_money_is_made_or_lost() {
        let options = ["--threads", "4", "--transfers", "100", "--accounts", "2"];
        let object = json("sum", &options);
        assert_eq!((&object["verified"], &object["sum"]), (&true.into(), &2_000.into()));
        let number = |name: &str| object[name].as_u64().expect(name);
        assert_eq!(number("transfers") + number("not_covered"), 100);
        assert!(number("stale") > 0 && number("most_attempts") > 1, "{object}");
        assert!(number("looks") > 0, "{object}");
        assert!(object["transfers_per_s"].as_f64().unwrap() > 0.0);

        // And it would be noticed.
        let database = Schema::in_own_database("bank_no_versions");
        let mut bank = bank(&options);
        bank.env("DATABASE_URL", database.url()).arg("--without-versions");
        let complaint = complaint(&mut bank, 1);
        assert!(complaint.contains("the sum was 2000 and is "), "{complaint}");
    }

    #[test]
    fn a_transfer_takes_four_round_trips_and_two_with_optimism() {
        for (test, option, trips) in [("alone", "", 4), ("optimistic", "--optimistic", 2)] {
            let mut options = vec!["--threads=1", "--transfers=10"];
            options.extend(Some(option).filter(|option| !option.is_empty()));
            let object = json(test, &options);
            assert_eq!(object["transfers"], 10);
            assert_eq!(object["round_trips"], 10 * trips);
            assert_eq!(object["round_trips_per_transfer"], f64::from(trips));
            assert_eq!((&object["stale"], &object["most_attempts"]), (&0.into(), &1.into()));
            assert_eq!(object["optimistic"], trips == 2);
        }
    }

    #[test]
    fn optimism_makes_and_loses_no_money() {
        let options = ["--threads=4", "--transfers=100", "--accounts=2", "--optimistic"];
        let object = json("optimistic_sum", &options);
        assert_eq!((&object["verified"], &object["sum"]), (&true.into(), &2_000.into()));
        assert!(object["stale"].as_u64().unwrap() > 0, "{object}");
    }

    #[test]
    fn text() {
        let text = run_alone("bank_text", &mut bank(&["--threads", "2", "--transfers=20"]));
        assert!(text.starts_with("20 transfers between 100 accounts by 2 threads, 1 ms away\n"));
        assert!(text.ends_with("and every balance is what the transfers say.\n"), "{text}");
        assert!(text.contains("The sum was 100,000 at the end"), "{text}");
        assert!(text.contains(" for each transfer that was done\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        run_alone("bank_none", &mut bank(&["--transfers", "0"]));
    }

    #[test]
    fn arguments() {
        assert!(run(program("bank").arg("--help").env_remove("DATABASE_URL")).contains("usage:"));
        for wrong in ["--threads=0", "--threads=many", "--accounts=1", "--transfers=-1", "extra"] {
            let complaint = complaint(program("bank").arg(wrong), 2);
            assert!(complaint.starts_with("bank: "), "{complaint}");
        }
        let without = complaint(program("bank").env_remove("DATABASE_URL"), 1);
        assert!(without.contains("scripts/with-postgres"), "{without}");
    }
}

mod git_import {
    use super::*;

    /// A repository in a folder that is gone at the end.
    struct Repository {
        dir: PathBuf,
        path: PathBuf,
    }

    impl Repository {
        fn new(test: &str) -> Repository {
            let name = format!("git_import_{}_{test}", std::process::id());
            let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            let repository = Repository { path: dir.join("repository"), dir };
            fs::create_dir_all(&repository.path).unwrap();
            repository.git(&["init", "--quiet", "--initial-branch=main"], b"");
            repository
        }

        /// Runs git, and gives the first line of what it prints.
        fn git(&self, arguments: &[&str], stdin: &[u8]) -> String {
            let mut git = Command::new("git");
            git.arg("-C").arg(&self.path).args(arguments);
            without_configuration(&mut git);
            git.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = git.spawn().expect("git can be run");
            child.stdin.take().unwrap().write_all(stdin).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{git:?}");
            text(&output.stdout).lines().next().unwrap_or_default().to_owned()
        }

        /// Writes a commit object as it is, whatever git thinks of it.
        fn commit(&self, headers: &[u8], message: &str) -> String {
            let tree = self.git(&["rev-parse", "main^{tree}"], b"");
            let mut object = format!("tree {tree}\n").into_bytes();
            object.extend(headers);
            object.extend(b"\ncommitter C <c@example.org> 5 +0000\n\n");
            object.extend(message.as_bytes());
            self.git(&["hash-object", "-t", "commit", "--literally", "-w", "--stdin"], &object)
        }
    }

    impl Drop for Repository {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }

    const LONG: usize = 3000;

    /// Commits whose values are hard to read, hard to store, or both.
    fn odd_repository(test: &str) -> Repository {
        let repository = Repository::new(test);
        let lines = "a line\n".repeat(20);
        let mut stream = Vec::new();
        let mut commit = |branch: &str, author: &[u8], subject: &[u8], changes: String| {
            stream.extend(format!("commit refs/heads/{branch}\nauthor ").as_bytes());
            stream.extend(author);
            stream.extend(b"\ncommitter C <c@example.org> 5 +0000\n");
            stream.extend(format!("data {}\n", subject.len()).as_bytes());
            stream.extend(subject);
            stream.extend(format!("\n{changes}\n").as_bytes());
        };
        let file = |path: &str, content: &str| {
            format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len())
        };
        let long = "long/".repeat(LONG / 5);
        let files = [
            file("plain", &lines),
            file("\"tab\\tline\\nquote\\\"\"", "1\n2\n"),
            file("\"\\0361\\t2\\tmark\"", ""),
            file("\"invalid\\377\"", &lines.replace("line", "row")),
            file("binary", "\0"),
            file(&format!("{long}name"), "x"),
            "M 160000 1234567890123456789012345678901234567890 module".to_owned(),
        ];
        commit("main", b"Ada <ada@example.org> 1000 +0000", b"root", files.concat());
        let renames = "R plain \"re\\nnamed\"\nR \"invalid\\377\" \"invalid\\376\"\n";
        commit("main", b"Ada L. <ada@example.org> 1001 +0000", b"renames", renames.to_owned());
        // Two addresses that are the same as text, and the same time twice.
        let latin = b"M\xfcller <m\xfcller@example.org> 1001 +0000";
        commit("main", latin, b"sch\xf6n\nand\tgood", file("plain", "again\n"));
        let other = b"M\xfcller <m\xfdller@example.org> 1001 +0000";
        commit("main", other, b"", "M 100755 inline plain\ndata 6\nagain\n\n".to_owned());
        commit("main", b"<> 0 +0000", b"nothing", String::new());
        commit("other", b"Bob <bob@example.org> 3 +0000", b"another root", file("b", "b\n"));
        let merge = "from refs/heads/main\nmerge refs/heads/other\n";
        commit("merged", b"Ada <ada@example.org> 4 +0000", b"merge", merge.to_owned());
        repository.git(&["fast-import", "--quiet"], &stream);

        let merged = repository.git(&["rev-parse", "merged"], b"");
        // So many different characters that the server cannot compress them.
        let (mut noise, mut state) = (String::new(), 1_u32);
        while noise.len() < 9000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.push(char::from(b'0' + (state >> 24) as u8 % 75).to_ascii_lowercase());
        }
        let noise = noise.replace(['<', '>'], "x");
        let mut tips = [
            repository.commit(b"author N <n@example.org> -7 +0000", "before 1970"),
            repository.commit(b"author H <h@example.org> 99999999999999999999 +0000", "huge"),
            repository.commit(b"author H <h@example.org> 9223372036854775807 +0000", "large"),
            repository.commit(b"author nobody", "not an author"),
            repository.commit(b"author Z <z\0z@example.org> 8 +0000", "NUL"),
            repository.commit(b"encoding none", "no author"),
            repository.commit(
                format!("author {noise} <{noise}@example.org> 9 +0000").as_bytes(),
                &noise.repeat(10),
            ),
            repository.commit(
                format!("parent {merged}\nparent {merged}\nauthor Bob <bob@example.org> 6 +0000")
                    .as_bytes(),
                "the same parent twice",
            ),
        ];
        tips.sort();
        let parents: String = tips.iter().map(|tip| format!("parent {tip}\n")).collect();
        let octopus = format!("{parents}author Ada <ada@example.org> 7 +0000");
        let tip = repository.commit(octopus.as_bytes(), "octopus");
        repository.git(&["update-ref", "refs/heads/tip", &tip], b"");
        repository.git(&["symbolic-ref", "HEAD", "refs/heads/tip"], b"");
        repository
    }

    const ODD_COUNTS: &str = "16|16|0|8|68";

    #[test]
    fn odd_values() {
        let repository = odd_repository("odd");
        let left = Left::new("git_odd");
        let output = left.import(&repository.path, &[]);
        assert_eq!(left.counts(), ODD_COUNTS, "{output}");

        let author_of = |subject: &str| {
            left.row(&format!(
                "SELECT coalesce(author_name, name), encode(coalesce(email_raw, email::bytea), 'escape'),
                        authored_at, encode(author_line, 'escape')
                 FROM commits JOIN authors ON author_id = authors.id WHERE subject = '{subject}'"
            ))
        };
        for (subject, expected) in [
            ("root", "Ada|ada@example.org|1000|NULL"),
            ("renames", "Ada L.|ada@example.org|1001|NULL"),
            ("sch\u{fffd}n and\tgood", "M\u{fffd}ller|m\\374ller@example.org|1001|NULL"),
            ("", "M\u{fffd}ller|m\\375ller@example.org|1001|NULL"),
            ("nothing", "||0|NULL"),
            ("before 1970", "N|n@example.org|-7|N <n@example.org> -7 +0000"),
            ("huge", "H|h@example.org|NULL|H <h@example.org> 99999999999999999999 +0000"),
            ("large", "H|h@example.org|9223372036854775807|NULL"),
            ("not an author", "||NULL|nobody"),
            ("NUL", "||8|Z <z\\000z@example.org> 8 +0000"),
            ("no author", "||NULL|NULL"),
        ] {
            assert_eq!(author_of(subject), expected, "{subject:?}");
        }
        assert_eq!(left.row("SELECT max(length(subject)) FROM commits"), "90000");
        assert_eq!(
            left.row("SELECT encode(subject_raw, 'escape') FROM commits WHERE subject LIKE 'sch%'"),
            "sch\\366n and\tgood"
        );
        assert_eq!(
            left.rows(
                "SELECT quote_literal(path), encode(path_raw, 'escape'), old_path,
                        encode(old_path_raw, 'escape'), lines_added, lines_removed
                 FROM file_changes JOIN commits ON commit_id = commits.id
                 WHERE subject IN ('renames', '', 'sch\u{fffd}n and\tgood')
                 ORDER BY authored_at, subject, path"
            ),
            [
                "'plain'|NULL|NULL|NULL|0|0",
                "'invalid\u{fffd}'|invalid\\376|invalid\u{fffd}|invalid\\377|0|0",
                "'re\nnamed'|NULL|plain|NULL|0|0",
                "'plain'|NULL|NULL|NULL|1|0",
            ]
        );
        assert_eq!(
            left.rows(
                "SELECT path, lines_added, lines_removed
                 FROM file_changes JOIN commits ON commit_id = commits.id
                 WHERE subject = 'root' AND length(path) < 1000 ORDER BY path COLLATE \"C\""
            ),
            [
                "\u{1e}1\t2\tmark|0|0",
                "binary|NULL|NULL",
                "invalid\u{fffd}|20|0",
                "module|1|0",
                "plain|20|0",
                "tab\tline\nquote\"|2|0",
            ]
        );
        assert_eq!(
            left.row("SELECT max(length(path)) FROM file_changes"),
            (LONG + "name".len()).to_string()
        );
        assert_eq!(
            left.rows(
                "SELECT position, p.subject FROM commit_parents
                 JOIN commits c ON c.id = commit_id JOIN commits p ON p.id = parent_id
                 WHERE c.subject IN ('the same parent twice', 'merge')
                 ORDER BY c.subject, position"
            ),
            ["1|nothing", "2|another root", "1|merge", "2|merge"]
        );
        // What could not be kept as text is said, too.
        assert!(
            output.contains("not UTF-8, with the bytes in columns named …_raw: 15"),
            "{output}"
        );
        assert!(output.contains("without a time that git can read, see author_line: 5"));
    }

    #[test]
    fn what_is_new_is_added() {
        let repository = odd_repository("update");
        let left = Left::new("git_update");
        let merged = repository.git(&["rev-parse", "merged"], b"");
        let tip = repository.git(&["rev-parse", "tip"], b"");
        repository.git(&["update-ref", "refs/heads/tip", &merged], b"");
        left.import(&repository.path, &[]);
        let before = left.counts();
        assert_ne!(before, ODD_COUNTS);
        for strategy in ["auto", "unnest", "row_by_row"] {
            let update = ["--update", "--strategy", strategy];
            let output = left.import(&repository.path, &update);
            assert!(output.contains("\n0 rows in "), "nothing is added twice: {output}");
            assert_eq!(left.counts(), before, "{strategy}");
        }
        // The repository grows.
        repository.git(&["update-ref", "refs/heads/tip", &tip], b"");
        let output = left.import(&repository.path, &["--update"]);
        assert!(output.contains(" rows were there already."), "{output}");
        assert_eq!(left.counts(), ODD_COUNTS, "{output}");
        // Without tables, there is nothing to keep.
        let other = Left::new("git_update_first");
        other.import(&repository.path, &["--update"]);
        assert_eq!(other.counts(), ODD_COUNTS);
    }

    #[test]
    fn strategies_and_places() {
        let repository = odd_repository("places");
        let left = Left::new("git_places");
        for strategy in ["row_by_row", "copy"] {
            let output = left.import(&repository.path, &["--strategy", strategy]);
            assert!(output.contains(&format!(" by {strategy}, ")), "{output}");
            assert_eq!(left.counts(), ODD_COUNTS);
        }
        let output = left.import(&repository.path.join(".git"), &["--all"]);
        assert!(output.contains(" by auto (one_trip), "), "{output}");
        assert_eq!(left.counts(), ODD_COUNTS);

        // In the current folder, and with settings that change what git prints.
        let mut import = left.program();
        import.current_dir(&repository.path);
        let settings = [
            ("color.ui", "always"),
            ("diff.renames", "false"),
            ("diff.external", "false"),
            ("diff.ignoreSubmodules", "all"),
            ("diff.submodule", "log"),
            ("format.pretty", "oneline"),
            ("i18n.logOutputEncoding", "ISO-8859-1"),
            ("log.showRoot", "false"),
            ("log.showSignature", "true"),
            ("log.diffMerges", "first-parent"),
        ];
        import.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.iter().enumerate() {
            import.env(format!("GIT_CONFIG_KEY_{index}"), name);
            import.env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        run(&mut import);
        assert_eq!(left.counts(), ODD_COUNTS);

        // A path is not overruled by a hook's environment.
        let elsewhere = Repository::new("elsewhere");
        let mut import = left.program();
        import.arg(&elsewhere.path).arg("--drop");
        run(import.env("GIT_DIR", repository.path.join(".git")));
        let schemas = "SELECT nspname FROM pg_namespace WHERE nspname = 'onetrip_git'";
        assert!(left.rows(schemas).is_empty(), "dropped");
    }

    #[test]
    fn parts_of_a_history() {
        let repository = odd_repository("parts");
        let left = Left::new("git_parts");
        let output = left.import(&repository.path, &["--limit", "1"]);
        assert_eq!(left.counts(), "1|0|8|1|0");
        assert_eq!(left.row("SELECT min(position), max(position) FROM absent_parents"), "1|8");
        assert!(output.contains("in absent_parents: 8"), "{output}");
        left.import(&repository.path, &["--limit", "0"]);
        assert_eq!(left.counts(), "0|0|0|0|0");

        let url = format!("file://{}", repository.path.display());
        repository.git(&["clone", "--quiet", "--bare", "--depth=2", &url, "../shallow"], b"");
        left.import(&repository.dir.join("shallow"), &[]);
        assert_eq!(left.counts(), "9|8|0|6|64");

        repository.git(&["replace", "--graft", "merged"], b"");
        left.import(&repository.path, &[]);
        assert_eq!(left.row("SELECT count(*) FROM commits"), "10");
    }

    #[test]
    fn no_history() {
        let repository = Repository::new("empty");
        let left = Left::new("git_empty");
        for options in [&[][..], &["--all"], &["--limit", "3"]] {
            let output = left.import(&repository.path, options);
            assert_eq!(left.counts(), "0|0|0|0|0");
            assert!(output.contains("0 rows"), "{output}");
        }
        let nowhere = repository.dir.join("nowhere");
        let complaint = complaint(program("git_import").arg(nowhere), 1);
        assert!(complaint.contains("nowhere"), "{complaint}");
    }

    #[test]
    fn arguments() {
        assert!(run(program("git_import").arg("--help")).contains("usage:"));
        for wrong in [&["a", "b"][..], &["--limit", "-1"], &["--strategy", "all"], &["--json"]] {
            let complaint = complaint(program("git_import").args(wrong), 2);
            assert!(complaint.starts_with("git_import: "), "{complaint}");
        }
    }
}
