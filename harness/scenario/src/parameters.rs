//! Parameters: their types, their values in each profile, and `--set`.

use std::collections::BTreeMap;

use crate::schema::Use;
use harness_plan::Profile;
use harness_units::ScalarType;
use harness_yaml::Diagnostic;
use harness_yaml::suggest;
use harness_yaml::{Kind, Mark, Node};

/// A parameter of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The type, which is that of the places where it is used.
    pub kind: ScalarType,
    /// The value in each profile, as written.
    pub values: BTreeMap<Profile, String>,
    /// What it means.
    pub description: Option<String>,
}

/// The values of every parameter in one run, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values(pub(crate) BTreeMap<String, String>);

/// The document with the value of each parameter where the parameter is used. Places stay those of the uses.
pub(crate) fn bind(document: &Node, uses: &[Use], values: &Values) -> Node {
    let mut bound = document.clone();
    replace(&mut bound, uses, values);
    bound
}

fn replace(node: &mut Node, uses: &[Use], values: &Values) {
    match &mut node.kind {
        Kind::Text(_) => {
            let used = uses.iter().find(|used| used.mark == node.mark);
            if let Some(text) = used.and_then(|used| values.0.get(&used.parameter)) {
                node.kind = scalar(text);
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| replace(item, uses, values)),
        Kind::Map(entries) => entries.iter_mut().for_each(|entry| replace(&mut entry.value, uses, values)),
        Kind::Null | Kind::Bool(_) | Kind::Number(..) => {}
    }
}

/// A value as it would be if it stood in the file.
fn scalar(text: &str) -> Kind {
    match text.trim().parse::<f64>() {
        Ok(number) => Kind::Number(number, text.trim().to_owned()),
        Err(_) => Kind::Text(text.to_owned()),
    }
}

/// Reads the parameters of a document whose structure has been checked; reports unknown, unused and mistyped ones.
pub(crate) fn read(
    file: &str,
    document: &Node,
    uses: &[Use],
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Parameter> {
    let declared = document.entries_at(&["parameters"]);
    let mut types: BTreeMap<&str, &Use> = BTreeMap::new();
    for one in uses {
        let names = declared.iter().map(|entry| entry.key.as_str());
        if !declared.iter().any(|entry| entry.key == one.parameter) {
            let hint = if declared.is_empty() {
                "declare it under `parameters`".to_owned()
            } else {
                suggest::hint(&one.parameter, names)
            };
            let message = format!("unknown parameter `${}`", one.parameter);
            diagnostics.push(Diagnostic::new(file, one.mark, message).with_hint(hint));
            continue;
        }
        let first = types.entry(one.parameter.as_str()).or_insert(one);
        if first.kind != one.kind {
            let message = format!(
                "`${}` stands for a {} here and for a {} in line {}",
                one.parameter, one.kind, first.kind, first.mark.line
            );
            let hint = "a parameter has one type: declare a second one";
            diagnostics.push(Diagnostic::new(file, one.mark, message).with_hint(hint));
        }
    }
    let misplaced = misplaced(document, uses);
    for (text, mark) in &misplaced {
        let is_said = diagnostics.iter().any(|known| (known.line, known.column) == (mark.line, mark.column));
        let names = declared.iter().map(|entry| entry.key.as_str());
        let Some(near) = suggest::closest(text, names).filter(|_| !is_said) else { continue };
        let meant = if near == *text { String::new() } else { format!("did you mean `${near}`? ") };
        let hint = format!(
            "{meant}a parameter stands for a number, with or without a unit, and nowhere else: write the value"
        );
        let message = format!("no parameter can stand here: this is the text `${text}`");
        diagnostics.push(Diagnostic::new(file, *mark, message).with_hint(hint));
    }
    let mut parameters = BTreeMap::new();
    for entry in declared {
        let name = entry.key.as_str();
        if !is_name(name) {
            let hint = "start with a letter, then letters and digits: podsPerClass";
            let message = format!("`{name}` cannot be the name of a parameter");
            diagnostics.push(Diagnostic::new(file, entry.key_mark, message).with_hint(hint));
        }
        let Some(used) = types.get(name) else {
            if misplaced.iter().any(|(text, _)| *text == name) {
                continue;
            }
            let message = format!("the parameter `{name}` is never used");
            let hint = format!("refer to it as ${name}, or remove it: setting it would change nothing");
            diagnostics.push(Diagnostic::new(file, entry.key_mark, message).with_hint(hint));
            continue;
        };
        let mut values = BTreeMap::new();
        for (key, profile) in [("default", Profile::Default), ("smoke", Profile::Smoke), ("full", Profile::Full)] {
            let Some(node) = entry.value.get(key) else { continue };
            let Some(text) = node.scalar() else { continue };
            match used.kind.check(&text) {
                Ok(()) => drop(values.insert(profile, text)),
                Err(why) => {
                    let message = format!("{why}, as `${name}` must be in line {}", used.mark.line);
                    let hint = format!("write {}", used.kind.example());
                    diagnostics.push(Diagnostic::new(file, node.mark, message).with_hint(hint));
                }
            }
        }
        if let Some(default) = values.get(&Profile::Default).cloned() {
            for profile in [Profile::Smoke, Profile::Full] {
                values.entry(profile).or_insert_with(|| default.clone());
            }
        }
        let parameter =
            Parameter { kind: used.kind, values, description: entry.value.get("description").and_then(Node::scalar) };
        parameters.insert(name.to_owned(), parameter);
    }
    parameters
}

/// Texts that are written like the use of a parameter, where none can stand.
fn misplaced<'d>(document: &'d Node, uses: &[Use]) -> Vec<(&'d str, Mark)> {
    fn search<'d>(node: &'d Node, uses: &[Use], found: &mut Vec<(&'d str, Mark)>) {
        match &node.kind {
            Kind::Text(text) => {
                let name = text.strip_prefix('$').filter(|name| is_name(name));
                let name = name.filter(|_| uses.iter().all(|used| used.mark != node.mark));
                found.extend(name.map(|name| (name, node.mark)));
            }
            Kind::List(items) => items.iter().for_each(|item| search(item, uses, found)),
            Kind::Map(entries) => entries.iter().for_each(|entry| search(&entry.value, uses, found)),
            Kind::Null | Kind::Bool(_) | Kind::Number(..) => {}
        }
    }
    let mut found = Vec::new();
    let rest = document.entries().iter().filter(|entry| entry.key != "parameters");
    rest.for_each(|entry| search(&entry.value, uses, &mut found));
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The values in a profile, with overrides; the last of a name wins.
pub(crate) fn values(
    parameters: &BTreeMap<String, Parameter>,
    profile: Profile,
    overrides: &[String],
) -> Result<Values, Vec<Diagnostic>> {
    let mut values: BTreeMap<String, String> = parameters
        .iter()
        .filter_map(|(name, parameter)| Some((name.clone(), parameter.values.get(&profile)?.clone())))
        .collect();
    let mut diagnostics = Vec::new();
    for text in overrides {
        match assignment(parameters, text) {
            Ok((name, value)) => drop(values.insert(name.to_owned(), value.to_owned())),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    if diagnostics.is_empty() { Ok(Values(values)) } else { Err(diagnostics) }
}

/// Reads one `key=value`.
fn assignment<'a>(parameters: &BTreeMap<String, Parameter>, text: &'a str) -> Result<(&'a str, &'a str), Diagnostic> {
    let at = |offset: usize, length: usize, message: String| {
        let mark = Mark {
            line: 1,
            column: u32::try_from(text[..offset].chars().count() + 1).unwrap_or(u32::MAX),
            offset,
            length,
            source: 0,
        };
        Diagnostic::new(&format!("--set {text}"), mark, message)
    };
    let Some((name, value)) = text.split_once('=') else {
        let message = format!("`{text}` sets nothing");
        return Err(at(0, text.len(), message).with_hint("write --set name=value"));
    };
    let Some(parameter) = parameters.get(name) else {
        let names = parameters.keys().map(String::as_str);
        let hint = if parameters.is_empty() {
            "this scenario has no parameters".to_owned()
        } else {
            suggest::hint(name, names)
        };
        return Err(at(0, name.len(), format!("the scenario has no parameter `{name}`")).with_hint(hint));
    };
    match parameter.kind.check(value) {
        Ok(()) => Ok((name, value)),
        Err(why) => {
            let hint = format!("write {}", parameter.kind.example());
            Err(at(name.len() + 1, value.len(), why.to_string()).with_hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn parameters() -> BTreeMap<String, Parameter> {
        let count = Parameter {
            kind: ScalarType::Count,
            values: [(Profile::Default, "40".to_owned()), (Profile::Smoke, "6".to_owned())].into(),
            description: None,
        };
        [("podsPerClass".to_owned(), count)].into()
    }

    #[test]
    fn the_last_override_wins() {
        let overrides = ["podsPerClass=1".to_owned(), "podsPerClass=2".to_owned()];
        let values = values(&parameters(), Profile::Smoke, &overrides).unwrap();
        assert_eq!(values.0["podsPerClass"], "2");
    }

    #[rstest]
    #[case("podsPerClass", 1, "sets nothing", "name=value")]
    #[case("podsPerClas=4", 1, "no parameter `podsPerClas`", "did you mean `podsPerClass`?")]
    #[case("podsPerClass=4s", 14, "`4s` is not a count", "whole number")]
    fn wrong_overrides_say_what_is_wrong(
        #[case] text: &str,
        #[case] column: u32,
        #[case] message: &str,
        #[case] hint: &str,
    ) {
        let error = values(&parameters(), Profile::Default, &[text.to_owned()]).unwrap_err().remove(0);
        assert_eq!((error.line, error.column), (1, column));
        assert!(error.message.contains(message), "{error}");
        assert!(error.hint.as_ref().unwrap().contains(hint), "{error}");
    }
}
