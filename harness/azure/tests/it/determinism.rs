//! The same seed means the same draws, whatever else happens.

use std::collections::BTreeMap;

use harness_azure::FactKind;
use harness_simulation::{Distribution, Leg};
use harness_units::Span;
use serde_json::json;

use crate::support::{Lab, instant, machine_body};

/// Creates `count` machines of each pool in this order of pools; returns the draws by pool and ordinal.
async fn run(seed: u64, order: &[&str], all_at_once: bool) -> BTreeMap<(String, u64), Vec<Span>> {
    let mut behaviour = instant();
    behaviour.seed = seed;
    behaviour.boot = Some(Distribution::Lognormal { median: Span::from_millis(20), p95: Span::from_millis(60) });
    behaviour.ready = Some(Distribution::Samples([1, 2, 3, 4, 5].map(Span::from_millis).to_vec()));
    let lab = Lab::start(behaviour, None).await;
    let mut puts = Vec::new();
    for (n, pool) in order.iter().enumerate() {
        let name = format!("{pool}-{n}");
        let mut body = machine_body(&name, "Standard_D2s_v5", false);
        body["properties"]["kubernetes"]["nodeLabels"]["karpenter.sh/nodepool"] = json!(pool);
        let path = lab.machine(&name);
        let lab = &lab;
        let put = async move { lab.put(&path, &body).await };
        if all_at_once {
            puts.push(put);
        } else {
            put.await;
        }
    }
    futures::future::join_all(puts).await;
    let records = lab.control.vms().await.unwrap();
    assert_eq!(records.len(), order.len());
    records
        .into_iter()
        .map(|r| {
            let drawn = Leg::ALL.iter().map(|leg| r.draws[leg].drawn).collect();
            ((r.vm.nodepool.clone(), r.ordinal), drawn)
        })
        .collect()
}

#[tokio::test]
async fn draws_depend_on_seed_pool_and_ordinal_only() {
    let forward = ["web", "web", "batch", "web", "batch", "cache"];
    let shuffled = ["cache", "batch", "web", "batch", "web", "web"];
    let first = run(42, &forward, false).await;
    assert_eq!(first, run(42, &forward, true).await);
    assert_eq!(first, run(42, &shuffled, true).await);
    let other_seed = run(43, &forward, false).await;
    assert_ne!(first, other_seed);
    assert_eq!(first.len(), 6, "ordinals are counted by pool: {first:?}");
}

#[tokio::test]
async fn a_reset_starts_the_draws_again() {
    let mut behaviour = instant();
    behaviour.boot = Some(Distribution::Lognormal { median: Span::from_millis(20), p95: Span::from_millis(60) });
    let lab = Lab::start(behaviour, None).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        lab.create("web-1", "Standard_D2s_v5", false).await;
        seen.push(lab.control.vm("web-1").await.unwrap().draws);
        lab.control.reset().await.unwrap();
        assert!(lab.control.vms().await.unwrap().is_empty());
    }
    assert_eq!(seen[0], seen[1]);
    lab.fact("reset", |k| matches!(k, FactKind::Reset)).await;
}
