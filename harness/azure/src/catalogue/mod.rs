//! The sizes that the simulated Azure sells, as data (`skus.yaml`, with its sources).

mod load;
mod sku;
mod wire;

pub use load::{CatalogueError, catalogue};
pub use sku::{Architecture, Catalogue, Series, Sku};
pub(crate) use wire::resource_skus;
