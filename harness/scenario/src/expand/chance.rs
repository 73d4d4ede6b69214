//! How likely it is that the draws of a seed do not cause what the plan needs.
//!
//! A fault that hits a share of few VMs or calls may hit none of them, and a run then fails because of its seed. What is needed must be caused
//! for every seed: the notes of a plan say where it is not.

use std::collections::BTreeMap;

use crate::rules::quoted;
use harness_plan::{Action, Check, ClearAzureFaults, EventPattern, OccurrenceKind, Phase, Plan};
use harness_simulation::{CapacityCode, ConditionStatus, Fault, FaultKind, QUOTA_CODE, SUBNET_FULL_CODE, VmSelector};
use harness_units::{Share, Span};

/// Rarer than this is not worth a note.
const NEGLIGIBLE: f64 = 1e-6;

/// An event that a plan needs, and the fault whose draws decide whether it comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Chance {
    /// What needs it: an expectation, or the end of a phase.
    pub needed_by: String,
    /// How often it is needed.
    pub needed: u32,
    /// The faults in force, in the order in which they were set. The last of them is to cause it.
    pub faults: Vec<Fault>,
    /// How many VMs or calls there surely are of which the fault decides over each; `None` where the plan does not say.
    pub cases: Option<u64>,
    /// The most that all the faults that can cause it hit together; `None` where one of them has no limit.
    pub at_most: Option<u64>,
}

impl Chance {
    /// The part of all seeds with which the fault does not cause it, at most. `None` where it depends on a number that the plan does not say.
    pub fn missing(&self) -> Option<f64> {
        let Some(Fault { kind, terms }) = self.faults.last() else { return Some(1.0) };
        let sure = terms.at_least.unwrap_or(0);
        if kind.is_instant() {
            return match terms.count {
                Some(count) if count < self.needed => Some(1.0),
                Some(count) => (terms.at_least.unwrap_or(count) >= self.needed).then_some(0.0),
                None if kind.share() == Some(Share::WHOLE) || sure.max(1) >= self.needed => Some(0.0),
                None => None,
            };
        }
        if !terms.nth.is_empty() {
            return Some(if self.last_needed().is_some() { 0.0 } else { 1.0 });
        }
        if terms.count.is_some_and(|count| count < self.needed) {
            return Some(1.0);
        }
        let share = kind.share().unwrap_or_default();
        if share == Share::WHOLE || sure >= self.needed {
            return Some(0.0);
        }
        let drawn = self.cases?.saturating_sub(u64::from(sure));
        Some(fewer_than(self.needed - sure, drawn, share.0))
    }

    /// The number of the case that has to come, where the fault hits chosen cases and enough of them.
    fn last_needed(&self) -> Option<u32> {
        let index = usize::try_from(self.needed).ok()?.checked_sub(1)?;
        self.faults.last()?.terms.nth.get(index).copied()
    }

    /// What to say of it, where it is worth it. What it says to write is what a fault may have.
    pub fn note(&self) -> Option<String> {
        let fault = self.faults.last()?;
        let Self { needed_by, needed, cases, .. } = self;
        let kind = fault.kind.as_str();
        if let Some(most) = at_most(fault).filter(|most| *most < u64::from(*needed)) {
            // Several faults together may hit as many as it takes.
            return self.at_most.is_some_and(|all| all < u64::from(*needed)).then(|| {
                let instead = match (fault.terms.nth.is_empty(), fault.terms.at_least) {
                    (false, _) => format!("name {needed} cases in `nth`"),
                    (true, None) => format!("write `count: {needed}` beside it"),
                    (true, Some(_)) => format!("write `count: {needed}` and `atLeast: {needed}` beside it"),
                };
                format!("no seed causes what {needed_by} needs: `{kind}` hits at most {most} of {needed}; {instead}")
            });
        }
        if let (Some(last), Some(cases)) = (self.last_needed(), cases) {
            return (u64::from(last) > *cases).then(|| {
                format!(
                    "what {needed_by} needs may never come: `{kind}` hits the case with the number {last}, and the plan is sure of {cases} only; \
                     name earlier ones in `nth`, or ask for more pods"
                )
            });
        }
        let how_many = match self.missing() {
            Some(part) if part <= NEGLIGIBLE => return None,
            // There are at least so many cases; with more of them, there are seeds that do.
            Some(part) if part >= 1.0 => "some seeds may not cause".to_owned(),
            Some(part) if part > 0.5 => format!("up to {:.0} % of all seeds do not cause", part * 100.0),
            Some(part) => format!("up to 1 in {:.0} seeds do not cause", 1.0 / part),
            None => "some seeds may not cause".to_owned(),
        };
        let hits = match (fault.terms.count, cases) {
            (Some(count), _) if fault.kind.is_instant() => format!("{count}, or fewer where there are fewer VMs"),
            (_, Some(cases)) => format!("a share of {} of at least {cases}", fault.kind.share().unwrap_or_default()),
            (_, None) => {
                let share = fault.kind.share().unwrap_or_default();
                format!("a share of {share} of a number that the plan does not say")
            }
        };
        Some(format!("{how_many} what {needed_by} needs: `{kind}` hits {hits}; write `atLeast: {needed}` beside it"))
    }
}

