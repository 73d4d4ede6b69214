//! API versions: those that were served once, misspelt kinds, and kinds that are gone.
//!
//! Sources: the embedded CRDs; for what Kubernetes served once its deprecation guide,
//! <https://kubernetes.io/docs/reference/using-api/deprecation-guide/>; for what it serves, k8s.io/kubernetes v1.36.3: `DefaultAPIResourceConfigSource`
//! in pkg/controlplane/instance.go and the `rest` folders of pkg/registry.

use crate::crd;
use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::kustomize::CLUSTER_KINDS;
use crate::object::Object;
use harness_plan::ObjectAddress;
use harness_yaml::{Entry, Mark, Node, Problem, suggest};

const RULE: &str = "api-version";
const REFUSED: &str = "the API server does not serve it: Flux applies nothing of the tree and reports it as not ready";

/// Versions that Kubernetes served once: kind, apiVersion, the release that ended it, what is served instead, and whether nothing else of
/// the object has to change.
const GONE: [(&str, &str, &str, &str, bool); 43] = [
    ("HorizontalPodAutoscaler", "autoscaling/v2beta2", "1.26", "autoscaling/v2", true),
    ("HorizontalPodAutoscaler", "autoscaling/v2beta1", "1.25", "autoscaling/v2", false),
    ("PodDisruptionBudget", "policy/v1beta1", "1.25", "policy/v1", true),
    ("PodSecurityPolicy", "policy/v1beta1", "1.25", "", false),
    ("CronJob", "batch/v1beta1", "1.25", "batch/v1", true),
    ("CronJob", "batch/v2alpha1", "1.21", "batch/v1", true),
    ("EndpointSlice", "discovery.k8s.io/v1beta1", "1.25", "discovery.k8s.io/v1", false),
    ("Event", "events.k8s.io/v1beta1", "1.25", "events.k8s.io/v1", false),
    ("RuntimeClass", "node.k8s.io/v1beta1", "1.25", "node.k8s.io/v1", true),
    ("Ingress", "extensions/v1beta1", "1.22", "networking.k8s.io/v1", false),
    ("Ingress", "networking.k8s.io/v1beta1", "1.22", "networking.k8s.io/v1", false),
    ("IngressClass", "networking.k8s.io/v1beta1", "1.22", "networking.k8s.io/v1", true),
    ("NetworkPolicy", "extensions/v1beta1", "1.16", "networking.k8s.io/v1", true),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1beta1", "1.22", "apiextensions.k8s.io/v1", false),
    (
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1beta1",
        "1.22",
        "admissionregistration.k8s.io/v1",
        false,
    ),
    (
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1beta1",
        "1.22",
        "admissionregistration.k8s.io/v1",
        false,
    ),
    ("APIService", "apiregistration.k8s.io/v1beta1", "1.22", "apiregistration.k8s.io/v1", true),
    ("Lease", "coordination.k8s.io/v1beta1", "1.22", "coordination.k8s.io/v1", true),
    ("PriorityClass", "scheduling.k8s.io/v1beta1", "1.22", "scheduling.k8s.io/v1", true),
    ("StorageClass", "storage.k8s.io/v1beta1", "1.22", "storage.k8s.io/v1", true),
    ("CSIDriver", "storage.k8s.io/v1beta1", "1.22", "storage.k8s.io/v1", true),
    ("CSINode", "storage.k8s.io/v1beta1", "1.22", "storage.k8s.io/v1", true),
    ("CSIStorageCapacity", "storage.k8s.io/v1beta1", "1.27", "storage.k8s.io/v1", true),
    ("ClusterRole", "rbac.authorization.k8s.io/v1beta1", "1.22", "rbac.authorization.k8s.io/v1", true),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1beta1", "1.22", "rbac.authorization.k8s.io/v1", true),
    ("Role", "rbac.authorization.k8s.io/v1beta1", "1.22", "rbac.authorization.k8s.io/v1", true),
    ("RoleBinding", "rbac.authorization.k8s.io/v1beta1", "1.22", "rbac.authorization.k8s.io/v1", true),
    ("FlowSchema", "flowcontrol.apiserver.k8s.io/v1beta3", "1.32", "flowcontrol.apiserver.k8s.io/v1", true),
    (
        "PriorityLevelConfiguration",
        "flowcontrol.apiserver.k8s.io/v1beta3",
        "1.32",
        "flowcontrol.apiserver.k8s.io/v1",
        true,
    ),
    ("FlowSchema", "flowcontrol.apiserver.k8s.io/v1beta2", "1.29", "flowcontrol.apiserver.k8s.io/v1", false),
    (
        "PriorityLevelConfiguration",
        "flowcontrol.apiserver.k8s.io/v1beta2",
        "1.29",
        "flowcontrol.apiserver.k8s.io/v1",
        false,
    ),
    ("CertificateSigningRequest", "certificates.k8s.io/v1beta1", "1.22", "certificates.k8s.io/v1", false),
    ("VolumeAttachment", "storage.k8s.io/v1beta1", "1.22", "storage.k8s.io/v1", true),
    ("PodSecurityPolicy", "extensions/v1beta1", "1.16", "", false),
    ("Deployment", "extensions/v1beta1", "1.16", "apps/v1", false),
    ("Deployment", "apps/v1beta1", "1.16", "apps/v1", false),
    ("Deployment", "apps/v1beta2", "1.16", "apps/v1", true),
    ("StatefulSet", "apps/v1beta1", "1.16", "apps/v1", false),
    ("StatefulSet", "apps/v1beta2", "1.16", "apps/v1", true),
    ("DaemonSet", "extensions/v1beta1", "1.16", "apps/v1", false),
    ("DaemonSet", "apps/v1beta2", "1.16", "apps/v1", true),
    ("ReplicaSet", "extensions/v1beta1", "1.16", "apps/v1", false),
    ("ReplicaSet", "apps/v1beta2", "1.16", "apps/v1", true),
];

