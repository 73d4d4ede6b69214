//! What a Flux Kustomization adds to the folder that it points at.
//!
//! Source: fluxcd/pkg/kustomize (generator and substitution), as kustomize-controller v1.9.5 uses it.

use super::builder::{Builder, By, Place};
use super::kind;
use harness_yaml::{Kind, Node, Shared};

/// The API group of Flux's Kustomizations.
pub(crate) const FLUX_GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// The API group of flux-operator.
pub(crate) const OPERATOR_GROUP: &str = "fluxcd.controlplane.io";

/// Whether an object is a Kustomization of Flux, of whatever version.
pub(crate) fn is_flux_kustomization(node: &Node) -> bool {
    let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
    version.split('/').next() == Some(FLUX_GROUP) && kind(node) == "Kustomization"
}

/// Whether an object is a ResourceSet, of which flux-operator makes other objects.
pub(crate) fn is_resource_set(node: &Node) -> bool {
    let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
    version.split('/').next() == Some(OPERATOR_GROUP) && kind(node) == "ResourceSet"
}

/// The outermost kustomization as kustomize-controller writes it again, with what the `spec` of a Kustomization adds.
/// Source: `GenerateManifest` of fluxcd/pkg/kustomize v1.35.6, `kustomize_generator.go`.
pub(super) fn overlaid(builder: &mut Builder<'_>, place: Place<'_>, mut document: Node, spec: Option<&Node>) -> Node {
    if builder.open.len() == 1 && builder.by == By::Flux && document.items_at(&["resources"]).is_empty() {
        // Flux writes something into a kustomization that says nothing, and so into others without resources.
        let origins = Node::of_text("originAnnotations", document.mark);
        document
            .put("buildMetadata", Node { kind: Kind::List(vec![origins].into()), ..Node::empty_map(document.mark) });
    }
    let Some(spec) = spec else { return document };
    for (own, into) in [("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")] {
        if let Some(value) = spec.get(own).filter(|value| value.text().is_some()) {
            document.put(into, value.clone());
        }
    }
    let ignores = spec.get("ignoreMissingComponents").and_then(Node::scalar).as_deref() == Some("true");
    let is_missing = |component: &Node| {
        let path = super::join(place.folder, component.text().unwrap_or_default());
        path.is_none_or(|path| !builder.files.has_folder(&path))
    };
    if let Some(metadata) = spec.get("buildMetadata").filter(|metadata| !metadata.items().is_empty()) {
        document.put("buildMetadata", metadata.clone());
    }
    let components = spec.items_at(&["components"]).iter().filter(|component| !(ignores && is_missing(component)));
    append(&mut document, "components", components.cloned().collect());
    for key in ["patches", "patchesStrategicMerge", "patchesJson6902"] {
        append(&mut document, key, spec.items_at(&[key]).to_vec());
    }
    for image in spec.items_at(&["images"]) {
        change_image(&mut document, image);
    }
    document
}

fn append(document: &mut Node, key: &str, more: Vec<Node>) {
    let Some(first) = more.first() else { return };
    if document.get(key).is_none() {
        document.put(key, Node { kind: Kind::List(Shared::default()), ..Node::empty_map(first.mark) });
    }
    if let Some(items) = document.get_mut(key).and_then(Node::items_mut) {
        items.extend(more);
    }
}

/// An image of the `spec` changes the item of its name. A tag and a digest go together: either one takes the place of both.
fn change_image(document: &mut Node, image: &Node) {
    let name = |node: &Node| node.get("name").and_then(Node::scalar);
    let known = document.get_mut("images").and_then(Node::items_mut);
    let Some(known) = known.and_then(|items| items.iter_mut().find(|item| name(item) == name(image))) else {
        return append(document, "images", vec![image.clone()]);
    };
    if let Some(new_name) = image.get("newName") {
        known.put("newName", new_name.clone());
    }
    if image.get("newTag").is_none() && image.get("digest").is_none() {
        return;
    }
    for key in ["newTag", "digest"] {
        let nothing = Node::of_text("", image.mark);
        known.put(key, image.get(key).cloned().unwrap_or(nothing));
    }
}
