//! What the template shows.

use askama::Template;
use harness_plan::{LatencyName, Plan};
use harness_record::RunResult;
use harness_record::result::Latency;
use harness_record::verdict::{ExpectationResult, Verdict};

use super::charts;
use super::latencies::{self, LatencyFigure, LatencyRow};
use super::rows::{self, ClassLine, NodeLine, PhaseLine, ProblemLine, Tile, UsageLine};
use super::timelines::{self, PoolTimelines, STATES, State};
use crate::extra::{self, Fact, PublishedLine};
use crate::outcome::{self, Headline, Leftovers};
use crate::svg::Layer;
use crate::text;

/// An expectation with its sign.
pub(crate) struct ExpectationLine<'a> {
    pub(crate) tone: &'static str,
    pub(crate) sign: &'static str,
    pub(crate) of: &'a ExpectationResult,
}

#[derive(Template)]
#[template(path = "report.html")]
pub(crate) struct Page<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) result: &'a RunResult,
    pub(crate) headline: Headline,
    pub(crate) tone: &'static str,
    pub(crate) sign: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) started: String,
    pub(crate) took: String,
    pub(crate) reasons: Vec<&'a str>,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) tally: String,
    pub(crate) expectations: Vec<ExpectationLine<'a>>,
    pub(crate) problems: Vec<ProblemLine>,
    /// Whether they belong to a run that did not pass.
    pub(crate) problems_matter: bool,
    pub(crate) figures: Vec<LatencyFigure>,
    pub(crate) latencies: Vec<LatencyRow>,
    pub(crate) latencies_by_group: Vec<LatencyRow>,
    pub(crate) definitions: Vec<Fact>,
    pub(crate) pods_chart: String,
    pub(crate) pod_layers: [Layer; 4],
    pub(crate) nodes_chart: String,
    pub(crate) node_layers: [Layer; 4],
    pub(crate) has_marks: bool,
    pub(crate) phases: Vec<PhaseLine>,
    pub(crate) counts: Vec<Fact>,
    pub(crate) cost: Vec<Fact>,
    pub(crate) system: Vec<Fact>,
    pub(crate) price_source: &'static str,
    pub(crate) published: Vec<PublishedLine>,
    pub(crate) timelines: Vec<PoolTimelines>,
    pub(crate) timelines_note: String,
    pub(crate) states: [State; 7],
    pub(crate) nodes: Vec<NodeLine>,
    pub(crate) nodes_note: String,
    pub(crate) classes: Vec<ClassLine>,
    pub(crate) setup: Vec<Fact>,
    pub(crate) usage: Vec<UsageLine>,
    pub(crate) audit: Vec<Fact>,
}

/// A dot in the verdict's colour, as data: a page that asks for nothing.
pub(crate) fn icon(tone: Verdict) -> &'static str {
    match tone {
        Verdict::Pass => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23007a5a'/%3E%3C/svg%3E"
        }
        Verdict::Fail => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect x='1' y='1' width='14' height='14' fill='%23b8480a'/%3E%3C/svg%3E"
        }
        Verdict::Inconclusive => {
            "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M8 1l7 14H1z' fill='%23966400'/%3E%3C/svg%3E"
        }
    }
}

