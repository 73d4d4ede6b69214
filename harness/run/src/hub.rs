//! The one place that every event passes through: it is appended to the log, applied to the [`State`] and shown on the console.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use harness_record::event::{ActionKind, ActionStamps, Audit, PhaseOutcome};
use harness_record::log::LogWriter;
use harness_record::{Event, EventKind};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::RunError;
use crate::clock::RunClock;
use crate::error::{ActionError, describe};
use crate::state::State;

/// Events that may wait for the log. At about 300 bytes each this bounds the queue to 20 MB.
const QUEUE: usize = 65_536;
/// Bytes that wait for the file before they are written.
const WAITING_MAX: usize = 64 << 10;
/// Bytes that are kept of what the file does not take: the events of the cleanup, and the run's end.
const UNWRITTEN_MAX: usize = 16 << 20;
/// The most that a kill of this process can lose.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// How long the last events may take to reach the disk. A hub that is never dropped must not keep the run from ending.
const FINISH_LIMIT: Duration = Duration::from_secs(30);

/// Called with each event after it was applied; for the console.
pub type OnEvent = Box<dyn FnMut(&Event) + Send>;

/// Records events and reads the state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub {
    queue: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    failure: watch::Receiver<Option<String>>,
    /// The run's clock.
    pub(crate) clock: RunClock,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
    lost: AtomicU64,
    /// The current phase. Not part of the state: the phase must be known before the log has its start.
    phase: Mutex<Option<String>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state stays usable: nothing panics between two changes of it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that writes the log.
pub(crate) struct LogTask(JoinHandle<Result<(), RunError>>);

impl LogTask {
    /// Waits until every event is on disk. Every clone of the [`Hub`] must be dropped before.
    ///
    /// # Errors
    /// The log could not be written to its end, or something still holds a hub.
    pub(crate) async fn finish(mut self) -> Result<(), RunError> {
        match tokio::time::timeout(FINISH_LIMIT, &mut self.0).await {
            Ok(ended) => ended.unwrap_or_else(|panic| Err(RunError::failed("write the event log")(panic))),
            Err(_) => {
                self.0.abort();
                Err(RunError::Deadline {
                    what: "the end of the event log".to_owned(),
                    limit_s: FINISH_LIMIT.as_secs(),
                    last: "a task of the run still holds it; every event so far is in it".to_owned(),
                })
            }
        }
    }
}

impl Hub {
    /// Creates the log at `path` and starts to write events.
    ///
    /// # Errors
    /// The log exists already or cannot be created.
    pub(crate) fn open(path: &Path, clock: RunClock, on_event: OnEvent) -> Result<(Self, LogTask), RunError> {
        let failed = |source| RunError::NoLog { path: path.to_owned(), source };
        let file = File::options().write(true).create_new(true).open(path).map_err(failed)?;
        let identity = identity(&file.metadata().map_err(failed)?);
        let (queue, events) = mpsc::channel(QUEUE);
        let (failure_sender, failure) = watch::channel(None);
        let shared = Arc::new(Shared::default());
        let log = Log {
            path: path.to_owned(),
            identity,
            file: Box::new(file),
            waiting: LogWriter::new(Vec::with_capacity(WAITING_MAX)),
            error: None,
            failure: failure_sender,
        };
        let task = tokio::spawn(write_events(events, log, shared.clone(), clock, on_event));
        Ok((Self { queue, shared, failure, clock }, LogTask(task)))
    }

    /// Records an event of now. Never waits: events that a full queue loses are counted, and the count becomes an event.
    pub(crate) fn record(&self, kind: EventKind) {
        self.record_at(self.clock.now_us(), kind);
    }

