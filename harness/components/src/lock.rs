//! One build at a time in one cache folder.
//!
//! An advisory lock of the file system: it is released when the process that holds it ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::{BuildError, io_error};

/// The pause between two attempts of a waiting build.
const POLL: Duration = Duration::from_millis(200);

/// Held while building; dropping it lets the next one in.
#[derive(Debug)]
pub(super) struct BuildLock {
    _file: File,
}

impl BuildLock {
    /// Takes the lock at `path`; calls `waiting` once with the holder's description when it has to wait.
    pub(super) async fn acquire(path: &Path, limit: Duration, waiting: impl Fn(&str)) -> Result<Self, BuildError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(io_error("open the lock file", path))?;
        let started = Instant::now();
        let mut reported = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => {
                    return Err(io_error("lock", path)(source));
                }
                Err(TryLockError::WouldBlock) => {}
            }
            let holder = describe_holder(path);
            if !reported {
                waiting(&holder);
                reported = true;
            }
            if started.elapsed() >= limit {
                return Err(BuildError::LockTimeout { waited: started.elapsed(), holder });
            }
            tokio::time::sleep(POLL).await;
        }
        let note = format!(
            "process {} since {}\n",
            std::process::id(),
            jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(note.as_bytes()))
            .map_err(io_error("write the lock file", path))?;
        Ok(Self { _file: file })
    }
}

fn describe_holder(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(200).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), note) if !note.is_empty() => note.to_owned(),
        // It has the lock but has not written its name yet.
        _ => "a process that has just started".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_says_for_whom() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let limit = Duration::from_secs(20);
        let first = BuildLock::acquire(&path, limit, |_| panic!("nobody to wait for")).await.unwrap();
        let seen = Mutex::new(String::new());
        let (told, first_may_go) = tokio::sync::oneshot::channel();
        let told = Mutex::new(Some(told));
        let second = BuildLock::acquire(&path, limit, |holder| {
            holder.clone_into(&mut seen.lock().unwrap());
            if let Some(told) = told.lock().unwrap().take() {
                told.send(()).unwrap();
            }
        });
        let release = async {
            first_may_go.await.unwrap();
            drop(first);
        };
        let (second, ()) = tokio::join!(second, release);
        second.unwrap();
        let expected = format!("process {}", std::process::id());
        assert!(seen.lock().unwrap().starts_with(&expected));
    }

    #[tokio::test]
    async fn waiting_has_a_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _first = BuildLock::acquire(&path, Duration::ZERO, |_| {}).await.unwrap();
        let error = BuildLock::acquire(&path, Duration::ZERO, |_| {}).await.unwrap_err();
        assert!(matches!(error, BuildError::LockTimeout { .. }));
        assert!(error.to_string().contains("process "), "{error}");
    }
}
