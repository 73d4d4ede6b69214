//! A simulated Azure: the part of Resource Manager that node auto-provisioning uses, and the VM fleet behind it.
//!
//! [`Simulator::start`] serves Azure Resource Manager over https, the managed identity endpoint and a control endpoint
//! (see [`control`]), all on 127.0.0.1. Given a Kubernetes client it also plays kubelet registration and the cloud
//! controller manager: the Nodes of its VMs appear, turn Ready, turn NotReady and go.

pub mod behaviour;
pub mod clock;
pub mod config;
pub mod control;
pub mod distribution;
pub mod facts;
pub mod faults;
mod simulator;
pub mod tls;

pub use behaviour::{Behaviour, BootModel, CapacityType, Leg, LegOverride, QuotaLimits};
pub use config::{Config, Pem, PemKey, Secret, TlsConfig};
pub use distribution::{Distribution, Span};
pub use facts::{Fact, FactKind, FactsPage, VmRef};
pub use faults::{Fault, FaultKind};
pub use simulator::{Error, Simulator};
