//! The rooms of the crate lie on floors, and a room imports only from those below: this reads the
//! sources and says which import climbs. Files beside each other do not import in a circle.
//!
//! A new room needs its place in the table here, and a row in the one of `CONTRIBUTING.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, which are the top modules of the crate, by floor from the ground up.
const FLOORS: &[&[&str]] = &[
    &["error", "handle", "state", "toposort"],
    &["assignments", "model", "resolution"],
    &["arena", "identity_map", "journal", "write_back"],
    &["change_set"],
    &["flush_plan"],
    &["connection", "sql"],
    &["flush", "graph"],
    &["insert_strategy", "one_statement"],
    &["step_by_step", "strategy"],
    &["lib", "retry", "unit_of_work", "verify"],
];

/// Imports within one floor: from the first to the second.
const NEIGHBOURS: &[(&str, &str)] = &[
    // An error names the entities that it is about.
    ("error", "handle"),
    // A row is found by what its table declares.
    ("resolution", "model"),
    // An arena is put together from these three.
    ("arena", "identity_map"),
    ("arena", "journal"),
    ("arena", "write_back"),
    // A connection sends statements and gets rows.
    ("connection", "sql"),
    // The policy has steps sent one after the other.
    ("strategy", "step_by_step"),
    // What is repeated is a unit of work.
    ("retry", "unit_of_work"),
];

/// The one file that names the driver's `Client`.
const DRIVER: &str = "src/connection/driver.rs";

/// The longest that a file may get, in lines.
const LONGEST: usize = 600;

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

// --- Reading sources ---

/// Names, lifetimes and punctuation, without comments, literals, and what is there for tests only.
fn tokens(source: &str) -> Vec<String> {
    without_tests(&words(source))
}

/// `::`, `->` and `=>` are one token each.
fn words(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let (mut words, mut index) = (Vec::new(), 0);
    while index < chars.len() {
        let start = index;
        let char = at(index);
        if char.is_whitespace() {
            index += 1;
        } else if char == '/' && at(index + 1) == '/' {
            while index < chars.len() && at(index) != '\n' {
                index += 1;
            }
        } else if char == '/' && at(index + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(index), at(index + 1)) {
                    ('/', '*') => (depth, index) = (depth + 1, index + 2),
                    ('*', '/') => (depth, index) = (depth - 1, index + 2),
                    _ => index += 1,
                }
                if depth == 0 || index >= chars.len() {
                    break;
                }
            }
        } else if let Some(after) = literal(&chars, index) {
            index = after;
        } else if char == '\'' && (at(index + 1) == '\\' || at(index + 2) == '\'') {
            index += if at(index + 1) == '\\' { 3 } else { 2 };
            while index < chars.len() && at(index) != '\'' {
                index += 1;
            }
            index += 1;
        } else if char.is_alphanumeric() || char == '_' || char == '\'' {
            index += 1;
            while at(index).is_alphanumeric() || at(index) == '_' {
                index += 1;
            }
            words.push(chars[start..index].iter().collect());
        } else {
            let pair = [char, at(index + 1)];
            index += if [[':', ':'], ['-', '>'], ['=', '>']].contains(&pair) { 2 } else { 1 };
            words.push(chars[start..index].iter().collect());
        }
    }
    words
}

/// The end of the string literal that begins here, if one does.
fn literal(chars: &[char], start: usize) -> Option<usize> {
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut index = start;
    while index < start + 2 && matches!(at(index), 'b' | 'c' | 'r') {
        index += 1;
    }
    let is_raw = index > start && at(index - 1) == 'r';
    let mut hashes = 0;
    while is_raw && at(index) == '#' {
        (hashes, index) = (hashes + 1, index + 1);
    }
    if at(index) != '"' {
        return None;
    }
    index += 1;
    loop {
        match at(index) {
            '\\' if !is_raw => index += 2,
            '"' if (1..=hashes).all(|n| at(index + n) == '#') => return Some(index + 1 + hashes),
            _ => index += 1,
        }
        if index >= chars.len() {
            return Some(index);
        }
    }
}

