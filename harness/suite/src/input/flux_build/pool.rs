//! Several processes of `flux-build` for one tree: what is known to be wanted is built ahead.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::client::{FluxBuilder, Setup, Stop};
use super::error::FluxBuildError;
use harness_tree::upstream::{BuildOutcome, BuildStage, FluxBuildAnswer, FluxBuildRequest, Upstream};

/// Each takes about 100 MB, and most trees have few builds that do not wait for each other.
const PROCESSES_MAX: usize = 4;

/// Builds a tree with as many processes as there are processors, each started when there is something for it to do.
///
/// Builds that nobody waits for any more end with this value, and so do the processes.
#[derive(Debug)]
pub struct FluxBuildPool {
    setup: Setup,
    processes_max: usize,
    workers: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
    stop: Stop,
    /// Why it builds nothing more.
    failed: Option<FluxBuildError>,
    /// The answer that said that no folder of the tree can be built.
    no_artifact: Option<FluxBuildAnswer>,
}

/// A request as text, by which it is known again.
type Key = String;

#[derive(Debug, Default)]
struct Shared {
    builds: Mutex<Builds>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Builds {
    /// What has not begun, the next one first.
    waiting: VecDeque<(Key, FluxBuildRequest)>,
    /// Builds in progress, which have no answer yet, and finished ones.
    begun: HashMap<Key, Option<Result<FluxBuildAnswer, FluxBuildError>>>,
    /// Workers that have nothing to do.
    idle: usize,
    closed: bool,
}

impl Shared {
    /// Nothing is left half changed by a panic: each change is one call.
    fn lock(&self) -> MutexGuard<'_, Builds> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, builds: MutexGuard<'a, Builds>) -> MutexGuard<'a, Builds> {
        self.changed.wait(builds).unwrap_or_else(PoisonError::into_inner)
    }

    /// The next build, once there is one; `None` at the end.
    fn next(&self) -> Option<(Key, FluxBuildRequest)> {
        let mut builds = self.lock();
        builds.idle += 1;
        loop {
            if builds.closed {
                return None;
            }
            if let Some((key, request)) = builds.waiting.pop_front() {
                builds.idle -= 1;
                builds.begun.insert(key.clone(), None);
                return Some((key, request));
            }
            builds = self.wait(builds);
        }
    }

    fn work(&self, mut builder: FluxBuilder) {
        while let Some((key, request)) = self.next() {
            let mut promise = Promise { shared: self, key, path: &request.path, answer: None };
            promise.answer = Some(builder.build(&request));
        }
    }

    /// Waits for the answer of a build that has been queued, ahead of speculative ones.
    fn answer(&self, key: &Key) -> Result<FluxBuildAnswer, FluxBuildError> {
        let mut builds = self.lock();
        if let Some(at) = builds.waiting.iter().position(|(waiting, _)| waiting == key)
            && let Some(wanted) = builds.waiting.remove(at)
        {
            builds.waiting.push_front(wanted);
        }
        loop {
            if let Some(answer) = builds.begun.get_mut(key).and_then(Option::take) {
                builds.begun.remove(key);
                return answer;
            }
            builds = self.wait(builds);
        }
    }
}

/// The answer that a worker owes. It gives one when it panics, too: somebody waits for it.
struct Promise<'a> {
    shared: &'a Shared,
    key: Key,
    path: &'a str,
    answer: Option<Result<FluxBuildAnswer, FluxBuildError>>,
}

impl Drop for Promise<'_> {
    fn drop(&mut self) {
        let unfinished = || Err(FluxBuildError::Cancelled { path: self.path.to_owned() });
        let answer = self.answer.take().unwrap_or_else(unfinished);
        self.shared.lock().begun.insert(std::mem::take(&mut self.key), Some(answer));
        self.shared.changed.notify_all();
    }
}

impl FluxBuildPool {
    pub(super) fn new(setup: Setup) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            setup,
            processes_max: processors.min(PROCESSES_MAX),
            workers: Vec::new(),
            shared: Arc::default(),
            stop: Stop::default(),
            failed: None,
            no_artifact: None,
        }
    }

    /// Why a tree was not built to its end, if so.
    pub fn failure(&self) -> Option<&FluxBuildError> {
        self.failed.as_ref()
    }

    /// Whether nothing more is asked: after one failure every further build could fail as slowly, and what is wrong with the files of the whole tree
    /// stays wrong.
    fn is_over(&self) -> bool {
        self.failed.is_some() || self.no_artifact.is_some()
    }

    /// Queues a build unless it is queued already.
    fn queue(&mut self, request: &FluxBuildRequest) -> Result<Key, FluxBuildError> {
        let key = serde_json::to_string(request)
            .map_err(|source| FluxBuildError::Protocol { path: request.path.clone(), reason: source.to_string() })?;
        let is_busy = {
            let builds = self.shared.lock();
            if builds.begun.contains_key(&key) || builds.waiting.iter().any(|(waiting, _)| *waiting == key) {
                return Ok(key);
            }
            builds.waiting.len() >= builds.idle
        };
        // Before anything waits: without a worker nobody would ever answer.
        if is_busy && self.workers.len() < self.processes_max {
            self.start_worker()?;
        }
        self.shared.lock().waiting.push_back((key.clone(), request.clone()));
        self.shared.changed.notify_all();
        Ok(key)
    }

    fn start_worker(&mut self) -> Result<(), FluxBuildError> {
        let (shared, builder) = (self.shared.clone(), FluxBuilder::new(self.setup.clone(), self.stop.clone()));
        match std::thread::Builder::new().spawn(move || shared.work(builder)) {
            Ok(worker) => self.workers.push(worker),
            // Those that there are do it.
            Err(_) if !self.workers.is_empty() => {}
            Err(source) => return Err(self.setup.cannot_start(source)),
        }
        Ok(())
    }
}

