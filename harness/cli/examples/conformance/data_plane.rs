//! The specs that need a data plane: the list `ci/conformance/data-plane.yaml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::spec::Spec;

/// One entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    suite: String,
    /// The whole text.
    spec: String,
    /// What it needs.
    reason: String,
}

/// The list.
#[derive(Debug)]
pub(crate) struct DataPlane {
    path: PathBuf,
    entries: Vec<Entry>,
}

impl DataPlane {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(Failure::file("read", path))?;
        let entries = serde_saphyr::from_str(&text).map_err(|error| Failure::Unreadable {
            path: path.to_owned(),
            expected: "a list of suite, spec and reason",
            reason: error.to_string(),
        })?;
        Ok(Self { path: path.to_owned(), entries })
    }

    /// What this spec needs, if it is listed.
    pub(crate) fn reason(&self, spec: &Spec) -> Option<&str> {
        self.entries.iter().find(|entry| entry.is(spec)).map(|entry| entry.reason.as_str())
    }

    /// Checks that each entry names one of the specs, where these have any of its suite.
    pub(crate) fn check<'a>(&self, specs: impl Iterator<Item = &'a Spec> + Clone) -> Result<(), Failure> {
        let stale = |entry: &&Entry| {
            let mut suite = specs.clone().filter(|spec| spec.suite == entry.suite).peekable();
            suite.peek().is_some() && !suite.any(|spec| entry.is(spec))
        };
        match self.entries.iter().find(stale).cloned() {
            None => Ok(()),
            Some(Entry { suite, spec, .. }) => Err(Failure::Stale { path: self.path.clone(), suite, spec }),
        }
    }
}

impl Entry {
    fn is(&self, spec: &Spec) -> bool {
        (&self.suite, &self.spec) == (&spec.suite, &spec.text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::spec::tests::spec;

    /// A list with this spec of the suite `drift`.
    pub(crate) fn listed(text: &str) -> DataPlane {
        let entry = Entry { suite: "drift".to_owned(), spec: text.to_owned(), reason: "a kubelet".to_owned() };
        DataPlane { path: PathBuf::from("list.yaml"), entries: vec![entry] }
    }

    #[test]
    fn an_entry_that_names_no_spec_is_refused() {
        let list = listed("pulls an image");
        let (own, other) = (spec("pulls an image", 9), spec("drifts", 3));
        assert_eq!((list.reason(&own), list.reason(&other)), (Some("a kubelet"), None));
        list.check([&own, &other].into_iter()).unwrap();
        // Its suite was not asked for.
        list.check([].into_iter()).unwrap();
        let error = list.check([&other].into_iter()).unwrap_err().to_string();
        assert!(error.contains("suite drift has no spec `pulls an image`"), "{error}");
    }

    #[test]
    fn the_list_of_this_repository_can_be_read() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/conformance/data-plane.yaml");
        let list = DataPlane::read(&path).unwrap();
        assert!(!list.entries.is_empty() && list.entries.iter().all(|entry| !entry.reason.is_empty()));
    }
}
