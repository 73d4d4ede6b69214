//! A simulated Azure whose ledger cannot be read, which says where the facts and VMs of the run start: the run ends, and its log has its end.

use std::future::pending;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use harness_azure::Secret;
use harness_azure::control::Client as AzureClient;
use harness_record::event::EndReason;
use harness_simulation::Behaviour;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::lab::{Lab, Ran};
use crate::plans;

/// Everything is in this process and on loopback.
const LIMIT: Duration = Duration::from_secs(20);

/// A control endpoint that answers the requests of preparation and cleanup, and those for the ledger with what `ledger` returns.
async fn azure<F: Future<Output = StatusCode> + Send + 'static>(
    ledger: impl Fn() -> F + Clone + Send + Sync + 'static,
) -> AzureClient {
    let behaviour = serde_json::to_string(&Behaviour::default()).unwrap();
    let app = Router::new()
        .route("/behaviour", get(async || behaviour).put(async || StatusCode::NO_CONTENT))
        .route("/faults", get(async || "[]"))
        .route("/vms", get(async || "[]"))
        .route("/kubernetes", get(async || r#"{"version": "1.36.3"}"#))
        .route("/ledger", get(ledger));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    AzureClient::new(format!("http://{address}"), Secret::new("token")).unwrap()
}

/// On real time: paused time would advance during a wait for a socket.
async fn run(mut lab: Lab, azure: AzureClient) -> Ran {
    lab.control = azure;
    let ran = timeout(LIMIT, lab.run(&plans::burst())).await.expect("the run ends, and so does its log");
    ran.assert_well_formed();
    assert!(ran.leaks().is_empty(), "{:?}", ran.leaks());
    ran
}

#[tokio::test]
async fn an_interrupt_while_the_ledger_is_read_ends_the_run() {
    let lab = Lab::start();
    let interrupt = lab.interrupt.clone();
    let endpoint = azure(move || {
        interrupt.cancel();
        pending()
    });
    let ran = run(lab, endpoint.await).await;
    assert_eq!(ran.ended(), (EndReason::Interrupted, ""));
}

#[tokio::test]
async fn a_ledger_that_is_refused_ends_the_run() {
    let ran = run(Lab::start(), azure(async || StatusCode::INTERNAL_SERVER_ERROR).await).await;
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.starts_with("cannot read the simulated Azure's ledger: "), "{detail}");
}
