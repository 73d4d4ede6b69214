//! Command lines of etcd and the Kubernetes control plane.
//!
//! Sources: the flags of each program at the pinned version; comments name the measurements that decided a flag.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use harness_catalogue::{Component, Port};

use super::layout::Layout;
use super::pki::PkiFiles;
use super::process::Launch;

/// The first address of this range is the API server's own service.
const SERVICE_RANGE: &str = "10.0.0.0/16";
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// All controllers except those without work here: there are no bootstrap tokens, volumes to attach, routes or load
/// balancers. The TTL controller annotates every Node for kubelets that read Secrets; there are none, and it costs
/// a write a node.
const CONTROLLERS: &str = "--controllers=*,-bootstrap-signer-controller,-token-cleaner-controller,\
    -persistentvolume-attach-detach-controller,-node-route-controller,-service-lb-controller,\
    -cloud-node-lifecycle-controller,-ttl-controller";

fn flag(name: &str, value: impl AsRef<Path>) -> OsString {
    let mut text = OsString::from(name);
    text.push("=");
    text.push(value.as_ref());
    text
}

fn text(value: impl Into<String>) -> OsString {
    OsString::from(value.into())
}

pub(crate) fn etcd(layout: &Layout, files: &PkiFiles) -> Launch {
    let client = format!("https://{}", layout.ports.address(Component::Etcd, Port::Main));
    let peer = format!("https://{}", layout.ports.address(Component::Etcd, Port::Peer));
    let (certificate, key, ca) = (files.certificate("etcd"), files.key("etcd"), files.certificate("etcd-ca"));
    let mut launch = layout.launch(Component::Etcd);
    launch.args = vec![
        text("--name=harness"),
        flag("--data-dir", layout.state.data().join("etcd")),
        text(format!("--listen-client-urls={client}")),
        text(format!("--advertise-client-urls={client}")),
        text(format!("--listen-peer-urls={peer}")),
        text(format!("--initial-advertise-peer-urls={peer}")),
        text(format!("--initial-cluster=harness={peer}")),
        // Health and metrics without a client certificate.
        text(format!("--listen-metrics-urls=http://{}", layout.ports.address(Component::Etcd, Port::Health))),
        flag("--cert-file", &certificate),
        flag("--key-file", &key),
        text("--client-cert-auth=true"),
        flag("--trusted-ca-file", &ca),
        flag("--peer-cert-file", &certificate),
        flag("--peer-key-file", &key),
        text("--peer-client-cert-auth=true"),
        flag("--peer-trusted-ca-file", &ca),
        // The data is deleted with the cluster: waiting for the disk protects nothing.
        text("--unsafe-no-fsync"),
        text("--quota-backend-bytes=8589934592"),
        text("--auto-compaction-mode=periodic"),
        text("--auto-compaction-retention=30m"),
        text("--log-level=warn"),
    ];
    launch
}

pub(crate) fn api_server(layout: &Layout, files: &PkiFiles) -> Launch {
    let mut launch = layout.launch(Component::KubeApiserver);
    launch.args = vec![
        text(format!("--etcd-servers=https://{}", layout.ports.address(Component::Etcd, Port::Main))),
        flag("--etcd-cafile", files.certificate("etcd-ca")),
        flag("--etcd-certfile", files.certificate("etcd-client")),
        flag("--etcd-keyfile", files.key("etcd-client")),
        text("--bind-address=127.0.0.1"),
        // Without a default route the server finds no address of its own and refuses to start.
        text("--advertise-address=127.0.0.1"),
        // A loopback address is not allowed in Endpoints; without this the server logs that for ever.
        text("--endpoint-reconciler-type=none"),
        text(format!("--secure-port={}", layout.ports.get(Component::KubeApiserver, Port::Main))),
        text(format!("--service-cluster-ip-range={SERVICE_RANGE}")),
        text("--authorization-mode=RBAC"),
        text("--anonymous-auth=false"),
        text("--allow-privileged=true"),
        flag("--client-ca-file", files.certificate("ca")),
        flag("--tls-cert-file", files.certificate("kube-apiserver")),
        flag("--tls-private-key-file", files.key("kube-apiserver")),
        flag("--service-account-key-file", files.service_accounts_public()),
        flag("--service-account-signing-key-file", files.key("service-accounts")),
        text(format!("--service-account-issuer={ISSUER}")),
        flag("--proxy-client-cert-file", files.certificate("front-proxy-client")),
        flag("--proxy-client-key-file", files.key("front-proxy-client")),
        flag("--requestheader-client-ca-file", files.certificate("front-proxy-ca")),
        text("--requestheader-allowed-names=front-proxy-client"),
        text("--requestheader-username-headers=X-Remote-User"),
        text("--requestheader-group-headers=X-Remote-Group"),
        text("--requestheader-extra-headers-prefix=X-Remote-Extra-"),
        // A load generator must see the server's own limit, not one of its fairness queues.
        text("--enable-priority-and-fairness=false"),
        text("--max-requests-inflight=0"),
        text("--max-mutating-requests-inflight=0"),
        text("--profiling=false"),
    ];
    launch
}

pub(crate) fn controller_manager(layout: &Layout, files: &PkiFiles) -> Launch {
    let mut launch = layout.launch(Component::KubeControllerManager);
    launch.args = client_of_the_api(Component::KubeControllerManager, layout, files);
    launch.args.extend([
        flag("--root-ca-file", files.certificate("ca")),
        flag("--service-account-private-key-file", files.key("service-accounts")),
        text("--use-service-account-credentials=false"),
        // Leases are renewed every 10 s (a quarter of their 40 s).
        text("--node-monitor-grace-period=40s"),
        text("--horizontal-pod-autoscaler-sync-period=5s"),
        text(CONTROLLERS),
    ]);
    launch
}

pub(crate) fn scheduler(layout: &Layout, files: &PkiFiles) -> Launch {
    let mut launch = layout.launch(Component::KubeScheduler);
    launch.args = client_of_the_api(Component::KubeScheduler, layout, files);
    launch
}

/// What the controller manager and the scheduler have in common.
fn client_of_the_api(component: Component, layout: &Layout, files: &PkiFiles) -> Vec<OsString> {
    let name = component.name();
    let kubeconfig: PathBuf = layout.state.kubeconfig(name);
    vec![
        flag("--kubeconfig", &kubeconfig),
        text("--bind-address=127.0.0.1"),
        text(format!("--secure-port={}", layout.ports.get(component, Port::Main))),
        flag("--tls-cert-file", files.certificate(name)),
        flag("--tls-private-key-file", files.key(name)),
        text("--authorization-always-allow-paths=/healthz,/readyz,/livez,/metrics"),
        // There is one of each; an election costs a write every two seconds.
        text("--leader-elect=false"),
        text("--kube-api-qps=500"),
        text("--kube-api-burst=1000"),
        text("--profiling=false"),
    ]
}
