//! Processes that are missing, are replaced by others, or use too much.

use harness_record::EventKind;
use harness_record::event::ProcessUsage;
use harness_units::{Bytes, Millicores};

use super::super::edit::{Claim, Edit, Mutation};
use super::super::log::Log;

pub(super) fn claims(
    processes: &[String],
    cpu: Option<Millicores>,
    memory: Option<Bytes>,
    phases: &[String],
    log: &Log<'_>,
) -> Vec<Claim> {
    let windows = log.windows(phases);
    let looks: Vec<usize> = log
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| matches!(event.kind, EventKind::Usage { .. }))
        .filter(|(_, event)| windows.iter().any(|window| window.contains(event.at_us)))
        .map(|(index, _)| index)
        .collect();
    let Some(middle) = looks.get(looks.len() / 2).copied() else { return vec![Claim::new("", Vec::new())] };
    let mut claims = Vec::new();
    for name in processes {
        let mut claim =
            |what: &str, mutations: Vec<Mutation>| claims.push(Claim::new(format!("{name} {what}"), mutations));
        let mutation = |what: &str, edits: Vec<Edit>| Mutation::new(format!("{name} {what}"), edits);
        if let Some(most) = memory {
            let edit = changed(middle, name, log, |usage| usage.rss_bytes = most.0 + 1);
            claim("memory", vec![mutation("takes all the memory that is allowed", vec![edit]).naming("memory")]);
        }
        if let Some(most) = cpu {
            // Thousandths of a core over the whole log, so that it is enough over any part of it.
            let last_us = log.events.last().map_or(0, |event| event.at_us);
            let more_ms = (most.0 + 1) * last_us / 1_000_000;
            let later = looks.iter().filter(|index| **index >= middle);
            let edits = later.map(|index| changed(*index, name, log, |usage| usage.cpu_ms += more_ms)).collect();
            claim("CPU", vec![mutation("takes all the CPU that is allowed", edits).naming("CPU")]);
        }
        if cpu.is_none() && memory.is_none() {
            let edit = changed(middle, name, log, |usage| usage.cpu_ms = 0);
            claim("is the same", vec![mutation("is another process", vec![edit]).naming(name)]);
        }
        claim("exists", vec![mutation("is missing", vec![without(middle, name, log)]).naming(name)]);
    }
    claims
}

fn changed(index: usize, name: &str, log: &Log<'_>, change: impl Fn(&mut ProcessUsage)) -> Edit {
    let mut event = log.events[index].clone();
    if let EventKind::Usage { processes } = &mut event.kind {
        processes.iter_mut().filter(|process| process.name == name).for_each(change);
    }
    Edit::Replace(index, event)
}

fn without(index: usize, name: &str, log: &Log<'_>) -> Edit {
    let mut event = log.events[index].clone();
    if let EventKind::Usage { processes } = &mut event.kind {
        processes.retain(|process| process.name != name);
    }
    Edit::Replace(index, event)
}
