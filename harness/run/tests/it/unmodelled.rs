//! A call that the simulated Azure does not model, and a host that its proxy refuses, are the same fact: a warning of the run during which it came.

use std::sync::Arc;

use bytes::Bytes;
use harness_record::event::AzureFactKind;
use harness_record::{Event, EventKind};
use http::Request;
use http_body_util::Full;

use crate::lab::Lab;
use crate::plans;

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_modelled_is_a_warning_of_its_run_and_of_no_other() {
    let lab = Lab::start();
    let azure = Arc::clone(&lab.azure);
    let during_hold = move |event: &Event| {
        if !matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
            return;
        }
        let azure = Arc::clone(&azure);
        tokio::spawn(async move {
            let request = Request::get("https://azure/metadata/endpoints?api-version=2022-09-01")
                .header("authorization", format!("Bearer {}", azure.token().expose()))
                .body(Full::<Bytes>::default())
                .unwrap();
            azure.arm(request).await
        });
    };
    let plan = plans::burst();
    let ran = lab.run_with(&plan, during_hold).await;
    ran.assert_well_formed();
    let facts = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Azure(fact) if fact.what == AzureFactKind::UnmodelledCall => Some(fact.message.as_str()),
        _ => None,
    });
    assert_eq!(facts.collect::<Vec<_>>(), ["GET /metadata/endpoints"]);
    let warning = "1 call to Azure not modelled by the simulator (GET /metadata/endpoints): what followed may not be what Azure does";
    assert_eq!(ran.result().warnings, [warning]);

    let warnings = lab.run(&plan).await.result().warnings;
    assert!(!warnings.iter().any(|warning| warning.contains("not modelled")), "{warnings:?}");
}
