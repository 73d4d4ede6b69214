//! The Go modules that executables are built from: the upstream ones of a local cluster, and a program of ours over upstream's libraries.
//!
//! Pins live in the `go.mod` files only: displayed versions are read from there.

/// One binary of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    /// The file's name.
    pub name: &'static str,
    /// The Go package of its `main`.
    pub package: &'static str,
    /// Measured size of the stripped binary, bytes (linux/amd64).
    pub expected_bytes: u64,
}

/// One CRD file that a module carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrdFile {
    /// Folder inside the upstream module.
    pub folder: &'static str,
    /// File name; unique over the catalogue.
    pub file: &'static str,
}

/// A `-X` stamp: without it the program does not know its own version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// `gitVersion`, `gitMajor`, `gitMinor`, `gitTreeState` of a Kubernetes version package
    /// (`hack/lib/version.sh` of kubernetes/kubernetes). Unstamped, `/version` is nonsense and clients misbehave.
    Kubernetes(&'static str),
    /// A string variable that takes the module version without its leading `v`.
    Plain(&'static str),
}

/// A Go file of a program of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoSource {
    /// The file's name.
    pub name: &'static str,
    /// Its embedded text.
    pub text: &'static str,
}

/// One Go module: one `go.mod`, one `go build`, one or more binaries.
///
/// Modules are kept apart because their `replace` lines conflict.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// Folder under `harness/catalogue/`.
    pub name: &'static str,
    /// Upstream module path; of a program of ours, that of the library whose work it does.
    pub path: &'static str,
    /// SPDX identifier of the licence of the program (its `LICENSE` file).
    pub licence: &'static str,
    /// The address of the source, for display.
    pub origin: &'static str,
    /// The embedded `go.mod`.
    pub go_mod: &'static str,
    /// The embedded `go.sum`.
    pub go_sum: &'static str,
    /// The Go files beside them; empty where the program itself is upstream's.
    pub sources: &'static [GoSource],
    /// Binaries that it yields.
    pub binaries: &'static [Binary],
    /// CRD files to keep beside the binaries.
    pub crds: &'static [CrdFile],
    /// Version stamps.
    pub stamps: &'static [Stamp],
    /// Time of a cold build on 2 idle cores in catalogue order, seconds: half of the CPU time that Go used for it
    /// (measured on 2 busy cores, where wall time varies).
    pub expected_build_s: u64,
    /// Growth of the Go build cache by this module in catalogue order, bytes.
    pub build_cache_bytes: u64,
    /// Growth of the Go module cache by this module in catalogue order, bytes.
    pub download_bytes: u64,
}

const MB: u64 = 1_000_000;

macro_rules! go_files {
    ($folder:literal) => {
        (include_str!(concat!("../", $folder, "/go.mod")), include_str!(concat!("../", $folder, "/go.sum")))
    };
}

const ETCD: (&str, &str) = go_files!("etcd");
const KUBERNETES: (&str, &str) = go_files!("kubernetes");
const KWOK: (&str, &str) = go_files!("kwok");
const SOURCE: (&str, &str) = go_files!("source-controller");
const KUSTOMIZE: (&str, &str) = go_files!("kustomize-controller");
const NOTIFICATION: (&str, &str) = go_files!("notification-controller");
const IMAGE_REFLECTOR: (&str, &str) = go_files!("image-reflector-controller");
const IMAGE_REGISTRY: (&str, &str) = go_files!("image-registry");
const IMAGE_AUTOMATION: (&str, &str) = go_files!("image-automation-controller");
const KARPENTER: (&str, &str) = go_files!("karpenter");

const FLUX_BUILD_FILES: (&str, &str) = go_files!("flux-build");

macro_rules! go_sources {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(GoSource { name: $name, text: include_str!(concat!("../", $folder, "/", $name)) }),+]
    };
}

const FLUX_CRDS: &str = "config/crd/bases";
const KARPENTER_CRDS: &str = "pkg/apis/crds";

