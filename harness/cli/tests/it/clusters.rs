//! `harness status` and `harness env` on clusters that are up. A cluster is up when a supervisor holds the lock of its folder, and what it is comes
//! from the supervisor's socket: here both are this process's, and nothing else of a cluster is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness_cluster::local::{Failure, Phase, ProcessRef, StateDir, Status};
use jiff::Timestamp;
use nix::fcntl::Flock;
use serde_json::{Value, json};

use crate::harness;

/// An authority of whose key nothing is left: a client is not made without one, and connects to nothing here.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIUW/AY4ZxK5lPyR8iGkF9GRrlUS9gwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMjAxMDQxNTE2WhgPMjEyNjExMDcwNDE1MTZa
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0JrP5xmL
eZv3pDn9wO/EkDRFF2/ulDRIL4dcrcX1yIcy5LYjoZVQX4/DskTYJ8grofosZmAq
Wca6NfstCyXEPKNjMGEwHQYDVR0OBBYEFAuvppARg8xeT/atJ0TLIKaqSNFvMB8G
A1UdIwQYMBaAFAuvppARg8xeT/atJ0TLIKaqSNFvMA8GA1UdEwEB/wQFMAMBAf8w
DgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49BAMCA0cAMEQCIFUpHPgkSRcnJpCe2xa1
9TjJMQODvq8b52ctZVMXk7KpAiBCkevcWXq6yNr8DzgXLiOjboT1Q1Vd1LXOZgCm
DNi4Dg==
-----END CERTIFICATE-----
";

/// What owns the folder of a cluster. The cluster is up until it is dropped.
struct Supervisor {
    state: StateDir,
    _lock: Flock<File>,
}

impl Supervisor {
    /// One that does not answer.
    fn silent(root: &Path, name: &str) -> Self {
        let state = StateDir::create(root.join(name)).unwrap();
        let lock = state.try_lock().unwrap().unwrap();
        Self { state, _lock: lock }
    }

    /// One that answers how far its cluster is.
    fn start(root: &Path, name: &str, phase: Phase, failure: Option<Failure>) -> Self {
        let supervisor = Self::silent(root, name);
        let endpoint = |name: &str, address: &str| (name.to_owned(), address.to_owned());
        let status = Status {
            name: name.to_owned(),
            phase,
            supervisor: ProcessRef::of(std::process::id()).unwrap(),
            started_at: Timestamp::now(),
            state_dir: supervisor.state.root().to_owned(),
            endpoints: BTreeMap::from([
                endpoint("identity", "http://127.0.0.1:2/identity"),
                endpoint("azure-control", "http://127.0.0.1:3"),
                endpoint("azure-proxy", "http://127.0.0.1:4"),
                endpoint("git", "http://127.0.0.1:5/node-config.git"),
            ]),
            components: Vec::new(),
            versions: BTreeMap::new(),
            timings: Vec::new(),
            failure,
        };
        let status = serde_json::to_string(&status).unwrap();
        let listener = UnixListener::bind(supervisor.state.socket()).unwrap();
        // It ends with this process.
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(&stream, &status)));
        supervisor
    }
}

