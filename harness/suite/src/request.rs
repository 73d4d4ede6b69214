//! What is asked for: which scenarios, planned with what, run where, reported to which folder.

use std::path::PathBuf;

use harness_plan::{Group, Profile};

use crate::region::Region;
use crate::target::Target;

/// The scenarios to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScenarioChoice {
    /// Names of built-in scenarios, or paths of scenario files, in this order. One that does not fit the node configuration is an error.
    Named(Vec<String>),
    /// Every built-in scenario, or those of a group. One that does not fit the node configuration is not run, and the report says why.
    BuiltIn(Option<Group>),
}

/// What decides a plan besides its scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// The folder of the GitOps tree to test; without it the tree that the scenario names.
    pub node_config: Option<PathBuf>,
    /// The top of the repository that this folder is in; without it that of its Git work tree.
    pub root: Option<PathBuf>,
    /// Whether the cluster lacks the pools and the class that AKS makes itself.
    pub without_aks_defaults: bool,
    /// The Azure region; without it that of the tree's zones and labels, else the default one.
    pub region: Option<Region>,
    /// The size of the run.
    pub profile: Profile,
    /// Values of parameters, `KEY=VALUE` each. Of several scenarios each takes those of its own parameters.
    pub parameters: Vec<String>,
    /// The seed of every draw. Without it the baseline's is used, or one is drawn.
    pub seed: Option<u64>,
}

/// A request to run scenarios.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// What to run.
    pub scenarios: ScenarioChoice,
    /// What decides the plans.
    pub options: PlanOptions,
    /// Where to run.
    pub target: Target,
    /// The folder of the run or suite; it must not hold another one. Without it `reports/ID` in the current folder.
    pub out: Option<PathBuf>,
    /// Leave the cluster and everything on it as they are at the end. Possible with a single run only.
    pub keep: bool,
    /// How often each scenario is run. Repeated runs have the same plan and a fresh cluster each, unless one is up.
    pub repeat: u32,
    /// The folder of a run or of several to compare the latencies with.
    pub baseline: Option<PathBuf>,
}

impl RunRequest {
    /// A request with the defaults of `harness run`.
    pub fn new(scenarios: ScenarioChoice) -> Self {
        Self {
            scenarios,
            options: PlanOptions::default(),
            target: Target::default(),
            out: None,
            keep: false,
            repeat: 1,
            baseline: None,
        }
    }

    /// The name of the only scenario, if this is a request for one run of one scenario.
    pub fn single(&self) -> Option<&str> {
        match &self.scenarios {
            ScenarioChoice::Named(names) if self.repeat == 1 => match names.as_slice() {
                [name] => Some(name),
                _ => None,
            },
            ScenarioChoice::Named(_) | ScenarioChoice::BuiltIn(_) => None,
        }
    }
}
