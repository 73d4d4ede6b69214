//! Values that may be given as a parameter.

use harness_yaml::Located;

/// A value with its place. A scenario may give it as `$name`; by the time that the file is read into types, the parameter's value has taken
/// its place ([`crate::parameters`]).
pub type Setting<T> = Located<T>;

/// The parameter that a text refers to.
pub(crate) fn reference(text: &str) -> Option<&str> {
    text.strip_prefix('$')
}