/// Answers a request for the status, and no other.
fn answer(mut stream: &UnixStream, status: &str) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let request = lines.next().unwrap_or_default();
    // Up to the empty line at the end of its head.
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let (code, body) = if request.starts_with("GET /v1/status ") { ("200 OK", status) } else { ("404 Not Found", "") };
    let length = body.len();
    // A client that has given up does not read it.
    let _ = write!(
        stream,
        "HTTP/1.1 {code}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

/// Exit code, stdout and stderr of the binary where the clusters are kept in this folder.
fn invoke(root: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = harness().env("HARNESS_STATE_DIR", root).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn status_without_a_name_lists_every_cluster_that_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let failure = Failure {
        component: "etcd".to_owned(),
        reason: "ended unexpectedly (exit status: 2)".to_owned(),
        log_tail: Vec::new(),
        at: Timestamp::now(),
    };
    let spring = Supervisor::start(root, "spring", Phase::Failed, Some(failure));
    let autumn = Supervisor::start(root, "autumn", Phase::Starting, None);
    let winter = Supervisor::silent(root, "winter");
    // Of a supervisor that was killed.
    StateDir::create(root.join("summer")).unwrap();

    let (code, stdout, stderr) = invoke(root, &["status"]);
    assert_eq!(code, 3, "one has failed: {stderr}");
    let lines: Vec<String> = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let [head, first, second, why, third, silent] = lines.as_slice() else { panic!("{stdout}") };
    assert_eq!(head, "CLUSTER STATE AGE ON IT");
    assert!(first.starts_with("autumn starting ") && second.starts_with("spring failed "), "{stdout}");
    assert_eq!(why, "etcd: ended unexpectedly (exit status: 2)");
    assert_eq!(third, "winter not answering");
    assert!(silent.contains("the supervisor of cluster \"winter\" did not report its status"), "{stdout}");

    let (code, stdout, stderr) = invoke(root, &["status", "--format", "json"]);
    assert_eq!(code, 3, "{stderr}");
    let rows: Vec<Value> = serde_json::from_str(&stdout).unwrap();
    let rows: Vec<Value> = rows.iter().map(|row| json!([row["name"], row["phase"]])).collect();
    assert_eq!(rows, [json!(["autumn", "starting"]), json!(["spring", "failed"]), json!(["winter", null])]);

    drop((spring, winter));
    let (code, stdout, stderr) = invoke(root, &["status"]);
    assert_eq!((code, stdout.lines().count()), (0, 2), "{stdout}{stderr}");
    drop(autumn);
    let (code, stdout, stderr) = invoke(root, &["status"]);
    assert!(code == 0 && stdout.is_empty() && stderr.contains("no cluster is up"), "{code} {stdout}{stderr}");
}

/// The commands that a shell evaluates hold one credential, the header without which no client gets a token of the managed identity.
#[test]
fn env_names_what_clients_of_azure_and_kubernetes_need_and_holds_no_other_secret() {
    let [control_token, identity_header, user_token] = ["control-5e3a", "identity-77c1", "user-90bd"];
    let folder = tempfile::tempdir().unwrap();
    // The path must come through the shell as it is.
    let root = folder.path().join("somebody's clusters");
    let supervisor = Supervisor::start(&root, "spring", Phase::Ready, None);
    let state = &supervisor.state;
    let write = |path: &Path, document: &Value| std::fs::write(path, document.to_string()).unwrap();
    let config = json!({
        "name": "spring", "bin_dir": "/nowhere", "crds": [], "state_root": root, "helper": "/nowhere", "cloud": "public",
        "azure": {"location": "westeurope", "identityHeader": identity_header, "controlToken": control_token},
        "provision_mode": "aksmachineapi", "start_timeout": {"secs": 120, "nanos": 0},
    });
    write(&state.config_file(), &config);
    let authority = state.pki().join("ca.crt");
    std::fs::write(&authority, AUTHORITY).unwrap();
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "spring",
        "clusters": [{"name": "spring", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority": authority}}],
        "users": [{"name": "harness", "user": {"token": user_token}}],
        "contexts": [{"name": "spring", "context": {"cluster": "spring", "user": "harness"}}],
    });
    write(&state.kubeconfig("harness"), &kubeconfig);

    let (code, exports, stderr) = invoke(&root, &["env", "--cluster", "spring"]);
    assert_eq!(code, 0, "{stderr}");
    for secret in [control_token, user_token] {
        assert!(!exports.contains(secret) && !stderr.contains(secret), "{exports}{stderr}");
    }
    let file = |path: PathBuf| path.to_str().unwrap().to_owned();
    let (environment, ca) = (state.root().join("azure-environment.json"), state.pki().join("azure-ca.crt"));
    let expected = [
        // The file names the endpoint of Resource Manager, and the other one the authority of its certificate.
        ("AZURE_ENVIRONMENT_FILEPATH", file(environment)),
        ("SSL_CERT_FILE", file(ca)),
        ("KUBECONFIG", file(state.kubeconfig("admin"))),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:2/identity".to_owned()),
        ("IDENTITY_HEADER", identity_header.to_owned()),
        ("AZURE_LOCATION", "westeurope".to_owned()),
        ("PROVISION_MODE", "aksmachineapi".to_owned()),
        ("HARNESS_AZURE_PROXY", "http://127.0.0.1:4".to_owned()),
    ];
    // As `eval "$(harness env)"` does it, in a shell that has nothing of its own.
    for (name, value) in &expected {
        let script = format!("eval \"$0\"; printf %s \"${name}\"");
        let shell =
            Command::new("/bin/sh").env_clear().args(["-c", script.as_str(), exports.as_str()]).output().unwrap();
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), *value, "{name}");
    }

    let (code, document, stderr) = invoke(&root, &["env", "--cluster", "spring", "--format", "json"]);
    assert_eq!(code, 0, "{stderr}");
    let variables: BTreeMap<String, String> = serde_json::from_str(&document).unwrap();
    for (name, value) in &expected {
        assert_eq!(variables.get(*name), Some(value), "{name}");
    }
    let exported = exports.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    let exported: BTreeSet<&str> = exported.map(|(name, _)| name).collect();
    assert_eq!(exported, variables.keys().map(String::as_str).collect::<BTreeSet<_>>());
    assert!(!exported.contains("HTTPS_PROXY"), "in a shell it would cut off everything else");
}
