//! Resource Graph: what is there, found by a query.
//!
//! The queries of the provider are in `pkg/providers/instance/azureresourcegraphlist.go` of Azure/karpenter-provider-azure v1.14.0: VMs and network
//! interfaces of the node resource group that have its tags and belong to no machine. Upstream's tests on live clusters send none. Shapes:
//! `armresourcegraph` v0.10.0.

use std::cell::OnceCell;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::cluster;
use super::kql::{NotUnderstood, Path, Query, Step, text};
use super::nics::{self, NIC_TYPE};
use super::reply::Reply;
use super::vm::{self, VM_TYPE};
use crate::config::Config;
use crate::documents::nic_name;
use crate::world::World;

/// Rows of a page, where the caller asks for no fewer: "Working with large Azure resource data sets" (Microsoft).
const PAGE_MAX: usize = 1_000;

/// The columns of the table, in Resource Graph's order.
const COLUMNS: [&str; 16] = [
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
    "zones",
    "extendedLocation",
];

/// A resource. Its document is made when a query asks for more than what is at hand, so that a query that finds none of 5,000 VMs makes none.
struct Row<'a> {
    /// In lower case, as Resource Graph has it.
    kind: String,
    name: String,
    /// In lower case too.
    group: String,
    tags: Value,
    make: Box<dyn Fn() -> Value + 'a>,
    made: OnceCell<Value>,
}

impl<'a> Row<'a> {
    fn new(kind: &str, name: String, group: &str, tags: Value, make: impl Fn() -> Value + 'a) -> Self {
        let (kind, group) = (kind.to_lowercase(), group.to_lowercase());
        Self { kind, name, group, tags, make: Box::new(make), made: OnceCell::new() }
    }

    fn of_document(group: &str, document: &'a Value) -> Self {
        let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
        Self::new(&text("type"), text("name"), group, document["tags"].clone(), || document.clone())
    }

    fn column(&self, config: &Config, name: &str) -> Value {
        match name {
            "type" => json!(self.kind),
            "name" => json!(self.name),
            "resourceGroup" => json!(self.group),
            "subscriptionId" => json!(config.subscription_id),
            "tenantId" => json!(config.tenant_id),
            "kind" | "managedBy" => json!(""),
            "tags" => self.tags.clone(),
            name if COLUMNS.contains(&name) => self.made.get_or_init(|| (self.make)())[name].clone(),
            _ => Value::Null,
        }
    }

    fn at(&self, config: &Config, path: &Path) -> Value {
        let Some((column, rest)) = path.split_first() else { return Value::Null };
        rest.iter().fold(self.column(config, column), |mut value, key| {
            let inner = match &mut value {
                Value::Array(items) => key.parse::<usize>().ok().and_then(|n| items.get_mut(n)),
                Value::Object(map) => map.get_mut(key),
                _ => None,
            };
            inner.map(Value::take).unwrap_or_default()
        })
    }
}

/// Runs `read` over every resource: VMs with their network interfaces, as they were at a moment, and what callers make, as it is: other network
/// interfaces, virtual networks, the managed cluster. Locks fleet before network.
fn with_rows<T>(world: &World, at_ns: u64, read: impl FnOnce(Vec<Row<'_>>) -> T) -> T {
    let config = &world.config;
    let managed = cluster::existing(world);
    let fleet = world.fleet();
    let network = world.network();
    let group = config.node_resource_group.as_str();
    let mut rows = Vec::new();
    for vm in fleet.listed().filter(|vm| vm.existed_at(at_ns)) {
        let tags = Value::Object(vm::tags(vm));
        rows.push(Row::new(VM_TYPE, vm.names.vm.clone(), group, tags, move || vm::document(world, vm, at_ns)));
        rows.push(Row::new(NIC_TYPE, nic_name(&vm.names.vm), group, Value::Null, || nics::vm_nic(world, vm)));
    }
    for (key, document) in network.vnets.iter().chain(&network.nics) {
        rows.push(Row::of_document(key.split('/').next().unwrap_or_default(), document));
    }
    rows.extend(managed.iter().map(|document| Row::of_document(&config.resource_group, document)));
    read(rows)
}

/// Which part of the result is asked for, and how it shall look.
struct Wanted {
    skip: usize,
    top: usize,
    table: bool,
}

impl Wanted {
    fn read(body: &Map<String, Value>) -> Result<Self, Reply> {
        let options = body.get("options").cloned().unwrap_or_default();
        let number = |name: &str| options[name].as_u64().and_then(|n| usize::try_from(n).ok());
        let mut wanted = Self {
            skip: number("$skip").unwrap_or(0),
            top: number("$top").unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX),
            table: options["resultFormat"].as_str().is_some_and(|format| format.eq_ignore_ascii_case("table")),
        };
        if let Some(token) = options["$skipToken"].as_str() {
            wanted.skip = token.strip_prefix(TOKEN).and_then(|skip| skip.parse().ok()).ok_or_else(|| {
                refusal(&[
                    json!({"code": "InvalidSkipToken", "message": format!("The skip token '{token}' is invalid.")}),
                ])
            })?;
        }
        Ok(wanted)
    }
}

