//! How many Ready pods the plan asks for at a moment.

use std::collections::BTreeMap;

use harness_plan::{Action, Phase, Plan};

use crate::state::State;

/// The workloads whose pods phases wait for, with what is asked of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    workloads: BTreeMap<String, Asked>,
}

#[derive(Clone, Debug)]
struct Asked {
    /// By the newest scale action.
    replicas: u32,
    /// The fewest that its autoscaler keeps, where it has one.
    autoscaled_min: Option<u32>,
}

impl Wanted {
    /// Nothing was asked for yet.
    pub(crate) fn new(plan: &Plan) -> Self {
        let awaited = plan.workloads.iter().filter(|workload| workload.awaited && !workload.stays_pending);
        let asked = awaited.map(|workload| {
            let autoscaled_min = workload.autoscale.as_ref().map(|autoscale| autoscale.min);
            (workload.name.clone(), Asked { replicas: 0, autoscaled_min })
        });
        Self { workloads: asked.collect() }
    }

    /// Takes in what the phase asks for.
    pub(crate) fn plan(&mut self, phase: &Phase) {
        for planned in &phase.actions {
            if let Action::Scale(scale) = &planned.action
                && let Some(asked) = self.workloads.get_mut(scale.workload())
            {
                asked.replicas = scale.to;
            }
        }
    }

    /// Whether as many pods are Ready as are asked for, or what is missing.
    pub(crate) fn met(&self, state: &State) -> Result<(), String> {
        let ready = state.ready_pods();
        let missing: Vec<String> = self
            .workloads
            .iter()
            .map(|(name, asked)| (name, ready.get(name.as_str()).copied().unwrap_or(0), asked.now(name, state)))
            .filter(|(_, ready, wanted)| ready != wanted)
            .map(|(name, ready, wanted)| format!("{name}: {ready} of {wanted} pods Ready"))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(missing.join(", ")) }
    }
}

impl Asked {
    /// With no replicas an autoscaler sleeps; otherwise it decides.
    fn now(&self, workload: &str, state: &State) -> u32 {
        match self.autoscaled_min {
            Some(min) if self.replicas > 0 => state.autoscaler_wants(workload).unwrap_or(0).max(min),
            _ => self.replicas,
        }
    }
}
