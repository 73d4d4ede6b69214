//! What goes wrong in Azure.

use harness_units::{Factor, Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CapacityType;
use harness_yaml::{Beside, Problem, Tagged};

/// Azure gives at most this notice before a spot VM is evicted.
/// Source: Azure's documentation of scheduled events, event type Preempt.
const SPOT_NOTICE_MAX: Span = Span::from_secs(30);

/// One fault, with its identity and its end: `{throttle: {retryAfter: 5s, share: 0.5}, for: 20s}`.
///
/// Without `for` and `count` it lasts until it is removed. A fault that acts once, when it is set ([`FaultKind::is_instant`]), acts on
/// `count` of the VMs that match, chosen by the seed; on all of them without it, on those that there are if they are fewer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Tagged<FaultKind, Terms>", into = "Tagged<FaultKind, Terms>")]
pub struct Fault {
    /// Its name; empty means that the simulator gives one (`fault-N`). A second fault with the name of a live one replaces it.
    pub id: String,
    /// What goes wrong.
    pub kind: FaultKind,
    /// It ends by itself after this time.
    pub lasts: Option<Span>,
    /// It ends by itself after it has been applied this many times; for a fault that acts once, the most VMs that it acts on.
    pub count: Option<u32>,
}

impl From<Tagged<FaultKind, Terms>> for Fault {
    fn from(tagged: Tagged<FaultKind, Terms>) -> Self {
        let Tagged { variant: kind, beside: Terms { id, lasts, count } } = tagged;
        Self { id, kind, lasts, count }
    }
}

impl From<Fault> for Tagged<FaultKind, Terms> {
    fn from(fault: Fault) -> Self {
        let Fault { id, kind, lasts, count } = fault;
        Self { variant: kind, beside: Terms { id, lasts, count } }
    }
}

impl JsonSchema for Fault {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AzureFault".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Tagged::<FaultKind, Terms>::json_schema(generator)
    }
}

/// What stands beside the kind of a fault.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
struct Terms {
    /// Its name (default: one that the simulator gives). A second fault with the name of a live one replaces it.
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    /// It ends by itself after this time (default: it lasts until it is cleared).
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    lasts: Option<Span>,
    /// It ends by itself after it has been applied this many times. For vmCrash, nodeCondition and spotEvict, which act once: the most VMs
    /// that they act on (default: all that match).
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl Beside for Terms {
    const KEYS: &'static [&'static str] = &["id", "for", "count"];
}