/// The modules of a local cluster in build order: those that share compiled packages follow each other.
pub static MODULES: [Module; 10] = [
    Module {
        name: "etcd",
        path: "go.etcd.io/etcd/server/v3",
        licence: "Apache-2.0",
        origin: "https://github.com/etcd-io/etcd",
        go_mod: ETCD.0,
        go_sum: ETCD.1,
        sources: &[],
        binaries: &[Binary { name: "etcd", package: "go.etcd.io/etcd/server/v3", expected_bytes: 27 * MB }],
        crds: &[],
        stamps: &[],
        expected_build_s: 48,
        build_cache_bytes: 400 * MB,
        download_bytes: 200 * MB,
    },
    Module {
        name: "kubernetes",
        path: "k8s.io/kubernetes",
        licence: "Apache-2.0",
        origin: "https://github.com/kubernetes/kubernetes",
        go_mod: KUBERNETES.0,
        go_sum: KUBERNETES.1,
        sources: &[],
        binaries: &[
            Binary {
                name: "kube-apiserver",
                package: "k8s.io/kubernetes/cmd/kube-apiserver",
                expected_bytes: 106 * MB,
            },
            Binary {
                name: "kube-controller-manager",
                package: "k8s.io/kubernetes/cmd/kube-controller-manager",
                expected_bytes: 97 * MB,
            },
            Binary { name: "kube-scheduler", package: "k8s.io/kubernetes/cmd/kube-scheduler", expected_bytes: 74 * MB },
        ],
        crds: &[],
        stamps: &[
            Stamp::Kubernetes("k8s.io/component-base/version"),
            Stamp::Kubernetes("k8s.io/client-go/pkg/version"),
        ],
        expected_build_s: 260,
        build_cache_bytes: 2_200 * MB,
        download_bytes: 1_200 * MB,
    },
    Module {
        name: "kwok",
        path: "sigs.k8s.io/kwok",
        licence: "Apache-2.0",
        origin: "https://github.com/kubernetes-sigs/kwok",
        go_mod: KWOK.0,
        go_sum: KWOK.1,
        sources: &[],
        binaries: &[Binary { name: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok", expected_bytes: 64 * MB }],
        crds: &[],
        stamps: &[],
        expected_build_s: 63,
        build_cache_bytes: 500 * MB,
        download_bytes: 200 * MB,
    },
    Module {
        name: "source-controller",
        path: "github.com/fluxcd/source-controller",
        licence: "Apache-2.0",
        origin: "https://github.com/fluxcd/source-controller",
        go_mod: SOURCE.0,
        go_sum: SOURCE.1,
        sources: &[],
        binaries: &[Binary {
            name: "source-controller",
            package: "github.com/fluxcd/source-controller",
            expected_bytes: 101 * MB,
        }],
        crds: &[
            crd(FLUX_CRDS, "source.toolkit.fluxcd.io_buckets.yaml"),
            crd(FLUX_CRDS, "source.toolkit.fluxcd.io_externalartifacts.yaml"),
            crd(FLUX_CRDS, "source.toolkit.fluxcd.io_gitrepositories.yaml"),
            crd(FLUX_CRDS, "source.toolkit.fluxcd.io_helmcharts.yaml"),
            crd(FLUX_CRDS, "source.toolkit.fluxcd.io_helmrepositories.yaml"),
            crd(FLUX_CRDS, "source.toolkit.fluxcd.io_ocirepositories.yaml"),
        ],
        stamps: &[],
        expected_build_s: 190,
        build_cache_bytes: 1_700 * MB,
        download_bytes: 1_800 * MB,
    },
    Module {
        name: "kustomize-controller",
        path: "github.com/fluxcd/kustomize-controller",
        licence: "Apache-2.0",
        origin: "https://github.com/fluxcd/kustomize-controller",
        go_mod: KUSTOMIZE.0,
        go_sum: KUSTOMIZE.1,
        sources: &[],
        binaries: &[Binary {
            name: "kustomize-controller",
            package: "github.com/fluxcd/kustomize-controller",
            expected_bytes: 86 * MB,
        }],
        crds: &[crd(FLUX_CRDS, "kustomize.toolkit.fluxcd.io_kustomizations.yaml")],
        stamps: &[],
        expected_build_s: 35,
        build_cache_bytes: 350 * MB,
        download_bytes: 800 * MB,
    },
    Module {
        name: "notification-controller",
        path: "github.com/fluxcd/notification-controller",
        licence: "Apache-2.0",
        origin: "https://github.com/fluxcd/notification-controller",
        go_mod: NOTIFICATION.0,
        go_sum: NOTIFICATION.1,
        sources: &[],
        binaries: &[Binary {
            name: "notification-controller",
            package: "github.com/fluxcd/notification-controller",
            expected_bytes: 79 * MB,
        }],
        crds: &[
            crd(FLUX_CRDS, "notification.toolkit.fluxcd.io_alerts.yaml"),
            crd(FLUX_CRDS, "notification.toolkit.fluxcd.io_providers.yaml"),
            crd(FLUX_CRDS, "notification.toolkit.fluxcd.io_receivers.yaml"),
        ],
        stamps: &[],
        expected_build_s: 33,
        build_cache_bytes: 300 * MB,
        download_bytes: 300 * MB,
    },
    Module {
        name: "image-reflector-controller",
        path: "github.com/fluxcd/image-reflector-controller",
        licence: "Apache-2.0",
        origin: "https://github.com/fluxcd/image-reflector-controller",
        go_mod: IMAGE_REFLECTOR.0,
        go_sum: IMAGE_REFLECTOR.1,
        sources: &[],
        binaries: &[Binary {
            name: "image-reflector-controller",
            package: "github.com/fluxcd/image-reflector-controller",
            expected_bytes: 59 * MB,
        }],
        crds: &[
            crd(FLUX_CRDS, "image.toolkit.fluxcd.io_imagepolicies.yaml"),
            crd(FLUX_CRDS, "image.toolkit.fluxcd.io_imagerepositories.yaml"),
        ],
        stamps: &[],
        expected_build_s: 7,
        build_cache_bytes: 80 * MB,
        download_bytes: 60 * MB,
    },
    Module {
        name: "image-automation-controller",
        path: "github.com/fluxcd/image-automation-controller",
        licence: "Apache-2.0",
        origin: "https://github.com/fluxcd/image-automation-controller",
        go_mod: IMAGE_AUTOMATION.0,
        go_sum: IMAGE_AUTOMATION.1,
        sources: &[],
        binaries: &[Binary {
            name: "image-automation-controller",
            package: "github.com/fluxcd/image-automation-controller",
            expected_bytes: 62 * MB,
        }],
        crds: &[crd(FLUX_CRDS, "image.toolkit.fluxcd.io_imageupdateautomations.yaml")],
        stamps: &[],
        expected_build_s: 8,
        build_cache_bytes: 80 * MB,
        download_bytes: 60 * MB,
    },
    Module {
        name: "image-registry",
        path: "github.com/distribution/distribution/v3",
        licence: "Apache-2.0",
        origin: "https://github.com/distribution/distribution",
        go_mod: IMAGE_REGISTRY.0,
        go_sum: IMAGE_REGISTRY.1,
        sources: &[],
        binaries: &[Binary {
            name: "image-registry",
            package: "github.com/distribution/distribution/v3/cmd/registry",
            expected_bytes: 56 * MB,
        }],
        crds: &[],
        stamps: &[],
        expected_build_s: 60,
        build_cache_bytes: 520 * MB,
        download_bytes: 150 * MB,
    },
    Module {
        name: "karpenter",
        path: "github.com/Azure/karpenter-provider-azure",
        licence: "Apache-2.0",
        origin: "https://github.com/Azure/karpenter-provider-azure",
        go_mod: KARPENTER.0,
        go_sum: KARPENTER.1,
        sources: &[],
        binaries: &[Binary {
            name: "karpenter",
            package: "github.com/Azure/karpenter-provider-azure/cmd/controller",
            expected_bytes: 73 * MB,
        }],
        // The Azure module carries copies of the core's CRDs, which are the ones that AKS installs.
        crds: &[
            crd(KARPENTER_CRDS, "karpenter.azure.com_aksnodeclasses.yaml"),
            crd(KARPENTER_CRDS, "karpenter.sh_nodeclaims.yaml"),
            crd(KARPENTER_CRDS, "karpenter.sh_nodeoverlays.yaml"),
            crd(KARPENTER_CRDS, "karpenter.sh_nodepools.yaml"),
        ],
        // The same variable as in the provider's own Makefile.
        stamps: &[Stamp::Plain("sigs.k8s.io/karpenter/pkg/operator.Version")],
        expected_build_s: 180,
        build_cache_bytes: 1_300 * MB,
        download_bytes: 1_000 * MB,
    },
];

/// The program that builds a tree with Flux's own code. A cluster does not need it, so it is none of [`MODULES`]: it is built by itself when a tree
/// is first checked.
pub static FLUX_BUILD: Module = Module {
    name: "flux-build",
    path: "github.com/fluxcd/pkg/kustomize",
    licence: "Apache-2.0",
    origin: "harness/catalogue/flux-build",
    go_mod: FLUX_BUILD_FILES.0,
    go_sum: FLUX_BUILD_FILES.1,
    sources: go_sources!(
        "flux-build":
        "artifact.go", "build.go", "flux.go", "krusty.go", "limits.go", "main.go", "objects.go", "observe.go", "protocol.go",
        "remote.go", "server.go", "sops.go", "substitute.go",
    ),
    binaries: &[Binary { name: "flux-build", package: "harness.local/components/flux-build", expected_bytes: 28 * MB }],
    crds: &[],
    stamps: &[],
    // By itself, before any other module.
    expected_build_s: 46,
    build_cache_bytes: 320 * MB,
    download_bytes: 190 * MB,
};

/// Every module, those of a local cluster first.
pub fn all_modules() -> impl Iterator<Item = &'static Module> {
    MODULES.iter().chain([&FLUX_BUILD])
}

const fn crd(folder: &'static str, file: &'static str) -> CrdFile {
    CrdFile { folder, file }
}

/// The module that yields an executable.
#[must_use]
pub fn module_of(binary: &str) -> &'static Module {
    MODULES
        .iter()
        .find(|module| module.binaries.iter().any(|it| it.name == binary))
        .expect("every component has a module: checked by a unit test")
}

