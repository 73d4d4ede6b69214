//! The load that a run sets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The label that names the workload of a pod.
pub const WORKLOAD_LABEL: &str = "harness.dev/workload";

/// The window of a sample unless the load sets another, in seconds.
///
/// The HPA leaves out the CPU sample of a pod that has been Ready for less than the window. metrics-server has a resolution of 15 s
/// beside an HPA period of 15 s; the local HPA's period is 5 s, and this is the same for it.
pub const DEFAULT_WINDOW_S: u32 = 5;

/// The largest value of a demand: the HPA reads thousandths into 64 bits with a sign.
const VALUE_MAX: u64 = i64::MAX as u64 / 1000;

/// A refused or failed request to set metrics. It crosses the control socket as text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    /// A value is out of range.
    #[error("cannot set the {what}: {reason}")]
    Invalid { what: String, reason: String },
    /// The supervisor has no client yet.
    #[error("the cluster's API server is not up yet; set load when the cluster is usable")]
    NotAttached,
    /// The first list of pods or nodes was not received in time.
    #[error("pods and nodes were not listed after {waited_ms} ms; last error of the watch: {last}")]
    NotListed { waited_ms: u64, last: String },
}

/// The load on one workload: on the pods of one namespace with one value of [`WORKLOAD_LABEL`].
///
/// A field that is not set is unknown and not answered: a workload without `memory_bytes` has no memory metric, not one of zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// The namespace of the pods.
    pub namespace: String,
    /// The value of their label [`WORKLOAD_LABEL`].
    pub workload: String,
    /// CPU, in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_millicores: Option<Demand>,
    /// Memory (the working set), in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<Demand>,
    /// The application's own metrics by name, in thousandths of the metric's unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom_milli: BTreeMap<String, Demand>,
    /// How long each sample was collected, in seconds.
    #[serde(default = "default_window_s")]
    pub window_s: u32,
}

fn default_window_s() -> u32 {
    DEFAULT_WINDOW_S
}

/// How much of something a workload asks for, in the unit of the field that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Demand {
    /// A total, divided evenly among the Ready pods: load from outside, such as requests of users.
    Total {
        /// The sum over all pods.
        total: u64,
        /// What one pod cannot exceed. The rest of its part is overload: demanded and not used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cap: Option<Cap>,
    },
    /// So much in each Ready pod, however many there are.
    EachPod {
        /// The value of one pod.
        value: u64,
    },
}

/// What limits the use of a resource by one pod. A pod that does not declare it is not limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cap {
    /// The pod's request, as on a node without anything to spare.
    Request,
    /// The pod's limit, as the kernel enforces it.
    Limit,
}

impl Demand {
    /// A total without a cap.
    pub fn total(total: u64) -> Self {
        Self::Total { total, cap: None }
    }

    /// A total of which a pod takes no more than `cap`.
    pub fn capped(total: u64, cap: Cap) -> Self {
        Self::Total { total, cap: Some(cap) }
    }

    /// The same value in each pod.
    pub fn each_pod(value: u64) -> Self {
        Self::EachPod { value }
    }

    fn value(self) -> u64 {
        match self {
            Self::Total { total, .. } => total,
            Self::EachPod { value } => value,
        }
    }
}

/// One value of a metric that belongs to no object of the cluster, such as the length of a queue elsewhere. It is the same in every
/// namespace. Name and labels together identify it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalMetric {
    /// The metric's name.
    pub name: String,
    /// Its labels, by which an HPA may select.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The value, in thousandths of the metric's unit.
    pub value_milli: u64,
}

