//! The parts of a NodePool that are neither requirements nor limits.

use super::given;
use crate::finding::Finding;
use crate::object::Object;
use harness_yaml::Node;
use harness_yaml::suggest;

/// What `WhenEmptyOrUnderutilized` was called before Karpenter 1.0. Source: the v1 migration guide of Karpenter.
const RENAMED_POLICY: &str = "WhenUnderutilized";

const POLICIES: [&str; 3] = ["WhenEmpty", "WhenEmptyOrUnderutilized", "Balanced"];
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// The rule about references to node classes.
const RULE: &str = "node-class-ref";
const AKS_GROUP: &str = "karpenter.azure.com";
const AKS_KIND: &str = "AKSNodeClass";

pub(super) fn node_class_ref(object: &Object<'_>) -> Vec<Finding> {
    let path = ["spec", "template", "spec", "nodeClassRef"];
    let Some(reference) = object.node.at(&path) else {
        let mark = object.key_mark(&path);
        let finding = object.refused(
            RULE,
            mark,
            "`spec.template.spec.nodeClassRef` is missing",
            "write `nodeClassRef: {group: karpenter.azure.com, kind: AKSNodeClass, name: ...}`",
        );
        return vec![finding];
    };
    let mut findings = Vec::new();
    for (key, expected) in [("group", Some(AKS_GROUP)), ("kind", Some(AKS_KIND)), ("name", None)] {
        let value = reference.get(key);
        if value.and_then(Node::text).is_some_and(|text| !text.is_empty()) {
            continue;
        }
        let fix =
            expected.map_or("name an AKSNodeClass of the tree".to_owned(), |text| format!("write `{key}: {text}`"));
        // A reference that says its `apiVersion` gets its group from that, and what is of another provider is not completed.
        let is_of_aks = |key: &str, expected: &str| reference.get(key).is_none_or(|it| it.text() == Some(expected));
        let other = (reference.get("apiVersion").is_some() && key == "group")
            || (value.is_none() && !(is_of_aks("group", AKS_GROUP) && is_of_aks("kind", AKS_KIND)));
        let line = expected.filter(|_| !other && value.is_none()).map(|text| format!("{key}: {text}"));
        let edits = line.map(|line| object.inserting(reference, &line)).unwrap_or_default();
        let finding = object.refused(RULE, object.key_mark(&path), format!("`nodeClassRef` has no `{key}`"), fix);
        findings.push(finding.edits(edits));
    }
    findings
}

/// A node class that the provisioner on AKS does not know.
pub(super) fn node_class_is_of_aks(object: &Object<'_>) -> Vec<Finding> {
    let path = ["spec", "template", "spec", "nodeClassRef"];
    let reference = object.node.at(&path).filter(|_| object.version() == "v1");
    let expected = [("group", AKS_GROUP), ("kind", AKS_KIND)];
    let wrong = expected.into_iter().filter_map(|(key, expected)| {
        let value = reference?.get(key)?;
        let text = value.text().filter(|text| !text.is_empty() && *text != expected)?;
        let finding = object
            .error(RULE, value.mark, format!("`nodeClassRef.{key}` is `{text}`"))
            .effect("the provisioner on AKS ignores pools of other node classes")
            .fix(format!("write `{key}: {expected}`"));
        Some(finding)
    });
    wrong.collect()
}

/// `^(([0-9]+(s|m|h))+|Never)$`, as the CRD says it.
fn is_duration(text: &str, never: bool) -> bool {
    if text == "Never" {
        return never;
    }
    let mut digits = false;
    for c in text.chars() {
        match c {
            '0'..='9' => digits = true,
            's' | 'm' | 'h' if digits => digits = false,
            _ => return false,
        }
    }
    !text.is_empty() && !digits
}

