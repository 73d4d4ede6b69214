//! Building, reusing and refusing components, with a `go` that is a few lines of shell.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use harness_catalogue::{Component, MODULES};
use harness_components::doctor::{self, Status, examine};
use harness_components::{
    BuildError, BuildOptions, BuildReport, BuildScope, CacheFolder, Missing, Progress, Step, build,
    flux_build_in_cache, in_cache, list, missing_modules, required_go,
};
use harness_testing::limits::CHILD_PROCESS;
use harness_testing::wait_for;

/// A cache folder, a search path with a fake Go, and that Go's log.
struct Workshop {
    folder: tempfile::TempDir,
    options: BuildOptions,
}

/// `go` as far as a build uses it. A file `fail` or `hang` beside the log names a package that does so.
const GO: &str = r#"#!/bin/sh
state="@STATE@"
case "$1" in
env)
  echo '{"GOVERSION":"@VERSION@","GOMODCACHE":"@STATE@/modules"}' ;;
list)
  if [ "$2" = -m ]; then echo "$state/upstream"; else echo "prefetch $3" >> "$state/log"; fi ;;
clean)
  echo clean >> "$state/log"
  rm -rf "$GOMODCACHE" ;;
build)
  echo "go: downloading example.com/x v1.0.0" >&2
  echo "$CGO_ENABLED $GOTOOLCHAIN $GOFLAGS $GOWORK $GOCACHE $*" >> "$state/arguments"
  while [ "$1" != -o ]; do shift; done
  out="$2"; shift 2
  echo "build $*" >> "$state/log"
  echo object > "$GOCACHE/object"
  for package in "$@"; do
    if grep -qx "$package" "$state/hang" 2>/dev/null; then
      echo $$ > "$state/pid.new"; mv "$state/pid.new" "$state/pid"
      exec sleep 600
    fi
    if grep -qx "$package" "$state/fail" 2>/dev/null; then
      printf '# %s\nmain.go:7:2: undefined: boom\n' "$package" >&2
      exit 1
    fi
    if [ -d "$out" ]; then file="$out/${package##*/}"; else file="$out"; fi
    printf '#!/bin/sh\n# %s\n' "$package" > "$file"
    chmod 755 "$file"
    echo "$package" >&2
  done ;;
*)
  echo "unexpected: $*" >&2; exit 2 ;;
esac
"#;

impl Workshop {
    fn new() -> Self {
        Self::with_go("go1.99.1")
    }

    fn with_go(version: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["bin", "state", "cache"] {
            std::fs::create_dir(root.join(path)).unwrap();
        }
        for module in &MODULES {
            for crd in module.crds {
                let upstream = root.join("state/upstream").join(crd.folder);
                std::fs::create_dir_all(&upstream).unwrap();
                std::fs::write(upstream.join(crd.file), crd.file).unwrap();
            }
        }
        let state = root.join("state").display().to_string();
        let go = GO.replace("@STATE@", &state).replace("@VERSION@", version);
        executable(&root.join("bin/go"), &go);
        executable(&root.join("bin/git"), "#!/bin/sh\n");
        let mut search_path = root.join("bin").into_os_string();
        search_path.push(":/usr/bin:/bin");
        let mut options = BuildOptions::new(CacheFolder::inside(&root.join("cache")), search_path);
        // The shell's output needs no space to speak of, and the machine of the tests may have little.
        options.disk_reserve_bytes = None;
        Self { folder, options }
    }

    fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join("state").join(name)
    }

    fn package_that(&self, does: &str, component: Component) {
        let mut binaries = component.module().binaries.iter();
        let binary = binaries.find(|b| b.name == component.binary()).unwrap();
        std::fs::write(self.state(does), format!("{}\n", binary.package)).unwrap();
    }

    /// The builds so far, each as its list of packages.
    fn builds(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.state("log")).unwrap_or_default();
        log.lines().filter_map(|line| line.strip_prefix("build ")).map(str::to_owned).collect()
    }

    fn cache(&self) -> &CacheFolder {
        &self.options.cache
    }

    async fn build(&self) -> Result<BuildReport, BuildError> {
        build(&self.options, |_| {}).await
    }
}

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn builds_everything_once_and_leaves_only_the_result() {
    let shop = Workshop::new();
    assert!(matches!(in_cache(shop.cache()), Err(Missing::NotBuilt { .. })));
    let steps = Mutex::new(Vec::<Progress>::new());
    let report = build(&shop.options, |p| steps.lock().unwrap().push(p.clone())).await.unwrap();
    assert!(report.modules.iter().all(|module| module.took.is_some() && module.bytes > 0));
    assert_eq!(shop.builds().len(), MODULES.len());

    let set = in_cache(shop.cache()).unwrap();
    for component in Component::ALL {
        let text = std::fs::read_to_string(set.path(*component)).unwrap();
        let binary = component.module().binaries.iter().find(|b| b.name == component.binary()).unwrap();
        assert!(text.contains(binary.package), "{component}: {text}");
    }
    assert_eq!(set.crds().len(), 17);
    for crd in set.crds() {
        assert!(crd.ends_with(std::fs::read_to_string(crd).unwrap()));
    }
    let key = report.folder.file_name().unwrap().to_str().unwrap();
    let mut expected = vec![key.to_owned(), "lock".to_owned(), "modules".to_owned()];
    expected.sort();
    assert_eq!(names(shop.cache().root()), expected, "caches were left behind");
    assert_eq!(names(&report.folder), [".in-use", "bin", "crds", "manifest.json"]);
    let manifest = std::fs::read(report.folder.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["modules"][0]["goVersion"], "go1.99.1");

    let steps = steps.into_inner().unwrap();
    assert_eq!(steps[0].step, Step::Planned { reused: 0 });
    assert!(steps[0].remaining > Duration::from_secs(10));
    let finished: Vec<(&str, usize, usize)> =
        steps.iter().filter(|p| matches!(p.step, Step::Finished { .. })).map(|p| (p.module, p.index, p.of)).collect();
    assert_eq!(finished.len(), MODULES.len());
    assert!(finished.contains(&("kubernetes", 2, MODULES.len())));
    assert!(steps.iter().any(|p| matches!(&p.step, Step::Downloading { what } if what == "example.com/x v1.0.0")));
    assert!(steps.iter().any(|p| p.step == Step::Linking && p.module == "karpenter"));

    // Nothing to do: not even Go is needed.
    let mut without_go = shop.options.clone();
    without_go.search_path = OsString::new();
    let again = build(&without_go, |p| panic!("{p:?}")).await.unwrap();
    assert!(again.modules.iter().all(|module| module.took.is_none()));
    let listed = list(shop.cache());
    let (flux_build, components) = listed.split_last().unwrap();
    assert!(components.iter().all(|listed| listed.built && listed.bytes > Some(0)));
    assert!(!flux_build.built, "no cluster needs it");
}

#[tokio::test]
async fn flux_build_is_built_by_itself_from_sources_of_ours_and_stays() {
    let mut shop = Workshop::new();
    assert!(matches!(flux_build_in_cache(shop.cache()), Err(Missing::NotBuilt { .. })));
    shop.options.scope = BuildScope::FluxBuild;
    let report = shop.build().await.unwrap();
    assert_eq!(shop.builds(), ["harness.local/components/flux-build"]);
    let program = flux_build_in_cache(shop.cache()).unwrap();
    assert!(program.starts_with(&report.folder) && program.is_file());
    assert!(matches!(in_cache(shop.cache()), Err(Missing::NotBuilt { .. })), "it is not part of a set");

    // A build of a cluster removes modules that nobody uses; this one is used.
    shop.options.scope = BuildScope::Cluster;
    shop.build().await.unwrap();
    assert_eq!(shop.builds().len(), 1 + MODULES.len());
    assert_eq!(flux_build_in_cache(shop.cache()).unwrap(), program);
    assert!(list(shop.cache()).iter().all(|listed| listed.built && listed.bytes > Some(0)));

    shop.options.scope = BuildScope::Everything;
    let everything = shop.build().await.unwrap();
    assert_eq!(everything.modules.len(), 1 + MODULES.len());
    assert!(everything.modules.iter().all(|module| module.took.is_none()), "everything was built");
}

