//! Requirements that no VM size meets, and pools that compete for the same pods.

use crate::derive::{SkuFact, Unusable, fit};
use crate::finding::{Finding, Severity};
use crate::object::Object;
use crate::pool::{NodePool, Operator, Requirement};
use crate::region::{REGION_LABEL, REGIONAL_ZONE, ZONE_LABELS, region_of_zone};
use harness_yaml::suggest;
use harness_yaml::{Node, Problem};

/// Labels with few values, which are the same everywhere.
const CLOSED: [(&str, &[&str]); 4] = [
    ("kubernetes.io/arch", &["amd64", "arm64"]),
    ("kubernetes.io/os", &["linux"]),
    ("karpenter.sh/capacity-type", &["on-demand", "spot"]),
    ("karpenter.azure.com/placement-scope", &["zonal", "regional"]),
];

const NO_NODE: &str = "no node is ever made for it: pods stay pending with FailedScheduling";

/// Values that a label of a node cannot have on AKS.
pub(super) fn values_exist(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "requirement-values";
    let mut findings = Vec::new();
    for item in object.node.items_at(&["spec", "template", "spec", "requirements"]) {
        let key = item.get("key").and_then(Node::text).unwrap_or_default();
        if item.get("operator").and_then(Node::text) != Some("In") {
            continue;
        }
        for value in item.items_at(&["values"]) {
            let text = value.text().unwrap_or_default();
            if let Some((_, known)) =
                CLOSED.iter().find(|(closed, _)| *closed == key).filter(|(_, known)| !known.contains(&text))
            {
                let same = known.iter().find(|known| known.eq_ignore_ascii_case(text));
                let edits = same.map(|right| object.replacing(value, right)).unwrap_or_default();
                let message = format!("no node on AKS has {key}={text}");
                let fix = suggest::hint(text, known.iter().copied());
                findings.push(object.error(RULE, value.mark, message).effect(NO_NODE).fix(fix).edits(edits));
            }
            let number = text.len() == 1 && text != "0" && text.chars().all(|c| c.is_ascii_digit());
            if key == "topology.kubernetes.io/zone" && number {
                let message = format!("`{text}` is not a zone of a node");
                let fix = format!("write it with the region, such as `eastus-{text}`");
                findings.push(object.error(RULE, value.mark, message).effect(NO_NODE).fix(fix));
            }
        }
    }
    findings
}

/// Values of a pool's requirements that no node has, with paths from the NodePool: sizes, families and zones that are not sold. A size of which
/// nothing is known may be sold.
pub fn values_are_sold(pool: &NodePool, skus: &[SkuFact]) -> Vec<Problem> {
    let mut found = Vec::new();
    for (index, requirement) in pool.requirements.iter().enumerate() {
        if !matches!(requirement.operator, Operator::In | Operator::NotIn) {
            continue;
        }
        let Some(sold) = fit::known_values(skus, &requirement.key) else { continue };
        for (place, value) in requirement.values.iter().enumerate() {
            if !sold.contains(value) && !fit::is_unknown_size(skus, &requirement.key, value) {
                let (index, place) = (index.to_string(), place.to_string());
                let path = ["spec", "template", "spec", "requirements", &index, "values", &place];
                let message = format!("no node has {}={value}", requirement.key);
                found.push(Problem::unknown(&path, message, value, sold.iter().map(String::as_str)));
            }
        }
    }
    found
}

/// Pools that no size of the region fits, sizes of which nothing is known, and zones and regions other than the cluster's.
pub(super) fn some_size(pools: &[NodePool], skus: &[SkuFact]) -> Vec<Finding> {
    let Some(region) = skus.first().map(|sku| sku.region.as_str()) else { return Vec::new() };
    let usable = skus.iter().filter(|sku| sku.unusable.is_none()).count();
    let mut findings = Vec::new();
    for pool in pools {
        let unknown = fit::unknown_sizes(pool, skus);
        findings.extend(unknown_size(pool, &unknown, skus));
        let placement = misplaced(pool, region, skus);
        let fits = pool.replicas.is_some() || !unknown.is_empty() || !fit::fitting(pool, skus).is_empty();
        // A zone that does not exist is the reason why nothing fits, and is said already.
        if !fits && !placement.iter().any(|finding| finding.rule == ELSEWHERE) {
            findings.push(no_size(pool, skus, usable, region));
        }
        findings.extend(placement);
    }
    findings
}