/// How a token begins that leads to the next page; the number of rows before it follows.
const TOKEN: &str = "rows-";

pub(super) fn query(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let body = call.object()?;
    let source = body.get("query").and_then(Value::as_str).unwrap_or_default();
    let query = Query::parse(source).map_err(|place| {
        world.unmodelled("POST", "/providers/Microsoft.ResourceGraph/resources");
        tracing::warn!(query = source, ?place, "a Resource Graph query that is not understood was refused");
        not_understood(&place)
    })?;
    let wanted = Wanted::read(&body)?;
    let subscriptions = body.get("subscriptions").and_then(Value::as_array);
    let is_asked = subscriptions.is_none_or(|all| {
        all.iter().filter_map(Value::as_str).any(|id| id.eq_ignore_ascii_case(&world.config.subscription_id))
    });
    let found =
        with_rows(world, call.as_of_ns, |rows| result(&world.config, &query, if is_asked { rows } else { Vec::new() }));
    Ok(page(&found, &wanted))
}

/// The columns and the values of every row that the query finds.
struct Found {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

fn result(config: &Config, query: &Query, mut rows: Vec<Row<'_>>) -> Found {
    let mut paths: Vec<Path> = COLUMNS.map(|column| vec![column.to_owned()]).to_vec();
    for step in &query.steps {
        match step {
            Step::Where(predicate) => rows.retain(|row| predicate.holds(&|path: &Path| row.at(config, path))),
            Step::Project(wanted) => paths.clone_from(wanted),
            Step::OrderBy(path, ascending) => {
                rows.sort_by_cached_key(|row| text(&row.at(config, path)));
                if !ascending {
                    rows.reverse();
                }
            }
            Step::Limit(limit) => rows.truncate(*limit),
            Step::Count => return Found { columns: vec!["Count".to_owned()], rows: vec![vec![json!(rows.len())]] },
        }
    }
    Found {
        columns: paths.iter().map(|path| path.join("_")).collect(),
        rows: rows.iter().map(|row| paths.iter().map(|path| row.at(config, path)).collect()).collect(),
    }
}

fn page(found: &Found, wanted: &Wanted) -> Reply {
    let total = found.rows.len();
    let rows = found.rows.get(wanted.skip..).unwrap_or_default();
    let rows = &rows[..rows.len().min(wanted.top)];
    let data = if wanted.table {
        let columns: Vec<Value> =
            found.columns.iter().map(|name| json!({"name": name, "type": kind_of(name)})).collect();
        json!({"columns": columns, "rows": rows})
    } else {
        let object = |row: &Vec<Value>| found.columns.iter().cloned().zip(row.iter().cloned()).collect::<Map<_, _>>();
        rows.iter().map(object).map(Value::Object).collect()
    };
    let mut answer = json!({
        "totalRecords": total,
        "count": rows.len(),
        "data": data,
        "facets": [],
        "resultTruncated": "false",
    });
    let next = wanted.skip + rows.len();
    if next < total && !rows.is_empty() {
        answer["$skipToken"] = json!(format!("{TOKEN}{next}"));
    }
    Reply::ok(&answer)
}

/// The type of a column of a table.
fn kind_of(column: &str) -> &'static str {
    match column {
        "Count" => "integer",
        "sku" | "plan" | "properties" | "tags" | "identity" | "zones" | "extendedLocation" => "object",
        _ => "string",
    }
}

/// The answer to a query that is not understood; shape as in Azure/aztfexport issue 485.
fn not_understood(place: &NotUnderstood) -> Reply {
    refusal(&[
        json!({
            "code": "InvalidQuery",
            "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying.",
        }),
        json!({
            "code": "ParserFailure",
            "message": "ParserFailure",
            "line": place.line,
            "characterPositionInLine": place.column,
            "token": place.token,
        }),
    ])
}

fn refusal(details: &[Value]) -> Reply {
    let message = format!(
        "Please provide below info when asking for support: timestamp = {}, correlationId = {}.",
        Timestamp::now(),
        uuid::Uuid::new_v4()
    );
    Reply::json(
        StatusCode::BAD_REQUEST,
        &json!({"error": {"code": "BadRequest", "message": message, "details": details}}),
    )
}
