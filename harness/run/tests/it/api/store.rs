//! The objects, with the API server's rules: versions, UIDs, finalizers, grace, namespaces and owners.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::kinds::{self, Kind};
use super::merge::{merge, strategic_merge};
use super::select::Selectors;

/// Kind, namespace, name.
pub(crate) type Id = (&'static str, String, String);

/// One change of one object, for watches.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) kind: &'static str,
    pub(crate) before: Option<Arc<Value>>,
    /// The object with the revision of the change, also where it was deleted.
    pub(crate) after: Arc<Value>,
    pub(crate) gone: bool,
}

/// The options of a deletion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    pub(crate) grace_s: Option<u64>,
    pub(crate) uid: Option<String>,
}

/// How a patch is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PatchKind {
    Merge,
    Strategic,
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<Id, Arc<Value>>,
    changes: VecDeque<Change>,
    revision: u64,
    /// Watches from before it are answered with 410.
    compacted: u64,
    made: u64,
    /// Wall time of the server.
    pub(crate) now: Timestamp,
}

impl Store {
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Forgets every change so far.
    pub(crate) fn compact(&mut self) {
        self.compacted = self.revision;
        self.changes.clear();
    }

    /// The changes after a revision; `None` where some of them are forgotten.
    pub(crate) fn changes_after(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let at = self.changes.partition_point(|change| change.revision <= revision);
        (revision >= self.compacted).then(|| self.changes.range(at..))
    }

    pub(crate) fn get(&self, kind: &'static Kind, namespace: &str, name: &str) -> Result<Arc<Value>, Refusal> {
        let id = (kind.kind, namespace.to_owned(), name.to_owned());
        self.objects.get(&id).cloned().ok_or_else(|| Refusal::not_found(kind, name))
    }

    /// In the order of namespace and name. An empty namespace stands for all.
    pub(crate) fn list(&self, kind: &'static Kind, namespace: &str, selectors: &Selectors) -> Vec<Arc<Value>> {
        let from = (kind.kind, String::new(), String::new());
        let of_kind = self.objects.range(from..).take_while(|(id, _)| id.0 == kind.kind);
        of_kind
            .filter(|(id, object)| (namespace.is_empty() || id.1 == namespace) && selectors.match_object(object))
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// Every object.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Id, &Value)> {
        self.objects.iter().map(|(id, object)| (id, object.as_ref()))
    }

    pub(crate) fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        mut object: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        validate(kind, &name, &object)?;
        if kind.namespaced {
            let place = self.get(kinds::named("Namespace"), "", namespace)?;
            if is_terminating(&place) {
                let message = format!(
                    "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
                    kind.resource()
                );
                return Err(Refusal::new(403, "Forbidden", message));
            }
        }
        let id = (kind.kind, namespace.to_owned(), name.clone());
        if self.objects.contains_key(&id) {
            return Err(Refusal::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", kind.resource())));
        }
        self.made += 1;
        let uid = format!("uid-{:05}", self.made);
        let created = seconds(self.now);
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.kind);
        let metadata = object["metadata"].as_object_mut().unwrap();
        if kind.namespaced {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        metadata.insert("uid".to_owned(), json!(uid));
        metadata.insert("creationTimestamp".to_owned(), json!(created));
        metadata.insert("generation".to_owned(), json!(1));
        match kind.kind {
            // Kubelets create Nodes with their status.
            "Node" => {}
            "Pod" => object["status"] = json!({"phase": "Pending"}),
            "Namespace" => object["status"] = json!({"phase": "Active"}),
            _ => drop(object.as_object_mut().unwrap().remove("status")),
        }
        Ok(self.put(id, object))
    }

    pub(crate) fn replace(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        subresource: &str,
        new: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let before = self.get(kind, namespace, name)?;
        let sent = new["metadata"]["resourceVersion"].as_str();
        if sent.is_some_and(|sent| before["metadata"]["resourceVersion"] != sent) {
            return Err(conflict(kind, name));
        }
        self.change(kind, &before, subresource, new)
    }

    pub(crate) fn patch(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        subresource: &str,
        how: PatchKind,
        patch: &Value,
    ) -> Result<Arc<Value>, Refusal> {
        let before = self.get(kind, namespace, name)?;
        let sent = patch["metadata"]["resourceVersion"].as_str();
        if sent.is_some_and(|sent| before["metadata"]["resourceVersion"] != sent) {
            return Err(conflict(kind, name));
        }
        let mut new = (*before).clone();
        match how {
            PatchKind::Merge => merge(&mut new, patch),
            PatchKind::Strategic => strategic_merge(&mut new, patch),
        }
        self.change(kind, &before, subresource, new)
    }

    /// What may be written through the subresource is; an object that stays as it is keeps its version.
    fn change(
        &mut self,
        kind: &'static Kind,
        before: &Arc<Value>,
        subresource: &str,
        mut new: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let metadata = &before["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        if subresource == "status" {
            let status = new["status"].take();
            new = (**before).clone();
            new["status"] = status;
        } else {
            validate(kind, &name, &new)?;
            match before.get("status") {
                Some(status) => new["status"] = status.clone(),
                None => drop(new.as_object_mut().unwrap().remove("status")),
            }
            for key in
                ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation", "resourceVersion"]
            {
                match metadata.get(key) {
                    Some(value) => new["metadata"][key] = value.clone(),
                    None => drop(new["metadata"].as_object_mut().unwrap().remove(key)),
                }
            }
            if new["spec"] != before["spec"] {
                new["metadata"]["generation"] = json!(metadata["generation"].as_u64().unwrap_or(1) + 1);
            }
        }
        if new == **before {
            return Ok(before.clone());
        }
        let id = (kind.kind, metadata["namespace"].as_str().unwrap_or_default().to_owned(), name);
        let written = self.put(id.clone(), new);
        if is_terminating(&written) && finalizers(&written).is_empty() && kind.kind != "Pod" && kind.kind != "Namespace"
        {
            self.remove(&id);
        }
        self.settle();
        Ok(written)
    }

