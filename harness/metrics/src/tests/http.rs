//! Paths, selectors and answers.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{metrics, ready_pod};
use crate::load::{Cap, Demand, ExternalMetric, Load};
use crate::server::router;
use crate::state::Shared;

const RESOURCE: &str = "/apis/metrics.k8s.io/v1beta1";
const CUSTOM: &str = "/apis/custom.metrics.k8s.io/v1beta2";
const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1";

async fn ask(metrics: &Shared, method: &str, path: &str) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = router(metrics.clone()).oneshot(request).await.unwrap();
    let code = answer.status().as_u16();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (code, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: {code} {body:?}")))
}

async fn get(metrics: &Shared, path: &str) -> Value {
    let (code, body) = ask(metrics, "GET", path).await;
    assert_eq!(code, 200, "{path}: {body}");
    body
}

/// Two web pods and a worker in one namespace, a web pod in another, and one that is not Ready.
fn shop() -> Shared {
    let mut starting = ready_pod("shop", "web", "web-3");
    starting.status.as_mut().unwrap().conditions = None;
    let metrics = metrics(&[
        ready_pod("shop", "web", "web-1"),
        ready_pod("shop", "web", "web-2"),
        starting,
        ready_pod("shop", "worker", "worker-1"),
        ready_pod("other", "web", "web-9"),
    ]);
    let mut web = Load::new("shop", "web");
    web.cpu_millicores = Some(Demand::total(301));
    web.memory_bytes = Some(Demand::each_pod(96 << 20));
    web.custom_milli.insert("requests_per_second".into(), Demand::total(45_000));
    web.window_s = 15;
    let mut worker = Load::new("shop", "worker");
    worker.cpu_millicores = Some(Demand::capped(5000, Cap::Limit));
    let mut other = Load::new("other", "web");
    other.memory_bytes = Some(Demand::each_pod(1000));
    for load in [web, worker, other] {
        metrics.set_load_of_shown_pods(load);
    }
    metrics
}

/// Names of the objects of a list, and the CPU of each one's first container.
fn cpu_by_name(list: &Value) -> Vec<(&str, &str)> {
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let cpu = item["containers"][0]["usage"]["cpu"].as_str().unwrap_or("none");
            (item["metadata"]["name"].as_str().unwrap(), cpu)
        })
        .collect()
}

#[tokio::test]
async fn the_pods_of_a_workload_share_its_load() {
    let metrics = shop();
    // As the HPA asks.
    let list =
        get(&metrics, &format!("{RESOURCE}/namespaces/shop/pods?labelSelector=harness.dev%2Fworkload%3Dweb")).await;
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("PodMetricsList"), &json!("metrics.k8s.io/v1beta1")));
    assert_eq!(cpu_by_name(&list), [("web-1", "151m"), ("web-2", "150m")]);
    let pod = &list["items"][0];
    assert_eq!(pod["window"], "15s");
    assert_eq!(pod["containers"], json!([{"name": "main", "usage": {"cpu": "151m", "memory": "96Mi"}}]));
    let at: Timestamp = pod["timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(at.subsec_nanosecond(), 0);
    assert!(Timestamp::now().duration_since(at).as_secs().abs() <= 2, "{at}");
}

#[rstest]
#[case("/pods", &["web-9", "web-1", "web-2", "worker-1"])]
#[case("/namespaces/shop/pods", &["web-1", "web-2", "worker-1"])]
#[case("/namespaces/shop/pods?labelSelector=app%20in%20(worker)", &["worker-1"])]
#[case("/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb-2", &["web-2"])]
#[case("/namespaces/nobody/pods", &[])]
#[tokio::test]
async fn lists_hold_what_is_asked_for(#[case] path: &str, #[case] expected: &[&str]) {
    let list = get(&shop(), &format!("{RESOURCE}{path}")).await;
    let names: Vec<&str> = cpu_by_name(&list).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn one_pod_is_answered_only_when_it_is_ready_and_has_load() {
    let metrics = shop();
    let pod = get(&metrics, &format!("{RESOURCE}/namespaces/shop/pods/worker-1")).await;
    assert_eq!((&pod["kind"], &pod["containers"][0]["usage"]), (&json!("PodMetrics"), &json!({"cpu": "200m"})));
    for name in ["web-3", "nobody"] {
        let (code, status) = ask(&metrics, "GET", &format!("{RESOURCE}/namespaces/shop/pods/{name}")).await;
        assert_eq!((code, &status["kind"], &status["reason"]), (404, &json!("Status"), &json!("NotFound")));
        assert!(status["message"].as_str().unwrap().contains(&format!("\"shop/{name}\"")), "{status}");
    }
}

#[tokio::test]
async fn nodes_are_the_sums_of_their_pods() {
    let metrics = shop();
    let list = get(&metrics, &format!("{RESOURCE}/nodes?labelSelector=pool%3Dgeneral")).await;
    let usage: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|n| (&n["metadata"]["name"], &n["usage"])).collect();
    // 301m of web and the 200m to which the worker is capped; 2 x 96Mi and the 1000 bytes of the other namespace.
    let loaded = json!({"cpu": "501m", "memory": "201327592"});
    let idle = json!({"cpu": "0", "memory": "0"});
    assert_eq!(usage, [(&json!("node-1"), &loaded), (&json!("node-3"), &idle)]);
    assert_eq!(get(&metrics, &format!("{RESOURCE}/nodes/node-1")).await["usage"], loaded);
    assert_eq!(ask(&metrics, "GET", &format!("{RESOURCE}/nodes/node-2")).await.0, 404, "it does not report");
    let report = metrics.report();
    let worker = report.iter().find(|report| report.workload == "worker").unwrap();
    assert_eq!(worker.metrics["cpu"].overload, 4800);
}