impl Upstream for FluxBuildPool {
    fn begin(&mut self, request: &FluxBuildRequest) {
        if !self.is_over() {
            // What is wrong with it is said when it is asked for.
            let _ = self.queue(request);
        }
    }

    fn build(&mut self, request: &FluxBuildRequest) -> Option<FluxBuildAnswer> {
        if self.is_over() {
            return self.no_artifact.clone();
        }
        let answer = self.queue(request).and_then(|key| self.shared.answer(&key));
        let answer = answer.map_err(|error| self.failed = Some(error)).ok()?;
        let is_of_the_tree = answer.refusal.as_ref().is_some_and(|refusal| refusal.stage == BuildStage::Artifact);
        if is_of_the_tree && matches!(answer.outcome, BuildOutcome::OverLimit | BuildOutcome::Failed) {
            self.no_artifact = Some(answer.clone());
        }
        Some(answer)
    }
}

impl Drop for FluxBuildPool {
    fn drop(&mut self) {
        self.stop.set();
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // One that has panicked has said so.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::input::repository::TreeRepository;
    use tempfile::TempDir;

    /// A pool of a program that is a few lines of shell.
    fn pool(folder: &TempDir, processes_max: usize, script: &str) -> FluxBuildPool {
        let path = folder.path().join("flux-build");
        std::fs::write(&path, format!("#!/bin/sh\nstate={}\n{script}\n", folder.path().display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let repository = TreeRepository::open(folder.path(), None).unwrap();
        let mut pool = FluxBuildPool::new(Setup::new(&path, Some(&repository)));
        pool.processes_max = processes_max;
        pool
    }

    fn request(path: &str) -> FluxBuildRequest {
        FluxBuildRequest { path: path.to_owned(), ..FluxBuildRequest::default() }
    }

    /// Answers every request with its own path, in the note.
    const ECHO: &str = r#"id=0
while read -r line; do
  id=$((id+1)); path=${line#*\"path\":\"}; path=${path%%\"*}
  echo "$path" >> $state/asked
  [ "$path" = slow ] && while [ ! -e $state/go ]; do sleep 0.01; done
  echo "{\"id\":$id,\"outcome\":\"built\",\"notes\":[{\"kind\":\"generated\",\"path\":\"$path\"}]}"
done"#;

    fn echoed(pool: &mut FluxBuildPool, path: &str) -> String {
        pool.build(&request(path)).unwrap().notes[0].path.clone()
    }

    #[test]
    fn every_request_gets_its_own_answer_and_is_built_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut pool = pool(&folder, 2, ECHO);
        for path in ["a", "b", "c", "d"] {
            pool.begin(&request(path));
        }
        pool.begin(&request("b"));
        for path in ["d", "c", "b", "a"] {
            assert_eq!(echoed(&mut pool, path), path);
        }
        let mut asked: Vec<String> = read(&folder, "asked").lines().map(str::to_owned).collect();
        asked.sort();
        assert_eq!(asked, ["a", "b", "c", "d"]);
    }

    fn wait_for(folder: &TempDir, name: &str) {
        while !folder.path().join(name).exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn read(folder: &TempDir, name: &str) -> String {
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    }

    #[test]
    fn a_slow_build_does_not_hold_up_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut pool = pool(&folder, 2, ECHO);
        pool.begin(&request("slow"));
        assert_eq!(echoed(&mut pool, "quick"), "quick");
        std::fs::write(folder.path().join("go"), "").unwrap();
        assert_eq!(echoed(&mut pool, "slow"), "slow");
    }

    /// With one process what is waited for comes before what only may be.
    #[test]
    fn what_is_asked_for_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut pool = pool(&folder, 1, ECHO);
        pool.begin(&request("slow"));
        wait_for(&folder, "asked");
        pool.begin(&request("b"));
        pool.begin(&request("c"));
        let wanted = std::thread::spawn(move || (echoed(&mut pool, "c"), pool));
        std::thread::sleep(Duration::from_millis(200));
        std::fs::write(folder.path().join("go"), "").unwrap();
        let (answer, _pool) = wanted.join().unwrap();
        assert_eq!(answer, "c");
        let order = read(&folder, "asked");
        assert!(order.starts_with("slow\nc\n"), "{order}");
    }

    #[test]
    fn what_nobody_waits_for_any_more_ends() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo \"$2\" > $state/work; exec sleep 60";
        let mut pool = pool(&folder, 2, script);
        pool.begin(&request("a"));
        wait_for(&folder, "work");
        let started = Instant::now();
        drop(pool);
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
        assert!(!std::path::Path::new(read(&folder, "work").trim()).exists());
    }

    #[test]
    fn after_a_failure_nothing_more_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let mut pool = pool(&folder, 2, "echo x >> $state/starts; exit 3");
        assert!(pool.build(&request("a")).is_none());
        assert!(pool.build(&request("b")).is_none());
        assert!(pool.failure().unwrap().to_string().contains("`a`"));
        assert_eq!(read(&folder, "starts").lines().count(), 2);
    }

    #[test]
    fn what_is_wrong_with_the_whole_tree_is_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"read -r line; echo '{"id":1,"outcome":"failed","refusal":{"stage":"artifact","message":"no space left"}}'
read -r line; echo '{"id":2,"outcome":"built"}'"#;
        let mut pool = pool(&folder, 1, script);
        assert_eq!(pool.build(&request("a")).unwrap().outcome, BuildOutcome::Failed);
        assert_eq!(pool.build(&request("b")).unwrap().outcome, BuildOutcome::Failed);
        assert!(pool.failure().is_none());
    }
}
