//! The timeline of each node.

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Its start, microseconds since the run began.
    pub from_us: u64,
    /// Its end; `None` while it lasts.
    pub to_us: Option<u64>,
}

/// A NodeClaim, its Node and its VM. Times are microseconds since the run began; `None` did not happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeRow {
    /// The NodeClaim's name; empty for a Node without one.
    pub nodeclaim: String,
    /// The Node's name, where it got one.
    pub node: Option<String>,
    /// The NodePool; empty when unknown.
    pub nodepool: String,
    /// The VM size; empty when unknown.
    pub instance_type: String,
    /// `spot` or `on-demand`; empty when unknown.
    pub capacity_type: String,
    /// The zone, such as `eastus-2`; empty when unknown.
    pub zone: String,
    /// The NodeClaim was first seen.
    pub created_us: Option<u64>,
    /// Its condition Launched.
    pub launched_us: Option<u64>,
    /// Its condition Registered.
    pub registered_us: Option<u64>,
    /// The Node's first Ready.
    pub ready_us: Option<u64>,
    /// Its condition Initialized.
    pub initialized_us: Option<u64>,
    /// When the Node was not Ready after it had been.
    pub not_ready: Vec<Interval>,
    /// Its condition Drifted.
    pub drifted_us: Option<u64>,
    /// Chosen for disruption.
    pub disrupted_us: Option<u64>,
    /// Why it was chosen; may be empty.
    pub disruption_reason: String,
    /// Its deletion started.
    pub deleting_us: Option<u64>,
    /// NodeClaim, Node and (where it is known) VM are all gone.
    pub gone_us: Option<u64>,
    /// Pods of the run that were bound there.
    pub pods: u32,
    /// The VM, as the simulated Azure reports it.
    pub vm: Option<VmRow>,
}

/// What became of a VM, as the simulated Azure reports it. Times are microseconds since the run began.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VmRow {
    /// It crashed.
    pub crashed_us: Option<u64>,
    /// It was taken back.
    pub evicted_us: Option<u64>,
    /// The first creation for the NodeClaim that failed; a later one may have come to a VM.
    pub failed_us: Option<u64>,
    /// Azure's error code of that creation; may be empty.
    pub code: String,
}
