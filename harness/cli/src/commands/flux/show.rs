//! Reports about Flux, as text.

use harness_cluster::flux::{
    Applied, ControllerState, Count, FluxStatus, InstallReport, ObjectState, Ready, ReconcileReport, UninstallReport,
};
use jiff::Timestamp;

use crate::commands::doctor;
use crate::console::Console;

pub(super) fn installed(report: &InstallReport, console: &Console) -> String {
    let mut lines = doctor::lines(&report.checks, console);
    if report.is_refused() {
        return lines.join("\n");
    }
    lines.push(String::new());
    let would = if report.dry_run { "would be " } else { "" };
    let mut rows = applied(&report.objects, would);
    rows.extend(report.controllers.iter().map(|handled| {
        let state = if handled.changed { format!("{would}started") } else { "running".to_owned() };
        vec![handled.name.clone(), state]
    }));
    lines.extend(columns(rows));
    if let Some(reconciliation) = &report.reconciliation {
        lines.extend([String::new(), reconciled(reconciliation)]);
    }
    lines.join("\n")
}

pub(super) fn reconciled(report: &ReconcileReport) -> String {
    let rows = report.objects.iter().map(|object| {
        let revision = object.revision.as_deref().map(short).unwrap_or_default();
        let took = if object.requested_at.is_some() { format!("{} ms", object.took_ms) } else { String::new() };
        let why = if object.ending.is_well() && object.ending.as_str() == "reconciled" {
            String::new()
        } else {
            one_line(&format!("{}: {}", object.reason, object.message))
        };
        vec![object.object.to_string(), object.ending.as_str().to_owned(), took, revision, why]
    });
    let header = ["OBJECT", "ENDED", "TOOK", "REVISION", "WHY"].map(str::to_owned).to_vec();
    columns(std::iter::once(header).chain(rows).collect()).join("\n")
}

pub(super) fn status(status: &FluxStatus, now: Timestamp) -> String {
    let running = status.controllers.iter().filter(|controller| controller.running).count();
    let ready = status.objects.iter().filter(|object| object.is_fine()).count();
    let mut lines = vec![format!(
        "Flux on the {} cluster `{}`: {running} of {} controllers run, {ready} of {} objects are Ready",
        status.target,
        status.cluster,
        status.controllers.len(),
        status.objects.len()
    )];
    let header = ["CONTROLLER", "STATE", "VERSION", "CPU", "MEMORY", "RESTARTS"].map(str::to_owned).to_vec();
    lines.push(String::new());
    lines.extend(columns(std::iter::once(header).chain(status.controllers.iter().map(controller)).collect()));
    if !status.objects.is_empty() {
        let header = ["OBJECT", "READY", "REASON", "REVISION", "RECONCILED"].map(str::to_owned).to_vec();
        lines.push(String::new());
        lines.extend(columns(std::iter::once(header).chain(status.objects.iter().map(|it| object(it, now))).collect()));
    }
    lines.extend([String::new(), format!("deployed: {}", counts(&status.deployed))]);
    if !status.troubles.is_empty() {
        lines.push(String::new());
        lines.extend(status.troubles.iter().map(|trouble| format!("wrong: {}", one_line(trouble))));
    }
    if !status.warnings.is_empty() {
        lines.extend([String::new(), "warnings, newest first:".to_owned()]);
        lines.extend(columns(
            status
                .warnings
                .iter()
                .map(|it| {
                    let when = it.last_at.map(|at| age(at, now)).unwrap_or_default();
                    let what = one_line(&format!("{}: {}", it.reason, it.message));
                    vec![when, format!("{}x", it.count), it.object.to_string(), what]
                })
                .collect(),
        ));
    }
    lines.join("\n")
}

fn controller(controller: &ControllerState) -> Vec<String> {
    let state = match (controller.pid, &controller.last_exit) {
        (Some(pid), _) => format!("running, pid {pid}"),
        (None, Some(exit)) => format!("stopped: {exit}"),
        (None, None) => "not started".to_owned(),
    };
    vec![
        controller.name.clone(),
        state,
        controller.version.clone().unwrap_or_default(),
        controller.cpu_millicores.map(|millicores| format!("{millicores}m")).unwrap_or_default(),
        controller.rss_bytes.map(|bytes| format!("{} MiB", bytes / (1 << 20))).unwrap_or_default(),
        controller.restarts.to_string(),
    ]
}

