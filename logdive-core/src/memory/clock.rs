//! A clock that stands until it is moved.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::lock;
use crate::port::Clock;

/// A clock that stands until it is moved. Waiting moves it. A clone is the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<DateTime<Utc>>>);

impl ManualClock {
    /// A clock that shows a time.
    #[must_use]
    pub fn at(time: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Moves the clock.
    pub fn set(&self, time: DateTime<Utc>) {
        *lock(&self.0) = time;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *lock(&self.0)
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        let mut now = lock(&self.0);
        *now = time.max(*now);
    }
}
