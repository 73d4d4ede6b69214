//! From timelines to samples.

use super::groups::{Grouping, Groups};
use super::source::Source;
use super::{alerts, autoscaled, drift, fill, gitops, gitops_recovered, idle, nodes, pods, recovered, replaced};

/// All samples that the log supports.
pub(crate) fn collect(source: &Source<'_>) -> Groups {
    let mut grouping = Grouping::default();
    pods::collect(source, &mut grouping);
    nodes::collect(source, &mut grouping);
    replaced::collect(source, &mut grouping);
    fill::collect(source, &mut grouping);
    idle::collect(source, &mut grouping);
    recovered::collect(source, &mut grouping);
    autoscaled::collect(source, &mut grouping);
    gitops::collect(source, &mut grouping);
    drift::collect(source, &mut grouping);
    alerts::collect(source, &mut grouping);
    gitops_recovered::collect(source, &mut grouping);
    grouping.finish(|name| source.names.text(name))
}
