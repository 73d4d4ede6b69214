//! What the draws of a seed cause, without VMs and without time.

use super::choice::{Candidate, TooFew, choose};
use super::engine::{FaultEngine, FaultError};
use super::vms::{CreationFailure, Subject};
use crate::facts::{FactLog, VmRef};
use harness_simulation::Fault;
use std::collections::HashMap;
use std::time::Duration;

/// A fault engine without a simulator: for each VM or call that it is given it returns the fault that hits it. A scenario can be tried with
/// thousands of seeds in this way.
#[derive(Debug, Default)]
pub struct Rehearsal {
    seed: u64,
    engine: FaultEngine,
    facts: FactLog,
    ordinals: HashMap<String, u64>,
}

/// A fault that cannot be set, or that has too few VMs to act on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RehearsalError(#[from] Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error(transparent)]
    Fault(#[from] FaultError),
    #[error(transparent)]
    TooFew(#[from] TooFew),
}

impl Rehearsal {
    /// Without a fault.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// Sets a fault that lasts. Returns its name.
    ///
    /// # Errors
    /// When the simulator refuses it.
    pub fn set(&mut self, fault: &Fault) -> Result<String, RehearsalError> {
        Ok(self.engine.add(fault.clone(), &self.facts).map_err(Why::from)?.terms.id)
    }

    /// Ends one fault, or all of them.
    pub fn clear(&mut self, id: Option<&str>) {
        match id {
            Some(id) => drop(self.engine.remove(id, &self.facts)),
            None => self.engine.clear(&self.facts),
        }
    }

    /// Creates the next VM of its node pool and lets it boot. Returns the names of the faults that hit it.
    pub fn create(&mut self, vm: &VmRef) -> Vec<String> {
        let next = self.ordinals.entry(vm.nodepool.clone()).or_default();
        let subject = Subject { vm, ordinal: *next, seed: self.seed };
        *next += 1;
        let newer = self.engine.newer_version(&self.facts, subject).map(|(id, _)| id);
        let (boots, hit) = match self.engine.creation(&self.facts, subject) {
            Some((id, failure)) => (matches!(failure, CreationFailure::False(_)), Some(id)),
            None => {
                let (boot, slow) = self.engine.boot(&self.facts, subject, Duration::from_secs(1));
                (boot.is_some(), slow)
            }
        };
        let lost = boots.then(|| self.engine.never_register(&self.facts, subject)).flatten();
        newer.into_iter().chain(hit).chain(lost).collect()
    }

    /// Makes a call of Azure Resource Manager. Whether it is throttled.
    pub fn call(&mut self, operation: &str) -> bool {
        self.engine.throttle(&self.facts, self.seed, operation).is_some()
    }

    /// Sets a fault that acts once, on running VMs with a Ready Node, all of which it means. Returns the names of those on which it acts.
    ///
    /// # Errors
    /// When the simulator refuses it, or when there are too few.
    pub fn act(&mut self, fault: &Fault, running: &[VmRef]) -> Result<Vec<String>, RehearsalError> {
        let fault = self.engine.add(fault.clone(), &self.facts).map_err(Why::from)?;
        self.engine.remove(&fault.terms.id, &self.facts);
        let candidates = (0..).zip(running).map(|(ordinal, vm)| Candidate { vm, ordinal, ready: true, noticed: false });
        Ok(choose(&fault, self.seed, candidates.collect()).map_err(Why::from)?)
    }
}
