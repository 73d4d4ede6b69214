//! Errors in Azure's shape; tokens; what is not modelled.

use harness_azure::FactKind;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Lab, VERSION, instant};

#[tokio::test]
async fn a_call_without_a_good_token_is_refused() {
    let lab = Lab::start(instant(), None).await;
    let url = format!("{}{}?{VERSION}", lab.sim.arm_url(), &lab.pool()[1..]);
    let without = lab.send(lab.http.get(&url)).await;
    let wrong = lab.send(lab.http.get(&url).bearer_auth("made-up")).await;
    for answer in [without, wrong] {
        assert_eq!((answer.status, answer.code()), (401, "InvalidAuthenticationToken"));
        assert!(answer.headers.contains_key("www-authenticate"));
    }
}

#[tokio::test]
async fn the_identity_endpoint_checks_its_header() {
    let lab = Lab::start(instant(), None).await;
    let url = format!("{}?resource=x", lab.sim.identity_url());
    assert_eq!(lab.send(lab.http.get(&url)).await.status, 401);
    assert_eq!(lab.send(lab.http.get(&url).header("x-identity-header", "no")).await.status, 401);
    let header = lab.sim.config().identity_header.expose();
    let good = lab.send(lab.http.get(&url).header("x-identity-header", header)).await;
    assert_eq!((good.status, &good.body["token_type"]), (200, &json!("Bearer")));
    assert!(good.body["expires_on"].as_str().unwrap().parse::<i64>().is_ok());
    let no_resource = lab.send(lab.http.get(lab.sim.identity_url()).header("x-identity-header", header)).await;
    assert_eq!(no_resource.status, 400);
}

#[rstest]
#[case("GET", "/subscriptions/{S}/resourceGroups/harness-rg/providers/Microsoft.Storage/storageAccounts")]
#[case(
    "POST",
    "/subscriptions/{S}/resourceGroups/harness-rg/providers/Microsoft.ContainerService/managedClusters/harness/stop"
)]
#[case("GET", "/metadata/endpoints")]
#[tokio::test]
async fn a_call_that_is_not_modelled_is_refused_counted_and_a_fact(#[case] method: &str, #[case] path: &str) {
    let lab = Lab::start(instant(), None).await;
    let path = path.replace("{S}", &lab.sim.config().subscription_id);
    let answer = lab.send(lab.request(method.parse::<Method>().unwrap(), &path)).await;
    assert_eq!((answer.status, answer.code()), (404, "InvalidResourceType"));
    let fact = lab.fact("unmodelled", |k| matches!(k, FactKind::UnmodelledCall { .. })).await;
    assert_eq!(fact.kind, FactKind::UnmodelledCall { method: method.into(), path: path.clone() });
    let calls = lab.control.unmodelled().await.unwrap();
    assert_eq!((calls.len(), calls[0].path.as_str(), calls[0].count), (1, path.as_str(), 1));
}

#[rstest]
#[case("/subscriptions/other/resourceGroups/harness-rg", 404, "SubscriptionNotFound")]
#[case("/subscriptions/{S}/resourceGroups/other", 404, "ResourceGroupNotFound")]
#[case("{C}-other", 404, "ResourceNotFound")]
#[case("{C}/agentPools/other", 404, "ResourceNotFound")]
#[case("{C}/agentPools/other/machines", 404, "ResourceNotFound")]
#[case("{C}/agentPools/aksmanagedap/machines/other", 404, "ResourceNotFound")]
#[case("/subscriptions/{S}/providers/Microsoft.ContainerService/locations/eastus/operations/other", 404, "NotFound")]
#[case(
    "/subscriptions/{S}/providers/Microsoft.ContainerService/locations/eastus/operationresults/other",
    404,
    "NotFound"
)]
#[case("/subscriptions/{S}/providers/Microsoft.Compute/locations/mars/usages", 400, "NoRegisteredProviderFound")]
#[case("{N}/providers/Microsoft.Compute/virtualMachines/other", 404, "ResourceNotFound")]
#[case("{N}/providers/Microsoft.Network/networkInterfaces/other", 404, "ResourceNotFound")]
#[case("{N}/providers/Microsoft.Network/virtualNetworks/other", 404, "ResourceNotFound")]
#[case("{N}/providers/Microsoft.Network/virtualNetworks/aks-vnet/subnets/other", 404, "ResourceNotFound")]
#[tokio::test]
async fn resources_that_do_not_exist(#[case] path: &str, #[case] status: u16, #[case] code: &str) {
    let lab = Lab::start(instant(), None).await;
    let path = path
        .replace("{S}", &lab.sim.config().subscription_id)
        .replace("{C}", &lab.sim.config().cluster_id())
        .replace("{N}", &lab.node_group());
    let answer = lab.get(&path).await;
    assert_eq!((answer.status, answer.code()), (status, code), "{path}");
    assert!(!answer.body["error"]["message"].as_str().unwrap().is_empty());
    assert!(lab.control.unmodelled().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_api_version_is_required() {
    let lab = Lab::start(instant(), None).await;
    let url = format!("{}{}", lab.sim.arm_url(), &lab.pool()[1..]);
    let answer = lab.send(lab.http.get(url).bearer_auth(&lab.token)).await;
    assert_eq!((answer.status, answer.code()), (400, "MissingApiVersionParameter"));
}

#[rstest]
#[case(json!({"properties": {}}), "vmSize")]
#[case(json!({"properties": {"hardware": {"vmSize": "Standard_Z1"}}}), "Standard_Z1")]
#[case(json!({"properties": {"hardware": {"vmSize": "Standard_D2s_v5"}}, "zones": ["9"]}), "zone")]
#[case(json!({"properties": {"hardware": {"vmSize": "Standard_B2s"}, "priority": "Spot"}}), "Spot")]
#[tokio::test]
async fn machines_that_cannot_be_created(#[case] body: Value, #[case] term: &str) {
    let lab = Lab::start(instant(), None).await;
    let answer = lab.put(&lab.machine("web-1"), &body).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"));
    assert!(answer.body["error"]["message"].as_str().unwrap().contains(term), "{:?}", answer.body);
    assert_eq!(lab.get(&lab.machine("web-1")).await.status, 404);
}

#[tokio::test]
async fn bodies_that_cannot_be_read() {
    let lab = Lab::start(instant(), None).await;
    let request = lab.request(Method::PUT, &lab.machine("web-1")).body("{");
    let answer = lab.send(request).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidRequestContent"));
    let huge = lab.request(Method::PUT, &lab.machine("web-1")).body(vec![b' '; 5 << 20]);
    // The server may close the connection while the rest is still being sent.
    if let Ok(response) = huge.send().await {
        assert_eq!(response.status().as_u16(), 413);
    }
    let long = "x".repeat(35);
    let answer = lab.create(&long, "Standard_D2s_v5", false).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"));
}