/// The most that a fault hits; `None` where nothing limits it.
fn at_most(fault: &Fault) -> Option<u64> {
    match fault.terms.nth.as_slice() {
        [] => fault.terms.count.map(u64::from),
        nth => u64::try_from(nth.len()).ok(),
    }
}

/// How likely it is that fewer than `needed` of `cases` are hit, each with probability `share`.
fn fewer_than(needed: u32, cases: u64, share: f64) -> f64 {
    let cases = cases as f64;
    let mut of_exactly = (1.0 - share).powf(cases);
    let mut sum = 0.0;
    for hits in 0..needed {
        sum += of_exactly;
        let hits = f64::from(hits);
        of_exactly *= (cases - hits).max(0.0) / (hits + 1.0) * share / (1.0 - share);
    }
    sum.min(1.0)
}

/// Every event that the plan needs and that faults alone decide over, each with the fault that is likeliest to cause it. `per_node` says how
/// many pods of each workload a node can hold at most.
pub(super) fn chances(plan: &Plan, per_node: &BTreeMap<String, u64>) -> Vec<Chance> {
    let faults = faults(plan);
    let mut found = Vec::new();
    for need in needs(plan) {
        if has_another_cause(plan, &need) {
            continue;
        }
        let causes: Vec<&Set> = faults.iter().filter(|set| set.can_cause(&need)).collect();
        let together = causes.iter().map(|set| at_most(&set.fault)).sum::<Option<u64>>();
        let chances = causes.iter().map(|set| Chance {
            needed_by: need.by.clone(),
            needed: need.times,
            faults: set.before.iter().chain([&set.fault]).cloned().collect(),
            cases: cases(plan, per_node, set, &need),
            at_most: together,
        });
        // What is not known may be enough, and what is certain not to be is not.
        let rank = |chance: &Chance| chance.missing().unwrap_or(1.0 - NEGLIGIBLE);
        let likeliest = chances.min_by(|a, b| rank(a).total_cmp(&rank(b)));
        found.extend(likeliest);
    }
    found
}

/// An event that the plan needs.
struct Need<'a> {
    by: String,
    what: std::borrow::Cow<'a, EventPattern>,
    times: u32,
    /// Its phases, by number and in order.
    phases: Vec<usize>,
}

fn needs(plan: &Plan) -> Vec<Need<'_>> {
    let number = |name: &str| plan.phases.iter().position(|phase| phase.name == name);
    let mut needs = Vec::new();
    for expectation in &plan.expectations {
        let Check::Happened(happened) = &expectation.check else { continue };
        let Some(times) = happened.bounds.at_least.filter(|times| *times > 0) else { continue };
        let phases: Vec<usize> = match happened.phases.as_slice() {
            [] => (0..plan.phases.len()).collect(),
            names => names.iter().filter_map(|name| number(name)).collect(),
        };
        let (by, what) = (quoted(&expectation.name), std::borrow::Cow::Borrowed(&happened.pattern));
        needs.push(Need { by, what, times, phases });
    }
    for (index, phase) in plan.phases.iter().enumerate().filter(|(_, phase)| !phase.deadline_may_pass) {
        for condition in phase.until.iter().flat_map(|until| &until.0) {
            let Some((what, times)) = condition.counts() else { continue };
            let first = condition.since().and_then(number).unwrap_or(index);
            let phases = (first..=index).collect();
            needs.push(Need { by: format!("the end of phase {}", phase.name), what, times, phases });
        }
    }
    needs
}

