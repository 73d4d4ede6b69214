//! A call, as its handler gets it.

use bytes::Bytes;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::reply::Reply;

/// A call with everything its handler needs.
pub(super) struct Call {
    /// What the path names, from the subscription on, in the case in which the caller wrote it.
    pub(super) names: Vec<String>,
    pub(super) headers: HeaderMap,
    pub(super) query: String,
    pub(super) body: Bytes,
    /// The moment whose state a list answers with: the present, unless a fault makes it lag.
    pub(super) as_of_ns: u64,
}

impl Call {
    /// The first names of the path. One that the path does not have is empty.
    pub(super) fn names<const N: usize>(&self) -> [&str; N] {
        std::array::from_fn(|at| self.names.get(at).map_or("", String::as_str))
    }

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

/// Percent-decoding of one segment; what is not valid stays as it is.
pub(super) fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8().unwrap_or(segment.into()).into_owned()
}
