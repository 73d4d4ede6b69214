//! Changes of objects behind the back of their owner, and undoing them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use harness_cluster::flux;
use harness_plan::{Change, ChangeKind, FieldPath, NamedObject};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::Value;

use super::Done;
use crate::drive::context::Context;
use crate::error::ActionError;
use crate::labels::KUSTOMIZATION;
use crate::objects::Place;
use crate::requests::{existing, within};
use crate::state::Effect;
use crate::{RunError, labels};

/// How long undoing one change may take before the next one is undone.
const UNDO_LIMIT: Duration = Duration::from_secs(10);

/// The objects that the scenario names, and the changes that the run made of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects {
    named: Arc<OnceLock<Vec<(NamedObject, Place)>>>,
    changes: Arc<Mutex<Vec<Made>>>,
}

/// A change that was made, and how to undo it.
#[derive(Clone, Debug)]
struct Made {
    place: Place,
    undo: Undo,
}

#[derive(Clone, Debug)]
enum Undo {
    /// Of each path: the value that was written, and the one before.
    Restore(Vec<(FieldPath, Option<Value>, Option<Value>)>),
    Delete,
}

/// A change that is refused before it is sent, or that changed nothing.
#[derive(Debug, thiserror::Error)]
enum ChangeError {
    #[error("the scenario does not name this object")]
    NotNamed,
    #[error("there is no {0}")]
    Missing(Place),
    #[error("the {0} has these values already: nothing was changed")]
    Unchanged(Place),
    #[error("the {0} is not the run's to delete")]
    Permanent(Place),
    #[error("the {0} belongs neither to this run nor to its tree: it is not touched")]
    Foreign(Place),
    #[error("the manifest of the {place}: {source}")]
    Manifest {
        place: Place,
        #[source]
        source: serde_json::Error,
    },
}

impl Objects {
    /// Asks the API server how it serves the objects. A kind that it serves only later is an error.
    pub(crate) async fn locate(&self, named: &[NamedObject], context: &Context) -> Result<(), RunError> {
        let mut located = Vec::new();
        for object in named {
            located.push((object.clone(), Place::of(&object.at, &context.run_id, &context.client).await?));
        }
        self.named.get_or_init(|| located);
        Ok(())
    }

    /// The objects that were located.
    pub(crate) fn all(&self) -> &[(NamedObject, Place)] {
        self.named.get().map_or(&[], Vec::as_slice)
    }

    /// The places of the objects that carry the run's label and still exist.
    pub(crate) async fn remaining(&self, context: &Context) -> Result<Vec<&Place>, kube::Error> {
        let mut remaining = Vec::new();
        for (_, place) in self.all() {
            let answer = place.api(context.client.clone()).get_metadata(&place.name).await;
            // What a run may not read it has not made.
            if matches!(&answer, Err(kube::Error::Api(status)) if status.code == 403) {
                continue;
            }
            // Neither the object nor its kind need exist any more.
            let found = existing(answer)?;
            if found.is_some_and(|found| is_of_run(found.metadata.labels.as_ref(), context)) {
                remaining.push(place);
            }
        }
        Ok(remaining)
    }

    /// Deletes the objects that carry the run's label and still exist.
    pub(crate) async fn delete_remaining(&self, context: &Context) -> Result<(), kube::Error> {
        for place in self.remaining(context).await? {
            delete(place, &place.api(context.client.clone())).await?;
        }
        Ok(())
    }

    fn place(&self, name: &str) -> Option<Place> {
        self.all().iter().find(|(object, _)| object.name == name).map(|(_, place)| place.clone())
    }

    fn push(&self, place: Place, undo: Undo) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(Made { place, undo });
    }
}

/// Makes a change.
pub(super) async fn act(change: &Change, objects: &Objects, context: &Context) -> Result<Done, ActionError> {
    make(change, objects, context).await?;
    Ok(Effect::Change { object: change.object().to_owned() }.into())
}

async fn make(change: &Change, objects: &Objects, context: &Context) -> Result<(), ActionError> {
    let place = objects.place(change.object()).ok_or(ChangeError::NotNamed)?;
    let api = place.api(context.client.clone());
    if let ChangeKind::Create(manifest) = change.kind() {
        create(manifest, change, &place, &api, context).await?;
        objects.push(place, Undo::Delete);
        return Ok(());
    }
    let found = api.get_opt(&place.name).await.map_err(RunError::failed(format!("read the {place}")))?;
    let before = found.ok_or_else(|| ChangeError::Missing(place.clone()))?;
    let deletes = change.kind() == ChangeKind::Delete;
    check_owner(&place, &before, deletes, context).await?;
    if let ChangeKind::Patch(patch) = change.kind() {
        let paths = write(patch, change, &place, before, &api).await?;
        objects.push(place, Undo::Restore(paths));
        return Ok(());
    }
    let deleted = api.delete(&place.name, &DeleteParams::default()).await;
    deleted.map_err(RunError::failed(format!("delete the {place}")))?;
    Ok(())
}

