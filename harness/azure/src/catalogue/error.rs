//! What is wrong with the catalogue, or with what is asked of it.

/// The embedded catalogue is broken, which the tests of this crate rule out, or the region does not exist.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// A line of another form.
    #[error("the embedded catalogue of VM sizes cannot be read at `{0}`")]
    Line(String),
    /// The same size or price twice.
    #[error("the embedded catalogue of VM sizes has `{0}` twice")]
    Twice(String),
    /// Not a region of Azure, as far as the catalogue knows.
    #[error("unknown Azure region `{name}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Region {
        /// What was asked for.
        name: String,
        /// The region that may be meant.
        near: Option<&'static str>,
    },
}
