//! Invented runs with known noise and a known change: what the comparison is tested on, also in the benchmark of `harness-cli`.
//!
//! A run of the model provisions nodes through phases, as a real one does: a NodeClaim is launched, its Node registers, is initialized, and
//! later terminates; pods wait for their nodes. The draws of the boots belong to the experiment and are the same in every run, as
//! they are with one seed. On top of them come three kinds of noise, each lognormal: of the run as a whole (how fast the machine is at the
//! time), of the run in each phase, and of each sample.

use std::collections::BTreeMap;

use harness_record::compare::{MeasuredLatency, MeasuredRun, SplitMix64};
use harness_record::event::EndReason;
use harness_record::latency::Samples;
use harness_record::result::RunInfo;

/// The phases of the model, each with its latency's name and its typical length in milliseconds.
pub(crate) const PHASES: [(&str, f64); 5] = [
    ("nodeclaim_registered", 4_000.0),
    ("node_termination", 13_000.0),
    ("pod_bound", 400.0),
    ("nodeclaim_launched", 250.0),
    ("nodeclaim_initialized", 1_200.0),
];
/// How many of the phases, from the front, have their length from a model or a timer; the others are the controllers' own time, whose
/// noise is [`Noise::controller`].
pub(crate) const STEADY: usize = 3;

/// The noise: standard deviations of the logarithm, so 0.05 is about 5 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Noise {
    /// Of a run as a whole, in all its phases alike.
    pub(crate) run: f64,
    /// Of a run in each steady phase.
    pub(crate) phase: f64,
    /// Of a run in each phase that is the controllers' own time.
    pub(crate) controller: f64,
    /// Of each sample.
    pub(crate) sample: f64,
    /// How likely a run is starved, and by what factor it is then slower in everything.
    pub(crate) starved: (f64, f64),
}

/// Like runs of `scale-burst` in its smoke profile on two cores: the percentiles of steady latencies scatter by 3.2 % from run to run. Measured with
/// one seed: `node_provisioning` 3.2 %, `node_fill` 2.9 %, `node_termination` 1.1 %, the p95 of the pods' latencies 2.4 to 4 %.
pub(crate) const TYPICAL: Noise = Noise { run: 0.02, phase: 0.02, controller: 0.10, sample: 0.05, starved: (0.0, 1.0) };

/// Runs of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Model {
    /// Nodes of a run.
    pub(crate) nodes: usize,
    /// Pods on each node.
    pub(crate) pods_per_node: usize,
    /// The noise.
    pub(crate) noise: Noise,
    /// The index of a phase in [`PHASES`] that is slower, and its factor.
    pub(crate) slower: Option<(usize, f64)>,
}

impl Model {
    /// Like `scale-burst` in its smoke profile, with this noise and nothing slower.
    pub(crate) fn new(noise: Noise) -> Self {
        Self { nodes: 12, pods_per_node: 3, noise, slower: None }
    }

    /// The same with one phase slower.
    #[must_use]
    pub(crate) fn with(&self, phase: usize, factor: f64) -> Self {
        Self { slower: Some((phase, factor)), ..self.clone() }
    }

    /// One run; `luck` decides its noise.
    pub(crate) fn run(&self, luck: u64) -> MeasuredRun {
        let mut noise = SplitMix64::new(luck);
        // The experiment's own draws.
        let mut draws = SplitMix64::new(7);
        let starved = if noise.unit() < self.noise.starved.0 { self.noise.starved.1 } else { 1.0 };
        let whole = starved * (self.noise.run * noise.normal()).exp();
        let factors: Vec<f64> = PHASES
            .iter()
            .enumerate()
            .map(|(index, _)| {
                let slower = self.slower.filter(|(phase, _)| *phase == index).map_or(1.0, |(_, factor)| factor);
                let scatter = if index < STEADY { self.noise.phase } else { self.noise.controller };
                whole * slower * (scatter * noise.normal()).exp()
            })
            .collect();
        let mut samples: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for _ in 0..self.nodes {
            let mut took = [0.0; PHASES.len()];
            for (((name, ms), factor), took) in PHASES.iter().zip(&factors).zip(&mut took) {
                // Boots differ from node to node, by the same draws in each run; controllers hardly do.
                let spread = if *name == "nodeclaim_registered" { 0.36 } else { 0.08 };
                let us = ms * 1e3 * (spread * draws.normal() + self.noise.sample * noise.normal()).exp() * factor;
                samples.entry(name).or_default().push(us as u64);
                *took = us;
            }
            let [registered, _, bound, launched, initialized] = took;
            let provisioning = launched + registered + initialized;
            samples.entry("node_provisioning").or_default().push(provisioning as u64);
            for _ in 0..self.pods_per_node {
                let ready = provisioning + bound * (0.1 * noise.normal()).exp();
                samples.entry("pod_scheduled").or_default().push(ready as u64);
                samples.entry("pod_ready").or_default().push((ready + 2e5 * whole) as u64);
                samples.entry("capacity").or_default().push((ready * 0.98) as u64);
            }
        }
        // What there is one of in a run: nothing averages its noise out.
        for (name, ms) in [("gitops_fetched", 60.0), ("gitops_applied", 900.0), ("gitops_healthy", 2_500.0)] {
            let us = ms * 1e3 * (self.noise.controller * noise.normal()).exp() * whole;
            samples.entry(name).or_default().push(us as u64);
        }
        let latencies = samples.into_iter().map(|(name, values)| MeasuredLatency {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            samples: Samples::new(values, Vec::new()),
        });
        let info = RunInfo {
            id: format!("model-{luck}"),
            scenario: "model".to_owned(),
            profile: "smoke".to_owned(),
            target: "model".to_owned(),
            seed: 7,
            ended: Some(EndReason::Completed),
            ..RunInfo::default()
        };
        MeasuredRun { info, latencies: latencies.collect() }
    }

    /// Several runs of a series; no two series have a run in common.
    pub(crate) fn runs(&self, count: u64, series: u64) -> Vec<MeasuredRun> {
        (0..count).map(|index| self.run(SplitMix64::new(series * 1_000 + index).next_u64())).collect()
    }
}
