//! Occurrences: what an event of the log counts as for a scenario. A condition that waits for something during the run and the verdict
//! about it afterwards count the same way.

mod counter;

use harness_plan::{EventPattern, NotificationFilter, OccurrenceKind};

pub use counter::Counter;

/// Something that happened, with what was known by then of its object. What is not known is an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence<'a> {
    /// When, in microseconds since the run began. Of a fact of the simulated Azure, when it happened there.
    pub at_us: u64,
    /// Its kind.
    pub what: OccurrenceKind,
    /// The kind of the object that it happened to, as Kubernetes names it; `VirtualMachine` for those of Azure.
    pub kind: &'a str,
    /// The object's name; empty where it happened to none (a throttled call).
    pub name: &'a str,
    /// Of a pod: its workload.
    pub workload: &'a str,
    /// Of a NodeClaim, Node or VM: its NodePool.
    pub nodepool: &'a str,
    /// Of a NodeClaim, Node or VM: its size.
    pub instance_type: &'a str,
    /// Of a NodeClaim, Node or VM: `spot` or `on-demand`.
    pub capacity_type: &'a str,
    /// Of a NodeClaim, Node or VM: its zone.
    pub zone: &'a str,
    /// Azure's code; of a NodeClaim why it was disrupted; of a reason, and of what Flux failed at, the reason.
    pub code: &'a str,
    /// The message of Azure or the controller; of a revision that Flux applied, the revision.
    pub message: &'a str,
    /// Of a notification: `info` or `error`.
    pub severity: &'a str,
    /// Of a notification: the path that it was sent to.
    pub path: &'a str,
    /// Of a notification: whether it names the newest commit that was pushed in the same phase before it.
    pub newest: bool,
}

impl Occurrence<'_> {
    /// Whether it matches a pattern. An unknown value matches no key that is given.
    pub fn is(&self, of: &EventPattern) -> bool {
        let same = |known: &str, wanted: &Option<String>| wanted.as_deref().is_none_or(|wanted| known == wanted);
        self.what == of.what
            && same(self.workload, &of.workload)
            && same(self.nodepool, &of.nodepool)
            && same(self.instance_type, &of.instance_type)
            && same(self.capacity_type, &of.capacity_type)
            && same(self.code, &of.code)
            && same(self.name, &of.object)
            && of.zone.as_deref().is_none_or(|zone| same_zone(self.zone, zone))
            && of.notification.as_ref().is_none_or(|of| self.is_notification(of))
            && of.message_contains.as_deref().is_none_or(|part| self.message.contains(part))
    }

    fn is_notification(&self, of: &NotificationFilter) -> bool {
        of.about
            .as_ref()
            .is_none_or(|about| self.kind == about.kind && about.name.as_deref().is_none_or(|name| self.name == name))
            && of.severity.is_none_or(|severity| self.severity == severity.as_str())
            && of.path.as_deref().is_none_or(|path| self.path == path)
            && (self.newest || !of.newest)
    }
}

/// Whether two names mean the same zone: `eastus-1` and `1` do.
fn same_zone(known: &str, wanted: &str) -> bool {
    let number = |zone: &str| !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_digit());
    let last = |zone: &'_ str| zone.rsplit_once('-').map_or_else(|| zone.to_owned(), |(_, number)| number.to_owned());
    known == wanted || (number(wanted) && last(known) == wanted) || (number(known) && last(wanted) == known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("eastus-1", "1", true)]
    #[case("eastus-1", "eastus-1", true)]
    #[case("1", "eastus-1", true)]
    #[case("eastus-1", "2", false)]
    #[case("eastus-1", "westus-1", false)]
    #[case("eastus-11", "1", false)]
    #[case("", "1", false)]
    #[case("eastus-1", "", false)]
    fn a_zone_is_its_number(#[case] known: &str, #[case] wanted: &str, #[case] same: bool) {
        assert_eq!(same_zone(known, wanted), same);
    }
}