fn no_size(pool: &NodePool, skus: &[SkuFact], usable: usize, region: &str) -> Finding {
    const RULE: &str = "no-vm-size";
    let fits_alone =
        |requirement: &&Requirement| skus.iter().any(|sku| fit::admitted(sku, std::slice::from_ref(requirement)));
    let alone = pool.requirements.iter().find(|requirement| !fits_alone(requirement));
    let why = match alone {
        Some(requirement) => never_used(requirement, skus, region)
            .unwrap_or_else(|| format!("none has what it requires of {}", requirement.key)),
        None => "none has everything that it requires at once".to_owned(),
    };
    let place = if region.is_empty() { "known here".to_owned() } else { format!("sold in {region}") };
    let message = format!("none of the {usable} VM sizes that are {place} fits `{}`: {why}", pool.name);
    let finding = Finding::new(Severity::Warning, RULE, &pool.file, pool.requirements_mark, message);
    let seller = if region.is_empty() { "the region" } else { region };
    finding.effect(format!("unless {seller} sells one that is not known here, {NO_NODE}")).fix(
        "widen the requirements, or check the names against `az vm list-skus`; `--region` says where the cluster is",
    )
}

/// Why none of the sizes that a requirement names is ever used, where all are known.
fn never_used(requirement: &Requirement, skus: &[SkuFact], region: &str) -> Option<String> {
    if requirement.operator != Operator::In {
        return None;
    }
    let reason = |value: &String| {
        let mut named = skus.iter().filter(|sku| {
            fit::label_values(sku, &requirement.key).is_some_and(|values| values.iter().any(|known| known == value))
        });
        named.next().and_then(|first| first.unusable).filter(|first| named.all(|other| other.unusable == Some(*first)))
    };
    let size = ["node.kubernetes.io/instance-type", "karpenter.azure.com/sku-name"].contains(&requirement.key.as_str());
    let value = requirement.values.first().filter(|_| size)?;
    Some(match reason(value)? {
        Unusable::NotSold if region.is_empty() => format!("`{value}` is not sold there"),
        Unusable::NotSold => format!("`{value}` is not sold in {region}"),
        other => format!("`{value}` {other}, and the node auto-provisioner uses no such size"),
    })
}

