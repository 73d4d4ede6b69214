//! Places in a text.

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// From 1; 0 where the place is not known.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Bytes from the start of the text.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
    /// Which of the files that were read together, by its index; 0 where there is one.
    pub source: u32,
}

impl Mark {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1, offset: 0, length: 0, source: 0 };
}

/// A value and where it stands.
///
/// Equality is that of the value: two scenarios that say the same are the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Located<T> {
    /// What is said.
    pub value: T,
    /// Where.
    pub mark: Mark,
}

impl<T> Located<T> {
    /// A value at a place.
    pub const fn new(value: T, mark: Mark) -> Self {
        Self { value, mark }
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