impl<'a> Page<'a> {
    pub(crate) fn new(plan: &'a Plan, result: &'a RunResult) -> Self {
        let headline = outcome::headline(result);
        let (timelines, drawn) = timelines::by_pool(result);
        let total = result.nodes.len();
        let timelines_note = if drawn < total {
            format!("{drawn} of {} are drawn.", text::counted(total as u64, "node"))
        } else {
            String::new()
        };
        let figures = [
            latencies::figure(plan, result, LatencyName::NodeProvisioning, "Node provisioning"),
            latencies::figure(plan, result, LatencyName::PodReady, "Pod ready"),
        ];
        let nodes = rows::nodes(result);
        let nodes_note = if nodes.len() < total {
            format!("{} slowest of {total} nodes", nodes.len())
        } else {
            text::counted(total as u64, "node")
        };
        let by_group = |grouped: bool| -> Vec<LatencyRow> {
            let wanted = result.latencies.iter().filter(|latency| latency.labels.is_empty() != grouped);
            wanted.map(LatencyRow::new).collect()
        };
        let definitions = LatencyName::ALL
            .iter()
            .copied()
            .filter(|name| result.latencies.iter().any(|latency| latency.name == *name))
            .map(|name| Fact::new(name.as_str(), name.definition()))
            .collect();
        Self {
            plan,
            result,
            headline,
            tone: headline.tone.as_str(),
            sign: outcome::sign(headline.tone),
            icon: icon(headline.tone),
            started: text::wall_time(result.run.started_at),
            took: text::duration(result.run.duration_us),
            reasons: outcome::reasons(result),
            tiles: tiles(result),
            tally: outcome::tally(result),
            expectations: result
                .expectations
                .iter()
                .map(|of| ExpectationLine { tone: of.verdict.as_str(), sign: outcome::sign(of.verdict), of })
                .collect(),
            problems: rows::problems(result),
            problems_matter: headline.tone != Verdict::Pass,
            figures: figures.into_iter().flatten().collect(),
            latencies: by_group(false),
            latencies_by_group: by_group(true),
            definitions,
            pods_chart: charts::pods(result),
            pod_layers: charts::POD_LAYERS,
            nodes_chart: charts::nodes(result),
            node_layers: charts::NODE_LAYERS,
            has_marks: charts::has_marks(result),
            phases: rows::phases(result),
            counts: extra::counts(result),
            cost: extra::cost(result),
            system: extra::system(result),
            price_source: extra::price_source(result),
            published: extra::published(result),
            timelines,
            timelines_note,
            states: STATES,
            nodes,
            nodes_note,
            classes: rows::classes(plan, result),
            setup: setup(plan, result),
            usage: rows::usage(result),
            audit: rows::audit(result),
        }
    }
}

fn tiles(result: &RunResult) -> Vec<Tile> {
    let counts = &result.counts;
    let latency = |name: LatencyName| result.latencies.iter().find(|l| l.name == name && l.labels.is_empty());
    let p50_and_max = |latency: &Latency| {
        format!("p50 {}, max {}", text::percentile(latency.stats.p50), text::percentile(latency.stats.max))
    };
    let mut tiles = Vec::new();
    if let Some(provisioning) = latency(LatencyName::NodeProvisioning) {
        tiles.push(Tile {
            label: "Node provisioning, p95",
            value: text::percentile(provisioning.stats.p95),
            detail: p50_and_max(provisioning),
        });
    }
    if let Some(ready) = latency(LatencyName::PodReady) {
        tiles.push(Tile {
            label: "Pod ready, p99",
            value: text::percentile(ready.stats.p99),
            detail: p50_and_max(ready),
        });
    }
    tiles.push(Tile {
        label: "Pods ready",
        value: text::count(counts.pods_ready),
        detail: format!("of {} planned", text::count(counts.pods_planned)),
    });
    tiles.push(Tile {
        label: "Nodes ready",
        value: text::count(counts.nodes_ready),
        detail: format!("of {}", text::counted(counts.nodeclaims, "NodeClaim")),
    });
    let (value, detail) = match outcome::leftovers(result) {
        Leftovers::Found(n) => (text::count(n as u64), "listed under what went wrong"),
        Leftovers::None => ("0".to_owned(), "nothing found after cleanup"),
        Leftovers::NothingDone => (text::NONE.to_owned(), "nothing was done"),
        Leftovers::Unknown => ("?".to_owned(), "cleanup did not end"),
    };
    tiles.push(Tile { label: "Left behind", value, detail: detail.to_owned() });
    tiles
}

fn setup(plan: &Plan, result: &RunResult) -> Vec<Fact> {
    let run = &result.run;
    let mut facts = vec![
        Fact::new("Run", &run.id),
        Fact::new("Scenario", &run.scenario),
        Fact::new("Profile", &run.profile),
        Fact::new("Target", &run.target),
        Fact::new("Seed", run.seed.to_string()),
        Fact::new("Node configuration", &run.node_config),
        Fact::new("Its SHA-256", &run.node_config_sha256),
        Fact::new("harness", &run.harness),
    ];
    if !plan.needs.is_empty() {
        let needs: Vec<&str> = plan.needs.iter().map(|need| need.as_str()).collect();
        facts.push(Fact::new("Needs of the target", needs.join(", ")));
    }
    facts.retain(|fact| !fact.value.is_empty());
    facts
}
