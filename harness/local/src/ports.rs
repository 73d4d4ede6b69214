//! Free loopback ports.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use harness_catalogue::{Component, Port};
use socket2::{Domain, Socket, Type};

use super::error::LocalError;

/// The number of each port of each component, on 127.0.0.1; [`super::karpenter`] names the exceptions.
///
/// They stay reserved until the last clone is dropped: no other cluster chooses one of them, also where nothing listens on it yet (components that
/// start when a run needs them) or any more (components that a run has killed).
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    numbers: BTreeMap<(Component, Port), u16>,
    _reserved: Arc<Vec<Socket>>,
}

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
        let (mut reserved, mut numbers) = (Vec::new(), BTreeMap::new());
        for listed in listed {
            let (socket, number) = free_below(ephemeral_from)
                .map_or_else(|| reserve(0), Ok)
                .map_err(|source| LocalError::Port { source })?;
            numbers.insert(listed, number);
            reserved.push(socket);
        }
        Ok(Self { numbers, _reserved: Arc::new(reserved) })
    }

    /// The number of a port that the catalogue lists.
    pub(crate) fn get(&self, component: Component, port: Port) -> u16 {
        self.numbers.get(&(component, port)).copied().unwrap_or_default()
    }

    /// `127.0.0.1:NUMBER` of a port that the catalogue lists.
    pub(crate) fn address(&self, component: Component, port: Port) -> String {
        format!("127.0.0.1:{}", self.get(component, port))
    }
}

/// The lowest port that is tried: common services use lower ones.
const LOWEST: u16 = 20_000;

fn free_below(end: u16) -> Option<(Socket, u16)> {
    const TRIES: u32 = 64;
    let span = u64::from(end.checked_sub(LOWEST)?);
    if span < 1_000 {
        return None;
    }
    // The standard library seeds its hashers from the operating system: two clusters that start at the same time
    // do not try the same ports.
    let random = RandomState::new();
    (0..TRIES).find_map(|attempt| {
        let mut hasher = random.build_hasher();
        hasher.write_u32(attempt);
        let port = LOWEST + u16::try_from(hasher.finish() % span).ok()?;
        reserve(port).ok()
    })
}

/// Takes a port that nobody has (0: any) without listening on it. From then on a program can listen on it that sets SO_REUSEADDR, as Go's `net.Listen`
/// does, and another call of this cannot take it, since it asks for the port alone.
fn reserve(port: u16) -> io::Result<(Socket, u16)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.set_reuse_address(true)?;
    let number = socket.local_addr()?.as_socket_ipv4().map_or(port, |address| address.port());
    Ok((socket, number))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    impl Ports {
        /// Numbers that follow each other, for tests that look for them in a command line.
        pub(crate) fn consecutive(first: u16) -> Self {
            let listed = Component::ALL.iter().flat_map(|it| it.ports().iter().map(|port| (*it, *port)));
            Self { numbers: listed.zip(first..).collect(), _reserved: Arc::default() }
        }
    }

    #[test]
    fn every_listed_port_has_a_number_of_its_own() {
        let ports = Ports::choose().unwrap();
        let distinct: std::collections::BTreeSet<u16> = ports.numbers.values().copied().collect();
        assert_eq!(distinct.len(), ports.numbers.len());
        assert!(!distinct.contains(&0));
        for component in Component::ALL {
            for port in component.ports() {
                assert_ne!(ports.get(*component, *port), 0, "{component} {port:?}");
            }
        }
    }

    /// Before, a port was free again until its component listened: another cluster took that of the notification controller, which died of it half an
    /// hour later.
    #[test]
    fn a_chosen_port_is_for_the_components_of_its_cluster_alone() {
        let ports = Ports::choose().unwrap();
        let number = ports.get(Component::NotificationController, Port::Events);
        assert!(reserve(number).is_err(), "another cluster takes it before the component listens");
        for listens in ["for the first time", "again"] {
            let component = TcpListener::bind((Ipv4Addr::LOCALHOST, number));
            assert!(component.is_ok(), "the component cannot listen {listens}: {component:?}");
            assert!(reserve(number).is_err(), "another cluster takes it while the component listens {listens}");
        }
        assert!(reserve(number).is_err(), "another cluster takes it when the component has ended");
        drop(ports);
        assert!(reserve(number).is_ok(), "it stays taken when the cluster is down");
    }

    #[test]
    fn a_preferred_port_is_free_and_below_the_range_of_outgoing_connections() {
        let end = LOWEST + 1_000;
        // Every port stays taken, so that the later ones must avoid the earlier ones.
        let held: Vec<(Socket, u16)> = (0..30).filter_map(|_| free_below(end)).collect();
        let numbers: std::collections::BTreeSet<u16> = held.iter().map(|(_, number)| *number).collect();
        assert_eq!((held.len(), numbers.len()), (30, 30));
        assert!(numbers.iter().all(|number| (LOWEST..end).contains(number)), "{numbers:?}");
    }

    #[test]
    fn no_port_is_preferred_where_few_are_below_that_range() {
        assert!(free_below(LOWEST + 999).is_none());
        assert!(free_below(LOWEST - 1).is_none());
    }
}
