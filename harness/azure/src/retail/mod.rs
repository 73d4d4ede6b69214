//! Azure's public price list.

mod filter;
mod list;

pub(crate) use list::{HOST, router};
