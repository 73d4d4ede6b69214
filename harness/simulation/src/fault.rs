//! One fault: what goes wrong, for how long and how often.

use harness_units::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::FaultKind;
use harness_yaml::{Beside, Problem, Tagged};

/// One fault, with its identity, its end and its number: `{throttle: {retryAfter: 5s, share: 50%}, for: 20s, atLeast: 1}`.
///
/// A fault that lasts meets cases: creations of VMs that match, their boots and deletions, or calls. Its `share` decides each case by a draw of
/// its own, so that a small number of cases may see none of it. What must happen for every seed has `atLeast` (the first so many cases are hit,
/// and the share decides over the others) or `nth` (these cases are hit and no other). Without `for`, `count` and `nth` it lasts until it is
/// removed.
///
/// A fault that acts once, when it is set ([`FaultKind::is_instant`]), acts on VMs that match, chosen by the seed: on exactly `count` of them,
/// or on a `share`, which is never none. Too few VMs are an error; with `count` and `atLeast`, as many as there are will do, down to `atLeast`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Tagged<FaultKind, FaultTerms>", into = "Tagged<FaultKind, FaultTerms>")]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Its name, its end and its number.
    pub terms: FaultTerms,
}

impl From<Tagged<FaultKind, FaultTerms>> for Fault {
    fn from(tagged: Tagged<FaultKind, FaultTerms>) -> Self {
        let Tagged { variant: kind, beside: terms } = tagged;
        Self { kind, terms }
    }
}

impl From<Fault> for Tagged<FaultKind, FaultTerms> {
    fn from(fault: Fault) -> Self {
        let Fault { kind, terms } = fault;
        Self { variant: kind, beside: terms }
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AzureFault".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Tagged::<FaultKind, FaultTerms>::json_schema(generator)
    }
}

/// What stands beside the kind of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FaultTerms {
    /// Its name, by which it can be cleared (default: one that the simulator gives). A second fault with the name of a live one replaces it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// It ends by itself after this time (default: it lasts until it is cleared). The controller may remember it for longer: a shortage of
    /// capacity for an hour or more.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// It ends by itself after it has been applied this many times; quota and zoneOutage take no number. For vmCrash, nodeCondition and
    /// spotEvict, which act once: exactly so many of the VMs that match; fewer are an error, unless `atLeast` allows it (default: all that
    /// match).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The first so many matching VMs or calls are hit whatever the seed, and `share` decides over the rest (default: 0). For vmCrash,
    /// nodeCondition and spotEvict: the fewest VMs that it acts on, whatever `share` or `count` say; fewer that match are an error (default:
    /// `count`, or 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
    /// Exactly these matching VMs or calls are hit, counted from 1 since the fault was set: `nth: [2, 5]`. It ends by itself after the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nth: Vec<u32>,
}

impl Beside for FaultTerms {
    const KEYS: &'static [&'static str] = &["id", "for", "count", "atLeast", "nth"];
}

impl Fault {
    /// A fault without a name that lasts until it is removed.
    pub fn new(kind: FaultKind) -> Self {
        Self { kind, terms: FaultTerms::default() }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, id: impl Into<String>) -> Self {
        self.terms.id = id.into();
        self
    }

    /// Ends by itself after this time.
    #[must_use]
    pub fn lasting(mut self, lasts: impl Into<Span>) -> Self {
        self.terms.lasts = Some(lasts.into());
        self
    }

