//! Defaults of keys that a scenario may leave out.

pub(crate) fn yes() -> bool {
    true
}

pub(crate) fn one() -> u32 {
    1
}
