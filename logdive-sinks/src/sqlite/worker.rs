//! The thread that talks to SQLite.

use std::fmt;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use logdive_core::port::JournalError;
use rusqlite::Connection;
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// One thread with one connection. Work is done in the order it was handed in, also if whoever
/// asked has stopped waiting.
pub(super) struct Worker {
    /// `None` only while it is dropped.
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(mut connection: Connection) -> io::Result<Self> {
        let (queue, works) = channel::<Work>();
        let thread =
            std::thread::Builder::new().name("logdive-journal".to_owned()).spawn(move || {
                for work in works {
                    work(&mut connection);
                }
            })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            // Nobody waiting is no reason not to do it.
            let _ = answer.send(work(connection));
        });
        let ended = || JournalError::store("asking the thread of the journal", "it has ended");
        self.queue.as_ref().and_then(|queue| queue.send(work).ok()).ok_or_else(ended)?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Drop for Worker {
    /// Does what was handed in and closes the file, so that it is closed when this returns.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been told to whoever asked.
            let _ = thread.join();
        }
    }
}
