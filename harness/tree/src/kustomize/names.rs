//! References by name: they follow objects that get another name.
//!
//! Source: api/internal/accumulator/namereferencetransformer.go and api/filters/nameref.

use std::collections::{BTreeSet, HashMap};

use super::resource::{Id, Resource, kind};
use super::specs::{self, Config, Create, FieldSpec, Selected};
use harness_yaml::{Kind, Mark, Node};

/// What is known of an object that others may refer to, or that refers.
struct Known {
    now: Id,
    first: Id,
    previous: Vec<Id>,
    /// The namespaces whose service accounts it names, where it is a RoleBinding.
    subjects: Result<Vec<String>, String>,
}

/// Makes every reference by an earlier name one by the name of today.
///
/// # Errors
/// More than one object may be meant, or a path leads to something else.
pub(super) fn follow(resources: &mut [Resource], config: &Config) -> Vec<(Mark, String)> {
    let known: Vec<Known> = resources
        .iter()
        .map(|resource| Known {
            now: resource.id(),
            first: resource.original_id(),
            previous: resource.previous_ids().collect(),
            subjects: subject_namespaces(&resource.node),
        })
        .collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, of) in known.iter().enumerate() {
        let names: BTreeSet<&str> = of.previous.iter().map(|id| id.name.as_str()).collect();
        names.into_iter().for_each(|name| by_name.entry(name).or_default().push(index));
    }
    let mut errors = Vec::new();
    for index in 0..resources.len() {
        if let (Err(message), false) = (&known[index].subjects, known[index].now.is_cluster_scoped()) {
            errors.push((resources[index].node.mark, message.clone()));
            continue;
        }
        let mut node = std::mem::replace(&mut resources[index].node, Node::empty_map(Mark::START));
        for (kind, specs) in &config.references {
            let follow = Follow { resources, known: &known, by_name: &by_name, referrer: index, kind };
            for spec in specs.iter().filter(|spec| spec.of.selects(&known[index].first)) {
                let any = FieldSpec { of: Selected::default(), path: spec.path.clone(), create: false };
                let is_role = spec.path.ends_with(&["roleRef".to_owned(), "name".to_owned()]);
                let role = if is_role { node.get("roleRef").and_then(role_of) } else { None };
                let mark = node.mark;
                let done = specs::visit(&mut node, &known[index].now, &any, Create::Nothing, mark, &mut |value| {
                    follow.set(value, role.as_ref())
                });
                errors.extend(done.err().map(|error| (mark, error)));
            }
        }
        resources[index].node = node;
    }
    errors
}

fn role_of(reference: &Node) -> Option<Selected> {
    let text = |key: &str| reference.get(key)?.scalar();
    Some(Selected { group: text("apiGroup")?, kind: text("kind")?, version: String::new() })
}

/// The namespaces whose service accounts a RoleBinding names.
fn subject_namespaces(node: &Node) -> Result<Vec<String>, String> {
    if kind(node) != "RoleBinding" {
        return Ok(Vec::new());
    }
    let accounts = node.items_at(&["subjects"]).iter();
    let accounts = accounts.filter(|subject| kind(subject) == "ServiceAccount");
    let namespaces = accounts.filter_map(|subject| subject.get("namespace"));
    namespaces
        .map(|namespace| {
            namespace.text().map(str::to_owned).ok_or_else(|| "a subject's namespace is not a text".to_owned())
        })
        .collect()
}

/// References of one object to objects of one kind.
struct Follow<'a> {
    resources: &'a [Resource],
    known: &'a [Known],
    by_name: &'a HashMap<&'a str, Vec<usize>>,
    referrer: usize,
    kind: &'a Selected,
}

