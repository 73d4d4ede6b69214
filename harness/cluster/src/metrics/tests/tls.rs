//! Who gets in.

use std::path::Path;

use super::{metrics, ready_pod};
use crate::local::test_certificates;
use crate::metrics::server::{MetricsServer, ServerFiles};

/// A client that trusts the server and shows the certificate and key in these PEM files, if any.
fn client(pki: &Path, identity: Option<&str>) -> reqwest::Client {
    let read = |name: &str| std::fs::read(pki.join(name)).unwrap();
    let root = reqwest::Certificate::from_pem(&read("ca.crt")).unwrap();
    let mut builder = reqwest::Client::builder().tls_certs_only([root]).no_proxy();
    if let Some(name) = identity {
        let pem = [read(&format!("{name}.crt")), read(&format!("{name}.key"))].concat();
        builder = builder.identity(reqwest::Identity::from_pem(&pem).unwrap());
    }
    builder.build().unwrap()
}

#[tokio::test]
async fn only_the_front_proxy_gets_in() {
    let temp = tempfile::tempdir().unwrap();
    let pki = test_certificates(temp.path());
    let files = ServerFiles {
        certificate: pki.join("harness-metrics.crt"),
        key: pki.join("harness-metrics.key"),
        client_authority: pki.join("front-proxy-ca.crt"),
    };
    let server = MetricsServer::start(metrics(&[ready_pod("shop", "web", "web-1")]), &files).await.unwrap();
    let url = format!("https://localhost:{}/apis/metrics.k8s.io/v1beta1", server.port());

    let answer = client(&pki, Some("front-proxy-client")).get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // None, and one that the cluster's own authority has signed.
    for stranger in [None, Some("kube-scheduler")] {
        let error = client(&pki, stranger).get(&url).send().await;
        assert!(error.is_err(), "{stranger:?} got in: {error:?}");
    }
    // The server ends with its value.
    drop(server);
    assert!(client(&pki, Some("front-proxy-client")).get(&url).send().await.is_err());
}
