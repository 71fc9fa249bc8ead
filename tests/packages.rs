//! What is published: the manifests say all that a registry shows, and each dependency comes from a
//! registry, has a licence on the list, builds with the oldest supported Rust, and is there in one version.
//!
//! The dependencies are those of all features on this platform. Those of the tests do not count.
//! `scripts/check-release` looks into the packages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The licences that are accepted. A licence that offers a choice needs one of them.
const LICENCES: &[&str] = &["MIT", "Apache-2.0", "Unicode-3.0"];

/// The crates that are published.
const CRATES: &[&str] = &["onetrip", "onetrip-derive", "onetrip-models"];

/// Dependencies that are there in two versions, and why.
const TWICE: &[&str] = &[
    // `async-trait`, which the driver uses, has gone to syn 3. The derive is written for syn 2.
    "syn",
];

/// What `cargo` prints. It downloads nothing, and leaves `Cargo.lock` as it is.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked", "--all-features"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The packages that the three crates are built from, themselves included, by name and version.
fn packages() -> BTreeMap<(String, String), Value> {
    let tree = cargo(&["tree", "--workspace", "-e", "normal,build", "--prefix", "none"]);
    let used: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
        })
        .collect();
    assert!(used.len() > 50, "cargo has another way to print trees:\n{tree}");
    let version =
        Command::new(std::env::var("RUSTC").unwrap_or("rustc".into())).arg("-vV").output();
    let version = String::from_utf8(version.expect("rustc runs").stdout).expect("UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let metadata = cargo(&["metadata", "--format-version", "1", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let known = metadata["packages"].as_array().expect("packages").iter().map(|package| {
        let text = |key: &str| package[key].as_str().expect("a string").to_owned();
        ((text("name"), text("version")), package.clone())
    });
    let packages: BTreeMap<_, _> = known.filter(|(package, _)| used.contains(package)).collect();
    assert_eq!(packages.len(), used.len(), "each of the tree's packages is known");
    packages
}

/// Whether the licence, an expression of SPDX, allows use under licences of the list.
fn is_accepted(licence: &str) -> bool {
    let spaced = licence.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let accepted = any_of(&mut words);
    assert_eq!(words.next(), None, "not an SPDX expression: {licence}");
    accepted
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut accepted = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        accepted |= all_of(words);
    }
    accepted
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut accepted = one(words);
    while words.next_if_eq(&"AND").is_some() {
        accepted &= one(words);
    }
    accepted
}

fn one(words: &mut Words<'_>) -> bool {
    let word = words.next().expect("a licence");
    if word == "(" {
        let accepted = any_of(words);
        assert_eq!(words.next(), Some(")"));
        return accepted;
    }
    // An exception takes conditions away, but its text has to be read first.
    if words.next_if_eq(&"WITH").is_some() {
        words.next();
        return false;
    }
    LICENCES.contains(&word)
}

/// A Rust version as numbers that compare.
fn numbers(version: &str) -> Vec<u32> {
    let mut numbers: Vec<_> =
        version.split('.').map(|part| part.parse().expect("a number")).collect();
    numbers.resize(3, 0);
    numbers
}

#[test]
fn expressions_of_licences_are_understood() {
    for yes in [
        "MIT",
        "MIT/Apache-2.0",
        "Unlicense OR MIT",
        "GPL-3.0 AND BSL-1.0 OR MIT",
        "(GPL-3.0 OR MIT) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(is_accepted(yes), "{yes}");
    }
    for no in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND OpenSSL", "MIT WITH Odd"] {
        assert!(!is_accepted(no), "{no}");
    }
}

#[test]
fn licences_of_dependencies_are_on_the_list() {
    for ((name, version), package) in packages() {
        let licence = package["license"].as_str();
        let licence = licence.unwrap_or_else(|| panic!("{name} {version} states no licence"));
        assert!(is_accepted(licence), "{name} {version}: {licence}");
    }
}

#[test]
fn dependencies_come_from_a_registry() {
    let mut own = Vec::new();
    for ((name, version), package) in packages() {
        match package["source"].as_str() {
            // A package without a source is a folder here.
            None => own.push(name),
            Some(source) => {
                let is_published = source.starts_with("registry+") || source.starts_with("sparse+");
                assert!(is_published, "{name} {version} comes from {source}");
            }
        }
    }
    assert_eq!(own, CRATES);
}

#[test]
fn dependencies_are_there_in_one_version() {
    let mut versions = BTreeMap::<_, Vec<_>>::new();
    for (name, version) in packages().into_keys() {
        versions.entry(name).or_default().push(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    let twice: Vec<_> = versions.keys().collect();
    assert_eq!(twice, TWICE, "{versions:?}");
}

#[test]
fn dependencies_build_with_the_oldest_supported_rust() {
    let oldest = numbers(env!("CARGO_PKG_RUST_VERSION"));
    for ((name, version), package) in packages() {
        // Those that state no version of Rust are old, or have to be tried.
        if let Some(needed) = package["rust_version"].as_str() {
            assert!(numbers(needed) <= oldest, "{name} {version} needs Rust {needed}");
        }
    }
}

#[test]
fn manifests_say_what_a_registry_shows() {
    let packages = packages();
    for name in CRATES {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let package = &packages[&((*name).to_owned(), version)];
        for key in ["description", "documentation", "license", "readme", "rust_version"] {
            assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "{name}: {key}");
        }
        assert!(package["publish"].is_null(), "{name} can be published");
        let docs = &package["metadata"]["docs"]["rs"]["all-features"];
        assert_eq!(docs, true, "{name}: what docs.rs shows");
        let words = |key: &str| -> Vec<String> {
            let words = package[key].as_array().expect("a list").iter();
            words.map(|word| word.as_str().expect("a string").to_owned()).collect()
        };
        // What crates.io takes.
        let keywords = words("keywords");
        assert!((1..=5).contains(&keywords.len()), "{name}: {keywords:?}");
        assert!(keywords.iter().all(|word| word.len() <= 20 && !word.contains(' ')), "{name}");
        assert!((1..=5).contains(&words("categories").len()), "{name}");
    }
}

#[test]
fn licences_are_the_same_in_all_crates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        let text = fs::read_to_string(folder.join(file)).expect("a text");
        for member in ["derive", "models"] {
            let copy = fs::read_to_string(folder.join(member).join(file)).expect("a text");
            assert!(copy == text, "{member}/{file} differs from {file}");
        }
    }
}

#[test]
fn the_changelog_has_this_version_with_its_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md");
    let changelog = fs::read_to_string(path).expect("a text");
    let title = concat!("## ", env!("CARGO_PKG_VERSION"), " - ");
    let date = changelog.lines().find_map(|line| line.strip_prefix(title)).expect("a section");
    let form: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00", "{date}");
}
