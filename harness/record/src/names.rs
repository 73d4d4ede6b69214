//! Names that many objects share, kept once.

use std::collections::HashMap;
use std::sync::Arc;

/// A text that was seen before, by its number. The default is the empty text, for what is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(u32);

impl Name {
    /// Not known.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// This, or the other where this is not known.
    pub(crate) fn or(self, other: Self) -> Self {
        if self.is_none() { other } else { self }
    }
}

/// The table of names.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    numbers: HashMap<Arc<str>, Name>,
    texts: Vec<Arc<str>>,
}

impl Default for Names {
    fn default() -> Self {
        let empty: Arc<str> = "".into();
        Self { numbers: HashMap::from([(empty.clone(), Name::NONE)]), texts: vec![empty] }
    }
}

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.numbers.get(text) {
            return *name;
        }
        // 2^32 different names do not fit into memory before this overflows.
        let name = Name(self.texts.len() as u32);
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text, name);
        name
    }

    /// The number of a name that was seen.
    pub(crate) fn get(&self, text: &str) -> Option<Name> {
        self.numbers.get(text).copied()
    }

    pub(crate) fn text(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", |text| text)
    }
}

/// The name of the owner of an object, by its generated name; its own name where it has none.
pub fn owner<'a>(kind: &str, name: &'a str) -> &'a str {
    match kind {
        // DEPLOYMENT-TEMPLATEHASH-SUFFIX
        "Pod" => without_suffixes(name, 2),
        // DEPLOYMENT-TEMPLATEHASH, NODEPOOL-SUFFIX
        "ReplicaSet" | "NodeClaim" => without_suffixes(name, 1),
        _ => name,
    }
}

fn without_suffixes(name: &str, count: usize) -> &str {
    (0..count).fold(name, |name, _| name.rsplit_once('-').map_or(name, |(front, _)| front))
}