fn is(words: &[String], expected: &[&str]) -> bool {
    words.len() >= expected.len() && words.iter().zip(expected).all(|(word, other)| word == other)
}

/// Leaves out every item, field, variant and arm under `#[cfg(test)]` or `#[cfg(doctest)]`.
fn without_tests(words: &[String]) -> Vec<String> {
    let (mut kept, mut index) = (Vec::new(), 0);
    while index < words.len() {
        let rest = &words[index..];
        if is(rest, &["#", "[", "cfg", "(", "test", ")", "]"])
            || is(rest, &["#", "[", "cfg", "(", "doctest", ")", "]"])
        {
            index += 7 + item(&rest[7..]);
        } else {
            kept.push(words[index].clone());
            index += 1;
        }
    }
    kept
}

/// The number of words of the item, with attributes of its own.
fn item(words: &[String]) -> usize {
    let (mut depth, mut angles, mut is_attribute) = (0, 0, false);
    for (index, word) in words.iter().enumerate() {
        match word.as_str() {
            "#" if depth == 0 => is_attribute = true,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return index, // of what the item is in
            ")" | "]" | "}" => {
                depth -= 1;
                if depth == 0 && word == "]" && is_attribute {
                    is_attribute = false;
                } else if depth == 0 && word == "}" {
                    return index + 1 + usize::from(is(&words[index + 1..], &[","]));
                }
            }
            "<" if depth == 0 => angles += 1,
            ">" if depth == 0 => angles -= 1,
            ";" | "," if depth == 0 && angles <= 0 => return index + 1,
            _ => {}
        }
    }
    words.len()
}

/// A name at the crate's root that a file uses: `x` of `crate::x`, or of as many `super::` as lead
/// there. `modules` is how deep the file's own module is.
fn roots(tokens: &[String], modules: usize) -> Vec<String> {
    let mut roots = Vec::new();
    // The modules within the file, by the depth of their braces.
    let (mut inner, mut braces): (Vec<usize>, usize) = (Vec::new(), 0);
    let mut index = 0;
    while index < tokens.len() {
        let rest = &tokens[index..];
        match rest[0].as_str() {
            "{" => {
                braces += 1;
                if index >= 2 && tokens[index - 2] == "mod" {
                    inner.push(braces);
                }
            }
            "}" => {
                if inner.last() == Some(&braces) {
                    inner.pop();
                }
                braces = braces.saturating_sub(1);
            }
            "crate" if is(&rest[1..], &["::"]) => roots.extend(names(&rest[2..])),
            "super" if is(&rest[1..], &["::"]) => {
                let mut levels = 0;
                while is(&tokens[index + 2 * levels..], &["super", "::"]) {
                    levels += 1;
                }
                if levels == modules + inner.len() {
                    roots.extend(names(&tokens[index + 2 * levels..]));
                }
                index += 2 * levels;
                continue;
            }
            _ => {}
        }
        index += 1;
    }
    roots
}

/// The names that a path goes on with: several if there is a group.
fn names(path: &[String]) -> Vec<String> {
    if !is(path, &["{"]) {
        return path.first().cloned().into_iter().collect();
    }
    let (mut names, mut depth) = (Vec::new(), 0);
    for (index, word) in path.iter().enumerate() {
        match word.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            _ if depth == 1 && ["{", ","].contains(&path[index - 1].as_str()) => {
                names.push(word.clone());
            }
            _ => {}
        }
    }
    names
}

/// What `lib.rs` re-exports: name to room. `crate::Name` means that room.
fn re_exports(lib: &[String]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for index in 0..lib.len() {
        let rest = &lib[index..];
        if is(rest, &["pub", "use"]) && is(&rest[3..], &["::"]) {
            found.extend(names(&rest[4..]).into_iter().map(|name| (name, rest[2].clone())));
        }
    }
    found
}

