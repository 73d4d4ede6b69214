//! Azure's public price list, of which the controller reads what VMs cost.
//!
//! Shape: <https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices>, and what the provider reads of it
//! (`pkg/providers/pricing/client` of Azure/karpenter-provider-azure v1.14.0). The list holds pay-as-you-go prices of Linux VMs, regular and spot: those
//! that [`Prices`] knows. It needs no token, as the real one.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use harness_simulation::CapacityType;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use serde_json::json;

use super::filter::{Filter, FilterError};
use crate::catalogue::{Catalogue, CatalogueError, Region, Sku, catalogue, regions};
use crate::documents::uuid_of;
use crate::facts::FactKind;
use crate::prices::{AT_FIRST, Prices};
use crate::world::World;

/// The host of the list in the public cloud.
pub(crate) const HOST: &str = "prices.azure.com";

/// The name under which its calls are counted.
const OPERATION: &str = "retailPrices.list";

/// Items of one page at most (Microsoft: "API response pagination").
const PAGE: usize = 1_000;

/// `serviceId` of "Virtual Machines" in the real list.
const SERVICE_ID: &str = "DZH313Z7MMC8";

/// The fields that a filter may name.
const FIELDS: [&str; 12] = [
    "armRegionName",
    "armSkuName",
    "currencyCode",
    "location",
    "meterId",
    "meterName",
    "priceType",
    "productName",
    "serviceFamily",
    "serviceId",
    "serviceName",
    "skuName",
];

/// One price.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    currency_code: &'static str,
    tier_minimum_units: f64,
    retail_price: f64,
    unit_price: f64,
    arm_region_name: &'static str,
    location: String,
    effective_start_date: &'static str,
    meter_id: String,
    meter_name: String,
    product_id: String,
    sku_id: String,
    product_name: String,
    sku_name: String,
    service_name: &'static str,
    service_id: &'static str,
    service_family: &'static str,
    unit_of_measure: &'static str,
    r#type: &'static str,
    is_primary_meter_region: bool,
    arm_sku_name: String,
}