async fn create(
    manifest: &Value,
    change: &Change,
    place: &Place,
    api: &Api<DynamicObject>,
    context: &Context,
) -> Result<(), ActionError> {
    let mut object: DynamicObject = serde_json::from_value(manifest.clone())
        .map_err(|source| ChangeError::Manifest { place: place.clone(), source })?;
    object.metadata.namespace = place.namespace().map(str::to_owned);
    object.metadata.labels.get_or_insert_default().extend(labels::of_run(&context.run_id));
    let parameters = PostParams { field_manager: Some(change.by.clone()), ..PostParams::default() };
    api.create(&parameters, &object).await.map_err(RunError::failed(format!("create the {place}")))?;
    Ok(())
}

/// Returns the value of each path that was written, and the one before.
async fn write(
    patch: &Value,
    change: &Change,
    place: &Place,
    before: DynamicObject,
    api: &Api<DynamicObject>,
) -> Result<Vec<(FieldPath, Option<Value>, Option<Value>)>, ActionError> {
    let reading = || RunError::failed(format!("read the {place}"));
    let version = before.metadata.resource_version.clone();
    let before = serde_json::to_value(before).map_err(reading())?;
    let parameters = PatchParams { field_manager: Some(change.by.clone()), ..PatchParams::default() };
    let written = api.patch(&place.name, &parameters, &Patch::Merge(patch)).await;
    let written = written.map_err(RunError::failed(format!("patch the {place}")))?;
    // A patch that changes nothing is not written.
    if written.metadata.resource_version == version {
        return Err(ChangeError::Unchanged(place.clone()).into());
    }
    let written = serde_json::to_value(written).map_err(reading())?;
    let paths = change.paths().into_iter().map(|path| {
        let (now, then) = (path.read(Some(&written)), path.read(Some(&before)));
        (path, now, then)
    });
    Ok(paths.collect())
}

/// Only objects of the run and of its tree are touched; of the two objects by which Flux applies the tree only fields, since they stay.
async fn check_owner(
    place: &Place,
    object: &DynamicObject,
    deletes: bool,
    context: &Context,
) -> Result<(), ActionError> {
    let labels = object.metadata.labels.as_ref();
    if is_of_run(labels, context) || place.namespace() == Some(&context.namespace()) {
        return Ok(());
    }
    if place.is_of_flux() && is_root(place.namespace(), &place.name) {
        return if deletes { Err(ChangeError::Permanent(place.clone()).into()) } else { Ok(()) };
    }
    let [name, namespace] = KUSTOMIZATION.map(|label| labels.and_then(|labels| labels.get(label)));
    if let (Some(name), Some(namespace)) = (name, namespace)
        && (is_root(Some(namespace), name) || is_layer(namespace, name, context).await?)
    {
        return Ok(());
    }
    Err(ChangeError::Foreign(place.clone()).into())
}

fn is_of_run(labels: Option<&BTreeMap<String, String>>, context: &Context) -> bool {
    labels.and_then(|labels| labels.get(labels::RUN)) == Some(&context.run_id)
}

fn is_root(namespace: Option<&str>, name: &str) -> bool {
    namespace == Some(flux::NAMESPACE) && name == flux::NAME
}

/// Whether it is a layer, a Kustomization of the tree: the root applies it and puts the run's label on it.
async fn is_layer(namespace: &str, name: &str, context: &Context) -> Result<bool, RunError> {
    if namespace != flux::NAMESPACE {
        return Ok(false);
    }
    let layer = context.cluster.flux().kustomizations().get_metadata_opt(name).await;
    let layer = layer.map_err(RunError::failed(format!("read the Kustomization {namespace}/{name}")))?;
    Ok(layer.is_some_and(|layer| is_of_run(layer.metadata.labels.as_ref(), context)))
}

/// Undoes the changes that still hold, the newest first. Returns what could not be undone.
pub(super) async fn undo(objects: &Objects, context: &Context) -> Vec<RunError> {
    let changes = std::mem::take(&mut *objects.changes.lock().unwrap_or_else(PoisonError::into_inner));
    let mut failures = Vec::new();
    for Made { place, undo } in changes.into_iter().rev() {
        let api = place.api(context.client.clone());
        let doing = format!("undo the change of the {place}");
        let undone = within(UNDO_LIMIT, doing, async {
            match undo {
                Undo::Delete => delete(&place, &api).await,
                Undo::Restore(paths) => restore(&place, &api, &paths).await,
            }
        });
        failures.extend(undone.await.err());
    }
    failures
}

async fn delete(place: &Place, api: &Api<DynamicObject>) -> Result<(), kube::Error> {
    existing(api.delete(&place.name, &DeleteParams::default()).await).map(drop)
}

/// Restores the fields that still have the value that was written.
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
            existing(api.patch(&place.name, &PatchParams::default(), &Patch::Merge(&patch)).await)?;
        }
    }
    Ok(())
}
