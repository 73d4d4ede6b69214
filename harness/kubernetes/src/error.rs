//! What can go wrong while objects are read, written or waited for.

/// A request of the API server failed, or an object did not reach a state in time.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The API server refused the request, or did not answer.
    #[error("cannot {doing} {object}: {}", plain(source))]
    Request {
        /// The attempted operation, as a verb.
        doing: &'static str,
        /// Kind and name of the object.
        object: String,
        /// The client's error.
        source: Box<kube::Error>,
    },
    /// A wait ran out.
    #[error("{object} was not {wanted} after {waited_ms} ms; last seen: {last}")]
    Wait {
        /// Kind and name of the object.
        object: String,
        /// The awaited state.
        wanted: &'static str,
        /// How long it was waited for, in milliseconds.
        waited_ms: u64,
        /// The last state seen.
        last: String,
    },
}

/// The text of an error without what kube writes around the words of the API server: `ApiError: WORDS (Status { ... })`, with the whole answer in
/// Rust's notation.
pub fn plain(error: impl std::fmt::Display) -> String {
    const BEFORE: &str = "ApiError: ";
    const STATUS: &str = " (Status {";
    let mut text = error.to_string().replace(BEFORE, "");
    while let Some(start) = text.find(STATUS) {
        let status = text.get(start + 1..).unwrap_or_default();
        text.replace_range(start..start + 1 + parenthesised(status), "");
    }
    text
}

/// The length of what stands in the parentheses at the start of a text, with them; those in quotes do not count. The whole text where they are not
/// closed.
fn parenthesised(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + letter.len_utf8();
        }
    }
    text.len()
}

/// The innermost reason of an error: "connection refused" says more than "client error (Connect)".
pub fn innermost_reason(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    plain(error)
}

impl ApiError {
    /// Wraps the error of a request; for `map_err`.
    pub fn request(doing: &'static str, object: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let object = object.into();
        move |source| Self::Request { doing, object, source: Box::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::response::{Status, StatusDetails};

    /// Before, the detail of a cleanup that was not allowed ended with `(Status { status: Some(Failure), code: 403, ...`.
    #[test]
    fn the_words_of_the_api_server_stand_alone() {
        let says = r#"policies "no (\"pods\"" is forbidden: User "harness" cannot list resource"#;
        let status = Status::failure(says, "Forbidden").with_code(403);
        let details =
            r#"{"name": "no (\"pods", "group": "", "kind": "", "uid": "", "causes": [], "retryAfterSeconds": 0}"#;
        let status = status.with_details(serde_json::from_str::<StatusDetails>(details).unwrap());
        let error = kube::Error::Api(Box::new(status));
        assert!(error.to_string().contains("(Status {"), "{error}");
        assert_eq!(plain(&error), format!("{says}: Forbidden"));
        let wrapped = format!("cannot list: {error}; try again");
        assert_eq!(plain(wrapped), format!("cannot list: {says}: Forbidden; try again"));
        assert_eq!(plain("cut (Status { status: Some("), "cut");
        assert_eq!(plain("no (further) words"), "no (further) words");
    }
}
