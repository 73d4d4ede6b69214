//! Changing objects behind the back of whoever declares them, and taking back what is left of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use harness_cluster::flux;
use harness_plan::{Change, ChangeKind, FieldPath, NamedObject};
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::Tools;
use crate::objects::Place;
use crate::{RunError, labels};

/// Flux marks what it applies with the Kustomization that it belongs to (fluxcd/pkg `ssa/manager.go`, `GetOwnerLabels`).
const KUSTOMIZATION: [&str; 2] = ["kustomize.toolkit.fluxcd.io/name", "kustomize.toolkit.fluxcd.io/namespace"];

/// How long a change may take to show in the watch. A deletion that a finalizer holds up shows later.
const SEEN_LIMIT: Duration = Duration::from_secs(5);

/// The objects that the scenario names, and what the run changed of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    named: Arc<OnceLock<Vec<(NamedObject, Place)>>>,
    made: Arc<Mutex<Vec<Made>>>,
}

/// A change that was made, and how to take it back.
#[derive(Clone, Debug)]
struct Made {
    place: Place,
    undo: Undo,
}

#[derive(Clone, Debug)]
enum Undo {
    /// Of each path: what was written, and what was there before.
    Restore(Vec<(FieldPath, Option<Value>, Option<Value>)>),
    Delete,
}

impl Objects {
    /// Asks the API server where the objects are; what is served later is not found.
    pub(crate) async fn locate(&self, named: &[NamedObject], run_id: &str, client: &Client) -> Result<(), RunError> {
        let mut located = Vec::new();
        for object in named {
            located.push((object.clone(), Place::of(&object.at, run_id, client).await?));
        }
        self.named.get_or_init(|| located);
        Ok(())
    }

    /// The objects that were located.
    pub(crate) fn all(&self) -> &[(NamedObject, Place)] {
        self.named.get().map_or(&[], Vec::as_slice)
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.all().iter().find(|(object, _)| object.name == name).map(|(_, place)| place.clone())
    }

    fn push(&self, place: Place, undo: Undo) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(Made { place, undo });
    }
}

/// Makes a change. The error is in words, for the log.
pub(super) async fn make(change: &Change, tools: &Tools) -> Result<(), String> {
    let place = tools.objects.place(change.object()).ok_or("the scenario does not name this object")?;
    let api = place.api(tools.client.clone());
    if let ChangeKind::Create(manifest) = change.kind() {
        return create(manifest, change, place, &api, tools).await;
    }
    let found = api.get_opt(&place.name).await.map_err(|error| format!("cannot read the {place}: {error}"))?;
    let before = found.ok_or_else(|| format!("there is no {place}"))?;
    let deletes = change.kind() == ChangeKind::Delete;
    may_change(&place, &before, deletes, tools).await?;
    if let ChangeKind::Patch(patch) = change.kind() {
        return write(patch, change, place, before, &api, tools).await;
    }
    let deleting = api.delete(&place.name, &DeleteParams::default()).await;
    deleting.map(drop).map_err(|error| format!("cannot delete the {place}: {error}"))
}

/// Returns when the watch has shown the change: what a phase waits for must not be what was there before it.
pub(super) async fn seen(change: &Change, sent_us: u64, tools: &Tools) {
    let mut last = String::new();
    let shown = tools.hub.wait_for(&mut last, |state| {
        if state.field_seen_us(change.object()) >= sent_us { Ok(()) } else { Err(String::new()) }
    });
    if tokio::time::timeout(SEEN_LIMIT, shown).await.is_err() {
        tracing::warn!("the change of {} did not show within {} s", change.object(), SEEN_LIMIT.as_secs());
    }
}

async fn create(
    manifest: &Value,
    change: &Change,
    place: Place,
    api: &Api<DynamicObject>,
    tools: &Tools,
) -> Result<(), String> {
    let mut object: DynamicObject =
        serde_json::from_value(manifest.clone()).map_err(|error| format!("the manifest of the {place}: {error}"))?;
    object.metadata.namespace = place.namespace().map(str::to_owned);
    object.metadata.labels.get_or_insert_default().extend(labels::of_run(&tools.run_id));
    let parameters = PostParams { field_manager: Some(change.by.clone()), ..PostParams::default() };
    api.create(&parameters, &object).await.map_err(|error| format!("cannot create the {place}: {error}"))?;
    tools.objects.push(place, Undo::Delete);
    Ok(())
}

async fn write(
    patch: &Value,
    change: &Change,
    place: Place,
    before: DynamicObject,
    api: &Api<DynamicObject>,
    tools: &Tools,
) -> Result<(), String> {
    let version = before.metadata.resource_version.clone();
    let before = serde_json::to_value(before).map_err(|error| format!("cannot read the {place}: {error}"))?;
    let parameters = PatchParams { field_manager: Some(change.by.clone()), ..PatchParams::default() };
    let written = api
        .patch(&place.name, &parameters, &Patch::Merge(patch))
        .await
        .map_err(|error| format!("cannot patch the {place}: {error}"))?;
    // A patch that changes nothing is not written.
    if written.metadata.resource_version == version {
        return Err(format!("the {place} has these values already: nothing was changed"));
    }
    let written = serde_json::to_value(written).map_err(|error| format!("cannot read the {place}: {error}"))?;
    let paths = change.paths().into_iter().map(|path| {
        let (now, then) = (path.read(Some(&written)), path.read(Some(&before)));
        (path, now, then)
    });
    tools.objects.push(place, Undo::Restore(paths.collect()));
    Ok(())
}

