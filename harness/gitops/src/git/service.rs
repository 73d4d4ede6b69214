//! The three calls of Git's smart HTTP protocol, and nothing else.
//!
//! Source: `gitprotocol-http(5)`. The dumb protocol (files of the repository by path) is not served.

use http::Method;

/// The folder name of the repository that a request is for; `None` for everything that is not one of the three calls.
pub(super) fn repository_of<'a>(method: &Method, path: &'a str, query: Option<&str>) -> Option<&'a str> {
    let (folder, rest) = path.strip_prefix('/')?.split_once('/')?;
    let served = matches!(
        (method, rest, query),
        (&Method::GET, "info/refs", Some("service=git-upload-pack" | "service=git-receive-pack"))
            | (&Method::POST, "git-upload-pack" | "git-receive-pack", None)
    );
    folder.strip_suffix(".git").filter(|name| served && is_name(name))
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
    #[case("GET", "/a.git/info/refs?service=git-upload-pack", Some("a"))]
    #[case("GET", "/a.git/info/refs?service=git-receive-pack", Some("a"))]
    #[case("POST", "/a.git/git-upload-pack", Some("a"))]
    #[case("POST", "/node-config_1.x.git/git-receive-pack", Some("node-config_1.x"))]
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
    fn only_smart_http(#[case] method: &str, #[case] target: &str, #[case] expected: Option<&str>) {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(repository_of(&method, path, query), expected);
    }
}
