//! The proxy for clients of the public cloud, and the price list that they find there.

use std::collections::BTreeMap;

use harness_azure::{FactKind, arm_operations};
use harness_simulation::{AzurePrice, CapacityType, Fault, FaultKind, VmSelector};
use harness_units::Percent;
use reqwest::{Method, StatusCode, Url};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{ANSWER, Lab, VERSION, instant, machine_body};

/// What the controller asks for (`pkg/providers/pricing/pricing.go`).
const CONTROLLERS_FILTER: &str = "priceType eq 'Consumption' and currencyCode eq 'USD' and serviceFamily eq 'Compute' and \
                                  serviceName eq 'Virtual Machines' and armRegionName eq 'eastus'";

/// A client that has the proxy and the CA, and no other address of this Azure.
fn client_of_the_public_cloud(lab: &Lab) -> reqwest::Client {
    let ca = reqwest::Certificate::from_pem(lab.sim.ca_pem().as_bytes()).unwrap();
    let proxy = reqwest::Proxy::all(lab.sim.proxy_url()).unwrap();
    reqwest::Client::builder().proxy(proxy).tls_certs_only([ca]).timeout(ANSWER.get()).build().unwrap()
}

fn price_list(filter: &str) -> Url {
    let address = "https://prices.azure.com/api/retail/prices";
    Url::parse_with_params(address, [("api-version", "2023-01-01-preview"), ("$filter", filter)]).unwrap()
}

/// Every item of the list, page by page, and the number of pages.
async fn items(client: &reqwest::Client, filter: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages) = (Vec::new(), 0);
    let mut next = Some(price_list(filter).to_string());
    while let Some(url) = next {
        let page: Value = client.get(url).send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
        let on_page = page["Items"].as_array().unwrap();
        assert_eq!(page["Count"], on_page.len());
        assert!(on_page.len() <= 1_000);
        items.extend(on_page.iter().cloned());
        next = page["NextPageLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    (items, pages)
}

/// As the controller tells spot from on demand: by the end of the name.
fn prices(items: &[Value], spot: bool) -> BTreeMap<&str, f64> {
    let of_kind = items.iter().filter(|item| item["skuName"].as_str().unwrap().ends_with(" Spot") == spot);
    of_kind.map(|item| (item["armSkuName"].as_str().unwrap(), item["retailPrice"].as_f64().unwrap())).collect()
}

#[tokio::test]
async fn resource_manager_is_reached_by_its_public_name() {
    let lab = Lab::start(instant(), None).await;
    let client = client_of_the_public_cloud(&lab);
    let at = |path: &str| format!("https://management.azure.com{path}?{VERSION}");
    let refused = client.get(at("/subscriptions")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "the name alone opens nothing");
    let put = client
        .put(at(&lab.machine("web-1")))
        .bearer_auth(&lab.token)
        .json(&machine_body("web-1", "Standard_D4s_v5", false))
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::CREATED);
    // The address to poll has the host name of the request, not the simulator's own.
    let operation = put.headers()["azure-asyncoperation"].to_str().unwrap();
    assert!(operation.starts_with("https://management.azure.com/subscriptions/"), "{operation}");
    let status = client.get(operation).bearer_auth(&lab.token).send().await.unwrap();
    assert_eq!(status.status(), StatusCode::OK);
    let direct = lab.create("web-2", "Standard_D4s_v5", false).await;
    assert!(direct.header("azure-asyncoperation").starts_with(&lab.sim.arm_url()), "{direct:?}");
}

#[rstest]
#[case("https://login.microsoftonline.com/common", "CONNECT login.microsoftonline.com:443/")]
#[case("http://169.254.169.254/metadata/instance?api-version=2021-02-01", "GET 169.254.169.254/metadata/instance")]
#[case("http://management.azure.com/subscriptions", "GET management.azure.com/subscriptions")]
#[tokio::test]
async fn everything_else_is_refused_and_counted(#[case] url: &str, #[case] call: &str) {
    let lab = Lab::start(instant(), None).await;
    let client = client_of_the_public_cloud(&lab);
    for _ in 0..2 {
        let answer = client.get(url).send().await;
        assert!(answer.as_ref().map_or(true, |answer| answer.status() == StatusCode::FORBIDDEN), "{answer:?}");
    }
    let counted = lab.control.unmodelled().await.unwrap();
    let counted: Vec<(String, u64)> =
        counted.into_iter().map(|call| (format!("{} {}", call.method, call.path), call.count)).collect();
    let told = |kind: &FactKind| matches!(kind, FactKind::UnmodelledCall { .. });
    lab.fact("refused", told).await;
    let call = call.trim_end_matches('/').to_owned();
    assert_eq!(counted, [(call, 2)]);
}

