//! A made-up GitOps repository of any size: clusters with layers, and bases with an overlay for each cluster.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

const CLUSTERS: [&str; 4] = ["production-eu", "production-us", "staging", "development"];
/// The node pools of each cluster.
const POOLS: usize = 8;
/// The apps of a team, which one Kustomization of each cluster applies: kustomize's own time grows with the square of the objects of one build.
const TEAM_APPS: usize = 25;
/// The files that a team has in each cluster, besides those of its apps.
const TEAM_FILES: usize = 2;
/// The files of an app's base.
const BASE_FILES: usize = 5;
/// The files of an app's overlay: of each cluster.
const OVERLAY_FILES: usize = 2;

/// Writes a repository of at least this many files, a few hundred more at most, and returns how many it has.
/// The same number always gives the same content.
pub(crate) fn write(top: &Path, files: usize) -> Result<usize, Failure> {
    let mut repository = Writer { top, written: 0 };
    repository.nodes()?;
    for cluster in CLUSTERS {
        repository.cluster(cluster)?;
    }
    let left = files.saturating_sub(repository.written);
    let of_team = TEAM_APPS * (BASE_FILES + CLUSTERS.len() * OVERLAY_FILES) + CLUSTERS.len() * TEAM_FILES;
    for team in 0..left.div_ceil(of_team) {
        repository.team(team)?;
    }
    Ok(repository.written)
}

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

fn flux_kustomization(name: &str, path: &str, rest: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  namespace: flux-system\nspec:\n  interval: 10m\n  path: ./{path}\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: flux-system\n{rest}"
    )
}

struct Writer<'t> {
    top: &'t Path,
    written: usize,
}

