//! The simulator as a separate process.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness_azure::Secret;
use harness_azure::control::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::ANSWER;

/// Ends the process whatever happens to the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(arguments: &[&str]) -> Process {
    let child = Command::new(env!("CARGO_BIN_EXE_azure-sim"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Process(child)
}

fn wait_for(path: &Path) {
    let deadline = Instant::now() + ANSWER.get();
    while std::fs::metadata(path).map_or(true, |m| m.len() == 0) {
        assert!(Instant::now() < deadline, "{} was not written", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_starts_answers_and_ends_at_a_signal() {
    let dir = tempfile::tempdir().unwrap();
    let (config, ca, environment) = (dir.path().join("c.yaml"), dir.path().join("ca.pem"), dir.path().join("env.json"));
    std::fs::write(&config, "location: westeurope\ncontrolToken: the-control-token\nidentityHeader: the-identity-header\nbehaviour: {seed: 9, boot: {constant: 1s}}\n").unwrap();
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    let mut process = start(&[
        "--config",
        &path(&config),
        "--ca-file",
        &path(&ca),
        "--environment-file",
        &path(&environment),
        "--print-env",
    ]);
    wait_for(&environment);
    let mut out = process.0.stdout.take().unwrap();
    let mut text = String::new();
    let deadline = Instant::now() + ANSWER.get();
    while !text.contains("AZURE_ENVIRONMENT_FILEPATH") {
        assert!(Instant::now() < deadline, "{text}");
        let mut chunk = [0; 4096];
        let n = out.read(&mut chunk).unwrap();
        assert!(n > 0, "the output ended: {text}");
        text.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
    }
    let value = |name: &str| {
        let line = text.lines().find(|l| l.starts_with(&format!("export {name}='"))).unwrap();
        line.split('\'').nth(1).unwrap().to_owned()
    };
    assert_eq!(value("AZURE_LOCATION"), "westeurope");
    assert_eq!(value("SSL_CERT_FILE"), path(&ca));
    let cloud: serde_json::Value = serde_json::from_slice(&std::fs::read(&environment).unwrap()).unwrap();
    assert_eq!(cloud["resourceManagerEndpoint"], value("AZURE_SIM_ARM_URL"));
    let control = Client::new(value("AZURE_SIM_CONTROL_URL"), Secret::new("the-control-token")).unwrap();
    assert_eq!(control.behaviour().await.unwrap().seed, 9);

    kill(Pid::from_raw(process.0.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let status = process.0.wait().unwrap();
    assert!(status.success(), "{status}");
    let mut log = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(!log.contains("the-control-token") && !log.contains("the-identity-header"), "{log}");
}

#[test]
fn a_bad_configuration_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("c.yaml");
    std::fs::write(&config, "location: eastus\nbehavior: {}\n").unwrap();
    let mut process = start(&["--config", config.to_str().unwrap()]);
    let status = process.0.wait().unwrap();
    let mut log = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(!status.success());
    assert!(log.contains("behavior") && log.contains("line 2"), "{log}");
}
