//! Time, as an argument.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// What time it is, and waiting. Everything takes one, so that runs replay.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// What time it is.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until a time; returns at once if it has passed.
    async fn sleep_until(&self, time: DateTime<Utc>);
}

/// The machine's clock. It waits without a runtime of its own.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// The machine's clock.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        Utc::now()
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        if let Ok(duration) = (time - self.now()).to_std() {
            futures_timer::Delay::new(duration).await;
        }
    }
}