impl Module {
    /// The pinned version, as its `go.mod` says (`v1.36.3`).
    #[must_use]
    pub fn version(&self) -> &'static str {
        required_version(self.go_mod, self.path)
            .expect("every embedded go.mod requires its module: checked by a unit test")
    }

    /// Sum of the expected sizes of its binaries, bytes.
    #[must_use]
    pub fn binary_bytes(&self) -> u64 {
        self.binaries.iter().map(|b| b.expected_bytes).sum()
    }
}

/// The version that `go_mod` requires of the module `path`, from a line of a `require` block or a single `require`.
fn required_version(go_mod: &'static str, path: &str) -> Option<&'static str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("require ").unwrap_or(line);
        let mut words = line.split_whitespace();
        (words.next() == Some(path)).then(|| words.next()).flatten().filter(|version| version.starts_with('v'))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn pins_come_from_go_mod() {
        assert_eq!(module_of("karpenter").version(), "v1.14.0");
        assert_eq!(module_of("kube-scheduler").version(), "v1.36.3");
        assert_eq!(module_of("etcd").version(), "v3.6.14");
    }

    #[test]
    fn every_package_is_a_tool_of_its_go_mod() {
        // Without the tool line `go mod tidy` would drop the requirements.
        for module in MODULES.iter().filter(|module| module.sources.is_empty()) {
            for binary in module.binaries {
                let listed = module.go_mod.lines().any(|line| {
                    let line = line.trim();
                    line.strip_prefix("tool ").unwrap_or(line) == binary.package
                });
                assert!(listed, "{} is not a tool of {}", binary.package, module.name);
            }
        }
    }

    /// A file that is not embedded would be missing from the build, and from its key.
    #[test]
    fn every_go_file_of_a_program_of_ours_is_embedded() {
        for module in all_modules() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(module.name);
            let files =
                std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let files: BTreeSet<String> =
                files.filter(|name| name.ends_with(".go") && !name.ends_with("_test.go")).collect();
            let embedded: BTreeSet<String> = module.sources.iter().map(|source| source.name.to_owned()).collect();
            assert_eq!(files, embedded, "{}", module.name);
        }
    }

    /// It stands for the kustomize-controller: another version of any library could build something else.
    #[test]
    fn flux_build_uses_the_versions_of_the_kustomize_controller() {
        let controller = module_of("kustomize-controller");
        let lines = FLUX_BUILD.go_mod.lines().map(|line| line.trim().trim_start_matches("require "));
        let pins = lines.filter_map(|line| line.split_once(' ')).filter(|(_, rest)| rest.starts_with('v'));
        let pins: Vec<(&str, &str)> = pins.map(|(path, rest)| (path, rest.split(' ').next().unwrap())).collect();
        assert!(pins.len() > 20);
        for (path, version) in pins {
            assert_eq!(required_version(controller.go_mod, path), Some(version), "{path}");
        }
        let replaced = |module: &Module| -> BTreeSet<&'static str> {
            module.go_mod.lines().filter(|line| line.starts_with("replace ")).collect()
        };
        assert!(replaced(controller).is_superset(&replaced(&FLUX_BUILD)));
        assert!(replaced(&FLUX_BUILD).iter().any(|line| line.contains("kustomize/api")));
    }

    #[test]
    fn a_module_of_several_binaries_names_them_as_go_does() {
        // `go build -o FOLDER/ PACKAGES` names each binary after the last element of its package.
        for module in MODULES.iter().filter(|m| m.binaries.len() > 1) {
            for binary in module.binaries {
                assert_eq!(binary.package.rsplit('/').next(), Some(binary.name));
            }
        }
    }

    #[test]
    fn crd_file_names_are_unique() {
        let files: Vec<_> = MODULES.iter().flat_map(|m| m.crds).map(|c| c.file).collect();
        let unique: BTreeSet<_> = files.iter().collect();
        assert_eq!(files.len(), unique.len());
    }

    #[test]
    fn binaries_stay_under_a_gigabyte() {
        assert!(MODULES.iter().map(Module::binary_bytes).sum::<u64>() < 1_000 * MB);
    }
}