/// Only what the run owns or what its tree holds is touched; of the two objects by which Flux applies the tree only fields, since they
/// stay.
async fn may_change(place: &Place, object: &DynamicObject, deletes: bool, tools: &Tools) -> Result<(), String> {
    let labels = object.metadata.labels.as_ref();
    if is_of_run(labels, tools) || place.namespace() == Some(&labels::namespace(&tools.run_id)) {
        return Ok(());
    }
    if place.is_of_flux() && is_root(place.namespace(), &place.name) {
        return if deletes { Err(format!("the {place} is not the run's to delete")) } else { Ok(()) };
    }
    let [name, namespace] = KUSTOMIZATION.map(|label| labels.and_then(|labels| labels.get(label)));
    if let (Some(name), Some(namespace)) = (name, namespace)
        && (is_root(Some(namespace), name) || is_layer(namespace, name, tools).await?)
    {
        return Ok(());
    }
    Err(format!("the {place} belongs neither to this run nor to its tree: it is not touched"))
}

fn is_of_run(labels: Option<&BTreeMap<String, String>>, tools: &Tools) -> bool {
    labels.and_then(|labels| labels.get(labels::RUN)) == Some(&tools.run_id)
}

fn is_root(namespace: Option<&str>, name: &str) -> bool {
    namespace == Some(flux::NAMESPACE) && name == flux::NAME
}

/// A layer is a Kustomization of the tree: the root applies it, and puts the run's label on it.
async fn is_layer(namespace: &str, name: &str, tools: &Tools) -> Result<bool, String> {
    if namespace != flux::NAMESPACE {
        return Ok(false);
    }
    let layer = tools.cluster.flux().kustomizations().get_metadata_opt(name).await;
    let layer = layer.map_err(|error| format!("cannot read the Kustomization {namespace}/{name}: {error}"))?;
    Ok(layer.is_some_and(|layer| is_of_run(layer.metadata.labels.as_ref(), tools)))
}

/// Takes back what is still there, the newest first. Returns what went wrong.
pub(crate) async fn undo(tools: &Tools) -> Vec<String> {
    let made = std::mem::take(&mut *tools.objects.made.lock().unwrap_or_else(PoisonError::into_inner));
    let mut troubles = Vec::new();
    for Made { place, undo } in made.into_iter().rev() {
        let api = place.api(tools.client.clone());
        let outcome = match undo {
            Undo::Delete => match api.delete(&place.name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                deleted => deleted.map(drop),
            },
            Undo::Restore(paths) => restore(&place, &api, &paths).await,
        };
        troubles.extend(outcome.err().map(|error| format!("cannot take back the change of the {place}: {error}")));
    }
    troubles
}

/// Puts back what still stands as it was written.
async fn restore(
    place: &Place,
    api: &Api<DynamicObject>,
    paths: &[(FieldPath, Option<Value>, Option<Value>)],
) -> Result<(), kube::Error> {
    let Some(now) = api.get_opt(&place.name).await? else { return Ok(()) };
    let Ok(now) = serde_json::to_value(now) else { return Ok(()) };
    for (path, written, before) in paths {
        if path.read(Some(&now)) == *written && written != before {
            let patch = path.patch(before.as_ref());
            match api.patch(&place.name, &PatchParams::default(), &Patch::Merge(&patch)).await {
                Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
                patched => patched.map(drop)?,
            }
        }
    }
    Ok(())
}

/// Objects that the scenario names, carry the run's label and are still there: kind and name of each.
pub(crate) async fn left(tools: &Tools) -> Result<Vec<(String, String)>, kube::Error> {
    let mut left = Vec::new();
    for (_, place) in tools.objects.all() {
        if is_left(place, tools).await? {
            let name = place.namespace().map_or_else(|| place.name.clone(), |it| format!("{it}/{}", place.name));
            left.push((place.kind().to_owned(), name));
        }
    }
    Ok(left)
}

/// Deletes what [`left`] finds.
pub(crate) async fn delete_left(tools: &Tools) -> Result<(), kube::Error> {
    for (_, place) in tools.objects.all() {
        if is_left(place, tools).await? {
            match place.api(tools.client.clone()).delete(&place.name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                deleted => drop(deleted?),
            }
        }
    }
    Ok(())
}

/// A kind that is not served any more has no object left.
async fn is_left(place: &Place, tools: &Tools) -> Result<bool, kube::Error> {
    let found = match place.api(tools.client.clone()).get_metadata_opt(&place.name).await {
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        found => found?,
    };
    Ok(found.is_some_and(|found| is_of_run(found.metadata.labels.as_ref(), tools)))
}
