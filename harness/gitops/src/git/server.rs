//! The Git server: smart HTTP on loopback through `git http-backend`.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::EXEMPT_FROM_FAULTS_HEADER;
use super::cgi::{self, Run};
use super::command::Git;
use super::error::{GitError, GitServerError};
use super::fault::GitFaultSwitch;
use super::remote::GitRemote;
use super::service::{is_name, repository_of};
use harness_components::find_program;
use harness_simulation::GitFault;

/// The number of Git processes at the same time: more would only wait for the same cores.
const PROCESSES: usize = 16;

/// Longest wait for one of them.
const QUEUE_LIMIT: Duration = Duration::from_secs(30);

/// Longest wait for requests in flight when the server ends.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// A repository of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Plain name, without `.git`.
    pub name: String,
    /// The bare repository.
    pub path: PathBuf,
    /// Address for clients, as in `spec.url` of a `GitRepository`.
    pub url: String,
}

/// A running Git server. Dropping it ends it in the background; [`GitServer::shutdown`] waits.
#[derive(Debug)]
pub struct GitServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    git: Git,
    serving: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    backend: PathBuf,
    search_path: OsString,
    processes: Arc<Semaphore>,
    fault: GitFaultSwitch,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl GitServer {
    /// Serves the repositories in `root` (created if necessary) on `127.0.0.1:port`; port 0 is a free one.
    ///
    /// # Errors
    /// [`GitServerError`]: no Git, a Git without `http-backend`, a port that is taken, a folder that cannot be created.
    pub async fn start(root: &Path, port: u16) -> Result<Self, GitServerError> {
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        let git = Git::find(&search_path).ok_or(GitServerError::NoGit)?;
        let backend = find_backend(&git).await?;
        std::fs::create_dir_all(root).map_err(io_error("create the folder", root))?;
        let root = root.canonicalize().map_err(io_error("resolve the folder", root))?;
        let refused = |source| GitServerError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let shared = Arc::new(Shared {
            root,
            backend,
            search_path,
            processes: Arc::new(Semaphore::new(PROCESSES)),
            fault: GitFaultSwitch::default(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let router = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<SocketAddr>();
        let cancel = shared.cancel.clone();
        let serving = tokio::spawn(async move {
            let server = axum::serve(listener, router);
            let ended = server.with_graceful_shutdown(cancel.cancelled_owned()).await;
            if let Err(error) = ended {
                tracing::error!(%error, "the Git server stopped");
            }
        });
        Ok(Self { shared, address, git, serving: Some(serving) })
    }

    /// Base address, without a slash at the end: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes an empty bare repository with the branch `main` that takes pushes, or finds the one of that name.
    ///
    /// # Errors
    /// [`GitServerError::Name`], [`GitServerError::Git`], [`GitServerError::Io`].
    pub async fn create_repository(&self, name: &str) -> Result<Repository, GitServerError> {
        if !is_name(name) {
            return Err(GitServerError::Name { name: name.to_owned() });
        }
        let repository = Repository {
            name: name.to_owned(),
            path: self.shared.root.join(format!("{name}.git")),
            url: format!("{}/{name}.git", self.url()),
        };
        if repository.path.join("HEAD").is_file() {
            return Ok(repository);
        }
        // Created beside its place and moved, so that no client sees an incomplete repository.
        let staged = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&self.shared.root)
            .map_err(io_error("create a folder in", &self.shared.root))?;
        let bare = staged.path().join("bare");
        self.git.init_bare(&bare).await.map_err(git_error("create a repository", &self.git))?;
        let config = bare.join("config");
        let text = std::fs::read_to_string(&config).map_err(io_error("read", &config))?;
        std::fs::write(&config, text + REPOSITORY_CONFIG).map_err(io_error("write", &config))?;
        std::fs::rename(&bare, &repository.path).map_err(io_error("move the repository to", &repository.path))?;
        Ok(repository)
    }

    /// A client for a repository of this server.
    ///
    /// # Errors
    /// [`GitError::NoGit`].
    pub fn remote(&self, repository: &Repository) -> Result<GitRemote, GitError> {
        GitRemote::new(repository.url.clone())
    }

    /// Its fault, to be set from elsewhere.
    #[must_use]
    pub fn fault_switch(&self) -> GitFaultSwitch {
        self.shared.fault.clone()
    }

    /// Ends the server and every Git process that it started, and waits until they have ended (at most 10 s).
    pub async fn shutdown(mut self) {
        self.shared.cancel.cancel();
        // First the requests: after the last one no process is started.
        if let Some(mut serving) = self.serving.take()
            && tokio::time::timeout(SHUTDOWN_LIMIT, &mut serving).await.is_err()
        {
            serving.abort();
        }
        self.shared.tasks.close();
        if tokio::time::timeout(SHUTDOWN_LIMIT, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!(limit = ?SHUTDOWN_LIMIT, "Git processes did not end in time");
        }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.cancel.cancel();
    }
}

/// Anonymous pushes, and no housekeeping behind the back of a measurement.
const REPOSITORY_CONFIG: &str = "\
[http]
\treceivepack = true
[receive]
\tautogc = false
[gc]
\tauto = 0
";

async fn find_backend(git: &Git) -> Result<PathBuf, GitServerError> {
    let folder = git.exec_path().await.map_err(git_error("ask for the folder of Git's programs", git))?;
    let path = folder.join("git-http-backend");
    // On a search path of one folder: the same test as for any other program.
    find_program("git-http-backend", folder.as_os_str()).ok_or(GitServerError::NoBackend { path })
}

fn git_error(action: &'static str, git: &Git) -> impl FnOnce(GitError) -> GitServerError {
    let git = git.program().to_owned();
    move |error| GitServerError::Git { action, git, source: Box::new(error) }
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> GitServerError {
    let path = path.to_owned();
    move |source| GitServerError::Io { action, path, source }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let exempt = request.headers().contains_key(EXEMPT_FROM_FAULTS_HEADER);
    let fault = shared.fault.get().filter(|_| !exempt);
    if let Some(GitFault::Slow(delay)) = fault {
        shared.cancel.run_until_cancelled(tokio::time::sleep(delay.as_duration())).await;
    }
    if fault == Some(GitFault::Unavailable) || shared.cancel.is_cancelled() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if fault == Some(GitFault::WrongCredentials) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")]).into_response();
    }
    serve(&shared, client, request).await
}

async fn serve(shared: &Arc<Shared>, client: SocketAddr, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let repository = repository_of(&parts.method, parts.uri.path(), parts.uri.query());
    if !repository.is_some_and(|name| shared.root.join(format!("{name}.git")).join("HEAD").is_file()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let processes = Arc::clone(&shared.processes).acquire_owned();
    let permit = tokio::select! {
        permit = tokio::time::timeout(QUEUE_LIMIT, processes) => permit,
        () = shared.cancel.cancelled() => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let Ok(Ok(permit)) = permit else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let run = Run {
        backend: shared.backend.clone(),
        environment: environment(shared, client, &parts),
        cancel: shared.cancel.clone(),
        permit,
    };
    let spawn = |task| drop(shared.tasks.spawn(task));
    match cgi::answer(run, body, spawn).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, path = parts.uri.path(), "git http-backend failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The CGI environment (RFC 3875, `git-http-backend(1)`), and nothing of the harness's own.
fn environment(shared: &Shared, client: SocketAddr, parts: &http::request::Parts) -> Vec<(&'static str, String)> {
    let root = shared.root.display().to_string();
    let header = |name: &str| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    let mut environment = vec![
        ("PATH", shared.search_path.to_string_lossy().into_owned()),
        ("HOME", root.clone()),
        ("LC_ALL", "C".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        // In a user namespace the files seem to belong to another user.
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", "safe.directory".to_owned()),
        ("GIT_CONFIG_VALUE_0", "*".to_owned()),
        ("GIT_PROJECT_ROOT", root),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        ("SERVER_PROTOCOL", "HTTP/1.1".to_owned()),
        ("REQUEST_METHOD", parts.method.to_string()),
        // Names were checked: there is nothing to decode.
        ("PATH_INFO", parts.uri.path().to_owned()),
        ("QUERY_STRING", parts.uri.query().unwrap_or_default().to_owned()),
        ("REMOTE_ADDR", client.ip().to_string()),
        ("CONTENT_TYPE", header("content-type").unwrap_or_default()),
    ];
    let optional = [
        ("CONTENT_LENGTH", header("content-length")),
        ("HTTP_CONTENT_ENCODING", header("content-encoding")),
        ("GIT_PROTOCOL", header("git-protocol")),
    ];
    environment.extend(optional.into_iter().filter_map(|(k, v)| v.map(|v| (k, v))));
    environment
}
