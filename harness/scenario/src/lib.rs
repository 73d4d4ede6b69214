//! The scenario language: the file format, its validation, and the plan that a scenario makes on a GitOps tree.
//!
//! Everything here is pure: no IO, no clock, no cluster. A scenario file, a node configuration and a seed
//! go in; a [`Plan`](harness_plan::Plan) comes out, fully expanded, before anything touches a cluster. The same three give the same
//! plan, byte for byte. Callers read files and hand over their texts.
//!
//! # A tour
//!
//! 1. [`parse`] reads a scenario file: [`model`] is what its keys mean, [`scenario_schema`] is generated from it, and every
//!    error is a [`Diagnostic`](harness_yaml::Diagnostic) with file, line, column and a hint, as many as there are.
//! 2. [`read_tree`](harness_tree::read_tree) reads a GitOps tree as kustomize would and refuses one that cannot work on AKS.
//! 3. [`plan()`] brings both together with the VM sizes of the target ([`SkuFact`](harness_tree::SkuFact)): for each NodePool a
//!    workload that fits that pool and no other ([`derive`](mod@harness_tree::derive)), and each action at its time.
//!
//! ```
//! use harness_plan::Profile;
//! use harness_scenario::{PlanInputs, builtin_scenarios, parse, plan};
//! use harness_tree::derive::NodeOverhead;
//! use harness_tree::{SkuFact, builtin_node_config, read_tree};
//! use harness_units::{Bytes, Millicores};
//!
//! let builtin = builtin_scenarios().iter().find(|scenario| scenario.name == "scale-burst").expect("it is built in");
//! let scenario = parse("scale-burst.yaml", builtin.text).expect("built-in scenarios are right");
//! let tree = read_tree("node-config", &builtin_node_config()).expect("the built-in tree is right");
//! let sku = |name: &str, family: &str, vcpus: u32, gib: u64| SkuFact {
//!     name: name.to_owned(),
//!     family: family.to_owned(),
//!     architecture: "amd64".to_owned(),
//!     vcpus,
//!     memory_mib: gib * 1024,
//!     allocatable_cpu: Millicores(u64::from(vcpus) * 950),
//!     allocatable_memory: Bytes(gib << 29),
//!     ..SkuFact::default()
//! };
//! let skus = [
//!     sku("Standard_D4s_v3", "D", 4, 16),
//!     sku("Standard_F4s_v2", "F", 4, 8),
//!     sku("Standard_E4s_v3", "E", 4, 32),
//! ];
//! let inputs = PlanInputs {
//!     profile: Profile::Smoke,
//!     seed: 7,
//!     overrides: &["podsPerClass=2".to_owned()],
//!     tree: &tree,
//!     skus: &skus,
//!     daemon_sets: NodeOverhead::default(),
//!     operations: &[],
//! };
//! let plan = plan(&scenario, &inputs).expect("the limits of the tree hold two pods");
//! assert_eq!(plan.workloads.len(), 3);
//! assert!(plan.workloads.iter().all(|workload| workload.replicas_peak == 2));
//! ```

mod arrival;
mod builtin;
mod entry;
mod expand;
pub mod model;
pub mod parameters;
mod profiles;
mod rules;
mod scenario;
mod schema;

pub use builtin::{Builtin, builtin_scenarios};
pub use entry::{PlanInputs, amended, chances, parse, plan};
pub use expand::Chance;
pub use profiles::{PROFILES, of_profiles};
pub use scenario::Scenario;
pub use schema::scenario_schema;
