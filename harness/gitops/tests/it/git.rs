//! The Git server and the client that commits trees, with the real Git.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use harness_gitops::git::{Author, GitError, GitRemote, GitServer, GitServerError, Repository};
use harness_simulation::GitFault;
use harness_testing::limits::CHILD_PROCESS;
use harness_testing::wait_for;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

struct Fixture {
    server: GitServer,
    repository: Repository,
    remote: GitRemote,
    folder: tempfile::TempDir,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let server = GitServer::start(&folder.path().join("served"), 0).await.unwrap();
    let repository = server.create_repository("node-config").await.unwrap();
    let remote = server.remote(&repository).unwrap();
    Fixture { server, repository, remote, folder }
}

impl Fixture {
    /// A new folder with these files.
    fn tree(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = self.folder.path().join(name);
        std::fs::create_dir_all(&root).unwrap();
        for (path, content) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    async fn push(&self, name: &str, files: &[(&str, &str)]) -> String {
        let tree = self.tree(name, files);
        let author = Author::default();
        self.remote.push_tree(&tree, name, &author).await.unwrap().sha
    }

    /// What the served repository holds.
    fn stored(&self, arguments: &[&str]) -> String {
        let output = git(&self.repository.path, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_TRACE_CURL", "1")
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap()
}

/// Runs the blocking `git` beside the server that answers it.
async fn client(folder: &Path, arguments: &[&str]) -> Output {
    let folder = folder.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        git(&folder, &arguments)
    })
    .await
    .unwrap()
}

/// Git processes that serve `root`, by the environment that the server gave them.
fn processes_of(root: &Path) -> Vec<String> {
    let mark = format!("GIT_PROJECT_ROOT={}\0", root.canonicalize().unwrap().display());
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            environment.windows(mark.len()).any(|window| window == mark.as_bytes())
        })
        .map(|entry| {
            let name = std::fs::read_to_string(entry.path().join("comm"));
            format!("{:?} {name:?}", entry.file_name())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn clones_with_every_protocol_and_takes_pushes() {
    let it = fixture().await;
    it.push("first", &[("a.yaml", "a: 1\n")]).await;
    it.push("second", &[("a.yaml", "a: 2\n")]).await;
    let url = &it.repository.url;
    for version in ["0", "2"] {
        let config = format!("protocol.version={version}");
        let name = format!("clone-v{version}");
        let output = client(it.folder.path(), &["-c", &config, "clone", url, &name]).await;
        assert!(output.status.success(), "{output:?}");
        let content = std::fs::read_to_string(it.folder.path().join(&name).join("a.yaml"));
        assert_eq!(content.unwrap(), "a: 2\n");
        let name = format!("shallow-v{version}");
        let arguments = ["-c", &config, "clone", "--depth", "1", url, &name];
        let output = client(it.folder.path(), &arguments).await;
        assert!(output.status.success(), "{output:?}");
        let shallow = it.folder.path().join(&name);
        let count = git(&shallow, &["rev-list", "--count", "HEAD"]).stdout;
        assert_eq!(count, b"1\n");
    }
    let work = it.folder.path().join("clone-v2");
    std::fs::write(work.join("b.yaml"), "b: 1\n").unwrap();
    for arguments in [
        &["add", "b.yaml"][..],
        &["-c", "user.name=x", "-c", "user.email=x@y", "commit", "-m", "third"],
        &["push", "origin", "main"],
    ] {
        let output = client(&work, arguments).await;
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(it.stored(&["show", "main:b.yaml"]), "b: 1\n");
    it.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_compressed_request_bodies() {
    let it = fixture().await;
    let sha = it.push("first", &[("a", "a")]).await;
    // Git compresses a request over 1 KiB: forty branches with a commit each are forty lines of it.
    let mut tip = sha;
    for index in 0..40 {
        let tree = format!("{tip}^{{tree}}");
        let commit = ["-c", "user.name=x", "-c", "user.email=x@y", "commit-tree", &tree, "-p", &tip, "-m", "next"];
        tip = it.stored(&commit).trim().to_owned();
        it.stored(&["update-ref", &format!("refs/heads/branch-{index}"), &tip]);
    }
    let output = client(it.folder.path(), &["clone", &it.repository.url, "many"]).await;
    assert!(output.status.success(), "{output:?}");
    let trace = String::from_utf8_lossy(&output.stderr);
    assert!(trace.contains("Content-Encoding: gzip"), "not compressed:\n{trace}");
    let branches = git(&it.folder.path().join("many"), &["branch", "--remotes"]).stdout;
    assert_eq!(String::from_utf8_lossy(&branches).matches("branch-").count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pushes_all_arrive() {
    let it = fixture().await;
    let trees: Vec<PathBuf> =
        (0..4).map(|index| it.tree(&format!("tree-{index}"), &[("who", &index.to_string())])).collect();
    let author = Author::default();
    let pushes = trees.iter().map(|tree| it.remote.push_tree(tree, "at once", &author));
    let commits = futures::future::try_join_all(pushes).await.unwrap();
    let log = it.remote.log(10).await.unwrap();
    assert_eq!(log.len(), 4);
    for commit in &commits {
        let found = log.iter().find(|entry| entry.sha == commit.sha).unwrap();
        assert_eq!(found.tree, commit.tree);
        assert!(commit.acknowledged >= commit.sent);
    }
    assert_eq!(it.remote.head().await.unwrap(), Some(log[0].sha.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_holds_exactly_the_folder() {
    let it = fixture().await;
    it.push("before", &[("gone.yaml", "x"), ("kept/file", "x")]).await;
    let tree = it.tree(
        "tree",
        &[
            (".gitignore", "ignored\n*.yaml\n"),
            (".gitattributes", "* text=auto eol=lf\n"),
            ("ignored", "still there\n"),
            ("windows.yaml", "a\r\nb\r\n"),
            ("sub/run.sh", "#!/bin/sh\n"),
            ("odd \"name\" \u{e4}", "odd\n"),
            // A checkout of a user, with a hook that must not run.
            (".git/HEAD", "ref: refs/heads/theirs\n"),
            (".git/hooks/pre-push", "#!/bin/sh\nexit 1\n"),
            ("sub/.git/HEAD", "ref: refs/heads/theirs\n"),
        ],
    );
    let script = tree.join("sub/run.sh");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("../windows.yaml", tree.join("sub/link")).unwrap();
    let author = Author { name: "Some One".to_owned(), email: "one@example.com".to_owned() };
    let commit = it.remote.push_tree(&tree, "subject\n\nbody", &author).await.unwrap();
    // "mode type name<tab>path", ended by NUL, paths as they are.
    let listing = it.stored(&["ls-tree", "-r", "-z", &commit.sha]);
    let listing: Vec<String> = listing
        .split_terminator('\0')
        .map(|line| {
            let (entry, path) = line.split_once('\t').unwrap();
            format!("{} {path}", &entry[..6])
        })
        .collect();
    assert_eq!(
        listing,
        [
            "100644 .gitattributes",
            "100644 .gitignore",
            "100644 ignored",
            "100644 odd \"name\" \u{e4}",
            "120000 sub/link",
            "100755 sub/run.sh",
            "100644 windows.yaml",
        ]
    );
    let show = |path: &str| it.stored(&["cat-file", "blob", &format!("{}:{path}", commit.sha)]);
    assert_eq!(show("windows.yaml"), "a\r\nb\r\n");
    assert_eq!(show("sub/link"), "../windows.yaml");
    let people = it.stored(&["log", "-1", "--format=%an <%ae> %cn %s", &commit.sha]);
    assert_eq!(people, "Some One <one@example.com> Some One subject\n");
    let left: Vec<_> = std::fs::read_dir(tree.join(".git")).unwrap().collect();
    assert_eq!(left.len(), 2, "the user's own repository was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_tree_and_an_empty_repository() {
    let it = fixture().await;
    assert_eq!(it.remote.head().await.unwrap(), None);
    assert!(it.remote.log(5).await.unwrap().is_empty());
    let sha = it.push("empty", &[]).await;
    assert_eq!(it.stored(&["ls-tree", "-r", &sha]), "");
    // Nothing differs, but there is a new revision to wait for.
    assert_ne!(it.push("empty", &[]).await, sha);
}

#[tokio::test(flavor = "multi_thread")]
async fn restores_an_earlier_tree_as_a_new_commit() {
    let it = fixture().await;
    let good = it.push("good", &[("a", "good")]).await;
    it.push("bad", &[("a", "bad")]).await;
    let back = it.remote.restore(&good, &Author::default()).await.unwrap();
    assert_eq!(it.stored(&["show", "main:a"]), "good");
    let log = it.remote.log(10).await.unwrap();
    assert_eq!(log.len(), 3);
    assert_eq!(log[0].sha, back.sha);
    assert_eq!(log[0].tree, log[2].tree);
    assert!(log[0].subject.contains("good"), "{log:?}");
    let unknown = "0123456789012345678901234567890123456789";
    let error = it.remote.restore(unknown, &Author::default()).await.unwrap_err();
    assert!(matches!(error, GitError::UnknownCommit { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_out_of_the_tree_is_not_pushed() {
    let it = fixture().await;
    let tree = it.tree("tree", &[("a", "a")]);
    symlink("/etc/hostname", tree.join("escape")).unwrap();
    let error = it.remote.push_tree(&tree, "x", &Author::default()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("escape") && text.contains("/etc/hostname"), "{text}");
    assert_eq!(it.remote.head().await.unwrap(), None);
}

/// Before, the error was everything that Git prints of such a push, on one line.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_a_hook_declines_is_said_in_the_words_of_the_hook() {
    let it = fixture().await;
    let hook = it.repository.path.join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'nobody may push today' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let tree = it.tree("tree", &[("a", "a")]);
    let error = it.remote.push_tree(&tree, "x", &Author::default()).await.unwrap_err();
    let says = "refuses the push: pre-receive hook declined: nobody may push today; check its hooks";
    assert!(matches!(&error, GitError::Refused { .. }) && error.to_string().contains(says), "{error}");
    assert_eq!(it.remote.head().await.unwrap(), None);
}

/// Sends `request` as it is and returns the status line.
async fn raw(it: &Fixture, request: &str) -> String {
    let mut stream = TcpStream::connect(it.server.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(CHILD_PROCESS.get(), read).await.expect("an answer").unwrap();
    let text = String::from_utf8_lossy(&answer);
    text.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_reachable() {
    let it = fixture().await;
    it.push("first", &[("a", "a")]).await;
    // A repository beside the served folder.
    let outside = it.folder.path().join("secret.git");
    assert!(git(it.folder.path(), &["init", "--bare", outside.to_str().unwrap()]).status.success());
    let upload = "info/refs?service=git-upload-pack";
    for target in [
        format!("/../secret.git/{upload}"),
        format!("/node-config.git/../../secret.git/{upload}"),
        format!("/%2e%2e/secret.git/{upload}"),
        format!("/..%2fsecret.git/{upload}"),
        format!("//secret.git/{upload}"),
        format!("/secret.git/{upload}"),
        "/node-config.git/HEAD".to_owned(),
        "/node-config.git/config".to_owned(),
        "/node-config.git/objects/info/packs".to_owned(),
        "/node-config.git/info/refs".to_owned(),
        "/node-config.git/info/refs?service=git-upload-archive".to_owned(),
        "/".to_owned(),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let status = raw(&it, &request).await;
        assert!(status.contains(" 404 "), "{target}: {status}");
    }
    let request = format!("GET /node-config.git/{upload} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(raw(&it, &request).await.contains(" 200 "));
    for name in ["", "..", "a/b", "-x", ".hidden", "a b"] {
        let error = it.server.create_repository(name).await.unwrap_err();
        assert!(matches!(error, GitServerError::Name { .. }), "{name}: {error}");
    }
}

/// Starts a fetch and never sends its body: Git waits for it.
async fn hanging_fetch(it: &Fixture) -> TcpStream {
    let mut stream = TcpStream::connect(it.server.address()).await.unwrap();
    let head = "POST /node-config.git/git-upload-pack HTTP/1.1\r\nHost: x\r\n\
        Content-Type: application/x-git-upload-pack-request\r\nContent-Length: 100000\r\n\r\n0032want ";
    stream.write_all(head.as_bytes()).await.unwrap();
    let root = it.repository.path.parent().unwrap();
    wait_for("git processes are as expected", CHILD_PROCESS, async || match processes_of(root) {
        found if found.is_empty() => Err("no Git process".to_owned()),
        _ => Ok(()),
    })
    .await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn git_ends_when_its_client_disconnects() {
    let it = fixture().await;
    it.push("first", &[("a", "a")]).await;
    let stream = hanging_fetch(&it).await;
    drop(stream);
    let root = it.repository.path.parent().unwrap();
    wait_for("git processes are as expected", CHILD_PROCESS, async || match processes_of(root) {
        found if found.is_empty() => Ok(()),
        found => Err(format!("running {found:?}")),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutting_down_ends_git_and_frees_the_port() {
    let it = fixture().await;
    it.push("first", &[("a", "a")]).await;
    let _stream = hanging_fetch(&it).await;
    let address = it.server.address();
    let root = it.repository.path.parent().unwrap().to_owned();
    let started = Instant::now();
    it.server.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(processes_of(&root).is_empty());
    assert!(TcpStream::connect(address).await.is_err());
    let again = GitServer::start(&root, address.port()).await.unwrap();
    let same = again.create_repository("node-config").await.unwrap();
    assert_eq!(same.path, it.repository.path);
    let head = again.remote(&same).unwrap().head().await.unwrap();
    assert!(head.is_some(), "the repository was emptied");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_seen_by_clients_and_can_be_lifted() {
    let it = fixture().await;
    it.push("first", &[("a", "a")]).await;
    it.server.fault_switch().set(Some(GitFault::WrongCredentials));
    let error = it.remote.head().await.unwrap_err().to_string();
    assert!(error.contains("list the branches"), "{error}");
    it.server.fault_switch().set(Some(GitFault::Unavailable));
    let error = it.remote.head().await.unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    it.server.fault_switch().set(None);
    assert!(it.remote.head().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_do_not_hit_a_client_that_bypasses_them() {
    let it = fixture().await;
    it.push("first", &[("a", "a")]).await;
    let ours = it.remote.clone().exempt_from_faults();
    for fault in [GitFault::Unavailable, GitFault::WrongCredentials] {
        it.server.fault_switch().set(Some(fault));
        assert!(it.remote.head().await.is_err(), "{fault:?}");
        assert!(ours.head().await.unwrap().is_some(), "{fault:?}");
    }
    it.server.fault_switch().set(Some(GitFault::Slow(harness_units::Span::from_millis(300))));
    let started = Instant::now();
    assert!(it.remote.head().await.unwrap().is_some());
    assert!(started.elapsed() >= Duration::from_millis(300));
    it.server.fault_switch().set(None);
    assert_eq!(it.server.fault_switch().get(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_force_push_removes_commits_from_the_history() {
    let it = fixture().await;
    let first = it.push("first", &[("a", "1")]).await;
    let dropped = it.push("second", &[("a", "2")]).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "3").unwrap();
    let author = Author::default();
    let forced = it.remote.force_push_tree(folder.path(), &first, "instead", &author).await.unwrap();
    let log = it.remote.log(10).await.unwrap();
    let shas: Vec<&str> = log.iter().map(|entry| entry.sha.as_str()).collect();
    assert_eq!(shas, [forced.sha.as_str(), first.as_str()]);
    let error = it.remote.force_push_tree(folder.path(), &dropped, "again", &author).await.unwrap_err();
    assert!(matches!(error, GitError::UnknownCommit { .. }), "{error}");
}