/// The modules that a file declares without a body.
fn declared(tokens: &[String]) -> Vec<String> {
    let declarations = tokens.windows(3).filter(|words| words[0] == "mod" && words[2] == ";");
    declarations.map(|words| words[1].clone()).collect()
}

/// One file that is part of the crate when no tests are built.
struct File {
    /// As in `src/model/key.rs`.
    path: String,
    room: String,
    /// How deep its module is: 1 for a room's own.
    modules: usize,
    tokens: Vec<String>,
}

impl File {
    /// What is wrong with this file's imports.
    fn violations(&self, re_exports: &BTreeMap<String, String>) -> Vec<String> {
        let Some(own) = floor(&self.room) else {
            return vec![format!(
                "{}: the room {} has no floor in the table",
                self.path, self.room
            )];
        };
        let uses: BTreeSet<_> = roots(&self.tokens, self.modules).into_iter().collect();
        let mut violations = Vec::new();
        for name in uses {
            let room = re_exports.get(&name).unwrap_or(&name);
            if *room == self.room {
                continue;
            }
            match floor(room) {
                Some(other) if other < own => {}
                Some(other) if other == own => {
                    if !NEIGHBOURS.contains(&(&self.room, room)) {
                        violations.push(format!(
                            "{}: {room} is on the same floor, and not in the list of neighbours",
                            self.path
                        ));
                    }
                }
                Some(other) => violations.push(format!(
                    "{}: it is on floor {own} and imports {room} from floor {other}",
                    self.path
                )),
                None => {
                    violations.push(format!("{}: {name} is no room that the table has", self.path));
                }
            }
        }
        violations
    }
}

/// The files that a file imports from, of the modules beside it: `x` of `super::x`.
fn siblings(tokens: &[String]) -> BTreeSet<String> {
    let is_relative = |word: &String| if word == "crate" { String::new() } else { word.clone() };
    roots(&tokens.iter().map(is_relative).collect::<Vec<_>>(), 1).into_iter().collect()
}

/// The modules that are in circles of imports, where each module comes with those that it imports
/// from.
fn in_circles(mut imports: BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    for (module, from) in &mut imports {
        from.remove(module);
    }
    // A module is in no circle that imports from none of those left, or that none of them imports from.
    loop {
        let left: BTreeSet<String> = imports.keys().cloned().collect();
        let used: BTreeSet<String> = imports.values().flatten().cloned().collect();
        imports.retain(|module, from| !from.is_disjoint(&left) && used.contains(module));
        if imports.len() == left.len() {
            return left.into_iter().collect();
        }
    }
}

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the crate, from `lib.rs` on as the modules lead.
fn files() -> Vec<File> {
    let read = |path: &Path| tokens(&fs::read_to_string(path).expect("the file can be read"));
    let src = crate_root().join("src");
    let mut files = Vec::new();
    let mut open: Vec<(PathBuf, PathBuf, Vec<String>)> =
        vec![(src.join("lib.rs"), src.clone(), Vec::new())];
    while let Some((path, folder, modules)) = open.pop() {
        let tokens = read(&path);
        for name in declared(&tokens) {
            let alone = folder.join(format!("{name}.rs"));
            let inside = folder.join(&name);
            let path = if alone.exists() { alone } else { inside.join("mod.rs") };
            open.push((path, inside, [&modules[..], &[name]].concat()));
        }
        let path = path.strip_prefix(crate_root()).expect("it is in the crate");
        files.push(File {
            path: path.to_str().expect("the names are plain").replace('\\', "/"),
            room: modules.first().map_or("lib", String::as_str).to_owned(),
            modules: modules.len(),
            tokens,
        });
    }
    files
}

/// All files with Rust code under a folder, for tests and all.
fn all_sources(folder: &str) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![crate_root().join(folder)]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

// --- The rules ---