impl Load {
    /// No load at all on that workload; fill in what is known.
    pub fn new(namespace: impl Into<String>, workload: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            workload: workload.into(),
            cpu_millicores: None,
            memory_bytes: None,
            custom_milli: BTreeMap::new(),
            window_s: DEFAULT_WINDOW_S,
        }
    }

    /// Whether no field is set.
    pub fn is_empty(&self) -> bool {
        self.cpu_millicores.is_none() && self.memory_bytes.is_none() && self.custom_milli.is_empty()
    }

    /// Checks the values beyond their types.
    pub(crate) fn validate(&self) -> Result<(), MetricsError> {
        let refused = |reason: String| {
            Err(MetricsError::Invalid { what: format!("load of {}/{}", self.namespace, self.workload), reason })
        };
        if self.namespace.is_empty() || self.workload.is_empty() {
            return refused("namespace and workload must be given".to_owned());
        }
        if !(1..=3600).contains(&self.window_s) {
            return refused(format!("windowS is {} and must be 1 to 3600 seconds", self.window_s));
        }
        for (name, demand) in &self.custom_milli {
            check_name(name).or_else(&refused)?;
            if ["cpu", "memory"].contains(&name.as_str()) {
                return refused(format!("{name} is a resource; say it in cpuMillicores or memoryBytes"));
            }
            if matches!(demand, Demand::Total { cap: Some(_), .. }) {
                return refused(format!("the metric {name:?} has no request or limit that could cap it"));
            }
        }
        let all = self.cpu_millicores.iter().chain(&self.memory_bytes).chain(self.custom_milli.values());
        match all.map(|demand| demand.value()).find(|value| *value > VALUE_MAX) {
            Some(value) => refused(format!("{value} is more than the HPA can read ({VALUE_MAX})")),
            None => Ok(()),
        }
    }
}

impl ExternalMetric {
    /// Checks the values beyond their types.
    pub(crate) fn validate(&self) -> Result<(), MetricsError> {
        let refused = |reason| MetricsError::Invalid { what: format!("external metric {:?}", self.name), reason };
        check_name(&self.name).map_err(refused)?;
        if i64::try_from(self.value_milli).is_err() {
            return Err(refused(format!("{} thousandths are more than the HPA can read", self.value_milli)));
        }
        Ok(())
    }
}

/// A metric's name is one segment of a path.
fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(allowed) {
        Ok(())
    } else {
        Err(format!("{name:?} is not the name of a metric: use letters, digits, '-', '_', '.' and ':'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_survives_json() {
        let mut load = Load::new("shop", "web");
        load.cpu_millicores = Some(Demand::capped(1500, Cap::Limit));
        load.custom_milli.insert("requests_per_second".into(), Demand::each_pod(10_000));
        let text = serde_json::to_string(&load).unwrap();
        assert!(text.contains(r#""cpuMillicores":{"total":{"total":1500,"cap":"limit"}}"#), "{text}");
        assert_eq!(serde_json::from_str::<Load>(&text).unwrap(), load);
    }

    #[test]
    fn what_no_hpa_could_read_is_refused() {
        let refused = |change: &dyn Fn(&mut Load)| {
            let mut load = Load::new("shop", "web");
            change(&mut load);
            load.validate().unwrap_err().to_string()
        };
        assert!(refused(&|load| load.namespace.clear()).contains("must be given"));
        assert!(refused(&|load| load.window_s = 0).contains("windowS is 0"));
        let text = refused(&|load| load.custom_milli = [("a/b".into(), Demand::total(1))].into());
        assert!(text.contains("is not the name of a metric"), "{text}");
        let text = refused(&|load| load.custom_milli = [("rps".into(), Demand::capped(1, Cap::Request))].into());
        assert!(text.contains("no request or limit"), "{text}");
        let text = refused(&|load| load.custom_milli = [("cpu".into(), Demand::total(1))].into());
        assert!(text.contains("cpuMillicores"), "{text}");
        assert!(refused(&|load| load.memory_bytes = Some(Demand::total(u64::MAX))).contains("more than the HPA"));
        let metric = ExternalMetric { name: "depth".into(), labels: BTreeMap::new(), value_milli: u64::MAX };
        assert!(metric.validate().is_err());
    }
}
