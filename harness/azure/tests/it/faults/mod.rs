//! Each fault, as a client sees it.

mod boots;
mod calls;
mod creations;
mod lists;
mod running;

use harness_simulation::{Fault, VmSelector};

use crate::support::Lab;

fn family(letter: &str) -> VmSelector {
    VmSelector { family: Some(letter.to_owned()), ..VmSelector::default() }
}

fn fault(written: serde_json::Value) -> Fault {
    serde_json::from_value(written).unwrap()
}

fn every() -> VmSelector {
    VmSelector::default()
}

/// The machines that the fault of this name hit.
async fn hit_by(lab: &Lab, fault: &str) -> Vec<String> {
    let mut all = lab.control.vms().await.unwrap();
    all.retain(|r| r.faults.iter().any(|f| f == fault));
    all.into_iter().map(|r| r.vm.machine.clone()).collect()
}
