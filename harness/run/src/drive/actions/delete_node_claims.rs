//! Deleting NodeClaims, as an on-call engineer does it. Nothing has to be undone: Karpenter drains the nodes and deletes the VMs.

use std::collections::BTreeSet;

use harness_plan::DeleteNodeClaims;
use harness_units::count;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, ObjectMeta, PartialObjectMeta, Preconditions};

use crate::drive::context::Context;
use crate::labels::NODEPOOL;
use crate::objects::resource;
use crate::state::Effect;

#[derive(Debug, thiserror::Error)]
pub(super) enum DeleteNodeClaimsError {
    #[error(
        "NodePool {nodepool} has {} besides those being deleted, and the action deletes {wanted}; are its nodes up, and is it a NodePool of this tree?",
        count(found, "NodeClaim")
    )]
    TooFew { nodepool: String, found: usize, wanted: usize },
    #[error("cannot list the NodeClaims of NodePool {nodepool}")]
    List { nodepool: String, source: kube::Error },
    #[error("cannot delete NodeClaim {name}")]
    Delete { name: String, source: kube::Error },
}

/// Deletes NodeClaims of the NodePool, the oldest first.
pub(super) async fn act(asked: &DeleteNodeClaims, context: &Context) -> Result<Effect, DeleteNodeClaimsError> {
    let nodepool = &asked.nodepool;
    let claims: Api<DynamicObject> =
        Api::all_with(context.client.clone(), &resource("karpenter.sh", "v1", "NodeClaim"));
    let of_pool = ListParams::default().labels(&format!("{NODEPOOL}={nodepool}"));
    let found = claims.list_metadata(&of_pool).await;
    let found = found.map_err(|source| DeleteNodeClaimsError::List { nodepool: nodepool.clone(), source })?.items;
    let mut uids = BTreeSet::new();
    for (name, uid) in choose(found, asked)? {
        uids.insert(uid.clone());
        let parameters = DeleteParams {
            // A NodeClaim of the same name would be another one.
            preconditions: Some(Preconditions { uid: Some(uid), resource_version: None }),
            ..DeleteParams::default()
        };
        match claims.delete(&name, &parameters).await {
            Ok(_) => {}
            // Karpenter has deleted it meanwhile.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(source) => return Err(DeleteNodeClaimsError::Delete { name, source }),
        }
    }
    Ok(Effect::NodeClaimDeletions { uids })
}

/// Names and UIDs of those that are to be deleted.
fn choose(
    found: Vec<PartialObjectMeta<DynamicObject>>,
    asked: &DeleteNodeClaims,
) -> Result<Vec<(String, String)>, DeleteNodeClaimsError> {
    let mut there: Vec<ObjectMeta> = found.into_iter().map(|claim| claim.metadata).collect();
    there.retain(|claim| claim.deletion_timestamp.is_none());
    let wanted = asked.count.map_or(there.len().max(1), |count| count as usize);
    if there.len() < wanted {
        let nodepool = asked.nodepool.clone();
        return Err(DeleteNodeClaimsError::TooFew { nodepool, found: there.len(), wanted });
    }
    there.sort_by(|a, b| (&a.creation_timestamp, &a.name).cmp(&(&b.creation_timestamp, &b.name)));
    let chosen = there.into_iter().take(wanted);
    Ok(chosen.map(|claim| (claim.name.unwrap_or_default(), claim.uid.unwrap_or_default())).collect())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn claim(name: &str, minute: u32, deleting: bool) -> PartialObjectMeta<DynamicObject> {
        let at = |minute: u32| format!("2026-01-01T00:{minute:02}:00Z");
        let deletion = deleting.then(|| at(minute + 1));
        let metadata = json!({
            "name": name, "uid": format!("uid-{name}"), "creationTimestamp": at(minute), "deletionTimestamp": deletion,
        });
        let kind = json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata});
        serde_json::from_value(kind).unwrap()
    }

    #[rstest]
    #[case::the_oldest(Some(1), &["old"])]
    #[case::as_many_as_asked_for(Some(2), &["old", "new"])]
    #[case::all(None, &["old", "new"])]
    fn the_oldest_that_are_not_being_deleted_are_chosen(#[case] count: Option<u32>, #[case] expected: &[&str]) {
        let found = vec![claim("new", 9, false), claim("going", 1, true), claim("old", 5, false)];
        let asked = DeleteNodeClaims { nodepool: "web".to_owned(), count };
        let chosen = choose(found, &asked).unwrap();
        let names: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected);
        assert!(chosen.iter().all(|(name, uid)| *uid == format!("uid-{name}")));
    }

    #[rstest]
    #[case::all_of_none(None, vec![], "web has 0 NodeClaims besides those being deleted, and the action deletes 1")]
    #[case::all_are_going(None, vec![claim("a", 1, true)], "web has 0 NodeClaims")]
    #[case::more_than_there_are(Some(2), vec![claim("a", 1, false)], "web has 1 NodeClaim besides those being deleted, and the action deletes 2")]
    fn too_few_are_an_error(
        #[case] count: Option<u32>,
        #[case] found: Vec<PartialObjectMeta<DynamicObject>>,
        #[case] expected: &str,
    ) {
        let asked = DeleteNodeClaims { nodepool: "web".to_owned(), count };
        let error = choose(found, &asked).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
