//! The objects that the scenario names: the values of the fields that it asks about.

use std::collections::BTreeMap;

use harness_plan::NamedObject;
use harness_record::EventKind;
use harness_record::event::{FieldValue, Seen};
use kube::api::DynamicObject;
use kube::runtime::watcher::Event;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::watch::Stamped;
use crate::hub::Hub;

/// The log has the hash of a larger value.
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// One object and the values that were last seen.
pub(crate) struct Fields {
    object: NamedObject,
    /// Value and UID by the index of the path; empty before the first list.
    last: BTreeMap<usize, (Option<Value>, String)>,
    /// The object in the list that is being read.
    listing: Option<DynamicObject>,
}

impl Fields {
    pub(crate) fn new(object: NamedObject) -> Self {
        Self { object, last: BTreeMap::new(), listing: None }
    }

    /// Records the fields that an observation shows to have changed. Returns true when a list is complete.
    pub(crate) fn ingest(&mut self, stamped: &Stamped<DynamicObject>, hub: &Hub) -> bool {
        let changed = match &stamped.event {
            Event::Init => {
                self.listing = None;
                return false;
            }
            Event::InitApply(object) => {
                self.listing = Some(object.clone());
                return false;
            }
            Event::InitDone => {
                let listed = self.listing.take();
                self.changed(listed.as_ref(), Seen::Listed)
            }
            Event::Apply(object) => self.changed(Some(object), Seen::Live),
            Event::Delete(_) => self.changed(None, Seen::Live),
        };
        for field in changed {
            hub.record_at(stamped.at_us, EventKind::Field(field));
        }
        matches!(stamped.event, Event::InitDone)
    }

    /// The fields that have changed; after a list all of them, since they may have changed meanwhile.
    fn changed(&mut self, object: Option<&DynamicObject>, seen: Seen) -> Vec<FieldValue> {
        let uid = object.and_then(|object| object.metadata.uid.clone()).unwrap_or_default();
        // An object that was read from JSON can be written as JSON.
        let object = object.and_then(|object| serde_json::to_value(object).ok());
        let mut changed = Vec::new();
        for (index, path) in self.object.paths.iter().enumerate() {
            let now = (path.read(object.as_ref()).map(bounded), uid.clone());
            let last = self.last.get(&index);
            // For another object of the same name only its existence has changed, where the values are the same.
            let same = last.is_some_and(|last| last.0 == now.0 && (last.1 == now.1 || !path.is_exists()));
            if same && seen == Seen::Live {
                continue;
            }
            changed.push(FieldValue {
                object: self.object.name.clone(),
                path: path.as_str().to_owned(),
                value: now.0.clone(),
                uid: now.1.clone(),
                seen,
            });
            self.last.insert(index, now);
        }
        changed
    }
}

fn bounded(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= VALUE_BYTES_MAX {
        return value;
    }
    let hash: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Value::String(format!("sha256:{hash} ({} bytes)", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_plan::{FieldPath, ObjectAddress};
    use serde_json::json;

    fn fields() -> Fields {
        let at = ObjectAddress {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("demo".to_owned()),
            name: "demo".to_owned(),
        };
        let paths =
            vec![FieldPath::exists(), "spec.replicas".parse().unwrap(), "owners:spec.replicas".parse().unwrap()];
        Fields::new(NamedObject { name: "demo".to_owned(), at, paths })
    }

    fn deployment(uid: &str, replicas: u32, manager: &str) -> DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "demo", "uid": uid, "managedFields": [
                {"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            ]},
            "spec": {"replicas": replicas},
        }))
        .unwrap()
    }

    fn values(changed: Vec<FieldValue>) -> Vec<(String, Option<Value>)> {
        changed.into_iter().map(|field| (field.path, field.value)).collect()
    }

    #[test]
    fn only_changes_are_recorded_and_after_a_list_every_field() {
        let mut fields = fields();
        let first = values(fields.changed(None, Seen::Listed));
        let expected = [
            ("exists".to_owned(), Some(json!(false))),
            ("spec.replicas".to_owned(), None),
            ("owners:spec.replicas".to_owned(), None),
        ];
        assert_eq!(first, expected);
        assert_eq!(fields.changed(Some(&deployment("a", 2, "kubectl")), Seen::Live).len(), 3);
        assert!(fields.changed(Some(&deployment("a", 2, "kubectl")), Seen::Live).is_empty());
        let scaled = values(fields.changed(Some(&deployment("a", 3, "kubectl")), Seen::Live));
        assert_eq!(scaled, [("spec.replicas".to_owned(), Some(json!(3)))]);
        let owned = values(fields.changed(Some(&deployment("a", 3, "hpa")), Seen::Live));
        assert_eq!(owned, [("owners:spec.replicas".to_owned(), Some(json!(["hpa"])))]);
        assert_eq!(fields.changed(Some(&deployment("a", 3, "hpa")), Seen::Listed).len(), 3);
    }

    #[test]
    fn another_object_of_the_same_name_is_a_change_of_its_existence() {
        let mut fields = fields();
        fields.changed(Some(&deployment("a", 2, "m")), Seen::Listed);
        let changed = fields.changed(Some(&deployment("b", 2, "m")), Seen::Live);
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].path.as_str(), changed[0].uid.as_str()), ("exists", "b"));
    }

    #[test]
    fn a_huge_value_is_recorded_as_its_hash() {
        let huge = |fill: &str| bounded(json!(fill.repeat(VALUE_BYTES_MAX)));
        let hash = huge("a");
        assert!(hash.as_str().unwrap().starts_with("sha256:") && hash.as_str().unwrap().ends_with("(4098 bytes)"));
        assert_ne!(hash, huge("b"));
        assert_eq!(bounded(json!({"a": 1})), json!({"a": 1}));
    }
}