pub(super) fn disruption(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "disruption";
    let mut findings = Vec::new();
    for (path, never) in [
        (&["spec", "disruption", "consolidateAfter"][..], true),
        (&["spec", "template", "spec", "expireAfter"], true),
        (&["spec", "template", "spec", "terminationGracePeriod"], false),
    ] {
        let Some(node) = given(object.node.at(path)) else { continue };
        let text = node.scalar().unwrap_or_default();
        if !is_duration(&text, never) {
            let key = path[path.len() - 1];
            let fix = if never { "write it like 30s, 10m, 720h or Never" } else { "write it like 30s, 10m or 1h" };
            let message = format!("`{key}` is {}, which is not a duration of Karpenter", node.describe());
            findings.push(object.refused(RULE, node.mark, message, fix));
        }
    }
    let Some(disruption) = given(object.node.at(&["spec", "disruption"])) else { return findings };
    if disruption.get("consolidateAfter").is_none() {
        let mark = object.key_mark(&["spec", "disruption"]);
        let finding = object
            .refused(
                RULE,
                mark,
                "`spec.disruption` has no `consolidateAfter`",
                "write `consolidateAfter: 0s`, which is what pools without `disruption` have, or longer",
            )
            .edits(object.inserting(disruption, "consolidateAfter: 0s"));
        findings.push(finding);
    }
    if let Some(policy) = given(disruption.get("consolidationPolicy")) {
        let renamed = policy.scalar().is_some_and(|text| text.eq_ignore_ascii_case(RENAMED_POLICY));
        let edits = if renamed { object.replacing(policy, "WhenEmptyOrUnderutilized") } else { Vec::new() };
        let finding = spelling(object, RULE, "consolidationPolicy", policy, &POLICIES);
        findings.extend(finding.map(|finding| if renamed { finding.edits(edits) } else { finding }));
    }
    findings
}

/// A value that is not one of those that are known.
pub(super) fn spelling(
    object: &Object<'_>,
    rule: &'static str,
    key: &str,
    node: &Node,
    known: &[&str],
) -> Option<Finding> {
    let text = node.scalar().unwrap_or_default();
    (!known.contains(&text.as_str())).then(|| {
        object
            .refused(
                rule,
                node.mark,
                format!("`{key}` cannot be `{text}`"),
                suggest::hint(&text, known.iter().copied()),
            )
            .edits(same_but_case(&text, known).map(|right| object.replacing(node, right)).unwrap_or_default())
    })
}

/// The right spelling where only the case is wrong: anything else may be another meaning.
pub(super) fn same_but_case<'k>(text: &str, known: &[&'k str]) -> Option<&'k str> {
    known.iter().copied().find(|known| known.eq_ignore_ascii_case(text))
}

pub(super) fn taints(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "taints";
    let mut findings = Vec::new();
    for list in ["taints", "startupTaints"] {
        for taint in object.node.items_at(&["spec", "template", "spec", list]) {
            if taint.get("key").and_then(Node::text).is_none_or(str::is_empty) {
                findings.push(object.refused(
                    RULE,
                    taint.mark,
                    format!("an item of `{list}` has no `key`"),
                    "give it a key",
                ));
            }
            match taint.get("effect") {
                Some(effect) => findings.extend(spelling(object, RULE, "effect", effect, &EFFECTS)),
                None => findings.push(object.refused(
                    RULE,
                    taint.mark,
                    format!("an item of `{list}` has no `effect`"),
                    "write `effect: NoSchedule`",
                )),
            }
            if let Some(value) = given(taint.get("value")).filter(|value| value.text().is_none()) {
                let message = format!("the value of a taint is {}, where a text is expected", value.describe());
                let (fix, edits) = object.as_text(value);
                findings.push(object.refused(RULE, value.mark, message, fix).edits(edits));
            }
        }
    }
    findings
}

pub(super) fn weight_and_replicas(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "weight-and-replicas";
    let weight = given(object.node.at(&["spec", "weight"]));
    let replicas = given(object.node.at(&["spec", "replicas"]));
    let mut findings = Vec::new();
    if let Some(weight) = weight.filter(|weight| !weight.whole().is_some_and(|value| (1..=100).contains(&value))) {
        let message = format!("`weight` is {}", weight.describe());
        findings.push(object.refused(
            RULE,
            weight.mark,
            message,
            "write a number from 1 to 100, or leave it out for 0",
        ));
    }
    let Some(replicas) = replicas else { return findings };
    if replicas.whole().is_none() {
        let message = format!("`replicas` is {}", replicas.describe());
        findings.push(object.refused(RULE, replicas.mark, message, "write a whole number from 0"));
    }
    if let Some(weight) = weight {
        let message = "a static pool (with `replicas`) has no weight";
        findings.push(object.refused(RULE, weight.mark, message, "remove `weight` or `replicas`"));
    }
    let others = object.node.entries_at(&["spec", "limits"]).iter().filter(|entry| entry.key != "nodes");
    for entry in others {
        let message = format!("a static pool (with `replicas`) has no limit of `{}`", entry.key);
        findings.push(object.refused(RULE, entry.key_mark, message, "keep only `limits.nodes`"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::is_duration;
    use rstest::rstest;

    #[rstest]
    #[case("30s", true)]
    #[case("1h30m", true)]
    #[case("Never", true)]
    #[case("30", false)]
    #[case("1d", false)]
    #[case("", false)]
    #[case("s", false)]
    fn durations_are_those_of_the_crd(#[case] text: &str, #[case] holds: bool) {
        assert_eq!(is_duration(text, true), holds);
    }
}
