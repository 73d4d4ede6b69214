//! What AKS itself puts into a cluster and keeps as it should be.

use kube::api::ObjectMeta;

/// The label of NodeClaims and Nodes with the name of their NodePool.
pub(crate) const NODEPOOL: &str = "karpenter.sh/nodepool";

/// Whether an object is AKS's own: a node of a system pool, or a DaemonSet or Deployment that AKS manages. A run neither makes nor changes them, and counts
/// none of them; one that asks for a cluster without them has them taken away and brought back by the simulated Azure. AKS changes its Deployments
/// itself when the number of nodes changes: the size of metrics-server, the replicas of CoreDNS.
pub fn is_of_aks(kind: &str, metadata: &ObjectMeta) -> bool {
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    match kind {
        "Node" => label("kubernetes.azure.com/mode") == Some("system") && label(NODEPOOL).is_none(),
        "DaemonSet" | "Deployment" => {
            label("kubernetes.azure.com/managedby") == Some("aks") || label("addonmanager.kubernetes.io/mode").is_some()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Node", &[("kubernetes.azure.com/mode", "system")], true)]
    #[case("Node", &[("kubernetes.azure.com/mode", "user")], false)]
    // The pool `system-surge` of NAP.
    #[case("Node", &[("kubernetes.azure.com/mode", "system"), (NODEPOOL, "system-surge")], false)]
    #[case("Node", &[], false)]
    #[case("DaemonSet", &[("kubernetes.azure.com/managedby", "aks")], true)]
    #[case("DaemonSet", &[("app", "mine")], false)]
    // Before, a run that made nodes on AKS ended with exit code 5: AKS had changed these meanwhile.
    #[case("Deployment", &[("kubernetes.azure.com/managedby", "aks")], true)]
    #[case("Deployment", &[("addonmanager.kubernetes.io/mode", "Reconcile")], true)]
    #[case("Deployment", &[("app", "mine")], false)]
    #[case("PodDisruptionBudget", &[("addonmanager.kubernetes.io/mode", "Reconcile")], false)]
    fn what_aks_keeps_is_known_by_its_labels(
        #[case] kind: &str,
        #[case] labels: &[(&str, &str)],
        #[case] expected: bool,
    ) {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let metadata = ObjectMeta { labels: Some(labels), ..ObjectMeta::default() };
        assert_eq!(is_of_aks(kind, &metadata), expected);
    }
}
