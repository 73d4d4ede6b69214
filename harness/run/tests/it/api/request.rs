//! Requests, read from their method, path and query.

use std::collections::BTreeMap;

use axum::extract::Query;
use http::{Method, Uri};

use super::kinds::{self, Kind};

/// The verb of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Replace,
    Patch,
    Delete,
    DeleteCollection,
    /// Which kinds of a version are served.
    Discover,
}

/// A request to the API server.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// `Pod`; empty for discovery.
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `status`, `scale`, or empty.
    pub(crate) subresource: String,
    pub(crate) query: BTreeMap<String, String>,
    /// Group and version.
    pub(crate) version: (String, String),
    pub(crate) metadata_only: bool,
}

impl Call {
    /// `None` for a path that is not served.
    pub(crate) fn read(method: &Method, uri: &Uri, accept: &str) -> Option<Self> {
        let query = Query::<BTreeMap<String, String>>::try_from_uri(uri).ok()?.0;
        let segments: Vec<&str> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let metadata_only = accept.contains("as=PartialObjectMetadata");
        let call = |verb, kind, namespace: &str, name: &str, subresource: &str| Self {
            verb,
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            query: query.clone(),
            version: (group.to_owned(), version.to_owned()),
            metadata_only,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..] if kinds::served(group, version, plural).is_some() => {
                (*namespace, [&[*plural][..], rest].concat())
            }
            rest => ("", rest.to_vec()),
        };
        let Some((plural, rest)) = rest.split_first() else {
            return (*method == Method::GET).then(|| call(Verb::Discover, "", "", "", ""));
        };
        let kind = kinds::served(group, version, plural)?;
        let watches = query.get("watch").is_some_and(|watch| watch == "true" || watch == "1");
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            _ => return None,
        };
        let verb = match (method.as_str(), name.is_empty()) {
            ("GET", true) if watches => Verb::Watch,
            ("GET", true) => Verb::List,
            ("GET", false) => Verb::Get,
            ("POST", true) => Verb::Create,
            ("PUT", false) => Verb::Replace,
            ("PATCH", false) => Verb::Patch,
            ("DELETE", false) => Verb::Delete,
            ("DELETE", true) => Verb::DeleteCollection,
            _ => return None,
        };
        Some(call(verb, kind.kind, namespace, name, subresource))
    }

    pub(crate) fn kind(&self) -> &'static Kind {
        kinds::named(self.kind)
    }

    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} {}/{} {}", self.verb, self.kind, self.namespace, self.name, self.subresource)
    }
}