#[test]
fn no_import_climbs() {
    let files = files();
    let lib = files.iter().find(|file| file.room == "lib").expect("there is a lib.rs");
    let re_exports = re_exports(&lib.tokens);
    let violations: Vec<_> = files.iter().flat_map(|file| file.violations(&re_exports)).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn no_files_import_from_each_other_in_a_circle() {
    let mut folders: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let mut add = |folder: &str, module: &str, from: BTreeSet<String>| {
        folders.entry(folder.to_owned()).or_default().insert(module.to_owned(), from);
    };
    for file in files().iter().filter(|file| file.modules > 0) {
        let module = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        let (folder, module) = module.rsplit_once('/').expect("it is in a folder");
        add(folder, module, siblings(&file.tokens));
    }
    for path in all_sources("derive/src") {
        let tokens = tokens(&fs::read_to_string(&path).expect("the file can be read"));
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("the names are plain");
        add("derive/src", module, roots(&tokens, 1).into_iter().collect());
    }
    let circles = folders.into_iter().map(|(folder, imports)| (folder, in_circles(imports)));
    let circles: Vec<_> = circles.filter(|(_, circle)| !circle.is_empty()).collect();
    assert!(circles.is_empty(), "{circles:?}");
}

#[test]
fn the_table_has_the_rooms_that_there_are() {
    let files = files();
    assert!(files.len() > 30, "the walk from lib.rs has found {} files only", files.len());
    let rooms: BTreeSet<_> = files.iter().map(|file| file.room.as_str()).collect();
    let table: BTreeSet<_> = FLOORS.iter().flat_map(|rooms| rooms.iter().copied()).collect();
    assert_eq!(rooms, table);
    for (from, to) in NEIGHBOURS {
        assert_eq!(floor(from), floor(to), "{from} and {to} are no neighbours");
        let uses = |file: &File| {
            file.room == *from && roots(&file.tokens, file.modules).iter().any(|name| name == to)
        };
        assert!(files.iter().any(uses), "{from} does not import {to} any more");
    }
}

#[test]
fn the_contributing_guide_has_the_same_table() {
    let guide = fs::read_to_string(crate_root().join("CONTRIBUTING.md")).expect("there is a guide");
    let mut described = BTreeSet::new();
    for line in guide.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let floor = cells.next().and_then(|cell| cell.parse::<usize>().ok());
        if let (Some(floor), Some(rooms)) = (floor, cells.next()) {
            for room in rooms.split(',') {
                let name = room.trim().trim_matches('`').trim_end_matches('/');
                described.insert((floor, name.trim_end_matches(".rs").to_owned()));
            }
        }
    }
    let table = FLOORS.iter().enumerate();
    let table: BTreeSet<_> = table
        .flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, (*room).to_owned())))
        .collect();
    assert_eq!(described, table);
}

#[test]
fn one_file_names_the_drivers_client() {
    let naming: Vec<_> = files()
        .into_iter()
        .filter(|file| file.tokens.iter().any(|token| token == "Client"))
        .map(|file| file.path)
        .collect();
    assert_eq!(naming, [DRIVER]);
}

