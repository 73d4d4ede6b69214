//! A call, as its handler gets it.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use super::reply::Reply;

/// A call with everything its handler needs.
pub(super) struct Call {
    pub(super) headers: HeaderMap,
    pub(super) query: String,
    pub(super) body: Bytes,
}

impl Call {
    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<serde_json::Map<String, Value>, Reply> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(Reply::bad_request(
                "InvalidRequestContent",
                "The request content was invalid: an object is expected.",
            )),
            Err(e) => Err(Reply::bad_request(
                "InvalidRequestContent",
                &format!("The request content was invalid and could not be deserialized: '{e}'."),
            )),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}
