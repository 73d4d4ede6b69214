//! Which Flux objects need which others.

use kube::api::DynamicObject;
use serde_json::Value;

use super::kinds::ObjectRef;
use super::object::Found;
use super::order::Node;

/// The labels that kustomize-controller puts on the objects that it applies.
const APPLIED_BY: [&str; 2] = ["kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name"];

const SOURCES: &str = "source.toolkit.fluxcd.io";

/// Each object with the objects that it needs and those that it follows.
pub(super) fn nodes(found: &[Found]) -> Vec<Node> {
    found.iter().map(node).collect()
}

fn node(found: &Found) -> Node {
    let (id, spec) = (found.reference(), &found.object.data["spec"]);
    let mut needs: Vec<ObjectRef> = sources(&id, spec);
    needs.extend(list(&spec["dependsOn"]).filter_map(|it| reference(&id, it, &id.group, &id.kind)));
    needs.extend(reference(&id, &spec["imageRepositoryRef"], &id.group, "ImageRepository"));
    // Everybody needs a source, and who applied the source may need it too.
    let applied_by = if found.kind.is_source() { None } else { applied_by(&found.object) };
    let after = applied_by.filter(|parent| *parent != id).into_iter().collect();
    Node { id, needs, after }
}

/// The source of an object.
pub(super) fn source(found: &Found) -> Option<ObjectRef> {
    sources(&found.reference(), &found.object.data["spec"]).into_iter().next()
}

/// The sources that a spec names.
fn sources(id: &ObjectRef, spec: &Value) -> Vec<ObjectRef> {
    let chart = &spec["chart"]["spec"]["sourceRef"];
    let single = [&spec["sourceRef"], &spec["chartRef"], chart].into_iter();
    let referenced = single.filter_map(|it| reference(id, it, SOURCES, "GitRepository"));
    let included = list(&spec["include"]).filter_map(|it| reference(id, &it["repository"], SOURCES, "GitRepository"));
    referenced.chain(included).collect()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The object that a reference names; kind and namespace default to the given kind and the object's own namespace.
fn reference(from: &ObjectRef, reference: &Value, group: &str, kind: &str) -> Option<ObjectRef> {
    let text = |key: &str| reference[key].as_str().filter(|text| !text.is_empty());
    Some(ObjectRef {
        group: group.to_owned(),
        kind: text("kind").unwrap_or(kind).to_owned(),
        namespace: text("namespace").map(str::to_owned).or_else(|| from.namespace.clone()),
        name: text("name")?.to_owned(),
    })
}

/// The Kustomization that has applied an object.
fn applied_by(object: &DynamicObject) -> Option<ObjectRef> {
    let labels = object.metadata.labels.as_ref()?;
    let [namespace, name] = APPLIED_BY.map(|label| labels.get(label).cloned());
    Some(ObjectRef {
        group: "kustomize.toolkit.fluxcd.io".to_owned(),
        kind: "Kustomization".to_owned(),
        namespace: Some(namespace?),
        name: name?,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::flux::kinds::tests::kind;

    pub(in crate::flux) fn found(name: &str, id: &str, spec: &Value, applied_by: Option<&str>) -> Found {
        let labels = applied_by.map(|parent| json!({APPLIED_BY[0]: "flux-system", APPLIED_BY[1]: parent}));
        let kind = kind(name);
        let object = serde_json::from_value(json!({
            "apiVersion": format!("{}/v1", kind.group), "kind": name, "spec": spec,
            "metadata": {"name": id, "namespace": "flux-system", "labels": labels},
        }));
        Found { kind, object: object.unwrap() }
    }

    #[rstest]
    #[case("Kustomization", json!({"sourceRef": {"kind": "GitRepository", "name": "a"}, "dependsOn": [{"name": "b"}, {"name": "c", "namespace": "x"}]}),
        &["GitRepository flux-system/a", "Kustomization flux-system/b", "Kustomization x/c"])]
    #[case("HelmRelease", json!({"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "a"}}}, "dependsOn": [{"name": "b"}]}),
        &["HelmRepository flux-system/a", "HelmRelease flux-system/b"])]
    #[case("HelmRelease", json!({"chartRef": {"kind": "OCIRepository", "name": "a", "namespace": "x"}}), &["OCIRepository x/a"])]
    #[case("HelmChart", json!({"sourceRef": {"kind": "HelmRepository", "name": "a"}}), &["HelmRepository flux-system/a"])]
    #[case("GitRepository", json!({"include": [{"repository": {"name": "a"}}]}), &["GitRepository flux-system/a"])]
    #[case("ImagePolicy", json!({"imageRepositoryRef": {"name": "a"}}), &["ImageRepository flux-system/a"])]
    #[case("ImageUpdateAutomation", json!({"sourceRef": {"kind": "GitRepository", "name": "a"}}), &["GitRepository flux-system/a"])]
    #[case("Receiver", json!({"resources": [{"kind": "GitRepository", "name": "a"}]}), &[])]
    fn what_each_kind_needs(#[case] kind: &str, #[case] spec: Value, #[case] needs: &[&str]) {
        let node = node(&found(kind, "me", &spec, None));
        let shown: Vec<String> = node.needs.iter().map(ToString::to_string).collect();
        assert_eq!(shown, needs);
    }

    #[test]
    fn what_is_applied_comes_after_who_applies_it() {
        let layer = node(&found("Kustomization", "apps", &json!({}), Some("root")));
        assert_eq!(layer.after[0].to_string(), "Kustomization flux-system/root");
        // A root that applies itself and its own source, as `flux bootstrap` leaves it.
        assert_eq!(node(&found("Kustomization", "root", &json!({}), Some("root"))).after, Vec::<ObjectRef>::new());
        assert_eq!(node(&found("GitRepository", "root", &json!({}), Some("root"))).after, Vec::<ObjectRef>::new());
    }
}