/// Kinds of Kubernetes itself, by the apiVersion in which the pinned API server serves them by default; without those that only ask a question,
/// such as a review.
const SERVED: [(&str, &[&str]); 20] = [
    (
        "v1",
        &[
            "ConfigMap",
            "Endpoints",
            "LimitRange",
            "Namespace",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
            "Event",
            "Binding",
            "ComponentStatus",
            "List",
        ],
    ),
    ("apps/v1", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "ControllerRevision"]),
    ("batch/v1", &["CronJob", "Job"]),
    ("autoscaling/v1", &["HorizontalPodAutoscaler"]),
    ("autoscaling/v2", &["HorizontalPodAutoscaler"]),
    ("policy/v1", &["PodDisruptionBudget"]),
    ("networking.k8s.io/v1", &["Ingress", "IngressClass", "NetworkPolicy", "IPAddress", "ServiceCIDR"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]),
    (
        "storage.k8s.io/v1",
        &["CSIDriver", "CSINode", "CSIStorageCapacity", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
    ),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    (
        "admissionregistration.k8s.io/v1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
        ],
    ),
    ("discovery.k8s.io/v1", &["EndpointSlice"]),
    ("events.k8s.io/v1", &["Event"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    ("resource.k8s.io/v1", &["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"]),
    ("apiregistration.k8s.io/v1", &["APIService"]),
    ("coordination.k8s.io/v1", &["Lease"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("flowcontrol.apiserver.k8s.io/v1", &["FlowSchema", "PriorityLevelConfiguration"]),
];

/// What the API server would say of `apiVersion` and `kind`.
pub(super) fn are_served(object: &Object<'_>) -> Option<Finding> {
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    if kind.is_empty() || version.is_empty() {
        return Some(nothing(object));
    }
    karpenter_of_old(object)
        .or_else(|| embedded(object, group, version, kind))
        .or_else(|| gone(object, kind))
        .or_else(|| off_by_default(object, kind))
        .or_else(|| misspelt(object, kind))
}

fn nothing(object: &Object<'_>) -> Finding {
    let lacks = if object.kind().is_empty() { "kind" } else { "apiVersion" };
    object
        .error(RULE, object.node.mark, format!("this is not a Kubernetes object: it has no `{lacks}`"))
        .effect("kustomize cannot build the tree: Flux applies nothing of it")
        .fix("give it `apiVersion`, `kind` and `metadata.name`, or leave the file out of `resources`")
}

fn karpenter_of_old(object: &Object<'_>) -> Option<Finding> {
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    let mark = object.key_mark(&["apiVersion"]);
    let (message, fix) = match (group, kind) {
        ("karpenter.sh", "NodePool" | "NodeClaim") if version != "v1" => (
            format!("{kind} {group}/{version} is no longer served"),
            "write `apiVersion: karpenter.sh/v1`; v1beta1 ended with Karpenter 1.0, and `disruption.expireAfter` moved to `template.spec.expireAfter`",
        ),
        ("karpenter.sh", "Provisioner" | "Machine") => {
            (format!("{kind} is a kind of Karpenter before 0.32"), "write a NodePool in `karpenter.sh/v1`")
        }
        ("karpenter.k8s.aws", _) => {
            (format!("{kind} belongs to Karpenter on AWS"), "write an AKSNodeClass in `karpenter.azure.com/v1beta1`")
        }
        _ => return None,
    };
    let renamed = ["NodePool", "NodeClaim"].contains(&kind) && version == "v1beta1";
    let edits = if renamed { version_edits(object, "karpenter.sh/v1") } else { Vec::new() };
    Some(object.error(RULE, mark, message).effect(REFUSED).fix(fix).edits(edits))
}

fn version_edits(object: &Object<'_>, new: &str) -> Vec<crate::finding::Edit> {
    object.node.get("apiVersion").map(|node| object.replacing(node, new)).unwrap_or_default()
}

/// Kinds whose CRD is known.
fn embedded(object: &Object<'_>, group: &str, version: &str, kind: &str) -> Option<Finding> {
    let mark = object.key_mark(&["apiVersion"]);
    if let Some(crd) = crd::find(group, kind) {
        let newest = crd.versions.iter().rev().find(|known| known.served && !known.deprecated)?;
        let current = format!("{group}/{}", newest.name);
        let fix = format!("write `apiVersion: {current}`");
        return match crd::served(group, kind, version) {
            Some(known) if known.deprecated => Some(
                object
                    .note(RULE, mark, format!("{kind} {version} is deprecated"))
                    .effect(format!("it is served and stored as {}, with a warning", newest.name))
                    .fix(fix)
                    .edits(version_edits(object, &current)),
            ),
            Some(_) => None,
            None => {
                // An alpha of the image automation differs in its fields; the schema says where, once the version is right.
                let message = format!("{kind} {group}/{version} is no longer served");
                let finding = object.error(RULE, mark, message).effect(REFUSED).fix(fix);
                Some(finding.edits(version_edits(object, &current)))
            }
        };
    }
    let kinds = crd::kinds_of(group);
    if !kinds.is_empty() {
        let message = format!("there is no kind `{kind}` in the group {group}");
        let finding = object
            .error(RULE, object.key_mark(&["kind"]), message)
            .effect(REFUSED)
            .fix(suggest::hint(kind, kinds.iter().copied()));
        return Some(finding.edits(same_but_case(object, kind, &kinds)));
    }
    // A kind that only one known group has, in a group that is nearly that one, or that is known not to have it.
    let crd =
        crd::all().iter().find(|crd| crd.kind == kind && (is_near(group, &crd.group) || is_of_kubernetes(group)))?;
    let newest = crd.versions.iter().rev().find(|known| known.served && !known.deprecated)?;
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    let there = if group.is_empty() { "the core group".to_owned() } else { format!("the group `{group}`") };
    let message = format!("{article} {kind} of {there} is not that of `{}`", crd.group);
    Some(
        object
            .error(RULE, mark, message)
            .effect(REFUSED)
            .fix(format!("write `apiVersion: {}/{}`", crd.group, newest.name)),
    )
}

/// Only Karpenter has a `NodePool`; a `Kustomization` is also one of kustomize, and many groups have a `Bucket`.
fn is_near(group: &str, known: &str) -> bool {
    known.starts_with("karpenter") || suggest::closest(group, [known]).is_some() && group != "kustomize.config.k8s.io"
}

/// Whether Kubernetes itself serves the group, so that no custom resource can be of it.
fn is_of_kubernetes(group: &str) -> bool {
    SERVED.iter().any(|(api_version, _)| api_version.rsplit_once('/').map_or("", |(known, _)| known) == group)
}

fn same_but_case(object: &Object<'_>, kind: &str, kinds: &[&str]) -> Vec<crate::finding::Edit> {
    let same = kinds.iter().find(|known| known.eq_ignore_ascii_case(kind));
    same.zip(object.node.get("kind")).map(|(right, node)| object.replacing(node, right)).unwrap_or_default()
}

fn gone(object: &Object<'_>, kind: &str) -> Option<Finding> {
    let api_version = object.node.get("apiVersion").and_then(Node::text)?;
    let (.., release, instead, alone) = GONE.iter().find(|(of, version, ..)| *of == kind && *version == api_version)?;
    let fix = match (instead.is_empty(), alone) {
        (true, _) => "remove it: use Pod Security Admission".to_owned(),
        (false, true) => format!("write `apiVersion: {instead}`"),
        (false, false) => format!("write `apiVersion: {instead}`, whose fields differ"),
    };
    let edits = if *alone { version_edits(object, instead) } else { Vec::new() };
    let message = format!("{kind} {api_version} ended with Kubernetes {release}");
    Some(object.error(RULE, object.key_mark(&["apiVersion"]), message).effect(REFUSED).fix(fix).edits(edits))
}

/// An alpha or beta of what is served in another version: the pinned API server has them switched off.
fn off_by_default(object: &Object<'_>, kind: &str) -> Option<Finding> {
    let (group, version) = (object.group(), object.version());
    if group.is_empty() || !(version.contains("alpha") || version.contains("beta")) {
        return None;
    }
    let of_group = |served: &str| served.strip_prefix(group).is_some_and(|rest| rest.starts_with('/'));
    let (right, _) = SERVED.iter().find(|(served, kinds)| of_group(served) && kinds.contains(&kind))?;
    let message = format!("{kind} {group}/{version} is not served, unless it is switched on");
    let fix = format!("write `apiVersion: {right}`, and look for fields that differ");
    // AKS cannot switch it on; other clusters may have.
    Some(object.warning(RULE, object.key_mark(&["apiVersion"]), message).effect(REFUSED).fix(fix))
}

fn misspelt(object: &Object<'_>, kind: &str) -> Option<Finding> {
    let api_version = object.node.get("apiVersion").and_then(Node::text)?;
    // `ConfigMapList` and its like: kustomize applies the items.
    if kind.strip_suffix("List").is_some_and(|of| SERVED.iter().any(|(_, kinds)| kinds.contains(&of))) {
        return None;
    }
    if let Some((_, kinds)) = SERVED.iter().find(|(known, _)| *known == api_version) {
        if kinds.contains(&kind) {
            return None;
        }
        let elsewhere = SERVED.iter().find(|(_, kinds)| kinds.contains(&kind)).map(|(version, _)| *version);
        let near = suggest::closest(kind, kinds.iter().copied());
        let fix = match (elsewhere, near) {
            (Some(version), _) => format!("write `apiVersion: {version}`"),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            // A kind of an API that a tree rarely holds, such as a review.
            (None, None) => return None,
        };
        let edits = match elsewhere {
            Some(version) => version_edits(object, version),
            None => same_but_case(object, kind, kinds),
        };
        let message = format!("there is no kind `{kind}` in {api_version}");
        return Some(object.error(RULE, object.key_mark(&["kind"]), message).effect(REFUSED).fix(fix).edits(edits));
    }
    // A known kind in a group that no server has: `app/v1`. The core group has one version.
    let (right, _) = SERVED.iter().find(|(version, kinds)| {
        let is_near = || suggest::closest(api_version, [*version]).is_some();
        kinds.contains(&kind) && (*version == "v1" && !api_version.contains('/') || is_near())
    })?;
    let message = format!("there is no kind `{kind}` in {api_version}");
    Some(
        object
            .error(RULE, object.key_mark(&["apiVersion"]), message)
            .effect(REFUSED)
            .fix(format!("did you mean `apiVersion: {right}`?")),
    )
}

/// Kinds without a namespace that kustomize's own list does not have yet.
const NEWER_CLUSTER_KINDS: [&str; 8] = [
    "ComponentStatus",
    "DeviceClass",
    "IPAddress",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ResourceSlice",
    "ServiceCIDR",
    "VolumeAttributesClass",
];

/// What is wrong with an object's address, as far as its kind is known: that the kind is not served, or that a namespace is missing or
/// should not be given. With the path of the key.
pub fn address_problem(at: &ObjectAddress) -> Option<Problem> {
    let place = |offset: usize| Mark { offset, ..Mark::START };
    let text = |key: &str, value: &str, at: usize| Entry {
        key: key.to_owned(),
        key_mark: place(at),
        value: Node::of_text(value, place(at)),
    };
    let (of_version, of_kind) = (1, 2);
    let mut node = Node::empty_map(Mark::START);
    node.entries_mut()?.extend([text("apiVersion", &at.api_version, of_version), text("kind", &at.kind, of_kind)]);
    let object = Object { file: "", node, files: Files::none() };
    if let Some(finding) = are_served(&object).filter(|finding| finding.severity == Severity::Error) {
        let key = if finding.offset == of_kind { "kind" } else { "apiVersion" };
        return Some(Problem::new(&[key], finding.message, finding.fix.unwrap_or(finding.effect)));
    }
    match (is_namespaced(&object)?, &at.namespace) {
        (true, None) => Some(Problem::new(&[], format!("a {} has a namespace", at.kind), "give `namespace`")),
        (false, Some(_)) => {
            Some(Problem::of_key(&["namespace"], format!("a {} has no namespace", at.kind), "leave it out"))
        }
        _ => None,
    }
}

/// Whether objects of a kind belong to a namespace; `None` where the kind is not known.
fn is_namespaced(object: &Object<'_>) -> Option<bool> {
    let (group, kind) = (object.group(), object.kind());
    if let Some(crd) = crd::find(group, kind) {
        return Some(crd.scope == "Namespaced");
    }
    let api_version = object.node.get("apiVersion").and_then(Node::text)?;
    let is_known = SERVED.iter().any(|(known, kinds)| *known == api_version && kinds.contains(&kind));
    is_known.then(|| !CLUSTER_KINDS.contains(&kind) && !NEWER_CLUSTER_KINDS.contains(&kind))
}

/// Whether the fields of an object are known here.
pub(crate) fn is_checked(object: &Object<'_>) -> bool {
    crd::find(object.group(), object.kind()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    // Before, the pinned API server's own kind was said not to be there.
    #[case("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", "")]
    #[case("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding", "")]
    #[case("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy", "not served, unless")]
    #[case("admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy", "not served, unless")]
    #[case("resource.k8s.io/v1", "ResourceClaimTemplate", "")]
    #[case("resource.k8s.io/v1beta1", "ResourceClaim", "not served, unless")]
    #[case("resource.k8s.io/v1alpha3", "DeviceTaintRule", "")]
    #[case("discovery.k8s.io/v1", "EndpointSlice", "")]
    #[case("events.k8s.io/v1", "Event", "")]
    #[case("certificates.k8s.io/v1", "CertificateSigningRequest", "")]
    #[case("certificates.k8s.io/v1beta1", "ClusterTrustBundle", "")]
    #[case("storage.k8s.io/v1beta1", "VolumeAttributesClass", "not served, unless")]
    #[case("networking.k8s.io/v1beta1", "ServiceCIDR", "not served, unless")]
    #[case("networking.k8s.io/v1beta1", "Ingress", "ended with Kubernetes 1.22")]
    #[case("apps/v1beta2", "ReplicaSet", "ended with Kubernetes 1.16")]
    #[case("v1", "ConfigMapList", "")]
    #[case("authentication.k8s.io/v1", "TokenReview", "")]
    #[case("v1", "EndpointSlice", "there is no kind `EndpointSlice` in v1")]
    #[case("example.com/v1beta1", "Ingress", "")]
    fn kinds_are_those_that_the_pinned_api_server_serves(
        #[case] api_version: &str,
        #[case] kind: &str,
        #[case] expected: &str,
    ) {
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        let node = harness_yaml::documents_of(&text, 0).unwrap().remove(0);
        let found = are_served(&Object { file: "a.yaml", node, files: crate::files::Files::none() });
        let message = found.map(|finding| finding.message).unwrap_or_default();
        assert!(message.contains(expected) && message.is_empty() == expected.is_empty(), "{message}");
    }
}