fn object(object: &ObjectState, now: Timestamp) -> Vec<String> {
    let ready = match object.ready {
        Ready::Yes => "True",
        Ready::No => "False",
        Ready::Unknown => "Unknown",
        Ready::Static => "-",
    };
    let suspended = if object.suspended { ", suspended" } else { "" };
    let deleting = if object.deleting { ", being deleted" } else { "" };
    vec![
        object.object.to_string(),
        format!("{ready}{suspended}{deleting}"),
        object.reason.clone(),
        object.revision.as_deref().map(short).unwrap_or_default(),
        object.last_reconciled_at.map(|at| age(at, now)).unwrap_or_default(),
    ]
}

pub(super) fn uninstalled(report: &UninstallReport) -> String {
    if report.is_empty() {
        return "nothing to remove: there is no Flux".to_owned();
    }
    let would = if report.dry_run { "would be " } else { "" };
    let mut rows = applied(&report.suspended, would);
    rows.extend(report.controllers.iter().map(|handled| {
        let state = if handled.changed { format!("{would}stopped") } else { "not running".to_owned() };
        vec![handled.name.clone(), state]
    }));
    rows.extend(applied(&report.deleted, would));
    let mut lines = columns(rows);
    lines.push(String::new());
    if report.dry_run {
        lines.push(format!("would be kept: {}", counts(&report.deployed_before)));
        return lines.join("\n");
    }
    lines.push(format!("deployed before: {}", counts(&report.deployed_before)));
    lines.push(format!("deployed after:  {}", counts(&report.deployed_after)));
    lines.extend(report.lost.iter().map(|object| format!("lost: {object}")));
    lines.extend(report.left.iter().map(|left| format!("left behind: {left}")));
    lines.join("\n")
}

/// Returns the question before a removal.
pub(super) fn question(would: &UninstallReport, cluster: &str) -> String {
    let running = would.controllers.iter().filter(|handled| handled.changed).count();
    let kept: usize = would.deployed_before.iter().map(|count| count.count).sum();
    format!(
        "This stops {running} controllers and deletes {} objects and definitions of Flux on `{cluster}`. The {kept} objects that it deployed stay ({}). Continue?",
        would.deleted.len(),
        counts(&would.deployed_before)
    )
}

fn applied(objects: &[Applied], would: &str) -> Vec<Vec<String>> {
    let outcome = |it: &Applied| match it.outcome.as_str() {
        "unchanged" => "unchanged".to_owned(),
        outcome => format!("{would}{outcome}"),
    };
    objects.iter().map(|it| vec![it.object.to_string(), outcome(it)]).collect()
}

fn counts(counts: &[Count]) -> String {
    if counts.is_empty() {
        return "nothing".to_owned();
    }
    counts.iter().map(|count| format!("{} {}", count.count, count.kind)).collect::<Vec<_>>().join(", ")
}

/// Shortens the hash of `main@sha1:0123456789abcdef` to what people compare.
fn short(revision: &str) -> String {
    const SHOWN: usize = 8;
    match revision.rsplit_once(':') {
        Some((before, hash)) if hash.len() > SHOWN && hash.chars().all(|it| it.is_ascii_hexdigit()) => {
            format!("{before}:{}", &hash[..SHOWN])
        }
        _ => revision.to_owned(),
    }
}

fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// Joins the lines of a message: those of kustomize have many. The JSON keeps them.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Rows as lines, each column as wide as its widest cell.
fn columns(rows: Vec<Vec<String>>) -> Vec<String> {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|it| it.chars().count()).max();
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0)).filter_map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_keeps_its_branch_and_the_start_of_its_hash() {
        assert_eq!(short("main@sha1:0123456789abcdef"), "main@sha1:01234567");
        assert_eq!(short("6.5.0"), "6.5.0");
        assert_eq!(short("latest@sha256:nothex-nothex"), "latest@sha256:nothex-nothex");
    }

    #[test]
    fn an_age_has_one_unit() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let ago = |text: &str| age(text.parse().unwrap(), now);
        assert_eq!(ago("2026-11-21T11:59:01Z"), "59 s ago");
        assert_eq!(ago("2026-11-21T11:40:00Z"), "20 min ago");
        assert_eq!(ago("2026-11-21T03:00:00Z"), "9 h ago");
        assert_eq!(ago("2026-11-01T12:00:00Z"), "20 d ago");
        assert_eq!(ago("2026-11-21T12:00:05Z"), "0 s ago");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = vec![vec!["a".to_owned(), "b".to_owned()], vec!["longer".to_owned(), String::new()]];
        assert_eq!(columns(rows), ["a       b", "longer"]);
    }
}