impl Item {
    fn of(sku: &Sku, capacity_type: CapacityType, region: (&'static str, &str), prices: &Prices) -> Self {
        let (name, display_name) = region;
        let plain = sku.size().replace('_', " ");
        let sku_name = match capacity_type {
            CapacityType::Spot => format!("{plain} Spot"),
            CapacityType::OnDemand => plain,
        };
        let price = prices.listed_micro_usd_per_hour(sku, capacity_type) as f64 / 1e6;
        let product_name = format!("Virtual Machines {} Series", sku.series.name.replace('_', ""));
        let product_id = uuid_of(&product_name);
        Self {
            currency_code: "USD",
            tier_minimum_units: 0.0,
            retail_price: price,
            unit_price: price,
            arm_region_name: name,
            location: display_name.to_owned(),
            effective_start_date: "2026-06-01T00:00:00Z",
            meter_id: uuid_of(&format!("{name} {sku_name}")),
            meter_name: sku_name.clone(),
            sku_id: format!("{product_id}/{}", uuid_of(&sku_name)),
            product_id,
            product_name,
            sku_name,
            service_name: "Virtual Machines",
            service_id: SERVICE_ID,
            service_family: "Compute",
            unit_of_measure: "1 Hour",
            r#type: "Consumption",
            is_primary_meter_region: true,
            arm_sku_name: sku.name.clone(),
        }
    }

    /// What a filter compares.
    fn value(&self, field: &str) -> &str {
        match field {
            "armRegionName" => self.arm_region_name,
            "armSkuName" => &self.arm_sku_name,
            "currencyCode" => self.currency_code,
            "location" => &self.location,
            "meterId" => &self.meter_id,
            "meterName" => &self.meter_name,
            "priceType" => self.r#type,
            "productName" => &self.product_name,
            "serviceFamily" => self.service_family,
            "serviceId" => self.service_id,
            "serviceName" => self.service_name,
            "skuName" => &self.sku_name,
            _ => "",
        }
    }
}

/// Why the list is not given.
#[derive(Debug, thiserror::Error)]
enum RefusedList {
    #[error("the query parameter `$filter` cannot be used: {0}")]
    Filter(#[from] FilterError),
    #[error("`$skip={0}` is not a number")]
    Skip(String),
    #[error("the simulated price list has prices in USD only, not in {0}")]
    Currency(String),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

impl IntoResponse for RefusedList {
    fn into_response(self) -> Response {
        let body = json!({"Error": {"Code": "BadRequest", "Message": self.to_string()}});
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    }
}

/// The endpoint.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new().route("/api/retail/prices", get(list)).with_state(world)
}

async fn list(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Response {
    let answer = page(&world, &query.unwrap_or_default());
    let response = answer.unwrap_or_else(RefusedList::into_response);
    world.counters.request(OPERATION, response.status().as_u16());
    response
}

/// What a query asks for.
struct Query {
    filter: Option<Filter>,
    filter_text: String,
    skip: usize,
}

impl Query {
    fn read(text: &str) -> Result<Self, RefusedList> {
        let (mut query, mut currency) = (Self { filter: None, filter_text: String::new(), skip: 0 }, String::new());
        for (key, value) in text.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = value.replace('+', " ");
            let value = percent_decode_str(&value).decode_utf8_lossy().into_owned();
            match percent_decode_str(key).decode_utf8_lossy().as_ref() {
                "$filter" => {
                    query.filter = Some(Filter::parse(&value, &FIELDS)?);
                    query.filter_text = value;
                }
                "$skip" => query.skip = value.parse().map_err(|_| RefusedList::Skip(value))?,
                "currencyCode" => currency = value.trim_matches('\'').to_owned(),
                _ => {}
            }
        }
        if ["", "USD"].contains(&currency.as_str()) { Ok(query) } else { Err(RefusedList::Currency(currency)) }
    }

    /// The items that pass, made as they are asked for: the list of all regions is some 60 MB. `prices` are those of the region `home`.
    fn items<'a>(&'a self, prices: &'a Prices, home: &'a str) -> Result<impl Iterator<Item = Item> + 'a, RefusedList> {
        let only = self.filter.as_ref().and_then(|filter| filter.must_be("armRegionName"));
        let regions = regions()?.filter(|region| only.is_none_or(|only| only == region.name));
        let sold = regions.map(|region| Ok((region, catalogue(region.name)?)));
        let sold: Vec<(&Region, &Catalogue)> = sold.collect::<Result<_, CatalogueError>>()?;
        let skus = sold.into_iter().flat_map(|(region, sold)| sold.iter().map(move |sku| (region, sku)));
        let items = skus.flat_map(move |(region, sku)| {
            let kinds = [(CapacityType::OnDemand, true), (CapacityType::Spot, sku.series.low_priority)];
            let kinds = kinds.into_iter().filter(|(_, is_sold)| *is_sold);
            let prices = if region.name == home { prices } else { &AT_FIRST };
            kinds.map(move |(kind, _)| Item::of(sku, kind, (region.name, &region.display_name), prices))
        });
        Ok(items
            .filter(|item| self.filter.as_ref().is_none_or(|filter| filter.passes(&|field: &str| item.value(field)))))
    }
}

fn page(world: &World, query: &str) -> Result<Response, RefusedList> {
    let query = Query::read(query)?;
    let prices = world.fleet().prices.clone();
    let mut rest = query.items(&prices, &world.config.location)?.skip(query.skip);
    let page: Vec<Item> = rest.by_ref().take(PAGE).collect();
    let end = query.skip.saturating_add(page.len());
    let next = rest.next().map(|_| {
        let filter = utf8_percent_encode(&query.filter_text, NON_ALPHANUMERIC);
        format!("https://{HOST}:443/api/retail/prices?$filter={filter}&$skip={end}")
    });
    // A page beyond the end is not the end of a reading.
    if next.is_none() && (query.skip == 0 || !page.is_empty()) {
        world.facts.push(FactKind::PricesRead { items: end as u64 });
    }
    let body = json!({
        "BillingCurrency": "USD",
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": page,
        "NextPageLink": next,
        "Count": page.len(),
    });
    Ok(Json(body).into_response())
}
