//! Calls: throttled, refused, and answered as they should not be.

use std::time::Duration;

use harness_azure::FactKind;
use harness_simulation::{ArmFaultMode, Fault, FaultKind};
use harness_units::{Share, Span};
use serde_json::json;

use super::fault;
use crate::support::{Lab, instant};

#[tokio::test]
async fn throttling_says_when_to_retry() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::Throttle {
        retry_after: Span::from_millis(1_200),
        share: Share(1.0),
        operation: Some("machines.list".into()),
    });
    lab.control.add_fault(&fault.times(2)).await.unwrap();
    let list = format!("{}/machines", lab.pool());
    assert_eq!(lab.get(&lab.pool()).await.status, 200, "another operation is not concerned");
    for _ in 0..2 {
        let answer = lab.get(&list).await;
        assert_eq!((answer.status, answer.code()), (429, "TooManyRequests"));
        assert_eq!(answer.header("retry-after"), "2");
    }
    assert_eq!(lab.get(&list).await.status, 200, "the count is used up");
    lab.fact(
        "throttled",
        |k| matches!(k, FactKind::Throttled { operation, retry_after_s: 2 } if operation == "machines.list"),
    )
    .await;
    let ended = lab.fact("over", |k| matches!(k, FactKind::FaultEnded { .. })).await;
    assert!(matches!(ended.kind, FactKind::FaultEnded { applied: 2, .. }));
    let counts = lab.control.counters().await.unwrap();
    let of = |status| counts.iter().find(|c| c.operation == "machines.list" && c.status == status).map(|c| c.count);
    assert_eq!((of(429), of(200)), (Some(2), Some(1)));
}

#[tokio::test]
async fn a_share_of_calls_is_throttled() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::Throttle { retry_after: Span::from_secs(1), share: Share(0.5), operation: None });
    lab.control.add_fault(&fault).await.unwrap();
    let mut throttled = 0;
    for _ in 0..60 {
        throttled += usize::from(lab.get(&lab.pool()).await.status == 429);
    }
    assert!((12..=48).contains(&throttled), "{throttled} of 60");
}

/// The number of refused calls in the facts.
async fn refused(lab: &Lab) -> u64 {
    let facts = lab.control.facts(0, Duration::ZERO).await.unwrap().facts;
    facts.iter().map(|fact| if let FactKind::Refused { calls } = fact.kind { calls } else { 0 }).sum()
}

#[tokio::test]
async fn an_outage_that_answers_503_and_ends() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Unavailable });
    lab.control.add_fault(&fault.named("down")).await.unwrap();
    let answer = lab.get(&lab.pool()).await;
    assert_eq!((answer.status, answer.code()), (503, "ServiceUnavailable"));
    // There is a fact for the first refused call at once, and one for the rest at the end.
    lab.fact("refused", |k| matches!(k, FactKind::Refused { calls: 1 })).await;
    for _ in 0..4 {
        assert_eq!(lab.get(&lab.pool()).await.status, 503);
    }
    lab.control.remove_fault("down").await.unwrap();
    lab.fact("over", |k| matches!(k, FactKind::FaultEnded { id, applied: 5, .. } if id == "down")).await;
    assert_eq!(refused(&lab).await, 5);
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
}

#[tokio::test]
async fn an_outage_that_refuses_connections() {
    let lab = Lab::start(instant(), None).await;
    // A connection that is open already is cut too.
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
    let fault = Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Refused });
    let id = lab.control.add_fault(&fault).await.unwrap().terms.id;
    for _ in 0..3 {
        assert!(lab.request(reqwest::Method::GET, &lab.pool()).send().await.is_err());
    }
    lab.fact("refused", |k| matches!(k, FactKind::Refused { calls: 1 })).await;
    lab.control.remove_fault(&id).await.unwrap();
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
}

#[tokio::test]
async fn an_outage_of_a_number_of_calls_and_one_of_a_time() {
    let lab = Lab::start(instant(), None).await;
    let fault = || Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Unavailable });
    lab.control.add_fault(&fault().named("calls").times(3)).await.unwrap();
    for expected in [503, 503, 503, 200] {
        assert_eq!(lab.get(&lab.pool()).await.status, expected);
    }
    assert_eq!(refused(&lab).await, 3);
    lab.control.add_fault(&fault().named("time").lasting(Span::from_millis(300))).await.unwrap();
    lab.fact("over", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "time")).await;
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
}

#[tokio::test]
async fn answers_that_no_client_expects() {
    let lab = Lab::start(instant(), None).await;
    let id = lab.machine("web-1");
    lab.control
        .add_fault(&fault(json!({"badAnswer": {"answer": "empty", "operation": "machines.put"}, "count": 1})))
        .await
        .unwrap();
    let put = lab.create("web-1", "Standard_D4s_v5", false).await;
    assert_eq!((put.status, &put.body), (200, &serde_json::Value::Null));
    // It was done nevertheless.
    assert_eq!(lab.get(&id).await.status, 200);
    lab.control.add_fault(&fault(json!({"badAnswer": {"answer": "missingApiVersion"}, "id": "bad"}))).await.unwrap();
    let refused = lab.create("web-2", "Standard_D4s_v5", false).await;
    assert_eq!((refused.status, refused.code()), (400, "MissingApiVersionParameter"));
    lab.control.remove_fault("bad").await.unwrap();
    assert_eq!(lab.get(&lab.machine("web-2")).await.status, 404, "and this was not");
}