#[tokio::test]
async fn go_gets_its_flags_and_its_own_cache() {
    let shop = Workshop::new();
    shop.build().await.unwrap();
    let arguments = std::fs::read_to_string(shop.state("arguments")).unwrap();
    let kubernetes = arguments.lines().find(|line| line.contains("kube-apiserver")).unwrap();
    let start = format!(
        "0 local -mod=readonly off {}/gocache build -v -trimpath -buildvcs=false -pgo=off -gcflags=all=-dwarf=false -ldflags -s -w ",
        shop.cache().root().display()
    );
    assert!(kubernetes.starts_with(&start), "{kubernetes}");
    assert!(kubernetes.contains("version.gitVersion=v1.36.3"), "{kubernetes}");
    assert!(
        kubernetes.ends_with(
            "cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler"
        ),
        "{kubernetes}"
    );
}

#[tokio::test]
async fn a_failed_build_says_why_and_resumes_where_it_failed() {
    let shop = Workshop::new();
    shop.package_that("fail", Component::Kwok);
    let error = shop.build().await.unwrap_err();
    let text = error.to_string();
    for expected in ["building kwok failed", "undefined: boom", "resumes at kwok"] {
        assert!(text.contains(expected), "{expected} not in {text}");
    }
    let missing: Vec<&str> = missing_modules(shop.cache()).iter().map(|m| m.name).collect();
    assert!(missing.contains(&"kwok") && !missing.contains(&"etcd"), "{missing:?}");
    let kept = shop.cache().root().join("gocache/object");
    assert!(kept.exists(), "the build cache is what makes resuming fast");
    assert!(in_cache(shop.cache()).is_err(), "half a set is not a set");

    std::fs::remove_file(shop.state("fail")).unwrap();
    let report = shop.build().await.unwrap();
    let fresh = |name: &str| report.modules.iter().find(|m| m.module == name).unwrap().took;
    assert!(fresh("etcd").is_none() && fresh("kwok").is_some());
    let etcd = shop.builds().iter().filter(|b| b.contains("etcd")).count();
    assert_eq!(etcd, 1, "what was built is not built again");
    assert!(!kept.exists());
}

#[tokio::test]
async fn a_damaged_binary_is_found_and_only_its_module_built_again() {
    let shop = Workshop::new();
    shop.build().await.unwrap();
    let scheduler = in_cache(shop.cache()).unwrap().path(Component::KubeScheduler);
    std::fs::write(&scheduler, "").unwrap();
    let error = in_cache(shop.cache()).unwrap_err().to_string();
    assert!(error.contains("kube-scheduler"), "{error}");
    shop.build().await.unwrap();
    assert!(std::fs::metadata(scheduler).unwrap().len() > 0);
    assert_eq!(shop.builds().len(), MODULES.len() + 1);
}

#[tokio::test]
async fn a_version_with_a_new_module_builds_only_that_one() {
    let shop = Workshop::new();
    let current = shop.build().await.unwrap().folder;
    // As left by a version without the notification controller: the set has another key, its modules have the same ones.
    let older = current.with_file_name("0123older");
    std::fs::rename(&current, &older).unwrap();
    let modules = shop.cache().root().join("modules");
    let of_module = |name: &str| names(&modules).into_iter().filter(|n| n.starts_with(name)).collect::<Vec<_>>();
    for name in of_module("notification-controller-") {
        std::fs::remove_dir_all(modules.join(name)).unwrap();
    }
    let report = shop.build().await.unwrap();
    let fresh: Vec<&str> = report.modules.iter().filter(|m| m.took.is_some()).map(|m| m.module).collect();
    assert_eq!(fresh, ["notification-controller"]);
    assert_eq!(shop.builds().len(), MODULES.len() + 1);
    assert!(!older.exists() && current.exists());
}