    /// Records an event of a known moment, in microseconds since the run started.
    pub(crate) fn record_at(&self, at_us: u64, kind: EventKind) {
        if self.queue.try_send(Event { at_us, kind }).is_err() {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records an action that is not one of the plan's and is sent when it is intended. It was answered at a moment, or failed.
    pub(crate) fn record_unplanned(
        &self,
        what: ActionKind,
        phase: &str,
        sent_us: u64,
        answer: Result<u64, ActionError>,
    ) {
        let (acked_us, error) = match answer {
            Ok(acked_us) => (Some(acked_us), None),
            Err(error) => (None, Some(describe(error.as_ref()))),
        };
        let phase = phase.to_owned();
        let stamps = ActionStamps { what, phase, intended_us: sent_us, sent_us: Some(sent_us), acked_us, error };
        self.record_at(acked_us.unwrap_or_else(|| self.clock.now_us()), EventKind::Action(stamps));
    }

    /// Starts a phase. Returns when, in microseconds since the run started.
    pub(crate) fn start_phase(&self, phase: &str) -> u64 {
        let started_us = self.clock.now_us();
        *self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner) = Some(phase.to_owned());
        self.record_at(started_us, EventKind::PhaseBegan { phase: phase.to_owned() });
        started_us
    }

    /// The name of the current phase; empty between phases.
    pub(crate) fn phase(&self) -> String {
        self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// Ends the current phase; nothing happens between phases.
    pub(crate) fn end_phase(&self, outcome: PhaseOutcome, detail: String) {
        let ended = self.shared.phase.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(phase) = ended {
            self.record(EventKind::PhaseEnded { phase, outcome, detail });
        }
    }

    /// Waits until the state is as awaited. Never returns where that never happens: the caller sets the limit.
    pub(crate) async fn wait_until(&self, mut reached: impl FnMut(&State) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if reached(&self.shared.state()) {
                return;
            }
            changed.await;
        }
    }

    /// Reads the state.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.shared.state())
    }

