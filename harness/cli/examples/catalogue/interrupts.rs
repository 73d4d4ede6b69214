//! Ctrl-C, SIGTERM and SIGHUP. They are counted, since the catalogue passes each on to the runs: the first makes a run clean up, the second makes
//! it abandon the cleanup.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// The number of interrupts so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts(Arc<AtomicU32>);

impl Interrupts {
    /// Starts listening, in a thread of its own. At each interrupt it prints what is waited for.
    pub(crate) fn listen(waiting_for: &'static str) -> std::io::Result<Self> {
        let interrupts = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let mut streams = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
        };
        let counted = interrupts.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    let (int, term, hup) = (&mut streams.0, &mut streams.1, &mut streams.2);
                    tokio::select! {
                        _ = int.recv() => {}
                        _ = term.recv() => {}
                        _ = hup.recv() => {}
                    }
                    counted.add();
                    eprintln!("interrupted: waiting for {waiting_for}");
                }
            });
        });
        Ok(interrupts)
    }

    /// Counts one more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// The number so far.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}
