//! Free loopback ports.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use harness_catalogue::{Component, Port};

use super::error::LocalError;

/// Who listens where. All on 127.0.0.1 except where [`super::nap`] says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ports(BTreeMap<(Component, Port), u16>);

impl Ports {
    /// A free port for each that a component listens on.
    ///
    /// Ports below the range of outgoing connections are preferred: between this choice and the moment a component
    /// listens, seconds pass in which other components open connections, and each takes a port of that range.
    pub(crate) fn choose() -> Result<Self, LocalError> {
        let ephemeral_from = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<u16>().ok())
            .unwrap_or(32_768);
        let listed = Component::ALL.iter().flat_map(|it| it.ports().iter().map(|port| (*it, *port)));
        // Held until all are chosen, so that no two get the same one.
        let mut held = Vec::new();
        let mut ports = BTreeMap::new();
        for listed in listed {
            let listener = free_below(ephemeral_from)
                .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
                .map_err(|source| LocalError::Port { source })?;
            let port = listener.local_addr().map_err(|source| LocalError::Port { source })?.port();
            ports.insert(listed, port);
            held.push(listener);
        }
        Ok(Self(ports))
    }

    /// The number of a port that the catalogue lists.
    pub(crate) fn get(&self, component: Component, port: Port) -> u16 {
        self.0.get(&(component, port)).copied().unwrap_or_default()
    }

    /// `127.0.0.1:NUMBER` of a port that the catalogue lists.
    pub(crate) fn address(&self, component: Component, port: Port) -> String {
        format!("127.0.0.1:{}", self.get(component, port))
    }
}

/// The lowest port that is tried; common services sit below.
const LOWEST: u16 = 20_000;

fn free_below(end: u16) -> Option<TcpListener> {
    const TRIES: u32 = 64;
    let span = u64::from(end.checked_sub(LOWEST)?);
    if span < 1_000 {
        return None;
    }
    // The standard library seeds its hashers from the operating system: two clusters that start at the same time
    // do not look at the same ports.
    let random = RandomState::new();
    (0..TRIES).find_map(|attempt| {
        let mut hasher = random.build_hasher();
        hasher.write_u32(attempt);
        let port = LOWEST + u16::try_from(hasher.finish() % span).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Ports {
        /// Numbers that follow each other, for tests that look for them in a command line.
        pub(crate) fn consecutive(first: u16) -> Self {
            let listed = Component::ALL.iter().flat_map(|it| it.ports().iter().map(|port| (*it, *port)));
            Self(listed.zip(first..).collect())
        }
    }

    #[test]
    fn every_listed_port_has_a_number_of_its_own() {
        let ports = Ports::choose().unwrap();
        let distinct: std::collections::BTreeSet<u16> = ports.0.values().copied().collect();
        assert_eq!(distinct.len(), ports.0.len());
        assert!(!distinct.contains(&0));
        for component in Component::ALL {
            for port in component.ports() {
                assert_ne!(ports.get(*component, *port), 0, "{component} {port:?}");
            }
        }
    }

    #[test]
    fn a_preferred_port_is_free_and_below_the_range_of_outgoing_connections() {
        let end = LOWEST + 1_000;
        // Every port stays taken, so that the later ones must avoid the earlier ones.
        let held: Vec<TcpListener> = (0..30).filter_map(|_| free_below(end)).collect();
        let numbers: std::collections::BTreeSet<u16> =
            held.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert_eq!((held.len(), numbers.len()), (30, 30));
        assert!(numbers.iter().all(|number| (LOWEST..end).contains(number)), "{numbers:?}");
    }

    #[test]
    fn no_port_is_preferred_where_few_are_below_that_range() {
        assert!(free_below(LOWEST + 999).is_none());
        assert!(free_below(LOWEST - 1).is_none());
    }
}