    /// Changes the state by something that conditions wait for and no report asks about.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_waiters();
    }

    /// Returns when the log can no longer be written, and says why. [`LogTask::finish`] has the error itself.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        loop {
            if let Some(error) = failure.borrow_and_update().clone() {
                return error;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The log's file, and whether it is still the one at its path.
struct Log {
    path: PathBuf,
    identity: (u64, u64),
    file: Box<dyn Write + Send>,
    /// What has not been written yet. After a failure it is kept: the file may take it at the end, and otherwise the verdict needs it.
    waiting: LogWriter<Vec<u8>>,
    /// The first failure: the run ends, and cleans up.
    error: Option<RunError>,
    failure: watch::Sender<Option<String>>,
}

fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl Log {
    fn append(&mut self, event: &Event) {
        let is_full = self.error.is_some() && self.waiting.get_mut().len() >= UNWRITTEN_MAX;
        // The end of the run is a line that every reader looks for.
        if is_full && !matches!(event.kind, EventKind::RunEnded { .. }) {
            return;
        }
        if let Err(error) = self.waiting.append(event) {
            self.fail(self.unwritten_because(io::Error::other(error)));
        }
        if self.waiting.get_mut().len() >= WAITING_MAX {
            self.flush();
        }
    }

    fn unwritten_because(&self, source: io::Error) -> RunError {
        RunError::Log { path: self.path.clone(), source, unwritten: Vec::new() }
    }

    /// Writes what waits, as far as the file takes it; the rest keeps waiting.
    fn write_waiting(&mut self) -> io::Result<()> {
        let waiting = self.waiting.get_mut();
        let mut written = 0;
        let outcome = loop {
            match waiting.get(written..) {
                None | Some([]) => break Ok(()),
                Some(rest) => match self.file.write(rest) {
                    Ok(0) => break Err(ErrorKind::WriteZero.into()),
                    Ok(bytes) => written += bytes,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => break Err(error),
                },
            }
        };
        waiting.drain(..written);
        outcome
    }

    /// Writes out what waits. Writes to an unlinked file succeed, so its path is checked too.
    fn flush(&mut self) {
        if self.error.is_some() {
            return;
        }
        if let Err(source) = self.write_waiting() {
            return self.fail(self.unwritten_because(source));
        }
        match std::fs::metadata(&self.path) {
            Ok(metadata) if identity(&metadata) == self.identity => {}
            Err(source) if source.kind() != ErrorKind::NotFound => self.fail(self.unwritten_because(source)),
            Ok(_) | Err(_) => self.fail(RunError::LogRemoved { path: self.path.clone() }),
        }
    }

    fn fail(&mut self, error: RunError) {
        if self.error.is_none() {
            tracing::error!("{error}");
            self.failure.send_replace(Some(error.to_string()));
            self.error = Some(error);
        }
    }

    /// Ends the log. A file that did not take everything is asked once more: the cluster that filled the disk may be gone.
    fn end(mut self) -> Result<(), RunError> {
        self.flush();
        match self.error.take() {
            None => Ok(()),
            Some(RunError::Log { .. }) if self.write_waiting().is_ok() => Ok(()),
            Some(RunError::Log { path, source, .. }) => {
                Err(RunError::Log { path, source, unwritten: self.waiting.into_inner() })
            }
            Some(other) => Err(other),
        }
    }
}

async fn write_events(
    mut events: mpsc::Receiver<Event>,
    mut log: Log,
    shared: Arc<Shared>,
    clock: RunClock,
    mut on_event: OnEvent,
) -> Result<(), RunError> {
    let mut batch = Vec::with_capacity(1024);
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    loop {
        tokio::select! {
            taken = events.recv_many(&mut batch, 1024) => {
                let ended = taken == 0;
                let lost = shared.lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    let overflow = Audit::QueueOverflow { queue: "events".to_owned(), lost };
                    batch.push(Event { at_us: clock.now_us(), kind: EventKind::Audit(overflow) });
                }
                {
                    let mut state = shared.state();
                    batch.iter().for_each(|event| state.apply(event));
                }
                for event in batch.drain(..) {
                    log.append(&event);
                    on_event(&event);
                }
                shared.changed.notify_waiters();
                if ended {
                    break;
                }
            }
            _ = flush.tick() => log.flush(),
        }
    }
    log.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn event(name: &str) -> EventKind {
        EventKind::PhaseBegan { phase: name.to_owned() }
    }

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[tokio::test]
    async fn every_event_is_in_the_log_in_order() {
        let folder = folder();
        let path = folder.path().join("events.jsonl");
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        for i in 0..3_000 {
            hub.record_at(i, event(&format!("p{i}")));
        }
        drop(hub);
        log.finish().await.unwrap();
        let lines = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 3_000);
        assert!(events.iter().enumerate().all(|(i, event)| event.at_us == i as u64));
    }

    /// A log in a file that takes nothing.
    async fn ended_on_a_full_disk(path: PathBuf, file: File) -> (Result<(), RunError>, String) {
        let identity = identity(&file.metadata().unwrap());
        let (failure, failed) = watch::channel(None);
        let file = Box::new(file);
        let log = Log { path, identity, file, waiting: LogWriter::new(Vec::new()), error: None, failure };
        let (queue, events) = mpsc::channel(2);
        let task = tokio::spawn(write_events(events, log, Arc::default(), RunClock::start(), Box::new(|_| {})));
        queue.send(Event { at_us: 0, kind: event("first") }).await.unwrap();
        let mut failed = failed;
        let why = failed.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        queue.send(Event { at_us: 1, kind: event("last") }).await.unwrap();
        drop(queue);
        (task.await.unwrap(), why)
    }

    /// Before, every event after the first failure was lost, and with them the verdict.
    #[tokio::test]
    async fn a_full_disk_ends_the_log_with_that_reason_and_gives_back_what_it_did_not_take() {
        let path = PathBuf::from("/dev/full");
        let file = File::options().write(true).open(&path).unwrap();
        let (ended, why) = ended_on_a_full_disk(path, file).await;
        let error = ended.unwrap_err();
        for text in [why, error.to_string()] {
            assert!(text.contains("/dev/full") && text.contains("No space left on device"), "{text}");
            assert!(text.contains("free some space") && !text.contains("removed"), "{text}");
        }
        let RunError::Log { unwritten, .. } = error else { panic!("{error}") };
        let lines: Vec<Event> =
            String::from_utf8(unwritten).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(|event| event.at_us).collect::<Vec<_>>(), [0, 1]);
    }

    fn log(path: &Path, identity: (u64, u64), file: impl Write + Send + 'static) -> Log {
        let failure = watch::channel(None).0;
        let waiting = LogWriter::new(Vec::new());
        Log { path: path.to_owned(), identity, file: Box::new(file), waiting, error: None, failure }
    }

    /// A disk with so much room, and what it has taken.
    struct SmallDisk {
        room: usize,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.taken.lock().unwrap();
            match bytes.len().min(self.room - taken.len()) {
                0 => Err(ErrorKind::StorageFull.into()),
                count => {
                    taken.extend(&bytes[..count]);
                    Ok(count)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A disk is full in the middle of a line. What it has taken and what is given back are the whole log, and no byte is in both.
    #[test]
    fn a_log_that_a_full_disk_cut_anywhere_is_whole_with_what_is_given_back() {
        let folder = folder();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "").unwrap();
        let identity = identity(&std::fs::metadata(&path).unwrap());
        let append = |log: &mut Log, at_us| log.append(&Event { at_us, kind: event("p") });
        let ended = |room: usize| {
            let taken = Arc::new(Mutex::default());
            let mut log = log(&path, identity, SmallDisk { room, taken: taken.clone() });
            (0..3).for_each(|at_us| append(&mut log, at_us));
            log.flush();
            (3..5).for_each(|at_us| append(&mut log, at_us));
            let ended = log.end();
            (std::mem::take(&mut *taken.lock().unwrap()), ended)
        };
        let (whole, complete) = ended(usize::MAX);
        complete.unwrap();
        assert_eq!(whole.iter().filter(|byte| **byte == b'\n').count(), 5);
        for room in 0..whole.len() {
            let (mut taken, ended) = ended(room);
            assert_eq!(taken.len(), room);
            let Err(RunError::Log { unwritten, .. }) = ended else { panic!("{room}: {ended:?}") };
            taken.extend(unwritten);
            assert_eq!(taken, whole, "{room}");
        }
    }

    #[test]
    fn a_file_takes_a_part_and_at_the_end_the_rest() {
        let folder = folder();
        let path = folder.path().join("events.jsonl");
        // Opened for reading, it takes nothing; a second handle of it does.
        std::fs::write(&path, "").unwrap();
        let file = File::open(&path).unwrap();
        let identity = identity(&file.metadata().unwrap());
        let mut log = log(&path, identity, file);
        log.append(&Event { at_us: 0, kind: event("first") });
        log.flush();
        log.append(&Event { at_us: 1, kind: event("last") });
        assert!(matches!(log.error, Some(RunError::Log { .. })));
        log.file = Box::new(File::options().append(true).open(&path).unwrap());
        log.end().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[tokio::test]
    async fn events_that_a_full_queue_loses_are_counted_in_the_log() {
        let folder = folder();
        let path = folder.path().join("events.jsonl");
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        // The hub's task cannot run before this one awaits.
        for i in 0..QUEUE as u64 + 7 {
            hub.record_at(i, event("p"));
        }
        drop(hub);
        log.finish().await.unwrap();
        let lines = std::fs::read_to_string(&path).unwrap();
        assert!(lines.contains(r#""queue_overflow":{"queue":"events","lost":7}"#));
    }

    #[tokio::test]
    async fn a_removed_folder_ends_the_run_with_a_clear_error() {
        let folder = folder();
        let path = folder.path().join("run").join("events.jsonl");
        std::fs::create_dir(folder.path().join("run")).unwrap();
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        hub.record(event("p"));
        std::fs::remove_dir_all(folder.path().join("run")).unwrap();
        let error =
            tokio::time::timeout(Duration::from_secs(5), hub.failed()).await.expect("noticed within a flush or two");
        assert!(error.to_string().contains("was removed"), "{error}");
        drop((hub, error));
        assert!(log.finish().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hub_that_is_never_dropped_does_not_hold_up_the_end_of_the_log() {
        let folder = folder();
        let path = folder.path().join("events.jsonl");
        let (hub, log) = Hub::open(&path, RunClock::start(), Box::new(|_| {})).unwrap();
        hub.record(event("p"));
        let error = log.finish().await.unwrap_err().to_string();
        assert!(error.contains("still holds it"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
        drop(hub);
    }

    #[tokio::test]
    async fn a_log_is_never_overwritten() {
        let folder = folder();
        let path = folder.path().join("events.jsonl");
        std::fs::write(&path, "mine").unwrap();
        assert!(Hub::open(&path, RunClock::start(), Box::new(|_| {})).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    #[tokio::test]
    async fn a_wait_ends_at_once_where_the_state_is_reached_and_otherwise_at_its_limit() {
        let folder = folder();
        let (hub, _log) = Hub::open(&folder.path().join("events.jsonl"), RunClock::start(), Box::new(|_| {})).unwrap();
        hub.wait_until(|state| state.pods() == 0).await;
        let started = Instant::now();
        let waiting = tokio::time::timeout(Duration::from_millis(50), hub.wait_until(|state| state.pods() == 1));
        assert!(waiting.await.is_err() && started.elapsed() >= Duration::from_millis(50));
    }
}