#[tokio::test]
async fn custom_metrics_are_those_of_pods() {
    let metrics = shop();
    // Go writes the asterisk as %2A.
    let path =
        format!("{CUSTOM}/namespaces/shop/pods/%2A/requests_per_second?labelSelector=app%3Dweb&metricLabelSelector=");
    let list = get(&metrics, &path).await;
    assert_eq!(list["kind"], "MetricValueList");
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0]["describedObject"],
        json!({"kind": "Pod", "namespace": "shop", "name": "web-1", "apiVersion": "v1"})
    );
    assert_eq!((&items[0]["value"], &items[0]["windowSeconds"]), (&json!("22500m"), &json!(15)));
    assert_eq!(items[0]["metric"]["name"], "requests_per_second");

    let one = get(&metrics, &format!("{CUSTOM}/namespaces/shop/pods/web-2/requests_per_second")).await;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let nothing = format!("{CUSTOM}/namespaces/shop/pods/*/requests_per_second?metricLabelSelector=verb%3DGET");
    assert_eq!(get(&metrics, &nothing).await["items"], json!([]), "the metric has no labels");
    for unknown in [
        "namespaces/shop/pods/*/latency",
        "namespaces/other/pods/*/requests_per_second",
        "namespaces/shop/pods/web-3/requests_per_second",
        "namespaces/shop/services/web/requests_per_second",
    ] {
        let (code, status) = ask(&metrics, "GET", &format!("{CUSTOM}/{unknown}")).await;
        assert_eq!((code, &status["kind"]), (404, &json!("Status")), "{unknown}");
    }
}

#[tokio::test]
async fn external_metrics_are_selected_by_their_labels() {
    let metrics = shop();
    for (queue, value_milli) in [("orders", 12_000), ("mails", 500)] {
        let labels = [("queue".to_owned(), queue.to_owned())].into();
        metrics.set_external(ExternalMetric { name: "queue_length".into(), labels, value_milli }).unwrap();
    }
    let path = |selector: &str| format!("{EXTERNAL}/namespaces/shop/queue_length?labelSelector={selector}");
    assert_eq!(get(&metrics, &path("")).await["items"].as_array().unwrap().len(), 2);
    let list = get(&metrics, &path("queue%3Dorders")).await;
    let item = &list["items"][0];
    assert_eq!((&item["metricName"], &item["value"]), (&json!("queue_length"), &json!("12")));
    assert_eq!(item["metricLabels"], json!({"queue": "orders"}));
    assert_eq!(get(&metrics, &path("queue%3Dnone")).await["items"], json!([]));
    assert_eq!(ask(&metrics, "GET", &format!("{EXTERNAL}/namespaces/shop/other")).await.0, 404);
}

#[tokio::test]
async fn discovery_names_what_is_there() {
    let metrics = shop();
    metrics.set_external(ExternalMetric { name: "depth".into(), labels: [].into(), value_milli: 1 }).unwrap();
    let names = |list: &Value| -> Vec<String> {
        let resources = list["resources"].as_array().unwrap().iter();
        resources.map(|resource| resource["name"].as_str().unwrap().to_owned()).collect()
    };
    let resource = get(&metrics, RESOURCE).await;
    assert_eq!((&resource["kind"], names(&resource)), (&json!("APIResourceList"), vec!["nodes".into(), "pods".into()]));
    assert_eq!(names(&get(&metrics, CUSTOM).await), ["pods/requests_per_second"]);
    assert_eq!(names(&get(&metrics, EXTERNAL).await), ["depth"]);
    assert_eq!(get(&metrics, "/apis").await["groups"].as_array().unwrap().len(), 3);
    let group = get(&metrics, "/apis/custom.metrics.k8s.io").await;
    assert_eq!(group["preferredVersion"]["groupVersion"], "custom.metrics.k8s.io/v1beta2");
    assert_eq!(ask(&metrics, "GET", "/apis/apps").await.0, 404);
}

#[rstest]
#[case("GET", "/pods?watch=true", 405)]
#[case("DELETE", "/namespaces/shop/pods/web-1", 405)]
#[case("GET", "/pods?labelSelector=a%20b", 400)]
#[case("GET", "/pods?fieldSelector=spec.nodeName%3Da", 400)]
#[case("GET", "/services", 404)]
#[tokio::test]
async fn what_is_not_offered_is_refused_with_a_status(#[case] method: &str, #[case] path: &str, #[case] expected: u16) {
    let (code, status) = ask(&shop(), method, &format!("{RESOURCE}{path}")).await;
    assert_eq!((code, &status["kind"], &status["code"]), (expected, &json!("Status"), &json!(expected)));
}

#[tokio::test]
async fn without_load_nothing_is_known() {
    let metrics = shop();
    metrics.clear().await;
    assert_eq!(get(&metrics, &format!("{RESOURCE}/pods")).await["items"], json!([]));
    assert_eq!(get(&metrics, &format!("{RESOURCE}/nodes")).await["items"], json!([]));
    assert_eq!(get(&metrics, CUSTOM).await["resources"], json!([]));
    // A load needs pods, and they need the API server.
    let mut load = Load::new("shop", "web");
    load.cpu_millicores = Some(Demand::total(1));
    let error = metrics.set_load(load).await.unwrap_err().to_string();
    assert!(error.contains("not up yet"), "{error}");
}
