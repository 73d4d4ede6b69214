//! Free loopback ports.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

use serde::{Deserialize, Serialize};

use super::error::LocalError;

/// Who listens where, by the port's purpose. All on 127.0.0.1 except where [`super::nap`] says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports(BTreeMap<String, u16>);

impl Ports {
    /// A free port for each purpose.
    ///
    /// Ports below the range of outgoing connections are preferred: between this choice and the moment a component
    /// listens, seconds pass in which other components open connections, and each takes a port of that range.
    pub(crate) fn choose(purposes: &[&str]) -> Result<Self, LocalError> {
        let ephemeral_from = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
            .ok()
            .and_then(|text| text.split_whitespace().next()?.parse::<u16>().ok())
            .unwrap_or(32_768);
        // Held until all are chosen, so that no two purposes get the same one.
        let mut held = Vec::with_capacity(purposes.len());
        let mut ports = BTreeMap::new();
        for purpose in purposes {
            let listener = free_below(ephemeral_from)
                .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
                .map_err(|source| LocalError::Port { source })?;
            let port = listener.local_addr().map_err(|source| LocalError::Port { source })?.port();
            ports.insert((*purpose).to_owned(), port);
            held.push(listener);
        }
        Ok(Self(ports))
    }

    /// The port for `purpose`, which must be one of those chosen.
    pub(crate) fn get(&self, purpose: &str) -> u16 {
        self.0.get(purpose).copied().unwrap_or_default()
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self, purpose: &str) -> String {
        format!("127.0.0.1:{}", self.get(purpose))
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

    #[test]
    fn every_purpose_has_a_port_of_its_own() {
        let names: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
        let purposes: Vec<&str> = names.iter().map(String::as_str).collect();
        let ports = Ports::choose(&purposes).unwrap();
        let distinct: std::collections::BTreeSet<u16> = purposes.iter().map(|p| ports.get(p)).collect();
        assert_eq!(distinct.len(), 20);
        assert!(!distinct.contains(&0));
    }
}
