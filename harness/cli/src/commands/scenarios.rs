//! `harness list`, `plan` and `schema`: what is known about scenarios before anything runs.

use std::collections::BTreeMap;

use harness_plan::Group;
use harness_scenario::Scenario;
use harness_suite::{ExitCode, LoadedScenario, load_built_in};
use harness_units::Span;
use serde::Serialize;

use crate::args::{List, PROFILES, Plan};
use crate::console::Console;
use crate::error::CliError;

/// The seed of `harness plan` where none is given, so that two prints can be compared.
const PLAN_SEED: u64 = 0;

/// One scenario, for people and for `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    group: &'static str,
    question: String,
    needs: Vec<&'static str>,
    node_config: String,
    parameters: Vec<ParameterRow>,
    /// By profile. Bring-up, preparation and cleanup are not counted: about half a minute.
    takes: BTreeMap<&'static str, Takes>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ParameterRow {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    description: String,
    /// By profile.
    values: BTreeMap<&'static str, String>,
}

/// How long the phases take.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Takes {
    /// When nothing goes wrong; an estimate.
    about: Span,
    about_seconds: u64,
    /// The sum of the deadlines.
    at_most: Span,
    at_most_seconds: u64,
}

pub(super) fn list(args: &List, verbose: u8, console: &Console) -> Result<ExitCode, CliError> {
    let rows: Vec<Row> = load_built_in(args.group)?.iter().map(|loaded| row(&loaded.scenario)).collect();
    if console.json() {
        console.json_data(&rows)?;
    } else {
        console.data(&text(&rows, verbose > 0, console))?;
    }
    Ok(ExitCode::Passed)
}

pub(super) fn plan(args: &Plan, console: &Console) -> Result<ExitCode, CliError> {
    let loaded = LoadedScenario::load(&args.scenario)?;
    let seed = args.planned.seed.unwrap_or(PLAN_SEED);
    let planned = loaded.plan(&args.planned.options(), seed)?;
    for warning in &planned.tree.warnings {
        console.say(&warning.to_string());
    }
    console.json_data(&planned.plan)?;
    Ok(ExitCode::Passed)
}

pub(super) fn schema(console: &Console) -> Result<ExitCode, CliError> {
    console.json_data(&harness_scenario::scenario_schema())?;
    Ok(ExitCode::Passed)
}

fn row(scenario: &Scenario) -> Row {
    let takes = |profile| {
        let (about, at_most) = (scenario.duration_expected(profile), scenario.duration_at_most(profile));
        let seconds = |span: Span| span.as_duration().as_secs();
        Takes { about, about_seconds: seconds(about), at_most, at_most_seconds: seconds(at_most) }
    };
    let parameters = scenario.parameters().iter().map(|(name, parameter)| ParameterRow {
        name: name.clone(),
        kind: parameter.kind.to_string(),
        description: parameter.description.clone().unwrap_or_default(),
        values: parameter.values.iter().map(|(profile, value)| (profile.as_str(), value.clone())).collect(),
    });
    Row {
        name: scenario.name().to_owned(),
        group: scenario.group().as_str(),
        question: scenario.question().trim().to_owned(),
        needs: scenario.needs().into_iter().map(|capability| capability.as_str()).collect(),
        node_config: scenario.node_config().to_owned(),
        parameters: parameters.collect(),
        takes: PROFILES.iter().map(|profile| (profile.as_str(), takes(*profile))).collect(),
    }
}

/// Returns what a group is about.
fn about(group: Group) -> &'static str {
    match group {
        Group::Scaling => "pods are created and nodes follow",
        Group::Cost => "the fleet shrinks and costs less",
        Group::Change => "a declared change rolls through the fleet",
        Group::Failure => "Azure, a node or a controller fails",
        Group::Autoscaling => "replicas follow a metric or the clock",
        Group::Gitops => "between a commit and the cluster",
    }
}

fn text(rows: &[Row], parameters: bool, console: &Console) -> String {
    let bold = |text: &str| if console.colour_out { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() };
    let mut lines = Vec::new();
    for &group in Group::ALL {
        let mut of_group = rows.iter().filter(|row| row.group == group.as_str()).peekable();
        if of_group.peek().is_none() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{}: {}", bold(group.as_str()), about(group)));
        for row in of_group {
            lines.push(format!("  {}", bold(&row.name)));
            lines.push(format!("      {}", row.question));
            let needs = if row.needs.is_empty() { "nothing special".to_owned() } else { row.needs.join(", ") };
            lines.push(format!("      needs {needs}"));
            let takes = PROFILES.iter().filter_map(|profile| {
                let takes = row.takes.get(profile.as_str())?;
                Some(format!("{profile} {} (at most {})", takes.about, takes.at_most))
            });
            lines.push(format!("      takes about: {}", takes.collect::<Vec<_>>().join(", ")));
            if parameters && !row.parameters.is_empty() {
                lines.push("      parameters (smoke | default | full, or one value for all):".to_owned());
                lines.extend(parameter_lines(&row.parameters));
            }
        }
    }
    lines.join("\n")
}

fn parameter_lines(parameters: &[ParameterRow]) -> Vec<String> {
    let widest = parameters.iter().map(|parameter| parameter.name.len()).max().unwrap_or(0);
    parameters
        .iter()
        .map(|parameter| {
            let mut values: Vec<&str> = PROFILES
                .iter()
                .filter_map(|profile| parameter.values.get(profile.as_str()).map(String::as_str))
                .collect();
            // One value where all profiles have the same.
            if values.iter().all(|value| Some(value) == values.first()) {
                values.truncate(1);
            }
            let description =
                if parameter.description.is_empty() { String::new() } else { format!("; {}", parameter.description) };
            format!("        {:<widest$}  {}{description} ({})", parameter.name, values.join(" | "), parameter.kind)
        })
        .collect()
}
