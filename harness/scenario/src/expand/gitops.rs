//! Git and Flux: what is set for the run, and what the tree brings beside the node configuration.

use std::collections::BTreeSet;

use serde_json::Value;

use harness_plan::{Gitops, LayerKind, Phase, TreeEdit};
use harness_tree::NodeConfigTree;
use harness_yaml::{self as yaml, Node};

/// `None` where neither the scenario nor the tree says anything of it.
pub(super) fn expand(asked: Option<&Gitops>, tree: &NodeConfigTree, phases: &[Phase]) -> Option<Gitops> {
    let mut kinds: BTreeSet<LayerKind> = tree.layer_kinds.iter().cloned().collect();
    let edits = phases.iter().flat_map(|phase| &phase.actions).flat_map(|planned| planned.action.edits());
    edits.for_each(|edit| kinds.extend(added(edit)));
    let gitops = Gitops {
        layers: tree.layers.clone(),
        kinds: kinds.into_iter().collect(),
        ..asked.cloned().unwrap_or_default()
    };
    (asked.is_some() || !gitops.layers.is_empty()).then_some(gitops)
}

/// The kinds that an edit brings into the tree.
fn added(edit: &TreeEdit) -> Vec<LayerKind> {
    match edit {
        TreeEdit::Add { object, .. } | TreeEdit::AddMany { object, .. } => {
            let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            kind(text("apiVersion"), text("kind")).into_iter().collect()
        }
        TreeEdit::AddText { text, .. } => {
            // What cannot be read is a mistake on purpose: nothing of it is applied.
            let documents = yaml::documents(text).unwrap_or_default();
            let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
            documents.iter().filter_map(|node| kind(text(node, "apiVersion"), text(node, "kind"))).collect()
        }
        TreeEdit::Merge { .. } | TreeEdit::Remove { .. } => Vec::new(),
    }
}

fn kind(api_version: String, kind: String) -> Option<LayerKind> {
    (!api_version.is_empty() && !kind.is_empty()).then_some(LayerKind { api_version, kind })
}
