//! The simulated Azure as a process of its own.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use harness_azure::{Config, Simulator};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::signal::unix::{SignalKind, signal};

/// A simulated Azure for one AKS cluster: Resource Manager, managed identity, and the VMs with their Nodes.
#[derive(Debug, Parser)]
#[command(name = "azure-sim", version, about)]
struct Arguments {
    /// Configuration, YAML or JSON; everything has a default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The cluster in which the Nodes appear; without it VMs boot but no Node is created
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Write the CA that clients must trust to this file (SSL_CERT_FILE)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Write the cloud's description to this file (AZURE_ENVIRONMENT_FILEPATH)
    #[arg(long, value_name = "FILE")]
    environment_file: Option<PathBuf>,
    /// Print the environment of Azure SDK clients as shell exports, secrets included, and the control endpoint
    #[arg(long)]
    print_env: bool,
    /// Log as JSON
    #[arg(long)]
    log_json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read the configuration {}: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot parse the configuration {}: {source}", path.display())]
    Parse { path: PathBuf, source: Box<serde_saphyr::Error> },
    #[error("cannot read the kubeconfig {}: {source}", path.display())]
    Kubeconfig {
        path: PathBuf,
        #[source]
        source: kube::config::KubeconfigError,
    },
    #[error("cannot build a client from the kubeconfig {}: {source}", path.display())]
    Kube {
        path: PathBuf,
        #[source]
        source: Box<kube::Error>,
    },
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write to the standard output: {0}")]
    Stdout(#[source] std::io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Start(#[from] harness_azure::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log(arguments.log_json);
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn log(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.init();
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = match &arguments.config {
        Some(path) => read_config(path)?,
        None => Config::default(),
    };
    harness_tls::install_crypto();
    let kube = match &arguments.kubeconfig {
        Some(path) => Some(kube_client(path).await?),
        None => None,
    };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Signals)?;

    let simulator = Simulator::start(config, kube).await?;
    if let Some(path) = &arguments.ca_file {
        write(path, simulator.ca_pem())?;
    }
    if let Some(path) = &arguments.environment_file {
        write(path, &simulator.environment_file())?;
    }
    if arguments.print_env {
        print_environment(&simulator, &arguments)?;
    }
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}

fn read_config(path: &Path) -> Result<Config, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    // JSON is YAML.
    serde_saphyr::from_str(&text).map_err(|error| Failure::Parse { path: path.to_owned(), source: Box::new(error) })
}

async fn kube_client(path: &Path) -> Result<kube::Client, Failure> {
    let refuse = |source| Failure::Kubeconfig { path: path.to_owned(), source };
    let kubeconfig = Kubeconfig::read_from(path).map_err(refuse)?;
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(refuse)?;
    kube::Client::try_from(config).map_err(|source| Failure::Kube { path: path.to_owned(), source: Box::new(source) })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::Write { path: path.to_owned(), source })
}

fn print_environment(simulator: &Simulator, arguments: &Arguments) -> Result<(), Failure> {
    let mut exports: Vec<(&str, String)> = simulator.environment();
    exports.push(("AZURE_SIM_ARM_URL", simulator.arm_url()));
    exports.push(("AZURE_SIM_PROXY_URL", simulator.proxy_url()));
    exports.push(("AZURE_SIM_CONTROL_URL", simulator.control_url()));
    exports.push(("AZURE_SIM_CONTROL_TOKEN", simulator.control_token().expose().to_owned()));
    if let Some(path) = &arguments.ca_file {
        exports.push(("SSL_CERT_FILE", path.display().to_string()));
    }
    if let Some(path) = &arguments.environment_file {
        exports.push(("AZURE_ENVIRONMENT_FILEPATH", path.display().to_string()));
    }
    let mut out = std::io::stdout().lock();
    for (name, value) in exports {
        let quoted = value.replace('\'', r"'\''");
        writeln!(out, "export {name}='{quoted}'").map_err(Failure::Stdout)?;
    }
    out.flush().map_err(Failure::Stdout)
}
