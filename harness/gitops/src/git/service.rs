//! The three calls of Git's smart HTTP protocol, and nothing else.
//!
//! Source: `gitprotocol-http(5)`. The dumb protocol (files of the repository by path) is not served.

use http::Method;

/// The service that a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// `GET info/refs?service=...`
    Advertise,
    /// `POST git-upload-pack`: clone and fetch.
    UploadPack,
    /// `POST git-receive-pack`: push.
    ReceivePack,
}

/// A request that is served: the folder name of a repository and the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call<'a> {
    pub(super) repository: &'a str,
    pub(super) service: Service,
}

/// Reads method, path and query; `None` for everything that is not one of the three calls.
pub(super) fn parse<'a>(method: &Method, path: &'a str, query: Option<&str>) -> Option<Call<'a>> {
    let (folder, rest) = path.strip_prefix('/')?.split_once('/')?;
    let repository = folder.strip_suffix(".git").filter(|name| is_name(name))?;
    let service = match (method, rest, query) {
        (&Method::GET, "info/refs", Some("service=git-upload-pack" | "service=git-receive-pack")) => Service::Advertise,
        (&Method::POST, "git-upload-pack", None) => Service::UploadPack,
        (&Method::POST, "git-receive-pack", None) => Service::ReceivePack,
        _ => return None,
    };
    Some(Call { repository, service })
}

/// Whether `name` is a plain repository name, so that it can be neither a path nor an option.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/a.git/info/refs?service=git-upload-pack", Some(Service::Advertise))]
    #[case("GET", "/a.git/info/refs?service=git-receive-pack", Some(Service::Advertise))]
    #[case("POST", "/a.git/git-upload-pack", Some(Service::UploadPack))]
    #[case("POST", "/node-config_1.x.git/git-receive-pack", Some(Service::ReceivePack))]
    // The dumb protocol and files of the repository.
    #[case("GET", "/a.git/info/refs", None)]
    #[case("GET", "/a.git/HEAD", None)]
    #[case("GET", "/a.git/objects/info/packs", None)]
    #[case("GET", "/a.git/config", None)]
    // Other services and methods.
    #[case("GET", "/a.git/info/refs?service=git-upload-archive", None)]
    #[case("GET", "/a.git/git-upload-pack", None)]
    #[case("PUT", "/a.git/git-receive-pack", None)]
    // Ways out.
    #[case("POST", "/../a.git/git-upload-pack", None)]
    #[case("POST", "/..git/git-upload-pack", None)]
    #[case("POST", "/a.git/../b.git/git-upload-pack", None)]
    #[case("POST", "/%2e%2e/a.git/git-upload-pack", None)]
    #[case("POST", "/a%2fb.git/git-upload-pack", None)]
    #[case("POST", "//etc.git/git-upload-pack", None)]
    #[case("POST", "/.git/git-upload-pack", None)]
    #[case("POST", "/-x.git/git-upload-pack", None)]
    #[case("GET", "/", None)]
    fn only_smart_http(#[case] method: &str, #[case] target: &str, #[case] expected: Option<Service>) {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let found = parse(&method, path, query).map(|call| call.service);
        assert_eq!(found, expected);
    }
}
