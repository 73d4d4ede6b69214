//! The query parameters of a request.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::core::{Selector, SelectorExt};
use serde::Deserialize;

use super::selector;
use super::status::Refusal;

/// The options of a list. Paging is not offered: every answer is whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ListQuery {
    label_selector: String,
    metric_label_selector: String,
    field_selector: String,
    watch: String,
}

/// The fields of namespaced objects that can be selected by.
const FIELDS: [&str; 2] = ["metadata.name", "metadata.namespace"];

/// Which objects are wanted.
pub(crate) struct Wanted {
    labels: Selector,
    fields: Selector,
}

impl ListQuery {
    /// Reads the selectors of a list of objects.
    pub(crate) fn wanted(&self) -> Result<Wanted, Refusal> {
        self.refuse_watch()?;
        let fields = selector::fields(&self.field_selector, &FIELDS)?;
        Ok(Wanted { labels: selector::labels(&self.label_selector)?, fields })
    }

    /// Reads the label selector of a list of metrics.
    pub(crate) fn labels(&self) -> Result<Selector, Refusal> {
        self.refuse_watch()?;
        Ok(selector::labels(&self.label_selector)?)
    }

    /// Reads the selector over the metric's own labels.
    pub(crate) fn metric_labels(&self) -> Result<Selector, Refusal> {
        Ok(selector::labels(&self.metric_label_selector)?)
    }

    fn refuse_watch(&self) -> Result<(), Refusal> {
        match self.watch.as_str() {
            "" | "0" | "false" => Ok(()),
            _ => Err(Refusal::method_not_allowed()),
        }
    }
}

impl Wanted {
    /// Whether the object is wanted.
    pub(crate) fn matches(&self, name: &str, namespace: Option<&str>, labels: &BTreeMap<String, String>) -> bool {
        self.labels.matches(labels) && self.fields.matches(&selector::field_values(name, namespace))
    }
}

/// Now, as Kubernetes writes times: in whole seconds.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
