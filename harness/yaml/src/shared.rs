//! Lists that copies share.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The parts of a list or map. A copy shares them with the original until one of the two is changed: of a base that a thousand overlays build,
/// each has only what it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared<T>(Arc<Vec<T>>);

impl<T> Shared<T> {
    /// Whether it is a copy of another one, and neither was changed since.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(mut parts: Vec<T>) -> Self {
        // What is read is kept for long, and rarely grows.
        parts.shrink_to_fit();
        Self(Arc::new(parts))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(parts: I) -> Self {
        parts.into_iter().collect::<Vec<_>>().into()
    }
}

impl<T> Deref for Shared<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

/// A change is that of this copy alone.
impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Arc::make_mut(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::Node;

    /// Before, each overlay had all of its base once more.
    #[test]
    fn a_copy_shares_what_is_not_changed() {
        let original = crate::documents("metadata: {name: a}\nspec: {x: 1}\n").unwrap().remove(0);
        let mut copy = original.clone();
        copy.get_mut("metadata").unwrap().put("name", Node::of_text("b", original.mark));
        assert_eq!(original.at(&["metadata", "name"]).and_then(Node::text), Some("a"));
        assert_eq!(copy.at(&["metadata", "name"]).and_then(Node::text), Some("b"));
        let spec = |node: &Node| node.entries_at(&["spec"]).as_ptr();
        assert_eq!(spec(&copy), spec(&original));
        // Looking for what is not there changes nothing.
        let mut other = original.clone();
        assert!(other.get_mut("status").is_none());
        assert_eq!(other.entries().as_ptr(), original.entries().as_ptr());
    }
}
