//! Who gets in.

use harness_tls::{Authority, Pair, Usage};

use super::{metrics, ready_pod};
use crate::server::{MetricsServer, ServerIdentity};

/// A client that trusts the authority, and shows a certificate if it has one.
fn client(authority: &Authority, identity: Option<&Pair>) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    let mut builder = reqwest::Client::builder().tls_certs_only([root]).no_proxy();
    if let Some(pair) = identity {
        let pem = format!("{}{}", pair.certificate, pair.key);
        builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
    }
    builder.build().unwrap()
}

#[tokio::test]
async fn only_the_front_proxy_gets_in() {
    let (cluster, front_proxy) = (Authority::new("cluster").unwrap(), Authority::new("front-proxy").unwrap());
    let served = cluster.server("harness-metrics", &[], Usage::Server).unwrap();
    let proxy = front_proxy.client("front-proxy-client", &[]).unwrap();
    let scheduler = cluster.client("kube-scheduler", &[]).unwrap();
    let authority = front_proxy.pem();
    let identity = ServerIdentity { certificate: &served.certificate, key: &served.key, client_authority: &authority };
    let server = MetricsServer::start(metrics(&[ready_pod("shop", "web", "web-1")]), identity).await.unwrap();
    let url = format!("https://localhost:{}/apis/metrics.k8s.io/v1beta1", server.port());

    let answer = client(&cluster, Some(&proxy)).get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // None, and one that the cluster's own authority has signed.
    for stranger in [None, Some(&scheduler)] {
        let answer = client(&cluster, stranger).get(&url).send().await;
        assert!(answer.is_err(), "got in: {answer:?}");
    }
    // The server ends with its value.
    drop(server);
    assert!(client(&cluster, Some(&proxy)).get(&url).send().await.is_err());
}
