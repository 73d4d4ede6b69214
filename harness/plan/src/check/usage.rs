//! What controllers use.

use std::fmt;

use harness_units::{Bytes, Millicores};
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::Component;

/// The processes ran all the time, and used no more than this together. Without a limit they must only run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Usage {
    /// Names of processes, such as source-controller.
    #[schemars(length(min = 1))]
    pub processes: Vec<String>,
    /// Maximum CPU of all of them together, averaged over the phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Millicores>,
    /// Maximum resident memory: the sum of the peak of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl Expected for Usage {
    fn scope(&self) -> Scope<'_> {
        Scope::of_phases(&self.phases)
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let known = || Component::ALL.iter().map(|component| component.name()).chain(["supervisor"]);
        let unknown = |(index, name): (usize, &String)| {
            let message = format!("no process is named `{name}`");
            let path = ["processes", &index.to_string()];
            (!known().any(|process| process == name)).then(|| Problem::unknown(&path, message, name, known()))
        };
        self.processes.iter().enumerate().filter_map(unknown).collect()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits =
            [self.cpu.map(|most| format!("CPU <= {most}")), self.memory.map(|most| format!("memory <= {most}"))];
        let limits: Vec<String> = limits.into_iter().flatten().collect();
        let what = if limits.is_empty() { "run all the time".to_owned() } else { limits.join(", ") };
        write!(f, "{} {what}{}", self.processes.join(", "), during(&self.phases))
    }
}