impl Fault {
    /// A fault without a name that lasts until it is removed.
    pub fn new(kind: FaultKind) -> Self {
        Self { id: String::new(), kind, lasts: None, count: None }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// Ends by itself after this time.
    #[must_use]
    pub fn lasting(mut self, lasts: impl Into<Span>) -> Self {
        self.lasts = Some(lasts.into());
        self
    }

    /// Ends by itself after this many applications.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// What the types cannot rule out.
    pub fn problems(&self) -> Vec<Problem> {
        let kind = self.kind.as_str();
        let mut found: Vec<Problem> = self.kind.problems().into_iter().map(|problem| problem.under(kind)).collect();
        if self.count == Some(0) {
            found.push(Problem::new(&["count"], "a fault that never applies", "give a count of at least 1, or none"));
        }
        if self.lasts == Some(Span::ZERO) {
            found.push(Problem::new(&["for"], "a fault that lasts 0s", "give a duration above 0s"));
        }
        found
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
#[strum(serialize_all = "camelCase")]
pub enum FaultKind {
    /// Azure has no machine for such a VM: its creation fails with Azure's code.
    NoCapacity {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// Which of Azure's codes (default: SkuNotAvailable where `only` names a capacity type, since a code of the zone or region would rule
        /// out the other type too; otherwise ZonalAllocationFailed for a VM with a zone and AllocationFailed without).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<CapacityCode>,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Another quota while the fault lasts.
    Quota {
        /// `regional`, `spot`, a family's letters (`F`) or a quota family (`standardFSv2Family`).
        scope: String,
        /// vCPUs.
        cores: u32,
    },
    /// Resource Manager answers 429 with Retry-After.
    Throttle {
        /// What Retry-After says, rounded up to whole seconds (default: 5s).
        #[serde(default = "retry_after")]
        retry_after: Span,
        /// The share of calls (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
        /// Only calls of this operation, such as machines.put; names as in the simulator's request counters (default: all).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<String>,
    },
    /// Boots take longer.
    SlowBoot {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The drawn boot is multiplied by this (default: 1).
        #[serde(default = "one", skip_serializing_if = "is_one")]
        factor: Factor,
        /// Then this is added (default: 0s).
        #[serde(default, skip_serializing_if = "is_default")]
        extra: Span,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Deletions of VMs take longer: until they end the VMs are there, cost money and count against the quota.
    SlowDelete {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// This is added to the drawn time of the deletion.
        extra: Span,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// VMs never finish booting: their machines stay in Creating until they are deleted.
    StuckBoot {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// VMs boot and Azure reports success, but they never join the cluster.
    NeverRegister {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Running VMs stop: their Nodes turn NotReady, the VMs stay. Acts once.
    VmCrash {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs, at least one (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// An agent on running VMs reports a condition of their Nodes from now on, with the present time as its transition. It stays through
    /// every other write of those Nodes, until the VM is replaced or the agent reports another status. Only VMs whose Node has been Ready
    /// are meant. Acts once.
    NodeCondition {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The condition's type, such as kubernetes.azure.com/NodeHealthy.
        condition: String,
        /// Its status.
        status: ConditionStatus,
        /// The share of matching VMs, at least one (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
    /// Running spot VMs are evicted. Acts once.
    SpotEvict {
        /// Which spot VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// The share of matching VMs, at least one (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
        /// Warning before the VM is gone: its Node gets the condition PreemptionScheduled first (default: 0s, none). Azure gives at most 30 s.
        #[serde(default, skip_serializing_if = "is_default")]
        notice: Span,
    },
    /// Resource Manager is down.
    ArmOutage {
        /// How it shows (default: unavailable).
        #[serde(default, skip_serializing_if = "is_default")]
        mode: ArmFaultMode,
    },
    /// Creations fail with any code, after they were accepted.
    OperationFail {
        /// Which VMs (default: all).
        #[serde(default, skip_serializing_if = "is_default")]
        only: VmSelector,
        /// Azure's error code, such as OperationNotAllowed.
        code: String,
        /// Azure's message, from which the controller classifies some codes (default: none).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
        /// The share of matching VMs (default: 1, all).
        #[serde(default, skip_serializing_if = "is_default")]
        share: Share,
    },
}

fn retry_after() -> Span {
    Span::from_secs(5)
}

fn one() -> Factor {
    Factor(1.0)
}

fn is_one(factor: &Factor) -> bool {
    *factor == one()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl FaultKind {
    /// The key of the variant.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// Whether it acts once, when it is set, and is over then.
    pub const fn is_instant(&self) -> bool {
        matches!(self, Self::VmCrash { .. } | Self::NodeCondition { .. } | Self::SpotEvict { .. })
    }

    /// Which VMs it is for, where it is for VMs.
    pub const fn only(&self) -> Option<&VmSelector> {
        match self {
            Self::NoCapacity { only, .. }
            | Self::SlowBoot { only, .. }
            | Self::SlowDelete { only, .. }
            | Self::StuckBoot { only, .. }
            | Self::NeverRegister { only, .. }
            | Self::VmCrash { only, .. }
            | Self::NodeCondition { only, .. }
            | Self::SpotEvict { only, .. }
            | Self::OperationFail { only, .. } => Some(only),
            Self::Quota { .. } | Self::Throttle { .. } | Self::ArmOutage { .. } => None,
        }
    }

    /// The share of matching VMs or calls that it hits; all of them where it has none.
    pub const fn share(&self) -> Share {
        match self {
            Self::NoCapacity { share, .. }
            | Self::Throttle { share, .. }
            | Self::SlowBoot { share, .. }
            | Self::SlowDelete { share, .. }
            | Self::StuckBoot { share, .. }
            | Self::NeverRegister { share, .. }
            | Self::VmCrash { share, .. }
            | Self::NodeCondition { share, .. }
            | Self::SpotEvict { share, .. }
            | Self::OperationFail { share, .. } => *share,
            Self::Quota { .. } | Self::ArmOutage { .. } => Share::WHOLE,
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.share().0 == 0.0 {
            found.push(Problem::new(&["share"], "a fault that never happens", "give a share above 0"));
        }
        match self {
            Self::Quota { scope, .. } if !is_quota_scope(scope) => {
                found.push(Problem::new(&["scope"], format!("unknown quota `{scope}`"), QUOTA_HINT));
            }
            Self::OperationFail { code, .. } if code.is_empty() => {
                let hint = "give one, such as OperationNotAllowed";
                found.push(Problem::new(&["code"], "an operation fails with a code", hint));
            }
            Self::NodeCondition { condition, .. }
                if condition.is_empty() || condition.contains(char::is_whitespace) =>
            {
                let message = format!("`{condition}` cannot be the type of a condition");
                found.push(Problem::new(&["condition"], message, "give one, such as kubernetes.azure.com/NodeHealthy"));
            }
            Self::SlowBoot { factor, extra, .. } if *factor == one() && *extra == Span::ZERO => {
                found.push(Problem::new(&[], "a slow boot that is no slower", "give a factor above 1, or `extra`"));
            }
            Self::SlowDelete { extra, .. } if *extra == Span::ZERO => {
                let message = "a slow deletion that is no slower";
                found.push(Problem::new(&["extra"], message, "give a duration above 0s"));
            }
            Self::SpotEvict { notice, .. } if *notice > SPOT_NOTICE_MAX => {
                let message = format!("Azure gives a notice of at most {SPOT_NOTICE_MAX}");
                found.push(Problem::new(&["notice"], message, "give a shorter one"));
            }
            _ => {}
        }
        found
    }
}

/// Which VMs. Every given key must match; an empty selector matches every VM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct VmSelector {
    /// The VM, its AKS machine or its NodeClaim, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm: Option<String>,
    /// The size, such as Standard_F4s_v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The family's letters (`F`) or the quota family (`standardFSv2Family`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The zone: `"1"`, `eastus-1`, or `"0"` for VMs without a zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Spot or on-demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<CapacityType>,
    /// The NodePool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
}

/// How an outage of Azure Resource Manager shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ArmFaultMode {
    /// Every call is answered 503 `ServiceUnavailable`.
    #[default]
    Unavailable,
    /// Connections are closed before the TLS handshake.
    Refused,
}

/// Azure's codes for capacity that is not there.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames,
)]
pub enum CapacityCode {
    /// No capacity for the size in the region.
    AllocationFailed,
    /// No capacity for the size in the zone.
    ZonalAllocationFailed,
    /// The constraints together cannot be met in the region.
    OverconstrainedAllocationRequest,
    /// The constraints together cannot be met in the zone.
    OverconstrainedZonalAllocationRequest,
    /// The size is not offered there at present.
    SkuNotAvailable,
    /// The subscription may not use the size: the answer to the PUT itself.
    VMSizeNotSupported,
}

impl CapacityCode {
    /// The code as Azure writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The status of a condition, as Kubernetes writes it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames,
)]
pub enum ConditionStatus {
    /// `"True"`.
    True,
    /// `"False"`.
    False,
    /// `"Unknown"`.
    Unknown,
}

impl ConditionStatus {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

pub(crate) const QUOTA_HINT: &str =
    "name a family by its letters (F, NC) or its quota (standardFSv2Family), or write regional or spot";

/// Whether a quota can have this name: `regional`, `spot`, a family's letters (`F`) or a quota family (`standardFSv2Family`).
pub fn is_quota_scope(name: &str) -> bool {
    let letters = name.len() <= 3 && !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase());
    letters || ["regional", "spot"].contains(&name) || name.len() > "Family".len() && name.ends_with("Family")
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
    #[case(json!({"slowBoot": {"factor": 3.0}}))]
    #[case(json!({"stuckBoot": {}, "count": 1}))]
    #[case(json!({"vmCrash": {"only": {"nodepool": "web"}}, "count": 2}))]
    #[case(json!({"nodeCondition": {"condition": "Ready", "status": "False"}}))]
    #[case(json!({"spotEvict": {"share": 0.5, "notice": "30s"}}))]
    #[case(json!({"armOutage": {"mode": "refused"}, "for": "1m"}))]
    #[case(json!({"operationFail": {"code": "X", "message": "why"}}))]
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
    fn faults_without_effect_or_sense_are_found(#[case] json: serde_json::Value, #[case] problem: &str) {
        let fault: Fault = serde_json::from_value(json).unwrap();
        let problems = fault.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].to_string().starts_with(problem), "{}", problems[0]);
    }
}
