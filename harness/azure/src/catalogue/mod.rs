//! The sizes that Azure sells and the regions that sell them, as data: `sizes.txt` and `regions.txt`, which `examples/sizes.rs` writes
//! from the provider's own lists.

mod error;
mod load;
mod name;
mod region;
mod sku;
mod wire;

pub use error::CatalogueError;
pub use load::{catalogue, sizes};
pub use name::SizeName;
pub use region::{DEFAULT_REGION, Region, region, regions};
pub use sku::{Architecture, Catalogue, GpuVendor, Series, Sku};
pub(crate) use wire::resource_skus;
