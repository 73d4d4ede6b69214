//! Ctrl-C and its like. They are counted: each is passed on to the runs, which clean up at the first and give that up at the second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::signal::unix::{SignalKind, signal};

/// How often somebody has asked for the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts(Arc<AtomicU32>);

impl Interrupts {
    /// Listens for SIGINT, SIGTERM and SIGHUP from now on, in a thread of its own.
    pub(crate) fn listen() -> std::io::Result<Self> {
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
                    eprintln!("interrupted: waiting until what runs has cleaned up (again to give that up)");
                }
            });
        });
        Ok(interrupts)
    }

    /// One more.
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}
