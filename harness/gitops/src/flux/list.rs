//! Every Flux object of a cluster.

use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{DynamicObject, ListParams};

use super::error::FluxError;
use super::kinds::FluxKind;
use super::kinds::ObjectRef;
use super::object::ObjectState;

/// Requests in flight at once; the server has few cores, more would only queue there.
pub(super) const PARALLEL: usize = 8;

/// One object with its kind.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: FluxKind,
    pub(super) object: DynamicObject,
}

impl Found {
    pub(super) fn reference(&self) -> ObjectRef {
        self.kind.reference(&self.object)
    }

    pub(super) fn state(&self) -> ObjectState {
        ObjectState::read(&self.kind, &self.object)
    }
}

/// Lists the objects of these kinds, in the order of the kinds and then of names.
pub(super) async fn objects(client: &kube::Client, kinds: &[FluxKind]) -> Result<Vec<Found>, FluxError> {
    let lists: Vec<Vec<Found>> = stream::iter(kinds.iter().cloned())
        .map(|kind| async move {
            let list = kind.all(client).list(&ListParams::default()).await;
            let list = list.map_err(FluxError::api("list", format!("every {}", kind.kind)))?;
            let found = list.items.into_iter().map(|object| Found { kind: kind.clone(), object });
            Ok::<_, FluxError>(found.collect())
        })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    let mut all: Vec<Found> = lists.into_iter().flatten().collect();
    // Stable: kinds keep their order.
    all.sort_by_key(|found| {
        let place = kinds.iter().position(|kind| *kind == found.kind);
        (place, found.object.metadata.namespace.clone(), found.object.metadata.name.clone())
    });
    Ok(all)
}
