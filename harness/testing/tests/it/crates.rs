//! Arrows between crates, and dependencies that nothing uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use harness_testing::repository;

/// A package of the workspace.
struct Package {
    folder: PathBuf,
    /// From `[dependencies]`.
    dependencies: BTreeSet<String>,
    /// From `[dev-dependencies]`.
    dev_dependencies: BTreeSet<String>,
}

/// The packages of the workspace by the name of their folder.
fn packages() -> BTreeMap<String, Package> {
    let workspace = fs::read_to_string(repository("Cargo.toml")).unwrap();
    let members = workspace.lines().filter_map(|line| line.trim().strip_prefix("\"harness/"));
    let names = members.filter_map(|line| line.strip_suffix("\","));
    names
        .map(|name| {
            let folder = repository("harness").join(name);
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            let package = Package {
                folder,
                dependencies: section(&manifest, "[dependencies]"),
                dev_dependencies: section(&manifest, "[dev-dependencies]"),
            };
            (name.to_owned(), package)
        })
        .collect()
}

fn section(manifest: &str, head: &str) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| *line != head).skip(1).take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The crates that each may name, by the table in ARCHITECTURE.md: the third column, crates in backticks.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(repository("harness/ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("/` |"));
    rows.filter_map(|(name, rest)| {
        let may_name = rest.split('|').nth(1)?;
        let named = may_name.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some((name.to_owned(), named))
    })
    .collect()
}

#[test]
fn each_crate_names_only_those_that_the_architecture_allows() {
    let (packages, allowed) = (packages(), allowed());
    let mut wrong = Vec::new();
    for (name, package) in &packages {
        let Some(allowed) = allowed.get(name) else {
            wrong.push(format!("harness/ARCHITECTURE.md has no row for `{name}/`"));
            continue;
        };
        let named = package.dependencies.iter().filter_map(|dependency| dependency.strip_prefix("harness-"));
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        for other in named.difference(allowed) {
            wrong.push(format!("`{name}` depends on `{other}`, which ARCHITECTURE.md does not allow"));
        }
        for other in allowed.difference(&named) {
            wrong.push(format!("ARCHITECTURE.md says that `{name}` names `{other}`, and it does not"));
        }
    }
    for name in allowed.keys().filter(|name| !packages.contains_key(*name)) {
        wrong.push(format!("ARCHITECTURE.md has a row for `{name}/`, which is not a crate"));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    for (name, package) in packages() {
        let sources = texts(&package.folder, &["src"]);
        let tests = texts(&package.folder, &["src", "tests", "examples", "benches"]);
        for (dependencies, texts, what) in
            [(&package.dependencies, &sources, "dependency"), (&package.dev_dependencies, &tests, "dev-dependency")]
        {
            for dependency in dependencies {
                let word = dependency.replace('-', "_");
                if !texts.iter().any(|text| mentions(text, &word)) {
                    unused.push(format!("{name}: nothing uses the {what} {dependency}"));
                }
            }
        }
    }
    assert!(unused.is_empty(), "\n{}", unused.join("\n"));
}

fn mentions(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next()))
}

/// The Rust files of some folders of a package, and those that they include by `#[path]`.
fn texts(folder: &Path, below: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut paths: Vec<PathBuf> = below.iter().map(|name| folder.join(name)).filter(|path| path.is_dir()).collect();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let taken_in = text.split("#[path = \"").skip(1).filter_map(|rest| rest.split('"').next());
            paths.extend(taken_in.map(|file| path.with_file_name("").join(file)));
            texts.push(text);
        }
    }
    texts
}