impl Writer<'_> {
    fn file(&mut self, path: &str, text: &str) -> Result<(), Failure> {
        let path: PathBuf = self.top.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| Failure::file("create", folder, source))?;
        }
        fs::write(&path, text).map_err(|source| Failure::file("write", path, source))?;
        self.written += 1;
        Ok(())
    }

    /// What `flux bootstrap` leaves in a repository, and the cluster's layers.
    fn cluster(&mut self, cluster: &str) -> Result<(), Failure> {
        let source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: flux-system\n  namespace: flux-system\nspec:\n  interval: 1m\n  ref:\n    branch: main\n  url: https://example.com/fleet\n---\n";
        let folder = format!("clusters/{cluster}");
        let sync = format!("{source}{}", flux_kustomization("flux-system", &folder, ""));
        self.file(&format!("{folder}/flux-system/gotk-sync.yaml"), &sync)?;
        let list = format!("{KUSTOMIZATION}resources:\n  - gotk-sync.yaml\n");
        self.file(&format!("{folder}/flux-system/kustomization.yaml"), &list)?;
        self.file(&format!("{folder}/nodes.yaml"), &flux_kustomization("nodes", &format!("nodes/{cluster}"), ""))
    }

    /// The apps of a team, and what applies them to each cluster.
    fn team(&mut self, team: usize) -> Result<(), Failure> {
        let apps: Vec<String> = (0..TEAM_APPS).map(|app| format!("team-{team:02}-service-{app:02}")).collect();
        let overlays: String = apps.iter().map(|app| format!("  - {app}\n")).collect();
        for cluster in CLUSTERS {
            let (name, folder) = (format!("team-{team:02}"), format!("apps/{cluster}/team-{team:02}"));
            let values = format!(
                "  dependsOn:\n    - name: nodes\n  postBuild:\n    substitute:\n      cluster: {cluster}\n      domain: {cluster}.example.com\n"
            );
            self.file(&format!("clusters/{cluster}/{name}.yaml"), &flux_kustomization(&name, &folder, &values))?;
            self.file(&format!("{folder}/kustomization.yaml"), &format!("{KUSTOMIZATION}resources:\n{overlays}"))?;
        }
        apps.iter().try_for_each(|app| self.app(team, app))
    }

    fn nodes(&mut self) -> Result<(), Failure> {
        let class = "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata:\n  name: general\nspec:\n  imageFamily: Ubuntu2204\n  osDiskSizeGB: 128\n";
        self.file("nodes/base/class.yaml", class)?;
        let mut resources = "  - class.yaml\n".to_owned();
        for pool in 0..POOLS {
            let text = format!(
                "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata:\n  name: pool-{pool}\nspec:\n  weight: {weight}\n  template:\n    metadata:\n      labels:\n        example.com/pool: pool-{pool}\n    spec:\n      nodeClassRef:\n        group: karpenter.azure.com\n        kind: AKSNodeClass\n        name: general\n      requirements:\n        - {{key: karpenter.azure.com/sku-family, operator: In, values: [D, E]}}\n        - {{key: karpenter.azure.com/sku-cpu, operator: In, values: [\"4\", \"8\", \"16\"]}}\n        - {{key: karpenter.sh/capacity-type, operator: In, values: [on-demand]}}\n        - {{key: kubernetes.io/arch, operator: In, values: [amd64]}}\n        - {{key: kubernetes.io/os, operator: In, values: [linux]}}\n      expireAfter: 720h\n  disruption:\n    consolidationPolicy: WhenEmptyOrUnderutilized\n    consolidateAfter: 1m\n    budgets:\n      - nodes: 10%\n  limits:\n    cpu: \"1000\"\n",
                weight = 10 + pool
            );
            self.file(&format!("nodes/base/pool-{pool}.yaml"), &text)?;
            resources.push_str(&format!("  - pool-{pool}.yaml\n"));
        }
        self.file("nodes/base/kustomization.yaml", &format!("{KUSTOMIZATION}resources:\n{resources}"))?;
        for cluster in CLUSTERS {
            let patch = "patches:\n  - target: {kind: NodePool, name: pool-.*}\n    patch: |\n      - {op: replace, path: /spec/limits/cpu, value: \"500\"}\n";
            let text = format!("{KUSTOMIZATION}resources:\n  - ../base\n{patch}");
            self.file(&format!("nodes/{cluster}/kustomization.yaml"), &text)?;
        }
        Ok(())
    }

    fn app(&mut self, team: usize, app: &str) -> Result<(), Failure> {
        let metadata = format!("metadata:\n  name: {app}\n");
        let labels = format!("app.kubernetes.io/name: {app}");
        let deployment = format!(
            "apiVersion: apps/v1\nkind: Deployment\n{metadata}  annotations:\n    example.com/owner: team-of-{app}\n    example.com/documents: https://example.com/documents/{app}\nspec:\n  replicas: 2\n  revisionHistoryLimit: 3\n  selector:\n    matchLabels:\n      {labels}\n  template:\n    metadata:\n      labels:\n        {labels}\n    spec:\n      automountServiceAccountToken: false\n      securityContext:\n        runAsNonRoot: true\n        runAsUser: 1000\n        seccompProfile:\n          type: RuntimeDefault\n      containers:\n        - name: {app}\n          image: registry.example.com/{app}:1.0.0\n          ports:\n            - name: http\n              containerPort: 8080\n          envFrom:\n            - configMapRef:\n                name: {app}\n          env:\n            - name: CLUSTER\n              value: ${{cluster}}\n            - name: POD_IP\n              valueFrom:\n                fieldRef:\n                  fieldPath: status.podIP\n          readinessProbe:\n            httpGet:\n              path: /ready\n              port: http\n            periodSeconds: 5\n          livenessProbe:\n            httpGet:\n              path: /live\n              port: http\n          securityContext:\n            allowPrivilegeEscalation: false\n            readOnlyRootFilesystem: true\n            capabilities:\n              drop: [ALL]\n          resources:\n            requests:\n              cpu: 100m\n              memory: 128Mi\n            limits:\n              memory: 256Mi\n      topologySpreadConstraints:\n        - maxSkew: 1\n          topologyKey: kubernetes.io/hostname\n          whenUnsatisfiable: ScheduleAnyway\n          labelSelector:\n            matchLabels:\n              {labels}\n"
        );
        let service = format!(
            "apiVersion: v1\nkind: Service\n{metadata}spec:\n  selector:\n    {labels}\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n"
        );
        let settings: String = (0..12).map(|key| format!("  SETTING_{key}: value-{key}-of-{app}\n")).collect();
        let config = format!("apiVersion: v1\nkind: ConfigMap\n{metadata}data:\n  HOST: {app}.${{domain}}\n{settings}");
        let budget = format!(
            "apiVersion: policy/v1\nkind: PodDisruptionBudget\n{metadata}spec:\n  maxUnavailable: 1\n  selector:\n    matchLabels:\n      {labels}\n"
        );
        let files = [("deployment", deployment), ("service", service), ("config", config), ("budget", budget)];
        let mut resources = String::new();
        for (file, text) in &files {
            self.file(&format!("apps/base/{app}/{file}.yaml"), text)?;
            resources.push_str(&format!("  - {file}.yaml\n"));
        }
        let list = format!("{KUSTOMIZATION}resources:\n{resources}");
        self.file(&format!("apps/base/{app}/kustomization.yaml"), &list)?;
        for (at, cluster) in CLUSTERS.iter().enumerate() {
            let overlay = format!(
                "{KUSTOMIZATION}namespace: {app}\nresources:\n  - ../../../base/{app}\nlabels:\n  - includeTemplates: true\n    pairs: {{example.com/cluster: {cluster}}}\nimages:\n  - name: registry.example.com/{app}\n    newTag: 1.{at}.0\npatches:\n  - path: replicas.yaml\n"
            );
            self.file(&format!("apps/{cluster}/team-{team:02}/{app}/kustomization.yaml"), &overlay)?;
            let patch = format!("apiVersion: apps/v1\nkind: Deployment\n{metadata}spec:\n  replicas: {}\n", at + 1);
            self.file(&format!("apps/{cluster}/team-{team:02}/{app}/replicas.yaml"), &patch)?;
        }
        Ok(())
    }
}
