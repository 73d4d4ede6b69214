//! For each NodePool a workload that fits that pool and no other, or the reason why there is none.

mod sku;

pub use sku::SkuFact;