    /// Ends by itself after this many applications; a fault that acts once acts on so many VMs.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.terms.count = Some(count);
        self
    }

    /// Hits at least so many, whatever the seed.
    #[must_use]
    pub fn at_least(mut self, count: u32) -> Self {
        self.terms.at_least = Some(count);
        self
    }

    /// Hits these cases and no other.
    #[must_use]
    pub fn on_the(mut self, nth: impl Into<Vec<u32>>) -> Self {
        self.terms.nth = nth.into();
        self
    }

    /// The name under which it can be removed, where it does not get one from the simulator. A second quota of a scope takes the place of the
    /// first.
    pub fn name(&self) -> Option<String> {
        match &self.kind {
            _ if !self.terms.id.is_empty() => Some(self.terms.id.clone()),
            FaultKind::Quota { scope, .. } => Some(format!("quota-{scope}")),
            _ => None,
        }
    }

    /// What the types cannot rule out.
    pub fn problems(&self) -> Vec<Problem> {
        let kind = self.kind.as_str();
        let mut found: Vec<Problem> = self.kind.problems().into_iter().map(|problem| problem.under(kind)).collect();
        match self.terms.lasts {
            Some(Span::ZERO) => {
                found.push(Problem::new(&["for"], "a fault that lasts 0s", "give a duration above 0s"));
            }
            Some(_) if self.kind.is_instant() => {
                found.push(Problem::new(&["for"], "this fault acts once, when it is set", "leave `for` out"));
            }
            _ => {}
        }
        found.extend(self.problems_of_number());
        found
    }

    /// `count`, `atLeast` and `nth` that contradict each other or the kind.
    fn problems_of_number(&self) -> Option<Problem> {
        let FaultTerms { count, at_least, nth, .. } = &self.terms;
        let by_share = self.kind.share().is_some_and(|share| share < Share::WHOLE);
        let problem = |key: &str, message: &str, hint: &str| Some(Problem::new(&[key], message, hint));
        match (count, at_least) {
            (Some(0), _) => {
                return problem("count", "a fault that never applies", "give a count of at least 1, or none");
            }
            (_, Some(0)) => return problem("atLeast", "a fault applies at least 0 times anyway", "give at least 1"),
            (Some(count), Some(least)) if least > count => {
                let message = format!("at least {least}, and it ends after {count}");
                return problem("atLeast", &message, "give at most `count`");
            }
            _ => {}
        }
        if count.is_some() && self.kind.is_state() {
            let message = "this fault is a state: it does not happen a number of times";
            return problem("count", message, "leave it out, or give `for`");
        }
        if self.kind.is_instant() {
            return match (count, nth.is_empty()) {
                (Some(_), _) if by_share => {
                    problem("count", "both a number and a share of the VMs", "give one of `count` and `share`")
                }
                (_, false) => problem("nth", "this fault acts once, on VMs that run", "give `count`"),
                _ => None,
            };
        }
        if at_least.is_some() && !by_share {
            let hint = match self.kind.share() {
                Some(_) => "leave it out, or give a `share` below 1 that decides over the rest",
                None => "leave it out: it does not hit single VMs or calls",
            };
            return problem("atLeast", "this fault hits everything that matches anyway", hint);
        }
        if nth.is_empty() {
            return None;
        }
        match () {
            () if self.kind.is_state() => {
                problem("nth", "this fault is a state: it has no single cases", "leave it out, or give `for`")
            }
            () if self.kind.share().is_none() => {
                problem("nth", "this fault is not about single VMs or calls", "give `for` or `count`")
            }
            () if by_share => problem("nth", "both chosen cases and a share of them", "give one of `nth` and `share`"),
            () if count.is_some() => problem("nth", "both chosen cases and a count", "give one of `nth` and `count`"),
            () if nth.contains(&0) => problem("nth", "the first case has the number 1", "count from 1"),
            () if !nth.is_sorted_by(|a, b| a < b) => problem("nth", "not in order", "give each once, in order: [2, 5]"),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(json!({"noCapacity": {"only": {"zone": "2", "capacityType": "spot"}, "code": "SkuNotAvailable", "share": 0.5}}))]
    #[case(json!({"quota": {"scope": "regional", "cores": 8}, "id": "q"}))]
    #[case(json!({"throttle": {"retryAfter": "5s", "operation": "machines.put"}, "for": "20s"}))]
    #[case(json!({"operationFail": {"code": "X", "share": 0.25}, "atLeast": 2}))]
    #[case(json!({"stuckBoot": {}, "nth": [2, 5]}))]
    #[case(json!({"spotEvict": {"only": {"vms": ["a", "b"]}}, "count": 3, "atLeast": 1}))]
    #[case(json!({"slowBoot": {"factor": 3.0}}))]
    #[case(json!({"slowBoot": {"only": {"sku": "Standard_E4s_v3", "family": "E"}, "factor": 3.0}}))]
    #[case(json!({"slowBoot": {"only": {"sku": "Standard_NC4as_T4_v3", "family": "N"}, "factor": 3.0}}))]
    #[case(json!({"slowBoot": {"only": {"sku": "Standard_F4s_v2", "family": "standardFSv2Family"}, "factor": 3.0}}))]
    #[case(json!({"stuckBoot": {}, "count": 1}))]
    #[case(json!({"vmCrash": {"only": {"nodepool": "web"}}, "count": 2}))]
    #[case(json!({"nodeCondition": {"condition": "Ready", "status": "False"}}))]
    #[case(json!({"spotEvict": {"share": 0.5, "notice": "30s"}}))]
    #[case(json!({"armOutage": {"mode": "refused"}, "for": "1m"}))]
    #[case(json!({"operationFail": {"code": "X", "message": "why"}}))]
    #[case(json!({"clusterOperationFail": {"code": "X"}, "count": 1}))]
    #[case(json!({"subnetFull": {"only": {"zone": "1"}, "share": 0.5}, "atLeast": 1}))]
    #[case(json!({"zoneOutage": {"zone": "1"}, "for": "20s"}))]
    #[case(json!({"badAnswer": {"answer": "empty", "operation": "machines.get"}, "nth": [3]}))]
    #[case(json!({"falseFailure": {}, "count": 1}))]
    #[case(json!({"falseFailure": {"only": {"zone": "1"}, "code": "X", "message": "why", "reportedAfter": "1s", "bootsAfter": "2s", "nodeStays": "10s", "share": 0.5}, "atLeast": 1}))]
    #[case(json!({"newerVersion": {"only": {"nodepool": "web"}}, "nth": [1, 2]}))]
    #[case(json!({"newerVersion": {"of": "nodeImage", "share": 0.5}}))]
    #[case(json!({"staleList": {}, "for": "2m"}))]
    #[case(json!({"staleList": {"by": "10m", "operation": "usages.list"}, "count": 1}))]
    fn what_is_written_is_read(#[case] json: serde_json::Value) {
        let fault: Fault = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&fault).unwrap(), json);
        assert_eq!(fault.problems(), []);
        assert!(json.get(fault.kind.as_str()).is_some());
    }

    #[rstest]
    #[case(json!({"throttle": {}, "until": "20s"}), "`until` is a second one")]
    #[case(json!({"throttle": {"for": "20s"}}), "unknown field `for`")]
    #[case(json!({"for": "20s"}), "no key that says what it is")]
    #[case(json!({"throttle": {}, "for": "20"}), "not a duration")]
    #[case(json!({"thrott": {}}), "unknown variant")]
    fn what_is_not_a_fault_is_refused(#[case] json: serde_json::Value, #[case] why: &str) {
        let error = serde_json::from_value::<Fault>(json).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }

    #[rstest]
    #[case(json!({"neverRegister": {"share": 0}}), "neverRegister.share: a fault that never happens")]
    #[case(json!({"vmCrash": {}, "count": 0}), "count: a fault that never applies")]
    #[case(json!({"armOutage": {}, "for": "0s"}), "for: a fault that lasts 0s")]
    #[case(json!({"quota": {"scope": "f4", "cores": 1}}), "quota.scope: unknown quota `f4`")]
    #[case(json!({"operationFail": {"code": ""}}), "operationFail.code: an operation fails with a code")]
    #[case(json!({"nodeCondition": {"condition": "a b", "status": "True"}}), "nodeCondition.condition: `a b` cannot be")]
    #[case(json!({"slowBoot": {}}), "slowBoot: a slow boot that is no slower")]
    #[case(json!({"spotEvict": {"notice": "31s"}}), "spotEvict.notice: Azure gives a notice of at most 30s")]
    #[case(json!({"vmCrash": {"share": 0.5}, "count": 2}), "count: both a number and a share of the VMs")]
    #[case(json!({"vmCrash": {}, "for": "20s"}), "for: this fault acts once")]
    #[case(json!({"vmCrash": {}, "nth": [1]}), "nth: this fault acts once")]
    #[case(json!({"vmCrash": {}, "count": 1, "atLeast": 2}), "atLeast: at least 2, and it ends after 1")]
    #[case(json!({"stuckBoot": {}, "atLeast": 1}), "atLeast: this fault hits everything that matches anyway")]
    #[case(json!({"stuckBoot": {"share": 0.5}, "atLeast": 0}), "atLeast: a fault applies at least 0 times anyway")]
    #[case(json!({"stuckBoot": {"share": 0.5}, "nth": [1]}), "nth: both chosen cases and a share of them")]
    #[case(json!({"stuckBoot": {}, "nth": [1], "count": 1}), "nth: both chosen cases and a count")]
    #[case(json!({"stuckBoot": {}, "nth": [0]}), "nth: the first case has the number 1")]
    #[case(json!({"stuckBoot": {}, "nth": [5, 2]}), "nth: not in order")]
    #[case(json!({"armOutage": {}, "atLeast": 2}), "atLeast: this fault hits everything that matches anyway; leave it out: it")]
    #[case(json!({"stuckBoot": {"only": {"sku": "Standard_E4s_v3", "family": "F"}}}), "stuckBoot.only.family: no VM of the size")]
    // Before, `NC` was a family in both, and meant no VM: the family of NC sizes is `N`.
    #[case(json!({"stuckBoot": {"only": {"sku": "Standard_NC4as_T4_v3", "family": "NC"}}}), "stuckBoot.only.family: no VM of the size")]
    #[case(json!({"quota": {"scope": "NC", "cores": 1}}), "quota.scope: unknown quota `NC`")]
    #[case(json!({"falseFailure": {"code": ""}}), "falseFailure.code: an operation fails with a code")]
    #[case(json!({"newerVersion": {"share": 0}}), "newerVersion.share: a fault that never happens")]
    #[case(json!({"staleList": {"by": "0s"}}), "staleList.by: a list that does not lag")]
    #[case(json!({"staleList": {"operation": "machines.get"}}), "staleList.operation: `machines.get` does not lag; give one of machines.list")]
    #[case(json!({"staleList": {}, "nth": [2]}), "nth: this fault is not about single VMs or calls")]
    #[case(json!({"vmCrash": {"only": {"vm": "a", "vms": ["b"]}}}), "vmCrash.only.vm: `a` is none of `vms`")]
    #[case(json!({"spotEvict": {"only": {"capacityType": "on-demand"}}}), "spotEvict.only.capacityType: only spot VMs are evicted")]
    // Before, a zone was back after the n-th creation that it refused, and a quota never ended.
    #[case(json!({"zoneOutage": {"zone": "1"}, "count": 2}), "count: this fault is a state: it does not happen a number of times")]
    #[case(json!({"quota": {"scope": "F", "cores": 1}, "count": 2}), "count: this fault is a state")]
    #[case(json!({"zoneOutage": {"zone": "1"}, "nth": [2]}), "nth: this fault is a state")]
    #[case(json!({"zoneOutage": {"zone": "1"}, "atLeast": 2}), "atLeast: this fault hits everything that matches anyway")]
    #[case(json!({"armOutage": {}, "nth": [2]}), "nth: this fault is not about single VMs or calls")]
    fn faults_without_effect_or_sense_are_found(#[case] json: serde_json::Value, #[case] problem: &str) {
        let fault: Fault = serde_json::from_value(json).unwrap();
        let problems = fault.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].to_string().starts_with(problem), "{}", problems[0]);
    }
}
