//! A simulated Azure: the part of Resource Manager that node auto-provisioning uses, and the VM fleet behind it.
//!
//! [`Simulator::start`] serves Azure Resource Manager over https, the managed identity endpoint and a control endpoint
//! (see [`control`]), all on 127.0.0.1. Given a Kubernetes client it also plays kubelet registration and the cloud
//! controller manager: the Nodes of its VMs appear, turn Ready, turn NotReady and go.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let azure = harness_azure::Simulator::start(harness_azure::Config::default(), None).await?;
//! let control = azure.control()?;
//! let page = control.facts(0, std::time::Duration::from_secs(1)).await?;
//! println!("{} facts from {}", page.facts.len(), azure.arm_url());
//! azure.shutdown().await;
//! # Ok(()) }
//! ```

pub mod aks;
pub mod allocatable;
mod api;
mod arm;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod control;
mod counters;
mod documents;
pub mod draws;
pub mod facts;
mod faults;
mod fleet;
mod identity;
mod images;
mod in_process;
mod lifecycle;
mod node;
mod operations;
mod parts;
mod prices;
mod proxy;
mod quota;
mod retail;
mod selector;
mod simulator;
pub mod tls;
mod tokens;
mod world;

pub use arm::operations as arm_operations;
pub use config::{Config, ConfigError, Pem, PemKey, Secret, TlsConfig};
pub use facts::{Fact, FactKind, FactsPage, VmRef};
pub use faults::{Rehearsal, RehearsalError};
pub use in_process::InProcess;
pub use simulator::{Error, Simulator};
