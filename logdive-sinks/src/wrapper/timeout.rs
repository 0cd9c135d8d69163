//! An end to waiting.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use logdive_core::port::{Clock, Receipt, Rendered, Sink, SinkError};

use super::Wrapper;

/// Ends a delivery that takes too long. What it did by then is not known: [`SinkError::NoAnswer`].
pub struct Timeout {
    after: Duration,
    clock: Arc<dyn Clock>,
}

impl Timeout {
    /// Ends a delivery after so long.
    #[must_use]
    pub fn new(after: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { after, clock }
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("after", &self.after).finish_non_exhaustive()
    }
}

#[async_trait]
impl Wrapper for Timeout {
    async fn around(&self, next: &dyn Sink, rendered: &Rendered) -> Result<Receipt, SinkError> {
        within(&*self.clock, self.after, next.deliver(rendered)).await
    }
}

/// The answer, or [`SinkError::NoAnswer`] if it takes too long.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    after: Duration,
    answer: impl Future<Output = Result<T, SinkError>>,
) -> Result<T, SinkError> {
    tokio::select! {
        biased;
        answer = answer => answer,
        () = sleep(clock, after) => {
            Err(SinkError::NoAnswer(format!("nothing came back within {after:?}")))
        }
    }
}

/// Waits so long.
pub(crate) async fn sleep(clock: &dyn Clock, duration: Duration) {
    let until = TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| clock.now().checked_add_signed(duration));
    match until {
        Some(until) => clock.sleep_until(until).await,
        // Longer than there is time.
        None => std::future::pending().await,
    }
}
