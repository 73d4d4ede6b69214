//! What a request asks for, and its refusal.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use kube::core::{Selector, SelectorExt};
use serde::Deserialize;
use serde_json::json;

use super::selector::{self, SelectorError};

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

/// A refusal in the shape of every Kubernetes API: a `Status` object.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: StatusCode,
    reason: &'static str,
    message: String,
}

impl Refusal {
    /// There is no such object or metric.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self { code: StatusCode::NOT_FOUND, reason: "NotFound", message: message.into() }
    }

    /// These APIs support get and list only.
    pub(crate) fn method_not_allowed() -> Self {
        Self {
            code: StatusCode::METHOD_NOT_ALLOWED,
            reason: "MethodNotAllowed",
            message: "metrics support get and list only, not watch or write".to_owned(),
        }
    }
}

impl From<SelectorError> for Refusal {
    fn from(error: SelectorError) -> Self {
        Self { code: StatusCode::BAD_REQUEST, reason: "BadRequest", message: error.to_string() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code.as_u16(),
        });
        (self.code, Json(body)).into_response()
    }
}
