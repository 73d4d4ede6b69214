//! Names and labels of the objects that belong to a workload.

use std::collections::BTreeMap;

use harness_plan::Workload;
use kube::api::ObjectMeta;

use crate::labels;

/// The metadata of an object that belongs to a workload: its name, and the labels by which the run finds it.
pub(super) fn metadata(run_id: &str, workload: &Workload) -> ObjectMeta {
    let mut all = labels::of_run(run_id);
    all.extend(selector(workload));
    ObjectMeta { name: Some(workload.name.clone()), labels: Some(all), ..ObjectMeta::default() }
}

/// The label by which the pods of a workload are selected.
pub(super) fn selector(workload: &Workload) -> BTreeMap<String, String> {
    BTreeMap::from([(labels::WORKLOAD.to_owned(), workload.name.clone())])
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use harness_units::{Bytes, Millicores};

    /// A workload with nothing special.
    pub(in crate::workload) fn plain() -> Workload {
        Workload { replicas_peak: 1, ..Workload::new("web", "general-purpose", Millicores(500), Bytes(512 << 20)) }
    }

    #[test]
    fn what_belongs_to_a_workload_can_be_found_by_its_run() {
        let labels = metadata("r1", &plain()).labels.unwrap();
        assert_eq!(labels[labels::RUN], "r1");
        assert_eq!(labels[labels::WORKLOAD], "web");
    }
}
