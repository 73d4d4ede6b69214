//! Which objects a target selects.

use std::sync::Arc;

use regex::Regex;

use super::labels::LabelSelector;
use super::resource::{Id, Resource};
use crate::patterns;
use harness_yaml::Node;

/// A `target`: each given part must match, as a whole and as a regular expression. Source: api/types/selector.go.
#[derive(Debug)]
pub(super) struct Selector {
    group: Option<Pattern>,
    version: Option<Pattern>,
    kind: Option<Pattern>,
    name: Option<Pattern>,
    namespace: Option<Pattern>,
    labels: LabelSelector,
    annotations: LabelSelector,
    /// Whether it has labels or annotations to go by.
    pub(super) has_labels: bool,
    /// Whether it has a kind, a name or a namespace to go by.
    pub(super) has_id: bool,
}

impl Selector {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(target: &Node) -> Result<Self, String> {
        let text = |key: &str| target.get(key).and_then(Node::scalar).unwrap_or_default();
        let pattern = |key: &str| {
            let pattern = text(key);
            if pattern.is_empty() {
                return Ok(None);
            }
            Pattern::of(&pattern).map(Some).map_err(|_| format!("`{pattern}` is not a regular expression"))
        };
        let labels = |key: &str| {
            LabelSelector::parse(&text(key)).map_err(|error| format!("`{}` is not a selector: {error}", text(key)))
        };
        Ok(Self {
            group: pattern("group")?,
            version: pattern("version")?,
            kind: pattern("kind")?,
            name: pattern("name")?,
            namespace: pattern("namespace")?,
            labels: labels("labelSelector")?,
            annotations: labels("annotationSelector")?,
            has_labels: !text("labelSelector").is_empty() || !text("annotationSelector").is_empty(),
            has_id: ["group", "version", "kind", "name", "namespace"].iter().any(|key| !text(key).is_empty()),
        })
    }

    /// Whether it selects an object, by the name that it has or had first. Source: `Select` of api/resmap/reswrangler.go.
    pub(super) fn selects(&self, resource: &Resource) -> bool {
        let (now, first) = (resource.id(), resource.original_id());
        let either = |pattern: &Option<Pattern>, part: fn(&Id) -> &str| {
            meets(pattern, part(&first)) || meets(pattern, part(&now))
        };
        either(&self.namespace, Id::effective_namespace)
            && either(&self.name, |id| &id.name)
            && self.meets_kind(&now)
            && self.meets_labels(&resource.node)
    }

    /// Whether it selects an id.
    pub(super) fn selects_id(&self, id: &Id) -> bool {
        self.meets_kind(id) && meets(&self.name, &id.name) && meets(&self.namespace, &id.namespace)
    }

    fn meets_kind(&self, id: &Id) -> bool {
        meets(&self.group, &id.group) && meets(&self.version, &id.version) && meets(&self.kind, &id.kind)
    }

    pub(super) fn meets_labels(&self, object: &Node) -> bool {
        self.labels.matches(object.at(&["metadata", "labels"]))
            && self.annotations.matches(object.at(&["metadata", "annotations"]))
    }
}

/// What one part of an object's id is held against.
#[derive(Debug)]
enum Pattern {
    /// A text that stands for itself, as most names do.
    Exact(String),
    Regex(Arc<Regex>),
}

impl Pattern {
    fn of(pattern: &str) -> Result<Self, regex::Error> {
        let is_plain = pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_plain {
            return Ok(Self::Exact(pattern.to_owned()));
        }
        patterns::compiled(&format!("^(?:{pattern})$")).map(Self::Regex)
    }
}

fn meets(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| match pattern {
        Pattern::Exact(exact) => exact == text,
        Pattern::Regex(regex) => regex.is_match(text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("{kind: NodePool}", true)]
    #[case("{kind: Node}", false)]
    #[case("{kind: NodePool, name: \"gen.*\"}", true)]
    #[case("{group: karpenter.sh, version: v1}", true)]
    #[case("{labelSelector: \"team=a,tier!=b\"}", true)]
    #[case("{labelSelector: \"!team\"}", false)]
    #[case("{annotationSelector: x}", false)]
    #[case("{namespace: default}", true)]
    fn targets_select(#[case] target: &str, #[case] selected: bool) {
        let node = |text: &str| harness_yaml::documents(text).unwrap().remove(0);
        let object =
            node("{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: general, labels: {team: a}}}");
        assert_eq!(Selector::of(&node(target)).unwrap().selects(&Resource::new(0, object)), selected);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let node = |text: &str| harness_yaml::documents(text).unwrap().remove(0);
        assert!(Selector::of(&node("{name: '('}")).is_err());
        assert!(Selector::of(&node("{labelSelector: 'a in'}")).is_err());
    }
}