#[test]
fn no_file_is_too_long() {
    for path in all_sources("src") {
        let lines = fs::read_to_string(&path).expect("the file can be read").lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_unsafe() {
    let manifest = fs::read_to_string(crate_root().join("Cargo.toml")).expect("it can be read");
    assert!(manifest.contains("unsafe_code = \"forbid\""), "the compiler forbids it");
    for path in [all_sources("src"), all_sources("derive/src")].concat() {
        let words = words(&fs::read_to_string(&path).expect("the file can be read"));
        assert!(!words.iter().any(|word| word == "unsafe"), "{}", path.display());
    }
}

// --- The rules themselves ---

/// What is wrong with a file of this room that has this text.
fn check(room: &str, modules: usize, source: &str) -> Vec<String> {
    let re_exports =
        re_exports(&tokens("pub use flush_plan::{Cycles, Step}; pub use error::Error;"));
    let file = File { path: "it".into(), room: room.into(), modules, tokens: tokens(source) };
    file.violations(&re_exports)
}

#[test]
fn imports_that_climb_are_found() {
    for source in [
        "use crate::unit_of_work::UnitOfWork;",
        "use crate::{error::Error, unit_of_work};",
        "use crate::{\n    error::{self, Error},\n    unit_of_work::{UnitOfWork},\n};",
        "fn f() { crate::unit_of_work::f() }",
        "fn f() -> Result<(), crate :: unit_of_work :: Error> {}",
        "mod inner { use super::super::super::unit_of_work; }",
        "use super::super::unit_of_work;",
        "const TEXT: &str = \"//\"; use crate::unit_of_work;",
        "fn f<'a>(c: char) -> bool { c == '\"' } use crate::unit_of_work; // \"",
        "const R: &str = r#\"\"#; use crate::unit_of_work;",
        "#[cfg(test)] mod tests { } use crate::unit_of_work;",
        "#[cfg(test)] use x::y; use crate::unit_of_work;",
        "enum E { #[cfg(test)] A(B), C(crate::unit_of_work::D) }",
        "#[cfg(test)] impl<'c, T> X<T> for Y { } use crate::unit_of_work;",
        "macro_rules! m { () => { $crate::unit_of_work::f() } }",
        "pub(in crate::unit_of_work) fn f() {}",
    ] {
        let found = check("model", 2, source);
        assert_eq!(
            found,
            ["it: it is on floor 1 and imports unit_of_work from floor 9"],
            "{source}"
        );
    }
    let climbing = "it: it is on floor 1 and imports flush_plan from floor 4";
    assert_eq!(check("model", 1, "fn f(step: crate::Step) {}"), [climbing], "by another name");
    let unknown = "it: cellar is no room that the table has";
    assert_eq!(check("unit_of_work", 1, "use crate::cellar::Wine;"), [unknown]);
    let homeless = "it: the room cellar has no floor in the table";
    assert_eq!(check("cellar", 1, ""), [homeless]);
    let neighbour = "it: arena is on the same floor, and not in the list of neighbours";
    assert_eq!(check("journal", 1, "use crate::arena::Arena;"), [neighbour]);
}

#[test]
fn circles_are_found() {
    let imports = |files: &[(&str, &str)]| {
        let of_file = |(name, text): &(&str, &str)| ((*name).to_owned(), siblings(&tokens(text)));
        files.iter().map(of_file).collect()
    };
    let (a, b) = (("a", "use super::{b::B, d};"), ("b", "use super::c::C; use crate::a;"));
    assert!(in_circles(imports(&[a, b, ("c", "use super::super::a; use super::c;")])).is_empty());
    assert_eq!(in_circles(imports(&[a, b, ("c", "fn f(a: super::a::A) {}")])), ["a", "b", "c"]);
}

#[test]
fn imports_that_do_not_climb_are_let_be() {
    for source in [
        "use crate::error::Error;",
        "use crate::Error;",
        "use crate::model::key; use super::unit_of_work; use super::super::error;",
        "// use crate::unit_of_work;",
        "/// [`UnitOfWork`](crate::unit_of_work)",
        "/* /* */ use crate::unit_of_work; */",
        "const TEXT: &str = \"crate::unit_of_work \\\" crate::unit_of_work\";",
        "const TEXT: &str = r##\"\"# crate::unit_of_work\"##;",
        "#[cfg(test)] mod tests { use crate::unit_of_work; }",
        "#[cfg(test)] #[path = \"x\"] pub(crate) mod tests { fn f() { crate::unit_of_work() } }",
        "#[cfg(test)] fn f<A, B>(a: crate::unit_of_work::A, b: B) -> C { }",
        "enum E { #[cfg(test)] A(crate::unit_of_work::B), C }",
        "match x { #[cfg(test)] A => crate::unit_of_work::f(), _ => {} }",
        "mod inner { use super::super::unit_of_work; }",
        "pub(crate) fn f() {}",
        "use unit_of_work::x;",
    ] {
        assert_eq!(check("model", 2, source), Vec::<String>::new(), "{source}");
    }
    assert!(check("arena", 1, "use crate::journal::Journal;").is_empty());
}