/// Whether something that is not a matter of chance can bring it about too.
fn has_another_cause(plan: &Plan, need: &Need<'_>) -> bool {
    match need.what.what {
        OccurrenceKind::VmFailed => {
            let has_quota = !plan.azure.quota_cores.is_empty()
                || plan.faults().any(|fault| matches!(fault.kind, FaultKind::Quota { .. }));
            has_quota && need.what.code.as_deref().is_none_or(|code| code == QUOTA_CODE)
        }
        // The leases of nodes run out when what renews them is killed.
        OccurrenceKind::NodeNotReady => {
            plan.actions().any(|planned| matches!(planned.action, Action::KillComponent(_)))
        }
        // NodeClaims are deleted when their nodes are not needed or are disrupted, and they may be so for long.
        OccurrenceKind::NodeclaimDeleting | OccurrenceKind::NodeclaimDeleted => {
            let until = need.phases.last().map_or(0, |last| last + 1);
            plan.phases[..until].iter().flat_map(|phase| &phase.actions).any(|planned| match &planned.action {
                Action::Scale(scale) => scale.from.is_some_and(|from| scale.to < from),
                other => other.disrupts_nodes(),
            })
        }
        _ => false,
    }
}

/// A fault, and when it is in force.
struct Set {
    fault: Fault,
    /// The others that are in force when it is set, in the order of their setting.
    before: Vec<Fault>,
    /// Its phase and its moment in it; `None` from the start.
    since: Option<(usize, u64)>,
    /// The first phase in which it is not in force.
    until: usize,
}

/// Every fault of the plan.
fn faults(plan: &Plan) -> Vec<Set> {
    let mut all: Vec<Set> = Vec::new();
    // Those in force, by their place in `all`.
    let mut live: Vec<usize> = Vec::new();
    let set = |all: &mut Vec<Set>, live: &mut Vec<usize>, fault: &Fault, since: Option<(usize, u64)>| {
        if let Some(name) = fault.name() {
            live.retain(|place| all[*place].fault.name().as_ref() != Some(&name));
        }
        let before = live.iter().map(|place| all[*place].fault.clone()).collect();
        let once = fault.kind.is_instant();
        let until = if once { since.map_or(0, |(phase, _)| phase + 1) } else { plan.phases.len() };
        all.push(Set { fault: fault.clone(), before, since, until });
        if !once {
            live.push(all.len() - 1);
        }
    };
    for fault in &plan.azure.faults {
        set(&mut all, &mut live, fault, None);
    }
    for (index, phase) in plan.phases.iter().enumerate() {
        for planned in &phase.actions {
            match &planned.action {
                Action::AzureFault(asked) => set(&mut all, &mut live, &asked.fault, Some((index, planned.at_us))),
                Action::ClearAzureFaults(ClearAzureFaults { id }) => {
                    let ends = |fault: &Fault| id.is_none() || fault.name() == *id;
                    let until = if planned.at_us == 0 { index } else { index + 1 };
                    live.retain(|place| {
                        let one = &mut all[*place];
                        let over = ends(&one.fault);
                        if over {
                            one.until = until;
                        }
                        !over
                    });
                }
                _ => {}
            }
        }
    }
    all
}

impl Set {
    fn first(&self) -> usize {
        self.since.map_or(0, |(phase, _)| phase)
    }

    /// Whether the event can come from this fault, in its phases.
    fn can_cause(&self, need: &Need<'_>) -> bool {
        let in_force = |phase: &usize| (self.first()..self.until).contains(phase);
        let (what, code) = (need.what.what, need.what.code.as_deref());
        let is = |of: OccurrenceKind| what == of && need.phases.iter().any(in_force);
        match &self.fault.kind {
            FaultKind::NoCapacity { code: given, .. } => {
                is(OccurrenceKind::VmFailed)
                    && code.is_none_or(|code| {
                        given.map_or(code.contains("AllocationFailed"), |it| it.as_str() == code)
                            || given.is_none() && code == CapacityCode::SkuNotAvailable.as_str()
                    })
            }
            FaultKind::OperationFail { code: given, .. } | FaultKind::FalseFailure { code: given, .. } => {
                is(OccurrenceKind::VmFailed) && code.is_none_or(|code| code == given)
            }
            FaultKind::Throttle { .. } => is(OccurrenceKind::CallThrottled),
            FaultKind::ArmOutage { .. } => is(OccurrenceKind::CallRefused),
            FaultKind::VmCrash { .. } => is(OccurrenceKind::VmCrashed) || is(OccurrenceKind::NodeNotReady),
            FaultKind::SpotEvict { notice, .. } => {
                is(OccurrenceKind::SpotEvicted) || *notice > Span::ZERO && is(OccurrenceKind::SpotNotice)
            }
            // The controller gives up on them after minutes, which may be in a later phase.
            FaultKind::StuckBoot { .. } | FaultKind::NeverRegister { .. } => {
                matches!(what, OccurrenceKind::NodeclaimDeleting | OccurrenceKind::NodeclaimDeleted)
                    && need.phases.iter().any(|phase| *phase >= self.first())
            }
            FaultKind::NodeCondition { condition, status, .. } => {
                condition == "Ready" && *status != ConditionStatus::True && is(OccurrenceKind::NodeNotReady)
            }
            FaultKind::SubnetFull { .. } => {
                is(OccurrenceKind::VmFailed) && code.is_none_or(|code| code == SUBNET_FULL_CODE)
            }
            FaultKind::Quota { .. }
            | FaultKind::ZoneOutage { .. }
            | FaultKind::NewerVersion { .. }
            | FaultKind::StaleList { .. }
            | FaultKind::BadAnswer { .. }
            | FaultKind::SlowBoot { .. }
            | FaultKind::SlowDelete { .. }
            | FaultKind::ClusterOperationFail { .. } => false,
        }
    }
}