/// A note about sizes of which nothing is known.
fn unknown_size(pool: &NodePool, unknown: &[(&Requirement, &str)], skus: &[SkuFact]) -> Option<Finding> {
    const RULE: &str = "unknown-vm-size";
    const NAMED_MAX: usize = 3;
    let (first, _) = unknown.first()?;
    let mut names =
        unknown.iter().take(NAMED_MAX).map(|(_, value)| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    if unknown.len() > NAMED_MAX {
        names.push_str(&format!(" and {} more", unknown.len() - NAMED_MAX));
    }
    let verb = if unknown.len() == 1 { "is" } else { "are" };
    let message = format!(
        "{names} of {} {verb} not known here, so that `{}` is not checked against VM sizes",
        first.key, pool.name
    );
    let known = skus.iter().filter_map(|sku| fit::label_values(sku, &first.key)).flatten().collect::<Vec<_>>();
    let near = unknown.first().and_then(|(_, value)| suggest::closest(value, known.iter().map(AsRef::as_ref)));
    let fix = match near {
        Some(near) => format!("check the name against `az vm list-skus`; the most similar that is known is `{near}`"),
        None => "check the name against `az vm list-skus`".to_owned(),
    };
    let finding = Finding::new(Severity::Note, RULE, &pool.file, pool.requirements_mark, message);
    Some(finding.effect("a run cannot test this pool unless other sizes fit it").fix(fix))
}

/// A zone or a region that is not the cluster's.
const ELSEWHERE: &str = "zone-of-the-region";

/// Zones and regions that a pool asks for and that the cluster's region does not have.
fn misplaced(pool: &NodePool, region: &str, skus: &[SkuFact]) -> Vec<Finding> {
    if region.is_empty() {
        return Vec::new();
    }
    let mut zones: Vec<&str> = skus.iter().flat_map(|sku| &sku.zones).map(String::as_str).collect();
    zones.sort_unstable();
    zones.dedup();
    let mut findings = Vec::new();
    let binding = fit::binding(pool);
    for requirement in binding.iter().filter(|requirement| requirement.operator == Operator::In) {
        let is_zone = ZONE_LABELS.contains(&requirement.key.as_str());
        let is_region = requirement.key == REGION_LABEL;
        let all = requirement
            .values
            .iter()
            .filter(|value| if is_zone { is_other_zone(value, &zones) } else { is_region && *value != region });
        let elsewhere: Vec<&String> = all.collect();
        let warning =
            |rule, message: String| Finding::new(Severity::Warning, rule, &pool.file, pool.requirements_mark, message);
        if let Some(first) = elsewhere.first() {
            let message = match (is_region, region_of_zone(first)) {
                (true, _) => format!("`{}` asks for the region {first}, and the cluster is in {region}", pool.name),
                (false, Some(other)) if other == region && zones.is_empty() => {
                    format!("`{}` asks for the zone {first}, and {region} has no availability zones", pool.name)
                }
                (false, Some(other)) if other == region => {
                    format!("`{}` asks for the zone {first}, and {region} has only {}", pool.name, zones.join(", "))
                }
                (false, _) => format!("`{}` asks for the zone {first}, and the cluster is in {region}", pool.name),
            };
            let effect =
                if elsewhere.len() == requirement.values.len() { NO_NODE } else { "no node is ever made there" };
            let fix = match (is_zone, zones.first()) {
                (true, Some(zone)) => {
                    format!("write zones of {region}, such as {zone}, or say where the cluster is with `--region`")
                }
                (true, None) => "leave the zone out, or say where the cluster is with `--region`".to_owned(),
                (false, _) => format!("write {region}, or say where the cluster is with `--region`"),
            };
            findings.push(warning(ELSEWHERE, message).effect(effect).fix(fix));
        }
        if is_zone && !zones.is_empty() && requirement.values.iter().any(|value| value == REGIONAL_ZONE) {
            let message = format!(
                "`{}` asks for the zone 0, which means VMs outside the availability zones of {region}",
                pool.name
            );
            let finding = warning("regional-zone", message);
            findings.push(
                finding
                    .effect("no zone protects such nodes, and disks with a zone cannot be attached to them; zonal requirements of pods exclude them")
                    .fix(format!("write zones of {region}, such as {}", zones.join(", "))),
            );
        }
    }
    findings
}

/// Whether a zone is none of the region's. A number alone is another mistake, which has its own finding.
fn is_other_zone(zone: &str, zones: &[&str]) -> bool {
    let is_number = zone.chars().all(|c| c.is_ascii_digit());
    !is_number && !zones.contains(&zone)
}

/// Two pools of one weight that both could serve a pod.
pub(super) fn overlap(pools: &[NodePool], skus: &[SkuFact]) -> Vec<Finding> {
    const RULE: &str = "pools-overlap";
    let mut findings = Vec::new();
    let candidates: Vec<Candidate<'_>> = pools.iter().map(|pool| Candidate::new(pool, skus)).collect();
    for (index, candidate) in candidates.iter().enumerate() {
        let pool = candidate.pool;
        let other = candidates[..index].iter().find(|other| candidate.competes_with(other)).map(|other| other.pool);
        if let Some(other) = other {
            let message = format!("`{}` and `{}` have the same weight, and VM sizes in common", other.name, pool.name);
            findings.push(
                Finding::new(Severity::Warning, RULE, &pool.file, pool.mark, message)
                    .effect("Karpenter takes either of them for a pod that fits both: placement, limits and cost are a matter of chance")
                    .fix("give one a `weight`, a taint, or requirements that exclude the other"),
            );
        }
    }
    findings
}

/// A pool with what each comparison with another one needs: a tree can have hundreds of pools, and Azure has more than a thousand sizes.
struct Candidate<'a> {
    pool: &'a NodePool,
    taints: Vec<String>,
    skus: &'a [SkuFact],
    /// For each of the sizes, whether it meets the pool's requirements.
    fitting: Vec<bool>,
}

impl<'a> Candidate<'a> {
    fn new(pool: &'a NodePool, skus: &'a [SkuFact]) -> Self {
        let taints = pool.taints.iter().filter(|taint| taint.effect != "PreferNoSchedule");
        let mut taints: Vec<String> = taints.map(ToString::to_string).collect();
        taints.sort();
        // A label of the pool is compared with the requirements of the other one below; here only requirements count.
        let fitting = skus.iter().map(|sku| fit::admitted(sku, &pool.requirements)).collect();
        Self { pool, taints, skus, fitting }
    }

    fn competes_with(&self, other: &Self) -> bool {
        let (a, b) = (self.pool, other.pool);
        let unused = |pool: &NodePool| pool.replicas.is_some() || pool.limits.switch_off();
        // One that two Kustomizations apply is one pool.
        if a.name == b.name || a.weight != b.weight || self.taints != other.taints || unused(a) || unused(b) {
            return false;
        }
        // Requirements on labels that no size decides, such as a team's own, must be met by one value too.
        let own_meet = a.requirements.iter().filter(|one| one.operator == Operator::In).all(|one| {
            b.requirements
                .iter()
                .filter(|other| other.key == one.key)
                .all(|other| other.operator != Operator::In || one.values.iter().any(|value| other.admits(Some(value))))
        });
        if !own_meet {
            return false;
        }
        let both: Vec<Requirement> = a.requirements.iter().chain(&b.requirements).cloned().collect();
        let fit_each =
            self.fitting.iter().zip(&other.fitting).zip(self.skus).filter(|((one, other), _)| **one && **other);
        fit_each.into_iter().any(|(_, sku)| fit::admitted(sku, &both))
    }
}
