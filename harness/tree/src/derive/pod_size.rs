//! What one pod asks for.

use harness_units::{Bytes, Millicores};

/// The requests of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodSize {
    /// CPU request.
    pub cpu: Millicores,
    /// Memory request.
    pub memory: Bytes,
}