    pub(crate) fn delete(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        deletion: &Deletion,
    ) -> Result<Arc<Value>, Refusal> {
        let object = self.get(kind, namespace, name)?;
        if deletion.uid.as_ref().is_some_and(|uid| object["metadata"]["uid"] != **uid) {
            return Err(conflict(kind, name));
        }
        self.end((kind.kind, namespace.to_owned(), name.to_owned()), deletion.grace_s);
        self.settle();
        Ok(object)
    }

    fn end(&mut self, id: Id, grace_s: Option<u64>) {
        let Some(object) = self.objects.get(&id).cloned() else { return };
        let grace = grace_s.or(object["spec"]["terminationGracePeriodSeconds"].as_u64());
        // A pod that no kubelet has started has nothing to stop.
        let runs = id.0 == "Pod" && object["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
        let lingers = id.0 == "Namespace" || !finalizers(&object).is_empty() || (runs && grace != Some(0));
        if !lingers {
            return self.remove(&id);
        }
        if is_terminating(&object) {
            return;
        }
        let mut terminating = (*object).clone();
        terminating["metadata"]["deletionTimestamp"] = json!(seconds(self.now));
        if let (true, Some(grace_s)) = (runs, grace) {
            terminating["metadata"]["deletionGracePeriodSeconds"] = json!(grace_s);
        }
        if id.0 == "Namespace" {
            terminating["status"]["phase"] = json!("Terminating");
        }
        self.put(id, terminating);
    }

    /// The namespace controller and the garbage collector: objects in a namespace are deleted before it, owned objects after their owner.
    fn settle(&mut self) {
        loop {
            let before = self.revision;
            let terminating: Vec<Id> = self
                .objects
                .iter()
                .filter(|(id, it)| id.0 == "Namespace" && is_terminating(it))
                .map(|(id, _)| id.clone())
                .collect();
            for namespace in terminating {
                let content: Vec<Id> = self.objects.keys().filter(|id| id.1 == namespace.2).cloned().collect();
                if content.is_empty() {
                    self.remove(&namespace);
                }
                for id in content {
                    self.end(id, None);
                }
            }
            let uids: Vec<&str> = self.objects.values().filter_map(|it| it["metadata"]["uid"].as_str()).collect();
            let orphans: Vec<Id> = self
                .objects
                .iter()
                .filter(|(_, object)| !is_terminating(object))
                .filter(|(_, object)| {
                    let owners = object["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
                    !owners.is_empty() && owners.iter().all(|owner| !uids.iter().any(|uid| owner["uid"] == *uid))
                })
                .map(|(id, _)| id.clone())
                .collect();
            for id in orphans {
                self.end(id, None);
            }
            if self.revision == before {
                return;
            }
        }
    }

    fn put(&mut self, id: Id, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let after = Arc::new(object);
        let before = self.objects.insert(id.clone(), after.clone());
        self.changes.push_back(Change {
            revision: self.revision,
            kind: id.0,
            before,
            after: after.clone(),
            gone: false,
        });
        after
    }

    fn remove(&mut self, id: &Id) {
        let Some(before) = self.objects.remove(id) else { return };
        self.revision += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.changes.push_back(Change {
            revision: self.revision,
            kind: id.0,
            before: Some(before),
            after: Arc::new(last),
            gone: true,
        });
    }
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

fn finalizers(object: &Value) -> &[Value] {
    object["metadata"]["finalizers"].as_array().map_or(&[], Vec::as_slice)
}

fn conflict(kind: &Kind, name: &str) -> Refusal {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
        kind.resource()
    );
    Refusal::new(409, "Conflict", message)
}

/// The few validation rules that a run could break.
fn validate(kind: &Kind, name: &str, object: &Value) -> Result<(), Refusal> {
    let invalid =
        |what: &str| Err(Refusal::new(422, "Invalid", format!("{} \"{name}\" is invalid: {what}", kind.resource())));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let longest = if kind.kind == "Namespace" { 63 } else { 253 };
    if name.is_empty()
        || name.len() > longest
        || !name.chars().all(plain)
        || name.starts_with('-')
        || name.ends_with('-')
    {
        return invalid("metadata.name: a lowercase RFC 1123 subdomain is expected");
    }
    let empty = Map::new();
    let labels = object["metadata"]["labels"].as_object().unwrap_or(&empty);
    if labels.values().any(|value| value.as_str().is_none_or(|value| value.len() > 63)) {
        return invalid("metadata.labels: must be no more than 63 characters");
    }
    if kind.kind == "Deployment" && object["spec"].get("replicas").is_some_and(|it| it.as_u64().is_none()) {
        return invalid("spec.replicas: must be greater than or equal to 0");
    }
    Ok(())
}

/// Kubernetes keeps whole seconds.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