/// How many cases the fault surely decides over: the VMs that the pods need at least, where none of their pool had pods before. Each of those VMs
/// takes a call at least. `None` where other things decide over it.
fn cases(plan: &Plan, per_node: &BTreeMap<String, u64>, set: &Set, need: &Need<'_>) -> Option<u64> {
    let nodepool = match &set.fault.kind {
        FaultKind::Throttle { operation: None, .. } => None,
        kind => Some(kind.only()?),
    };
    let only_a_pool =
        |only: &&VmSelector| **only == VmSelector { nodepool: only.nodepool.clone(), ..VmSelector::default() };
    let narrowed = nodepool.is_some_and(|only| !only_a_pool(&only));
    let EventPattern { instance_type, capacity_type, zone, .. } = need.what.as_ref();
    let is_narrow = instance_type.is_some() || capacity_type.is_some() || zone.is_some();
    if narrowed || is_narrow || set.fault.terms.lasts.is_some() || set.fault.kind.is_instant() {
        return None;
    }
    let pools = [nodepool.and_then(|only| only.nodepool.as_deref()), need.what.nodepool.as_deref()];
    let is_meant = |class: &str| pools.iter().flatten().all(|pool| *pool == class);
    let from = need.phases.iter().copied().find(|phase| (set.first()..set.until).contains(phase))?;
    let start = set.since.filter(|(phase, _)| *phase == from).unwrap_or((from, 0));
    let length = (from..set.until).take_while(|phase| need.phases.contains(phase)).count();
    let mut of_class: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    for workload in plan.workloads.iter().filter(|workload| is_meant(&workload.class)) {
        let most = per_node.get(&workload.name).copied().filter(|most| *most > 0);
        let (before, peak) = replicas(&plan.phases[..from + length], &workload.name, start);
        let nodes = most.map(|most| u64::from(peak).div_ceil(most)).filter(|_| before == 0);
        let class = of_class.entry(&workload.class).or_insert(Some(0));
        *class = class.zip(nodes).map(|(class, nodes)| class.max(nodes));
    }
    let surely: u64 = of_class.values().flatten().sum();
    (surely > 0).then_some(surely)
}

