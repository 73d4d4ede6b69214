//! Answers, and errors as the API server words them.

use serde_json::{Value, json};

use super::kinds::Kind;

/// A status code with a body.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) retry_after_s: Option<u64>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { code: 200, body, retry_after_s: None }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self { code: 201, ..Self::ok(body) }
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into() }
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.resource()))
    }

    pub(crate) fn status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        })
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code, body: refusal.status(), retry_after_s: None }
    }
}