impl Follow<'_> {
    fn set(&self, value: &mut Node, role: Option<&Selected>) -> Result<(), String> {
        match &mut value.kind {
            Kind::Null => Ok(()),
            Kind::List(items) => items.iter_mut().try_for_each(|item| self.set_one(item, role)),
            _ => self.set_one(value, role),
        }
    }

    fn set_one(&self, value: &mut Node, role: Option<&Selected>) -> Result<(), String> {
        let is_map = matches!(value.kind, Kind::Map(_));
        let name = if is_map { value.get("name") } else { Some(&*value) };
        let Some(name) = name.and_then(Node::scalar) else {
            return if is_map { Err("a `name` is expected".to_owned()) } else { Ok(()) };
        };
        let namespace = if is_map { value.get("namespace").and_then(Node::scalar) } else { None };
        let Some(target) = self.referral(&name, namespace.as_deref(), is_map, role)? else { return Ok(()) };
        let new = Node::of_text(target.name.clone(), value.get("name").map_or(value.mark, |name| name.mark));
        if !is_map {
            if target.name != name {
                *value = new;
            }
        } else if target.name != name || !target.namespace.is_empty() {
            value.put("name", new);
            if !target.namespace.is_empty() {
                let mark = value.get("namespace").map_or(value.mark, |namespace| namespace.mark);
                value.put("namespace", Node::of_text(target.namespace.clone(), mark));
            }
        }
        Ok(())
    }

    /// The object that is meant; `None` where none is, or where it kept its name.
    fn referral(
        &self,
        name: &str,
        namespace: Option<&str>,
        with_namespace: bool,
        role: Option<&Selected>,
    ) -> Result<Option<&Id>, String> {
        let own = &self.known[self.referrer];
        let mut found: Vec<usize> = self.by_name.get(name).into_iter().flatten().copied().collect();
        found.retain(|index| self.may_refer_to(&self.known[*index]));
        if let Some(namespace) = namespace {
            let of = |id: fn(&Known) -> &Id| -> Vec<usize> {
                let is_there = |index: &&usize| id(&self.known[**index]).effective_namespace() == namespace;
                found.iter().filter(is_there).copied().collect()
            };
            // The groups are of all candidates, whatever their names: one that is there hides the other.
            let first = self
                .known
                .iter()
                .any(|known| known.first.effective_namespace() == namespace && self.may_refer_to(known));
            found = if first { of(|known| &known.first) } else { of(|known| &known.now) };
        }
        let had_kind = |index: &usize, kind: &Selected| self.known[*index].previous.iter().any(|id| kind.selects(id));
        found.retain(|index| had_kind(index, self.kind) && role.is_none_or(|role| had_kind(index, role)));
        found.retain(|index| {
            let now = &self.known[*index].now;
            own.now.is_cluster_scoped()
                || now.is_cluster_scoped()
                || now.kind == "ServiceAccount"
                || own.now.is_in_namespace_of(now)
        });
        if found.len() > 1 {
            let shares = |index: &usize, with_none: bool| {
                self.resources[*index].shares_prefixes_and_suffixes(&self.resources[self.referrer], with_none)
            };
            found.retain(|index| shares(index, true));
            if found.len() > 1 {
                found.retain(|index| shares(index, false));
            }
        }
        let Some(first) = found.first() else { return Ok(None) };
        let target = &self.known[*first].now;
        let differs = |index: &&usize| {
            let other = &self.known[**index].now;
            other.name != target.name || (with_namespace && other.namespace != target.namespace)
        };
        match found.iter().find(differs) {
            None => Ok(Some(target)),
            Some(other) => Err(format!("`{name}` may be {target} or {}", self.known[*other].now)),
        }
    }

    fn may_refer_to(&self, other: &Known) -> bool {
        let own = &self.known[self.referrer];
        own.now.is_cluster_scoped()
            || other.now.is_cluster_scoped()
            || own.now.is_in_namespace_of(&other.now)
            || own.subjects.as_ref().is_ok_and(|subjects| subjects.contains(&other.now.namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::super::transform::{Side, names};
    use super::*;

    fn resources(texts: &[&str]) -> Vec<Resource> {
        let node = |text: &&str| harness_yaml::documents(text).unwrap().remove(0);
        texts.iter().map(|text| Resource::new(0, node(text))).collect()
    }

    /// Before, a Deployment kept the name that its ConfigMap had before the prefix.
    #[test]
    fn a_reference_follows_the_new_name() {
        let mut all = resources(&[
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}",
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {volumes: [{configMap: {name: settings}}, {configMap: {name: other}}]}}",
        ]);
        let config = Config::built_in();
        names(&mut all, config.section("namePrefix"), Side::Prefix, "prod-", Mark::START).unwrap();
        assert_eq!(follow(&mut all, config), []);
        let volumes = all[1].node.items_at(&["spec", "volumes"]);
        let name = |at: usize| volumes[at].at(&["configMap", "name"]).and_then(Node::text);
        assert_eq!((name(0), name(1)), (Some("prod-settings"), Some("other")));
    }

    #[test]
    fn a_role_is_that_of_the_kind_that_is_named() {
        let mut all = resources(&[
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: r}}",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}}",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}",
        ]);
        let config = Config::built_in();
        names(&mut all[..1], config.section("namePrefix"), Side::Prefix, "a-", Mark::START).unwrap();
        names(&mut all[1..2], config.section("namePrefix"), Side::Prefix, "b-", Mark::START).unwrap();
        assert_eq!(follow(&mut all, config), []);
        assert_eq!(all[2].node.at(&["roleRef", "name"]).and_then(Node::text), Some("a-r"));
    }
}