/// The most replicas of a workload that were asked for up to a moment, and from then on.
fn replicas(phases: &[Phase], workload: &str, start: (usize, u64)) -> (u32, u32) {
    let (mut before, mut since) = (0, 0);
    for (index, phase) in phases.iter().enumerate() {
        for planned in &phase.actions {
            let Action::Scale(scale) = &planned.action else { continue };
            if scale.workload() == workload {
                let peak = if (index, planned.at_us) <= start && start != (0, 0) { &mut before } else { &mut since };
                *peak = scale.to.max(*peak);
            }
        }
    }
    (before, since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(1, 6, 0.25, 0.178)]
    #[case(1, 0, 0.25, 1.0)]
    #[case(2, 6, 0.25, 0.534)]
    #[case(3, 2, 0.5, 1.0)]
    #[case(1, 100_000, 0.5, 0.0)]
    fn fewer_hits_than_needed_are_so_likely(
        #[case] needed: u32,
        #[case] cases: u64,
        #[case] share: f64,
        #[case] expected: f64,
    ) {
        let found = fewer_than(needed, cases, share);
        assert!((found - expected).abs() < 0.001, "{found}");
    }

    #[rstest]
    #[case(json!({"stuckBoot": {"share": 0.25}}), Some(6), Some("up to 1 in 6 seeds do not cause what x needs: `stuckBoot` hits a share of 25% of at least 6; write `atLeast: 1` beside it"))]
    #[case(json!({"stuckBoot": {"share": 0.25}}), Some(1), Some("up to 75 % of all seeds do not cause what x needs"))]
    #[case(json!({"stuckBoot": {"share": 0.25}}), None, Some("some seeds may not cause what x needs: `stuckBoot` hits a share of 25% of a number that the plan does not say"))]
    #[case(json!({"stuckBoot": {"share": 0.25}}), Some(60), None)]
    #[case(json!({"stuckBoot": {"share": 0.25}, "atLeast": 1}), None, None)]
    #[case(json!({"stuckBoot": {}, "nth": [3]}), None, None)]
    #[case(json!({"spotEvict": {"share": 0.25}}), None, None)]
    #[case(json!({"spotEvict": {}, "count": 1}), None, None)]
    #[case(json!({"stuckBoot": {}, "nth": [3]}), Some(3), None)]
    #[case(json!({"stuckBoot": {}, "nth": [20]}), Some(6), Some("what x needs may never come: `stuckBoot` hits the case with the number 20, and the plan is sure of 6 only"))]
    fn a_note_says_what_to_write_instead(
        #[case] fault: serde_json::Value,
        #[case] cases: Option<u64>,
        #[case] expected: Option<&str>,
    ) {
        let faults = vec![serde_json::from_value(fault).unwrap()];
        let note = Chance { needed_by: "x".to_owned(), needed: 1, faults, cases, at_most: None }.note();
        match expected {
            Some(expected) => assert!(note.as_deref().is_some_and(|note| note.starts_with(expected)), "{note:?}"),
            None => assert_eq!(note, None),
        }
    }

    #[rstest]
    #[case(json!({"spotEvict": {"share": 0.25}}), Some(("some seeds may not cause", json!({"spotEvict": {"share": 0.25}, "atLeast": 2}))))]
    #[case(json!({"spotEvict": {}, "count": 1}), Some(("no seed causes", json!({"spotEvict": {}, "count": 2}))))]
    #[case(json!({"spotEvict": {}, "count": 3, "atLeast": 1}), Some(("some seeds may not cause", json!({"spotEvict": {}, "count": 3, "atLeast": 2}))))]
    #[case(json!({"spotEvict": {"share": 0.25}, "atLeast": 2}), None)]
    #[case(json!({"stuckBoot": {}, "count": 1}), Some(("no seed causes", json!({"stuckBoot": {}, "count": 2}))))]
    #[case(json!({"stuckBoot": {"share": 0.25}, "count": 3}), Some(("some seeds may not cause", json!({"stuckBoot": {"share": 0.25}, "count": 3, "atLeast": 2}))))]
    #[case(json!({"stuckBoot": {"share": 0.25}, "count": 1, "atLeast": 1}), Some(("no seed causes", json!({"stuckBoot": {"share": 0.25}, "count": 2, "atLeast": 2}))))]
    #[case(json!({"stuckBoot": {}, "nth": [3]}), Some(("no seed causes", json!({"stuckBoot": {}, "nth": [3, 4]}))))]
    fn two_need_more_than_one(#[case] fault: serde_json::Value, #[case] expected: Option<(&str, serde_json::Value)>) {
        let note = |fault: &serde_json::Value| {
            let faults: Vec<Fault> = vec![serde_json::from_value(fault.clone()).unwrap()];
            let at_most = at_most(&faults[0]);
            Chance { needed_by: "x".to_owned(), needed: 2, faults, cases: None, at_most }.note()
        };
        let Some((words, advised)) = expected else { return assert_eq!(note(&fault), None) };
        let said = note(&fault).unwrap();
        assert!(said.starts_with(words), "{said}");
        // What the note says to write is no error, and there is nothing more to say then.
        for key in ["count", "atLeast"].into_iter().filter(|key| fault.get(key) != advised.get(key)) {
            assert!(said.contains(&format!("`{key}: {}`", advised[key])), "{said}");
        }
        let fixed: Fault = serde_json::from_value(advised.clone()).unwrap();
        assert_eq!((fixed.problems(), note(&advised)), (Vec::new(), None));
    }

    /// "No seed causes" was said of one of two faults that together do, and where there are at least as few cases as the plan is sure of.
    #[test]
    fn what_is_not_certain_is_not_said_to_be() {
        let fault = |json| vec![serde_json::from_value::<Fault>(json).unwrap()];
        let chance = |faults, cases, at_most| Chance { needed_by: "x".to_owned(), needed: 2, faults, cases, at_most };
        assert_eq!(chance(fault(json!({"vmCrash": {}, "count": 1})), None, Some(2)).note(), None);
        let few = chance(fault(json!({"stuckBoot": {"share": 0.5}})), Some(1), None).note().unwrap();
        assert!(few.starts_with("some seeds may not cause") && few.ends_with("write `atLeast: 2` beside it"), "{few}");
    }
}