#[tokio::test]
async fn modules_of_a_set_in_use_stay_even_if_this_version_does_not_know_them() {
    let shop = Workshop::new();
    let root = shop.cache().root();
    let newer = root.join("89abnewer");
    std::fs::create_dir_all(&newer).unwrap();
    std::fs::write(newer.join(".in-use"), "").unwrap();
    let manifest = serde_json::json!({"version": 1, "key": "89abnewer", "modules": [{
        "module": "example.com/of/tomorrow", "version": "v1.0.0", "key": "feedbeef", "goVersion": "go1.99.1",
        "goos": "linux", "goarch": "amd64", "flags": [], "builtAt": "", "buildMs": 1, "binaries": [], "crds": [],
    }]});
    std::fs::write(newer.join("manifest.json"), manifest.to_string()).unwrap();
    let module = root.join("modules/of-tomorrow-feedbeef");
    std::fs::create_dir_all(&module).unwrap();
    let running = std::fs::File::open(newer.join(".in-use")).unwrap();
    running.lock_shared().unwrap();
    shop.build().await.unwrap();
    assert!(module.exists(), "a running cluster of a newer version lost a module");
    drop(running);
    // The set is complete, so nothing is removed until something is built again.
    std::fs::remove_file(in_cache(shop.cache()).unwrap().path(Component::Etcd)).unwrap();
    shop.build().await.unwrap();
    assert!(!module.exists() && !newer.exists());
}

#[tokio::test]
async fn the_second_build_waits_for_the_first_and_finds_everything() {
    let shop = Workshop::new();
    let waits = Mutex::new(Vec::new());
    let note = |p: &Progress| {
        if let Step::Waiting { holder } = &p.step {
            waits.lock().unwrap().push(holder.clone());
        }
    };
    let (first, second) = tokio::join!(build(&shop.options, note), build(&shop.options, note));
    let built = |report: &BuildReport| report.modules.iter().filter(|m| m.took.is_some()).count();
    let mut counts = [built(&first.unwrap()), built(&second.unwrap())];
    counts.sort_unstable();
    assert_eq!(counts, [0, MODULES.len()]);
    assert_eq!(shop.builds().len(), MODULES.len());
    let waits = waits.into_inner().unwrap();
    assert_eq!(waits.len(), 1, "one waits and says so once: {waits:?}");
    assert!(waits[0].starts_with("process "), "{waits:?}");
}

#[tokio::test]
async fn dropping_the_build_ends_go() {
    let shop = Workshop::new();
    shop.package_that("hang", Component::Etcd);
    let pid = shop.state("pid");
    tokio::select! {
        built = shop.build() => panic!("it should hang: {built:?}"),
        () = wait_for("go is started", CHILD_PROCESS, async || if pid.exists() { Ok(()) } else { Err("no pid".to_owned()) }) => {}
    }
    let pid = std::fs::read_to_string(pid).unwrap();
    let process = PathBuf::from("/proc").join(pid.trim()).join("cmdline");
    // A process that has ended has an empty command line until it is waited for, then no entry.
    wait_for("go has ended", CHILD_PROCESS, async || match std::fs::read(&process) {
        Ok(line) if !line.is_empty() => Err(String::from_utf8_lossy(&line).into_owned()),
        _ => Ok(()),
    })
    .await;
    // Dropping the future released the lock.
    std::fs::remove_file(shop.state("hang")).unwrap();
    shop.build().await.unwrap();
}

#[tokio::test]
async fn a_module_has_a_time_limit() {
    let mut shop = Workshop::new();
    shop.options.module_limit = Duration::from_millis(300);
    shop.package_that("hang", Component::Etcd);
    let error = shop.build().await.unwrap_err();
    assert!(matches!(error, BuildError::TooSlow { module: "etcd", .. }), "{error}");
}

#[tokio::test]
async fn caches_are_kept_or_removed_as_requested() {
    let mut shop = Workshop::new();
    shop.options.keep_build_cache = true;
    shop.options.private_module_cache = true;
    let private = shop.cache().root().join("gomodcache");
    std::fs::create_dir_all(&private).unwrap();
    shop.build().await.unwrap();
    assert!(shop.cache().root().join("gocache/object").exists());
    assert!(!private.exists());
    let log = std::fs::read_to_string(shop.state("log")).unwrap();
    assert!(log.lines().any(|line| line == "clean"), "{log}");
}

