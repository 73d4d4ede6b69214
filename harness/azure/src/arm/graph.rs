//! Resource Graph: only the two queries of the provider.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::Call;
use super::reply::Reply;
use crate::world::World;

/// Answers the provider's lists of VMs and network interfaces of its own making, of which there are none: the VMs of a
/// machines pool belong to AKS and reach the provider as machines. Any other query is refused and counted as unmodelled,
/// because an empty answer would be a wrong one.
///
/// Queries: `pkg/providers/instance/azureresourcegraphlist.go` of Azure/karpenter-provider-azure v1.14.0.
pub(super) fn query(world: &Arc<World>, call: &Call) -> Result<Reply, Reply> {
    let body = call.object()?;
    let query = body.get("query").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let of_karpenter = query.contains("karpenter.sh_nodepool");
    let known_type =
        query.contains("microsoft.compute/virtualmachines") || query.contains("microsoft.network/networkinterfaces");
    if of_karpenter && known_type {
        return Ok(Reply::ok(&json!({
            "totalRecords": 0,
            "count": 0,
            "data": [],
            "resultTruncated": "false",
            "facets": [],
        })));
    }
    world.unmodelled("POST", "/providers/Microsoft.ResourceGraph/resources");
    tracing::warn!(query, "a Resource Graph query that is not modelled was refused");
    Err(Reply::bad_request("BadRequest", "The simulated Azure does not model this Resource Graph query."))
}
