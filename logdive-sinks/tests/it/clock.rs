//! A clock that tests set.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::port::Clock;

/// Time passes when somebody waits for it, at once; but a wait as long as `endless` or longer
/// never ends, so that a time limit is not reached while a real answer is on its way.
#[derive(Debug)]
pub(crate) struct ManualClock {
    now: Mutex<DateTime<Utc>>,
    endless: TimeDelta,
    waits: Mutex<Vec<Duration>>,
}

impl ManualClock {
    pub(crate) fn new(endless: Duration) -> Self {
        Self {
            now: Mutex::new("2026-07-10T12:00:00Z".parse().unwrap()),
            endless: TimeDelta::from_std(endless).unwrap(),
            waits: Mutex::default(),
        }
    }

    /// What was waited for, in order.
    pub(crate) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap()
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        let wait = time - self.now();
        if wait >= self.endless {
            std::future::pending::<()>().await;
        }
        if let Ok(wait) = wait.to_std() {
            self.waits.lock().unwrap().push(wait);
            *self.now.lock().unwrap() = time;
        }
    }
}
