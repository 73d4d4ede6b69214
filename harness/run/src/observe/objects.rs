//! Objects that the scenario names: what stands in the fields that it asks about.

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

/// A larger value goes into the log by its hash.
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// One object, and what was last seen of it.
pub(crate) struct Fields {
    object: NamedObject,
    /// By path; none before the first list.
    last: BTreeMap<usize, (Option<Value>, String)>,
    /// What the list that is being read holds of it.
    listing: Option<DynamicObject>,
}

impl Fields {
    pub(crate) fn new(object: NamedObject) -> Self {
        Self { object, last: BTreeMap::new(), listing: None }
    }

    /// Takes one observation in. Returns true when a list is complete.
    pub(crate) fn take(&mut self, stamped: &Stamped<DynamicObject>, hub: &Hub) -> bool {
        let seen = match &stamped.event {
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
                self.news(listed.as_ref(), Seen::Listed)
            }
            Event::Apply(object) => self.news(Some(object), Seen::Live),
            Event::Delete(_) => self.news(None, Seen::Live),
        };
        for field in seen {
            hub.record_at(stamped.at_us, EventKind::Field(field));
        }
        matches!(stamped.event, Event::InitDone)
    }

    /// What differs from before; after a list everything, since it may have differed meanwhile.
    fn news(&mut self, object: Option<&DynamicObject>, seen: Seen) -> Vec<FieldValue> {
        let uid = object.and_then(|object| object.metadata.uid.clone()).unwrap_or_default();
        // What came from JSON goes back into it.
        let object = object.and_then(|object| serde_json::to_value(object).ok());
        let mut news = Vec::new();
        for (index, path) in self.object.paths.iter().enumerate() {
            let now = (path.read(object.as_ref()).map(bounded), uid.clone());
            let last = self.last.get(&index);
            // Another object of the same name matters to whether it exists, not to the values that are the same.
            let same = last.is_some_and(|last| last.0 == now.0 && (last.1 == now.1 || !path.is_exists()));
            if same && seen == Seen::Live {
                continue;
            }
            news.push(FieldValue {
                object: self.object.name.clone(),
                path: path.as_str().to_owned(),
                value: now.0.clone(),
                uid: now.1.clone(),
                seen,
            });
            self.last.insert(index, now);
        }
        news
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

    fn told(news: Vec<FieldValue>) -> Vec<(String, Option<Value>)> {
        news.into_iter().map(|field| (field.path, field.value)).collect()
    }

    #[test]
    fn only_what_differs_is_told_and_after_a_list_everything() {
        let mut fields = fields();
        let first = told(fields.news(None, Seen::Listed));
        let expected = [
            ("exists".to_owned(), Some(json!(false))),
            ("spec.replicas".to_owned(), None),
            ("owners:spec.replicas".to_owned(), None),
        ];
        assert_eq!(first, expected);
        assert_eq!(fields.news(Some(&deployment("a", 2, "kubectl")), Seen::Live).len(), 3);
        assert!(fields.news(Some(&deployment("a", 2, "kubectl")), Seen::Live).is_empty());
        let scaled = told(fields.news(Some(&deployment("a", 3, "kubectl")), Seen::Live));
        assert_eq!(scaled, [("spec.replicas".to_owned(), Some(json!(3)))]);
        let owned = told(fields.news(Some(&deployment("a", 3, "hpa")), Seen::Live));
        assert_eq!(owned, [("owners:spec.replicas".to_owned(), Some(json!(["hpa"])))]);
        assert_eq!(fields.news(Some(&deployment("a", 3, "hpa")), Seen::Listed).len(), 3);
    }

    #[test]
    fn another_object_of_the_same_name_exists_anew() {
        let mut fields = fields();
        fields.news(Some(&deployment("a", 2, "m")), Seen::Listed);
        let news = fields.news(Some(&deployment("b", 2, "m")), Seen::Live);
        assert_eq!(news.len(), 1);
        assert_eq!((news[0].path.as_str(), news[0].uid.as_str()), ("exists", "b"));
    }

    #[test]
    fn a_huge_value_is_told_by_its_hash_and_differs_when_it_differs() {
        let huge = |fill: &str| bounded(json!(fill.repeat(VALUE_BYTES_MAX)));
        let told = huge("a");
        assert!(told.as_str().unwrap().starts_with("sha256:") && told.as_str().unwrap().ends_with("(4098 bytes)"));
        assert_ne!(told, huge("b"));
        assert_eq!(bounded(json!({"a": 1})), json!({"a": 1}));
    }
}
