//! What makes a result less reliable than it looks, where the simulated Azure says so.

use harness_record::event::AzureFactKind;
use harness_record::verdict::Verdict;
use harness_record::{RunResult, Summary};
use serde_json::json;

use crate::log_builder::{BURST, Fault, LogBuilder, MS, S, plan, run};

/// A run that passes, with a fact for each of these calls, which the simulator does not model.
fn with_calls(calls: &[&str]) -> RunResult {
    let mut builder = LogBuilder::default();
    for (index, call) in (0..).zip(calls) {
        builder.call(BURST + S + index * MS, AzureFactKind::UnmodelledCall, call);
    }
    let mut events = run(&Fault::None);
    events.extend(builder.events());
    events.sort_by_key(|event| event.at_us);
    crate::result_of(&plan(), events)
}

/// The proxy reports a host that it refuses as it reports any call that is not modelled (`everything_else_is_refused_and_counted` of `harness-azure`).
#[test]
fn a_host_that_the_proxy_refuses_is_a_warning_of_the_result_with_its_name() {
    let [host, service] = ["CONNECT login.microsoftonline.com:443", "GET 169.254.169.254/metadata/instance"];
    let result = with_calls(&[host, service, host]);
    let warning = format!(
        "3 calls to Azure not modelled by the simulator ({host}, {service}): what followed may not be what Azure does"
    );
    assert_eq!(result.warnings, [warning.as_str()]);
    assert_eq!(result.counts.unmodelled_calls, 3);
    assert_eq!(result.verdict, Verdict::Pass, "it is a warning alone");
    let summary = serde_json::to_value(Summary::from(&result)).unwrap();
    assert_eq!((&summary["warnings"], &summary["counts"]["unmodelledCalls"]), (&json!([warning]), &json!(3)));
    assert_eq!(with_calls(&[]).warnings, Vec::<String>::new());
}

#[test]
fn of_many_different_calls_a_few_are_named_and_all_are_counted() {
    let calls: Vec<String> = (0..30).map(|number| format!("GET /providers/{number:02}")).collect();
    let calls: Vec<&str> = calls.iter().map(String::as_str).collect();
    let result = with_calls(&calls);
    let [warning] = result.warnings.as_slice() else { panic!("{:?}", result.warnings) };
    assert!(warning.starts_with("30 calls to Azure not modelled by the simulator (GET /providers/00, "), "{warning}");
    assert!(!warning.contains("GET /providers/03") && warning.len() < 200, "{warning}");
}
