//! Version 1 of the log, as version 2 writes it.
//!
//! The difference: an action carried a description beside the id of the plan's action, as prose where no latency needed it. Now it
//! carries the id alone. The header had what is simulated in words, and not what the target offered.

use harness_plan::Capability;
use harness_simulation::Simulated;
use serde_json::{Map, Value, json};

use super::v2::{self, Parsed};
use crate::event::Event;

/// The first line, as one of version 2.
///
/// # Errors
/// It is not the one with which every log starts.
pub(super) fn header(line: &[u8]) -> Result<Event, String> {
    let parse = |error: serde_json::Error| error.to_string();
    let mut event: Value = serde_json::from_slice(line).map_err(parse)?;
    if let Some(Value::Object(header)) = event.pointer_mut("/e/run_started") {
        upgrade_header(header);
    }
    v2::header(&serde_json::to_vec(&event).map_err(parse)?)
}

/// A later line. The minor version was always 0.
///
/// # Errors
/// It is not an event.
pub(super) fn event(line: &[u8]) -> Result<Parsed, String> {
    // Only actions differ, and a log may have a million other lines.
    if !contains(line, br#""action""#) {
        return v2::event(line, false);
    }
    let parse = |error: serde_json::Error| error.to_string();
    let mut event: Value = serde_json::from_slice(line).map_err(parse)?;
    if let Some(Value::Object(action)) = event.pointer_mut("/e/action") {
        upgrade(action)?;
    }
    serde_json::from_value(event).map(|event| Parsed::Event(Box::new(event))).map_err(parse)
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// The words of version 1, each with its name.
const SIMULATED: [(&str, Simulated); 3] = [
    ("Azure Resource Manager and the VM fleet", Simulated::Azure),
    ("kubelets (kwok)", Simulated::Kubelets),
    (
        "upgrades of the control plane (NAP is told the new version, the API server stays as it is)",
        Simulated::ControlPlaneUpgrades,
    ),
];

fn upgrade_header(header: &mut Map<String, Value>) {
    let words = header.remove("simulated").unwrap_or_default();
    let words: Vec<&str> = words.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let names = SIMULATED.iter().filter(|(text, _)| words.contains(text)).map(|(_, name)| *name);
    header.insert("simulated".to_owned(), json!(names.collect::<Vec<_>>()));
    // These targets had the simulated Azure, and no other.
    let simulated_azure = matches!(header.get("target").and_then(Value::as_str), Some("local" | "kind" | "k3s"));
    let offered = simulated_azure.then_some(Capability::SimulatedAzure);
    header.insert("capabilities".to_owned(), json!(offered.into_iter().collect::<Vec<_>>()));
}

fn upgrade(action: &mut Map<String, Value>) -> Result<(), String> {
    let id = action.remove("id").filter(|id| !id.is_null());
    let what = action.remove("what").unwrap_or_default();
    let now = match (what.get("push"), id) {
        (Some(push), id) => json!({"push": {"id": id, "revision": push["revision"]}}),
        (None, Some(id)) => json!({"planned": id}),
        // Only pushes had no id.
        (None, None) => match what["other"].as_str().and_then(|what| what.strip_prefix("call receiver ")) {
            Some(receiver) => json!({"receiver_call": {"receiver": receiver}}),
            None => return Err(format!("an action without an id: {what}")),
        },
    };
    action.insert("what".to_owned(), now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ActionKind, EventKind};
    use rstest::rstest;

    fn push(id: Option<u32>) -> ActionKind {
        ActionKind::Push { id, revision: "abc".to_owned() }
    }

    #[rstest]
    #[case(json!({"id": 7, "what": {"scale": {"workload": "web", "from": 0, "to": 4}}}), ActionKind::Planned(7))]
    #[case(json!({"id": 7, "what": {"other": "kill karpenter"}}), ActionKind::Planned(7))]
    #[case(json!({"id": 7, "what": {"push": {"revision": "abc"}}}), push(Some(7)))]
    #[case(json!({"what": {"push": {"revision": "abc"}}}), push(None))]
    #[case(json!({"what": {"other": "call receiver git"}}), ActionKind::ReceiverCall { receiver: "git".to_owned() })]
    fn every_action_of_version_1_is_read(#[case] mut action: Value, #[case] expected: ActionKind) {
        let stamps = json!({"phase": "p", "intended_us": 5});
        action.as_object_mut().unwrap().extend(stamps.as_object().unwrap().clone());
        let line = json!({"t": 9, "e": {"action": action}}).to_string();
        let Ok(Parsed::Event(event)) = event(line.as_bytes()) else { panic!("{line}") };
        let EventKind::Action(read) = event.kind else { panic!("{line}") };
        assert_eq!((read.what, read.intended_us), (expected, 5));
    }
}
