//! What the peers in other languages need, in the folder `installed`, and the versions of all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::inside::CHILD;
use crate::peers::{Listed, Program};
use crate::support::cli::Failure;

/// The folder of this crate.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command to its end. Its output is shown only if it fails.
fn run(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program}: {}\n{}", output.status, String::from_utf8_lossy(&said)).into())
}

/// Installs into a folder what a file asks for, unless that was done before.
fn install(
    name: &str,
    wanted: &Path,
    with: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<PathBuf, Failure> {
    let folder = folder().join("installed").join(name);
    // Written last, so it says that all the rest is there.
    let done = folder.join("done");
    let wanted = fs::read_to_string(wanted)?;
    if fs::read_to_string(&done).is_ok_and(|done| done == wanted) {
        return Ok(folder);
    }
    eprintln!("installing {name} …");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    with(&folder)?;
    fs::write(done, wanted)?;
    Ok(folder)
}

fn install_python(requirements: &str) -> Result<PathBuf, Failure> {
    let wanted = folder().join("python").join(requirements);
    let name = requirements.trim_end_matches(".txt");
    let venv = install(name, &wanted, |venv| {
        run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
        let mut pip = Command::new(venv.join("bin/python"));
        run(pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(&wanted))
    })?;
    Ok(venv.join("bin/python"))
}

fn install_node() -> Result<(), Failure> {
    let wanted = folder().join("node/package.json");
    install("node", &wanted, |modules| {
        fs::copy(&wanted, modules.join("package.json"))?;
        let npm = ["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
        run(Command::new("npm").args(npm).current_dir(modules))
    })?;
    Ok(())
}

/// The command that starts a peer's process, without the address of the server.
pub(crate) fn command(peer: &Listed) -> Result<Command, Failure> {
    match peer.program {
        Program::Rust => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args([CHILD, peer.name]);
            Ok(command)
        }
        Program::Python { script, requirements } => {
            let mut command = Command::new(install_python(requirements)?);
            command.arg("-B").arg(folder().join("python").join(script)).arg(peer.name);
            Ok(command)
        }
        Program::Node { script } => {
            install_node()?;
            let mut command = Command::new("node");
            command.arg(folder().join("node").join(script)).arg(peer.name);
            Ok(command)
        }
    }
}

/// The versions of what a peer is made of: `SQLAlchemy 2.1.9, psycopg 3.3.9`.
pub(crate) fn versions(peer: &Listed) -> Result<String, Failure> {
    let mut versions = Vec::new();
    for package in peer.packages {
        let version = match peer.program {
            Program::Rust => locked(package),
            Program::Python { requirements, .. } => {
                let path = folder().join("python").join(requirements);
                pinned(&fs::read_to_string(path)?, package)
            }
            Program::Node { .. } => depended(include_str!("../node/package.json"), package),
        };
        let version = version.ok_or_else(|| format!("{package} has no version"))?;
        versions.push(format!("{package} {version}"));
    }
    Ok(versions.join(", "))
}

/// The version of a crate that this program was built with.
fn locked(name: &str) -> Option<String> {
    let lock = include_str!("../Cargo.lock");
    let (_, behind) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(behind.split_once('"')?.0.to_owned())
}

/// The version that requirements pin: `psycopg[binary]==3.3.9` is one of `psycopg`.
fn pinned(requirements: &str, name: &str) -> Option<String> {
    let mut pins = requirements.lines().filter_map(|line| line.trim().split_once("=="));
    let (_, version) = pins.find(|(pinned, _)| pinned.split('[').next() == Some(name))?;
    Some(version.to_owned())
}

/// The version that a `package.json` names.
fn depended(json: &str, name: &str) -> Option<String> {
    let (_, behind) = json.split_once(&format!("\"{name}\": \""))?;
    Some(behind.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found() {
        let requirements = "SQLAlchemy==2.1.9\npsycopg[binary]==3.3.9\n";
        assert_eq!(pinned(requirements, "psycopg").as_deref(), Some("3.3.9"));
        assert_eq!(pinned(requirements, "psycopg2"), None);
        assert!(locked("diesel").is_some_and(|version| version.starts_with("2.3.")));
        for peer in crate::peers::PEERS {
            versions(peer).expect("each peer says what it is made of");
        }
    }
}