#[tokio::test]
async fn an_outage_of_resource_manager_leaves_the_price_list_alone() {
    let lab = Lab::start(instant(), None).await;
    let client = client_of_the_public_cloud(&lab);
    let outage = json!({"armOutage": {"mode": "refused"}, "id": "down"});
    let outage: Fault = serde_json::from_value(outage).unwrap();
    assert!(matches!(outage.kind, FaultKind::ArmOutage { .. }));
    lab.control.add_fault(&outage).await.unwrap();
    let subscriptions = format!("https://management.azure.com/subscriptions?{VERSION}");
    let call = async || client.get(&subscriptions).bearer_auth(&lab.token).send().await;
    assert!(call().await.is_err());
    let listed = client.get(price_list(CONTROLLERS_FILTER)).send().await.unwrap();
    assert_eq!(listed.status(), StatusCode::OK);
    lab.control.remove_fault("down").await.unwrap();
    assert_eq!(call().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_price_list_is_what_vms_cost() {
    let lab = Lab::start(instant(), None).await;
    let client = client_of_the_public_cloud(&lab);
    let (all, pages) = items(&client, CONTROLLERS_FILTER).await;
    assert!(pages >= 2, "{} items on {pages} pages", all.len());
    lab.fact("read", |kind| matches!(kind, FactKind::PricesRead { items } if *items == all.len() as u64)).await;
    let (on_demand, spot) = (prices(&all, false), prices(&all, true));
    assert_eq!(on_demand.len() + spot.len(), all.len(), "each size has one price of each kind");
    for (machine, is_spot) in [("web-1", false), ("web-2", true)] {
        lab.create(machine, "Standard_D4s_v5", is_spot).await;
        let vm = lab.control.vm(machine).await.unwrap();
        let listed = if is_spot { &spot } else { &on_demand };
        assert_eq!(listed["Standard_D4s_v5"], vm.price_per_hour, "{machine}");
    }
    assert!(!spot.contains_key("Standard_B2s"), "Azure sells no burstable size as spot");
    assert!(on_demand.contains_key("Standard_B2s"));
}

#[tokio::test]
async fn a_new_price_is_listed_and_paid_by_running_vms() {
    let lab = Lab::start(instant(), None).await;
    let client = client_of_the_public_cloud(&lab);
    for (machine, spot) in [("web-1", true), ("web-2", false)] {
        lab.create(machine, "Standard_D4s_v5", spot).await;
        lab.fact("booted", |kind| matches!(kind, FactKind::VmBooted { vm } if vm.machine == machine)).await;
    }
    let only = VmSelector { capacity_type: Some(CapacityType::Spot), ..VmSelector::default() };
    let price = AzurePrice { only, of_list_price: Percent(120) };
    lab.control.set_price(&price).await.unwrap();
    assert_eq!(lab.control.prices().await.unwrap(), [price]);
    let changed = lab.fact("repriced", |kind| matches!(kind, FactKind::VmPriceChanged { .. })).await;
    let changed = changed.kind.vm().unwrap();
    assert_eq!((changed.machine.as_str(), changed.price_micro_usd_per_hour), ("web-1", 230_400));
    let record = lab.control.vm("web-1").await.unwrap();
    assert_eq!((record.price_per_hour, record.vm.on_demand_micro_usd_per_hour), (0.2304, 192_000));
    assert_eq!(lab.control.vm("web-2").await.unwrap().price_per_hour, 0.192);

    let filter = "armRegionName eq 'eastus' and armSkuName eq 'Standard_D4s_v5' and contains(skuName, 'Spot')";
    assert_eq!(prices(&items(&client, filter).await.0, true)["Standard_D4s_v5"], 0.2304);
    // Other regions keep their prices: less than on demand.
    let elsewhere = filter.replace("eastus", "westus3");
    assert!(prices(&items(&client, &elsewhere).await.0, true)["Standard_D4s_v5"] < 0.1);
    lab.control.reset_prices().await.unwrap();
    assert_eq!(prices(&items(&client, filter).await.0, true)["Standard_D4s_v5"], 0.0576);
    assert_eq!(lab.control.vm("web-1").await.unwrap().price_per_hour, 0.0576);

    let of_a_pool = VmSelector { nodepool: Some("web".to_owned()), ..VmSelector::default() };
    let refused = lab.control.set_price(&AzurePrice { only: of_a_pool, of_list_price: Percent(120) }).await;
    assert!(refused.unwrap_err().to_string().contains("Azure has a price for a size"));
}

#[tokio::test]
async fn other_regions_and_filters_are_answered_as_azure_does() {
    let lab = Lab::start(instant(), None).await;
    let client = client_of_the_public_cloud(&lab);
    let everywhere = items(&client, "armSkuName eq 'Standard_D4s_v5' and skuName eq 'D4s v5'").await.0;
    let regions: Vec<&str> = everywhere.iter().map(|item| item["armRegionName"].as_str().unwrap()).collect();
    assert!(regions.len() > 40 && regions.contains(&"westeurope"), "{regions:?}");
    assert_eq!(items(&client, "armRegionName eq 'eastus' and serviceName eq 'Storage'").await.0, Vec::<Value>::new());
    for (filter, why) in [("armRegionName eq", "ends too early"), ("vmSize eq 'a'", "no field `vmSize`")] {
        let refused = client.get(price_list(filter)).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let body: Value = refused.json().await.unwrap();
        assert!(body["Error"]["Message"].as_str().unwrap().contains(why), "{body}");
    }
    let elsewhere = client.get("https://prices.azure.com/api/retail/other").send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::NOT_FOUND);
    let posted = client.request(Method::POST, price_list("")).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    // Throttling is of Resource Manager's operations, and the price list is not one.
    assert!(!arm_operations().contains(&"retailPrices.list"));
}
