//! The way from a database to a first commit, with the files and commands of the chapter “Getting started”.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use postgres::{Client, NoTls};

const SCHEMA: &str = "onetrip_adoption";

/// Returns the text of the first block of this language after a heading, without the lines that only
/// documentation tests have.
fn block(chapter: &str, heading: &str, language: &str) -> String {
    let (_, section) = chapter.split_once(heading).expect("the section is there");
    let (_, block) = section.split_once(&format!("```{language}\n")).expect("it has such a block");
    let (block, _) = block.split_once("\n```").expect("the block ends");
    let is_shown = |line: &&str| !line.starts_with("# ") && *line != "#";
    block.lines().filter(is_shown).map(|line| format!("{line}\n")).collect()
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).expect("it prints text")
}

#[test]
fn the_commands_and_files_of_the_chapter_lead_to_a_commit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("the file can be read");
    let chapter = read("docs/src/getting-started.md");
    let heading = "## With a database that you have";
    let url = env::var("DATABASE_URL")
        .expect("no DATABASE_URL: run `scripts/with-postgres cargo test --workspace`");
    let mut client = Client::connect(&url, NoTls).expect("the server is reachable");
    let sample = read("tests/models/schemas/chinook.sql");
    client
        .batch_execute(&format!(
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
             CREATE SCHEMA {SCHEMA}; SET search_path = {SCHEMA}; {sample};
             INSERT INTO \"MediaType\" VALUES (1, 'LP');
             INSERT INTO \"Artist\" VALUES (1, 'Ada'), (2, 'Bob');
             INSERT INTO \"Album\" SELECT n, 'album ' || n, 1 + n % 2 FROM generate_series(1, 4) AS n;
             INSERT INTO \"Track\" (\"Name\", \"AlbumId\", \"MediaTypeId\", \"Milliseconds\")
             SELECT 'track ' || n, 1 + n % 4, 1, n FROM generate_series(1, 12) AS n"
        ))
        .expect("the sample can be made");
    let sign = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{sign}options=-c%20search_path%3D{SCHEMA}");

    // Not within this repository: the program is no member of its workspace.
    let folder = env::temp_dir().join(format!("onetrip-adoption-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("the folder can be made");
    run(Command::new("cargo").current_dir(&folder).args(["new", "--vcs", "none", "shop"]));
    let shop = folder.join("shop");
    let manifest = shop.join("Cargo.toml");
    let package = fs::read_to_string(&manifest).expect("cargo has made it");
    let package = package.split("[dependencies]").next().unwrap_or_default();
    let dependencies = block(&chapter, heading, "toml");
    let dependencies = dependencies.replace("../onetrip", &root.display().to_string());
    fs::write(&manifest, format!("{package}\n{dependencies}")).expect("it is written");
    // The versions of this repository, so that nothing is fetched.
    fs::copy(root.join("Cargo.lock"), shop.join("Cargo.lock")).expect("it is copied");

    let cargo = |manifest: &Path| {
        let mut command = Command::new("cargo");
        command.args(["run", "--quiet", "--manifest-path"]).arg(manifest);
        command.env("DATABASE_URL", &url);
        command
    };
    let models = run(cargo(&root.join("Cargo.toml")).args(["-p", "onetrip-models"]));
    assert!(chapter.contains(&format!("{} lines that you do not write", models.lines().count())));
    fs::write(shop.join("src/models.rs"), models).expect("the models are written");
    let program = block(&chapter, heading, "rust,no_run");
    assert!(program.starts_with("mod models;"), "{program}");
    fs::write(shop.join("src/main.rs"), program).expect("the program is written");

    // What it depends on is compiled once, for this and later runs.
    let printed = run(cargo(&manifest).env("CARGO_TARGET_DIR", root.join("target/adoption")));
    assert_eq!(printed, "6 tracks in 1 round trip\n");
    let count = "SELECT count(*) FROM \"Track\" WHERE \"UnitPrice\" = 0.89";
    let cheaper: i64 = client.query_one(count, &[]).expect("they are counted").get(0);
    assert_eq!(cheaper, 6);
    client.batch_execute(&format!("DROP SCHEMA {SCHEMA} CASCADE")).expect("it is dropped");
    fs::remove_dir_all(&folder).expect("the folder is ours");
}
