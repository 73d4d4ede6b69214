//! Regular expressions that trees bring: each is compiled once, however many objects and overlays it is held against.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex::{Error, Regex};

/// Returns the expression of a pattern.
///
/// # Errors
/// The pattern is not one.
pub(crate) fn compiled(pattern: &str) -> Result<Arc<Regex>, Error> {
    thread_local! {
        // Compiling costs a hundred times what a match does.
        static KNOWN: RefCell<HashMap<String, Result<Arc<Regex>, Error>>> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| match known.get(pattern) {
        Some(known) => known.clone(),
        None => known.entry(pattern.to_owned()).or_insert(Regex::new(pattern).map(Arc::new)).clone(),
    })
}
