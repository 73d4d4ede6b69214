//! Counts over time, as step functions: a step holds from its time to the next one's.

/// Pods of the run by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodStep {
    /// From when, microseconds since the run began.
    pub at_us: u64,
    /// Created, not bound.
    pub pending: u32,
    /// Bound, not Ready.
    pub scheduled: u32,
    /// Ready.
    pub ready: u32,
    /// Being deleted.
    pub deleting: u32,
}

/// NodeClaims with their Nodes by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeStep {
    /// From when, microseconds since the run began.
    pub at_us: u64,
    /// NodeClaim seen, not Launched.
    pub claimed: u32,
    /// Launched, Node not Ready.
    pub launched: u32,
    /// Node Ready.
    pub ready: u32,
    /// Being deleted.
    pub deleting: u32,
}
