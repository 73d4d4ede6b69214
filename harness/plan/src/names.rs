//! The names that a scenario gives, for the checks of what refers to them.

use std::collections::BTreeMap;

use harness_yaml::Problem;

use crate::{ObjectAddress, Selection};

/// What a scenario names.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    /// Its workloads.
    pub workloads: Vec<&'a str>,
    /// Its objects.
    pub objects: &'a BTreeMap<String, ObjectAddress>,
    /// Its phases in the profile.
    pub phases: Vec<&'a str>,
    /// Those of its faults of Azure that last and have one.
    pub faults: Vec<String>,
    /// The codes with which its faults of Azure fail the creation of VMs, beside those that Azure has for a lack of capacity.
    pub codes: Vec<&'a str>,
}

impl Names<'_> {
    /// That a workload is one of the scenario's.
    pub fn workload(&self, path: &[&str], name: &str) -> Vec<Problem> {
        self.one_of(path, "workload", name, &self.workloads, "declare it under `workloads`")
    }

    /// That a phase is one of the scenario's.
    pub fn phase(&self, path: &[&str], name: &str) -> Vec<Problem> {
        self.one_of(path, "phase", name, &self.phases, "give the scenario a phase of this name")
    }

    /// That a fault is one that the scenario sets, and that it lasts until it is cleared.
    pub fn fault(&self, path: &[&str], name: &str) -> Vec<Problem> {
        let known: Vec<&str> = self.faults.iter().map(String::as_str).collect();
        self.one_of(path, "fault", name, &known, "give the fault that is meant a name: `id: ...` beside it")
    }

    /// That an object is one of the scenario's.
    pub fn object(&self, path: &[&str], name: &str) -> Vec<Problem> {
        let known: Vec<&str> = self.objects.keys().map(String::as_str).collect();
        let hint = "name it under `objects`: `{apiVersion: ..., kind: ..., name: ...}`";
        self.one_of(path, "object", name, &known, hint)
    }

    /// That a selection names workloads of the scenario, each once.
    pub fn workloads(&self, key: &str, selection: &Selection) -> Vec<Problem> {
        let mut found = named_once(key, selection);
        for (index, name) in selection.names().iter().enumerate() {
            let path = [key, &index.to_string()];
            let hint = "write `all`: the workloads of this scenario are derived from the tree";
            found.extend(self.one_of(&path, "workload", name, &self.workloads, hint));
        }
        found
    }

    fn one_of(&self, path: &[&str], what: &str, name: &str, known: &[&str], none: &str) -> Vec<Problem> {
        if known.contains(&name) {
            return Vec::new();
        }
        let message = format!("unknown {what} `{name}`");
        vec![match known.is_empty() {
            true => Problem::new(path, message, none),
            false => Problem::unknown(path, message, name, known.iter().copied()),
        }]
    }
}

/// That a selection names each of them once.
pub fn named_once(key: &str, selection: &Selection) -> Vec<Problem> {
    let names = selection.names();
    let again = |(index, name): (usize, &String)| {
        names[..index]
            .contains(name)
            .then(|| Problem::new(&[key, &index.to_string()], format!("`{name}` is named twice"), "name it once"))
    };
    names.iter().enumerate().filter_map(again).collect()
}
