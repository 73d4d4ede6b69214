//! `vars`: texts of the form `$(NAME)` that stand for a field of an object.
//!
//! Source: `MergeVars` and `ResolveVars` of api/internal/accumulator/resaccumulator.go, api/internal/accumulator/expand and
//! api/filters/refvar.

use super::builder::Builder;
use super::field_path;
use super::resource::{Id, Resource, split_api_version};
use super::specs::{self, Config, Create};
use harness_yaml::{Kind, Mark, Node};

const RULE: &str = "kustomization-vars";
const DEFAULT_PATH: &str = "metadata.name";

/// One of `vars`.
#[derive(Clone, Debug)]
pub(super) struct Var {
    name: String,
    path: String,
    mark: Mark,
}

/// Takes up the vars of a kustomization, and finds the objects that they are of.
pub(super) fn collect(builder: &mut Builder<'_>, document: &Node, resources: &mut [Resource], known: &mut Vec<Var>) {
    let mut more = Vec::new();
    for item in document.items_at(&["vars"]) {
        let text = |path: &[&str]| item.at(path).and_then(Node::scalar).unwrap_or_default();
        let api_version = text(&["objref", "apiVersion"]);
        let (mut group, mut version) = (text(&["objref", "group"]), text(&["objref", "version"]));
        if !api_version.is_empty() {
            let (of, at) = split_api_version(&api_version);
            (group, version) = (if of.is_empty() { group } else { of.to_owned() }, at.to_owned());
        }
        let (kind, name, namespace) =
            (text(&["objref", "kind"]), text(&["objref", "name"]), text(&["objref", "namespace"]));
        let target = Id { group, version, kind, name, namespace, ..Id::default() };
        let is_meant = |id: &Id| {
            if target.namespace.is_empty() { target.is_same_kind_and_name(id) } else { target.is_same(id) }
        };
        let mut found: Vec<&mut Resource> = resources.iter_mut().filter(|resource| resource.any_id(is_meant)).collect();
        match found.as_mut_slice() {
            [] => {}
            [resource] => resource.vars.push(text(&["name"])),
            several => {
                let message = format!("{} objects may be meant by the var `{}`", several.len(), text(&["name"]));
                builder.report(RULE, item.mark, message, "add a namespace to `objref`");
            }
        }
        let path = Some(text(&["fieldref", "fieldPath"])).filter(|path| !path.is_empty());
        more.push(Var {
            name: text(&["name"]),
            path: path.unwrap_or_else(|| DEFAULT_PATH.to_owned()),
            mark: item.mark,
        });
    }
    merge(builder, known, more);
}

/// Adds vars, of which each has a name of its own.
pub(super) fn merge(builder: &mut Builder<'_>, known: &mut Vec<Var>, more: Vec<Var>) {
    for var in more {
        if known.iter().any(|other| other.name == var.name) {
            let message = format!("there is a var `{}` already", var.name);
            builder.report(RULE, var.mark, message, "give it another name");
        } else {
            known.push(var);
        }
    }
}

/// Puts the values in.
pub(super) fn resolve(builder: &mut Builder<'_>, vars: &[Var], config: &Config, resources: &mut [Resource]) {
    let mut values: Vec<(&str, Node)> = Vec::new();
    for var in vars {
        match value(var, resources) {
            Ok(value) => values.push((&var.name, value)),
            Err(message) => {
                builder.report_absent(RULE, var.mark, message, "name an object that is built, and a field that it has");
            }
        }
    }
    if values.is_empty() {
        return;
    }
    for resource in resources {
        let id = resource.id();
        let mark = resource.node.mark;
        for spec in config.section("varReference") {
            let done = specs::visit(&mut resource.node, &id, spec, Create::Nothing, mark, &mut |field| {
                match &mut field.kind {
                    Kind::List(items) => items.iter_mut().for_each(|item| expand(item, &values)),
                    Kind::Map(entries) => entries.iter_mut().for_each(|entry| expand(&mut entry.value, &values)),
                    _ => expand(field, &values),
                }
                Ok(())
            });
            if let Err(message) = done {
                builder.report(RULE, mark, message, "correct the object");
            }
        }
    }
}

fn value(var: &Var, resources: &[Resource]) -> Result<Node, String> {
    let resource = resources.iter().find(|resource| resource.vars.contains(&var.name));
    let resource = resource.ok_or_else(|| format!("the object of the var `{}` is not there", var.name))?;
    let missing = || format!("there is no `{}` in {}", var.path, resource.id());
    let mut node = resource.node.clone();
    // An index stands behind a name in these paths: `ports[0]`.
    let path = var.path.replace('[', ".").replace(']', "");
    let steps = field_path::find(&mut node, &field_path::parts(&path), None, var.mark).ok();
    let steps = steps.and_then(|found| found.into_iter().next()).ok_or_else(missing)?;
    field_path::at(&mut node, &steps).cloned().ok_or_else(missing)
}

fn expand(field: &mut Node, values: &[(&str, Node)]) {
    let Some(text) = field.text().map(str::to_owned) else { return };
    let (mut out, mut rest) = (String::with_capacity(text.len()), text.as_str());
    while let Some(at) = rest.find('$').filter(|at| at + 1 < rest.len()) {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let name = behind.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some((name, more)) = name {
            match values.iter().find(|(known, _)| *known == name) {
                // A text that is nothing but a var keeps the type of its value.
                Some((_, value)) if text.len() == name.len() + "$()".len() => {
                    field.kind = value.kind.clone();
                    return;
                }
                Some((_, value)) => out.push_str(&value.scalar().unwrap_or_default()),
                None => out.push_str(&format!("$({name})")),
            }
            rest = more;
            continue;
        }
        let first = behind.chars().next().map_or(0, char::len_utf8);
        // `$$` stands for one of them.
        out.push_str(if behind.starts_with('$') { "$" } else { &rest[at..=at + first] });
        rest = &behind[first..];
    }
    out.push_str(rest);
    field.kind = Kind::Text(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("$(A)", Kind::Number(5.0, "5".to_owned()))]
    #[case("x-$(A)-$(B)", Kind::Text("x-5-b".to_owned()))]
    #[case("$(C) $$(A) $x $", Kind::Text("$(C) $(A) $x $".to_owned()))]
    fn vars_are_put_into_texts(#[case] text: &str, #[case] expected: Kind) {
        let node = |text: &str| harness_yaml::documents(text).unwrap().remove(0);
        let values = [("A", node("5")), ("B", node("b"))];
        let mut field = Node::of_text(text, Mark::START);
        expand(&mut field, &values);
        assert_eq!(field.kind, expected);
    }
}
