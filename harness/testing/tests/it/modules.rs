//! Cycles between modules. In each folder of a crate, sibling modules name each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use harness_testing::repository;
use rstest::rstest;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree};

/// A module, with what it declares and what it names.
#[derive(Default)]
struct Module {
    children: BTreeMap<String, Module>,
    /// Its re-exports, by name: the path behind each.
    exports: BTreeMap<String, Vec<String>>,
    /// Modules all of whose public items it re-exports.
    globs: Vec<Vec<String>>,
    /// The items that it defines, by name.
    items: BTreeSet<String>,
    /// Every path that it names, from the root of the crate. A path into another crate is not among them.
    names: Vec<Vec<String>>,
}

/// Reads a module's file and those below it. Tests are left out.
fn read(file: &Path, folder: &Path, path: &[String]) -> Module {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut module = Module::default();
    items(&syntax.items, folder, path, &mut module);
    module
}

fn items(items: &[Item], folder: &Path, path: &[String], module: &mut Module) {
    for item in items {
        match item {
            Item::Mod(inner) if is_test(&inner.attrs) => {}
            Item::Mod(inner) => {
                let name = inner.ident.to_string();
                let below: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
                let child = match &inner.content {
                    Some((_, content)) => {
                        let mut child = Module::default();
                        self::items(content, &folder.join(&name), &below, &mut child);
                        child
                    }
                    None => {
                        let file = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
                        let file = file.into_iter().find(|file| file.is_file());
                        read(&file.unwrap_or_else(|| panic!("no file of {below:?}")), &folder.join(&name), &below)
                    }
                };
                module.children.insert(name, child);
            }
            Item::Use(used) if !is_test(&used.attrs) => {
                for (segments, name) in flatten(&used.tree, Vec::new()) {
                    let Some(absolute) = absolute(&segments, path, module) else { continue };
                    if !matches!(used.vis, syn::Visibility::Inherited) {
                        match absolute.split_last() {
                            Some((last, above)) if last == "*" => module.globs.push(above.to_vec()),
                            _ => _ = module.exports.insert(name, absolute.clone()),
                        }
                    }
                    module.names.push(absolute);
                }
            }
            other => {
                module.items.extend(defined(other));
                let mut paths = Paths { path, names: Vec::new() };
                paths.visit_item(other);
                module.names.extend(paths.names);
            }
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Meta>().is_ok_and(|meta| meta.path().is_ident("test"))
    })
}

/// The name of what an item defines.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Struct(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Type(it) => &it.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// The module at a path.
fn module_at<'m>(root: &'m Module, path: &[String]) -> Option<&'m Module> {
    path.iter().try_fold(root, |module, name| module.children.get(name))
}

/// The paths of a `use`, each with the name that it is known by.
fn flatten(tree: &UseTree, mut before: Vec<String>) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before)
        }
        UseTree::Name(name) if name.ident == "self" => {
            let known = before.last().cloned().unwrap_or_default();
            vec![(before, known)]
        }
        UseTree::Name(name) => {
            before.push(name.ident.to_string());
            vec![(before, name.ident.to_string())]
        }
        UseTree::Rename(rename) => {
            if rename.ident != "self" {
                before.push(rename.ident.to_string());
            }
            vec![(before, rename.rename.to_string())]
        }
        UseTree::Glob(_) => {
            before.push("*".to_owned());
            vec![(before, "*".to_owned())]
        }
        UseTree::Group(group) => group.items.iter().flat_map(|tree| flatten(tree, before.clone())).collect(),
    }
}

/// A path from the root of the crate; `None` where it leads into another crate.
fn absolute(segments: &[String], path: &[String], module: &Module) -> Option<Vec<String>> {
    let (first, rest) = segments.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some(path.iter().chain(rest).cloned().collect()),
        "super" => {
            let (_, above) = path.split_last()?;
            let mut segments = vec!["self".to_owned()];
            segments.extend(rest.iter().cloned());
            absolute(&segments, above, module)
                .filter(|_| rest.first().is_none_or(|next| next != "super"))
                .or_else(|| absolute(rest, above, module))
        }
        child if module.children.contains_key(child) => Some(path.iter().chain(segments).cloned().collect()),
        _ => None,
    }
}

/// Paths in items, such as `crate::text::count(1)`.
struct Paths<'a> {
    path: &'a [String],
    names: Vec<Vec<String>>,
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_path(&mut self, found: &'ast syn::Path) {
        let segments: Vec<String> = found.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 && ["crate", "super", "self"].contains(&segments[0].as_str()) {
            self.names.extend(absolute(&segments, self.path, &Module::default()));
        }
        visit::visit_path(self, found);
    }
}

/// Follows re-exports until the path leads to a module or an item of one.
fn resolve(root: &Module, path: &[String]) -> Vec<String> {
    let mut path = path.to_vec();
    for _ in 0..8 {
        let mut module = root;
        let mut depth = 0;
        while let Some(child) = path.get(depth).and_then(|name| module.children.get(name)) {
            module = child;
            depth += 1;
        }
        let Some(name) = path.get(depth) else { break };
        let has = |glob: &&Vec<String>| {
            module_at(root, glob).is_some_and(|of| of.items.contains(name) || of.exports.contains_key(name))
        };
        let globbed = || Some(module.globs.iter().find(has)?.iter().chain([name]).cloned().collect());
        let Some(behind) = module.exports.get(name).cloned().or_else(globbed) else { break };
        let next: Vec<String> = behind.iter().chain(&path[depth + 1..]).cloned().collect();
        if next == path {
            break;
        }
        path = next;
    }
    path
}

/// Every path that a module and those below it name.
fn named<'a>(module: &'a Module, names: &mut Vec<&'a [String]>) {
    names.extend(module.names.iter().map(Vec::as_slice));
    module.children.values().for_each(|child| named(child, names));
}

/// The cycles among the modules of a folder and those below.
fn cycles(root: &Module, module: &Module, path: &[String], found: &mut Vec<String>) {
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, child) in &module.children {
        let mut names = Vec::new();
        named(child, &mut names);
        let targets = arrows.entry(name).or_default();
        for target in names.into_iter().map(|path| resolve(root, path)) {
            let below = target.strip_prefix(path).and_then(|rest| rest.first());
            if let Some((other, _)) = below.and_then(|below| module.children.get_key_value(below))
                && other != name
            {
                targets.insert(other);
            }
        }
    }
    let reaches = |from: &str| {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = arrows[from].iter().copied().collect();
        while let Some(name) = next.pop() {
            if seen.insert(name) {
                next.extend(&arrows[name]);
            }
        }
        seen
    };
    let circle: Vec<&str> =
        module.children.keys().map(String::as_str).filter(|name| reaches(name).contains(name)).collect();
    for from in &circle {
        let to: Vec<&str> =
            arrows[from].iter().copied().filter(|to| circle.contains(to) && reaches(to).contains(from)).collect();
        found.push(format!("{}: {from} -> {}", path.join("::"), to.join(", ")));
    }
    for (name, child) in &module.children {
        let below: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        cycles(root, child, &below, found);
    }
}

/// Checks that a crate has no cycles.
fn check(file: &Path) {
    let root = read(file, file.parent().unwrap(), &[]);
    let mut found = Vec::new();
    cycles(&root, &root, &[], &mut found);
    assert!(found.is_empty(), "cycles in {}: {found:#?}", file.display());
}

#[rstest]
fn modules_name_each_other_in_one_direction(#[files("../*/src/lib.rs")] lib: PathBuf) {
    check(&lib);
}

#[test]
fn the_binary_has_no_cycles_either() {
    check(&repository("harness/cli/src/main.rs"));
}