#[tokio::test]
async fn sets_of_other_versions_are_removed_unless_they_are_in_use() {
    let shop = Workshop::new();
    let root = shop.cache().root();
    let old = |name: &str| {
        let set = root.join(name);
        std::fs::create_dir_all(set.join("bin")).unwrap();
        std::fs::write(set.join(".in-use"), "").unwrap();
        set
    };
    let (unused, used) = (old("0123unused"), old("4567used"));
    let running = std::fs::File::open(used.join(".in-use")).unwrap();
    running.lock_shared().unwrap();
    let module = root.join("modules/etcd-0123");
    std::fs::create_dir_all(&module).unwrap();
    shop.build().await.unwrap();
    assert!(!unused.exists() && !module.exists());
    assert!(used.exists(), "a running cluster lost its binaries");
}

#[tokio::test]
async fn refusals_say_what_to_install() {
    let shop = Workshop::new();
    let bin = shop.folder.path().join("bin");
    let only_bin = |shop: &Workshop| BuildOptions { search_path: bin.clone().into_os_string(), ..shop.options.clone() };
    let required = required_go().to_string();

    std::fs::remove_file(bin.join("git")).unwrap();
    let error = build(&only_bin(&shop), |_| {}).await.unwrap_err();
    assert!(matches!(error, BuildError::NoGit), "{error}");
    assert!(error.to_string().contains("apt-get install git"), "{error}");

    std::fs::remove_file(bin.join("go")).unwrap();
    let error = build(&only_bin(&shop), |_| {}).await.unwrap_err().to_string();
    assert!(error.contains(&format!("install Go {required}")), "{error}");

    let error = Workshop::with_go("go1.25.9").build().await.unwrap_err().to_string();
    assert!(error.contains("Go 1.25.9") && error.contains(&required), "{error}");

    let error = Workshop::with_go("nonsense").build().await.unwrap_err();
    assert!(matches!(error, BuildError::UnknownGo { .. }), "{error}");

    executable(&bin.join("go"), "#!/bin/sh\necho 'go: no such tool' >&2\nexit 3\n");
    let error = shop.build().await.unwrap_err().to_string();
    assert!(error.contains("no such tool"), "{error}");

    let mut shop = Workshop::new();
    shop.options.disk_reserve_bytes = Some(u64::MAX);
    let error = shop.build().await.unwrap_err();
    assert!(matches!(error, BuildError::NoSpace { .. }), "{error}");
    assert!(error.to_string().contains("HARNESS_CACHE_DIR"), "{error}");
    assert!(shop.builds().is_empty(), "it started nevertheless");

    let shop = Workshop::new();
    std::fs::write(shop.folder.path().join("cache/harness"), "in the way").unwrap();
    let error = shop.build().await.unwrap_err();
    assert!(matches!(error, BuildError::NotWritable { .. }), "{error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
}

#[tokio::test]
async fn the_doctor_sees_what_a_build_would_refuse() {
    let shop = Workshop::with_go("go1.20.1");
    let mut options =
        doctor::Options { cache: shop.cache().clone(), search_path: shop.options.search_path.clone(), bin_dir: None };
    let sick = examine(&options).await;
    assert_eq!(sick.status(), Status::Fail);
    assert_eq!(sick.get("go").unwrap().status, Status::Fail);
    let components = sick.get("components").unwrap();
    assert_eq!(components.status, Status::Warn);
    assert!(components.advice.as_ref().unwrap().contains(" min"), "{components:?}");
    // The fake Git prints nothing.
    assert_eq!(sick.get("git").unwrap().status, Status::Fail);

    let shop = Workshop::new();
    std::fs::remove_file(shop.folder.path().join("bin/git")).unwrap();
    shop.build().await.unwrap();
    options.cache = shop.cache().clone();
    options.search_path = shop.options.search_path.clone();
    let well = examine(&options).await;
    for name in ["components", "go", "git", "cache folder", "disk", "system", "loopback ports"] {
        let check = well.get(name).unwrap();
        assert_eq!(check.status, Status::Ok, "{check:?}");
    }
    let mut seen = std::collections::BTreeSet::new();
    assert!(well.checks.iter().all(|check| seen.insert(check.name)), "names are unique");
    let json = serde_json::to_value(&well).unwrap();
    assert_eq!(json["checks"][0]["status"], "ok");
}
