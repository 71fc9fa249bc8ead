//! The examples as programs.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::common::Schema;

/// The folder with the programs, which are up to date: `cargo test --test examples` builds none.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let test = env::current_exe().expect("a running program has a path");
        let profile = test.ancestors().nth(2).expect("it is in PROFILE/deps");
        if let Some(cargo) = env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet"]);
            for example in ["bank", "chart", "csv_import", "demo", "git_import", "models"] {
                build.args(["--example", example]);
            }
            build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
            build.arg("--target-dir").arg(profile.parent().expect("it is in TARGET/PROFILE"));
            let profile = profile.file_name().and_then(OsStr::to_str).expect("profiles are text");
            build.args(["--profile", if profile == "debug" { "dev" } else { profile }]);
            assert!(build.status().expect("cargo runs").success(), "the examples do not build");
        }
        profile.join("examples")
    })
}

/// A program, without what the user has set for git.
pub(crate) fn program(name: &str) -> Command {
    let mut command =
        Command::new(programs().join(name).with_extension(env::consts::EXE_EXTENSION));
    command.stdin(Stdio::null());
    without_configuration(&mut command);
    command
}

/// Git as it comes, without what the user has set.
pub(crate) fn without_configuration(command: &mut Command) {
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
}

/// Runs a program and gives its stdout.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().expect("it can be run");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}

/// Runs the demo with `--json`, and gives each strategy, or way to load, with its round trips. The demo has read
/// back what each has written.
pub(crate) fn measured(demo: &mut Command) -> Vec<(String, u64)> {
    let measured: Vec<serde_json::Value> =
        serde_json::from_str(&run(demo)).expect("stdout is one array");
    let each = measured.into_iter().map(|measured| {
        assert_eq!(measured["verified"], true, "{measured}");
        let name = ["strategy", "loaded_by"].iter().find_map(|name| measured[*name].as_str());
        let round_trips = measured["round_trips"].as_u64().expect("it is a count");
        (name.expect("each has a name").to_owned(), round_trips)
    });
    each.collect()
}

/// A repository of git with one file, which is gone at the end.
pub(crate) struct Repository {
    path: PathBuf,
}

impl Repository {
    pub(crate) fn new(test: &str) -> Repository {
        let folder = format!("{test}_{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&path).expect("a folder can be made");
        let repository = Repository { path };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Commits a file with this text.
    pub(crate) fn commit(&self, text: &str) {
        fs::write(self.path.join("file"), text).expect("it can be written");
        self.git(&["add", "file"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", text]);
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.arg("-C").arg(&self.path);
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]);
        without_configuration(&mut git);
        run(git.args(arguments));
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Runs a program that fails, and gives what it complains of.
pub(crate) fn complaint(command: &mut Command, status: i32) -> String {
    let Output { status: actual, stderr, .. } = command.output().expect("it can be run");
    let stderr = text(&stderr);
    assert_eq!(actual.code(), Some(status), "{command:?}: {stderr}");
    stderr
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_owned()).expect("the programs print text")
}

/// Runs a program that has a database to itself, for it names its schema.
pub(crate) fn run_alone(test: &str, command: &mut Command) -> String {
    let database = Schema::in_own_database(test);
    run(command.env("DATABASE_URL", database.url()))
}
