//! What the scheduler reserves for a pod.

use harness_units::{Bytes, Millicores};
use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};

/// What a pod requests. Sidecars count with the containers; of the containers that run before those only the largest counts, where it is larger
/// (kubernetes.io/docs/concepts/workloads/pods/init-containers, "Resource sharing within containers"). What the pod as a whole requests replaces both.
/// A request that cannot be parsed as a quantity is ignored.
pub fn pod_requests(pod: &PodSpec) -> (Millicores, Bytes) {
    let is_sidecar = |container: &&Container| container.restart_policy.as_deref() == Some("Always");
    let (sidecars, before): (Vec<_>, Vec<_>) = pod.init_containers.iter().flatten().partition(is_sidecar);
    let of_pod = pod.resources.as_ref().map(of).unwrap_or_default();
    let of_all = |containers: &mut dyn Iterator<Item = &Container>, add: fn(u64, u64) -> u64| {
        containers
            .filter_map(|it| it.resources.as_ref())
            .map(of)
            .fold([0, 0], |sum, it| [add(sum[0], it[0]), add(sum[1], it[1])])
    };
    let running = of_all(&mut pod.containers.iter().chain(sidecars), u64::saturating_add);
    let starting = of_all(&mut before.into_iter(), u64::max);
    let [cpu, memory] = [0, 1].map(|it| if of_pod[it] > 0 { of_pod[it] } else { running[it].max(starting[it]) });
    (Millicores(cpu), Bytes(memory))
}

/// CPU in millicores and memory in bytes.
fn of(resources: &ResourceRequirements) -> [u64; 2] {
    let text = |key: &str| resources.requests.as_ref()?.get(key).map(|quantity| quantity.0.as_str());
    let cpu = text("cpu").and_then(|text| text.parse::<Millicores>().ok()).map_or(0, |cpu| cpu.0);
    let memory = text("memory").and_then(|text| text.parse::<Bytes>().ok()).map_or(0, |memory| memory.0);
    [cpu, memory]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn requested(pod: Value) -> (u64, u64) {
        let (cpu, memory) = pod_requests(&serde_json::from_value(pod).unwrap());
        (cpu.0, memory.0 >> 20)
    }

    fn container(cpu: &str, memory: &str) -> Value {
        json!({"name": cpu, "resources": {"requests": {"cpu": cpu, "memory": memory}}})
    }

    #[test]
    fn containers_and_sidecars_are_added_and_what_runs_before_them_is_not() {
        let mut sidecar = container("20m", "30Mi");
        sidecar["restartPolicy"] = json!("Always");
        let init = container("100m", "20Mi");
        let containers = [container("50m", "150Mi"), container("10m", "20Mi")];
        assert_eq!(requested(json!({"containers": containers})), (60, 170));
        assert_eq!(requested(json!({"containers": containers, "initContainers": [sidecar, init]})), (100, 200));
        let of_pod = json!({"requests": {"cpu": "200m"}});
        assert_eq!(requested(json!({"containers": containers, "resources": of_pod})), (200, 170));
    }
}
