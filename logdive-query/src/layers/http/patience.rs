//! How long is waited, and how often is asked again.

use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use logdive_core::port::{Clock, LayerQuery};
use tokio::time::Instant;

use super::fault::{Again, Fault};

/// Most requests for one answer while a store throttles.
const MOST_LATER: u32 = 20;
/// Most requests for one answer while a store fails.
const MOST_SOON: u32 = 4;
/// The first wait, and how much longer each further one is.
const FAILED_WAIT: (Duration, u32) = (Duration::from_millis(20), 5);
const THROTTLED_WAIT: (Duration, u32) = (Duration::from_millis(100), 2);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Kept of the time for saying what was read, so that it comes before nobody waits any more.
const MOST_KEPT: Duration = Duration::from_millis(250);

/// When an answer is of no more use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// That of a query. The clock is read once; from then on time is the runtime's.
    pub(super) fn of(query: &LayerQuery, clock: &dyn Clock) -> Self {
        let left = query.deadline.map(|deadline| {
            let left = (deadline - clock.now()).to_std().unwrap_or_default();
            left - (left / 10).min(MOST_KEPT)
        });
        Self(left.and_then(|left| Instant::now().checked_add(left)))
    }

    /// What is left of it.
    pub(super) fn left(self) -> Option<Duration> {
        self.0.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Does something as long as there is time.
    pub(super) async fn within<T>(
        self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let late = || Fault::timed_out("no answer before the deadline");
        match self.0 {
            None => work.await,
            Some(deadline) => {
                tokio::time::timeout_at(deadline, work).await.unwrap_or_else(|_| Err(late()))
            }
        }
    }
}

/// How often one thing was asked in vain.
#[derive(Debug, Default)]
pub(super) struct Patience {
    soon: u32,
    later: u32,
}

impl Patience {
    /// Waits before the next try.
    ///
    /// # Errors
    /// The fault itself, if another try does not help, was made often enough, or would come too
    /// late.
    pub(super) async fn wait(&mut self, fault: Fault, deadline: Deadline) -> Result<(), Fault> {
        let wait = self.next(fault, deadline.left())?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// How long to wait, if so much time is left.
    fn next(&mut self, fault: Fault, left: Option<Duration>) -> Result<Duration, Fault> {
        let wait = match fault.again {
            Again::Never => return Err(fault),
            Again::Soon => {
                self.soon += 1;
                (self.soon < MOST_SOON).then(|| backoff(FAILED_WAIT, self.soon))
            }
            Again::Later(asked) => {
                self.later += 1;
                (self.later < MOST_LATER)
                    .then(|| asked.unwrap_or_else(|| backoff(THROTTLED_WAIT, self.later)))
            }
        };
        let tries = self.soon + self.later;
        let Some(wait) = wait else {
            return Err(Fault { text: format!("{} ({tries} times)", fault.text), ..fault });
        };
        if left.is_some_and(|left| left <= wait) {
            let text = format!("{}; no time is left to ask again", fault.text);
            return Err(Fault { text, ..fault });
        }
        Ok(wait)
    }
}

/// Grows from try to try, less up to a quarter by chance, so that many who were refused at once do
/// not come back at once.
fn backoff((first, factor): (Duration, u32), tries: u32) -> Duration {
    let longer = factor.saturating_pow(tries.saturating_sub(1));
    let wait = first.saturating_mul(longer).min(LONGEST_WAIT);
    let chance = RandomState::new().build_hasher().finish() % 256;
    wait - wait.mul_f64(f64::from(u32::try_from(chance).unwrap_or(0)) / 1_024.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use logdive_core::memory::ManualClock;
    use logdive_core::port::LayerQuery;
    use logdive_core::{Predicate, Window};

    use super::{Deadline, Patience};
    use crate::layers::http::fault::{Again, Fault};

    fn deadline(seconds: i64) -> Deadline {
        let now = "2023-07-10T12:00:00Z".parse().unwrap();
        let query = LayerQuery {
            window: Window::new(now, now + chrono::TimeDelta::hours(1)).unwrap(),
            predicate: Predicate::always(),
            limit: None,
            deadline: Some(now + chrono::TimeDelta::seconds(seconds)),
        };
        Deadline::of(&query, &ManualClock::at(now))
    }

    #[test]
    fn a_store_that_throttles_for_ever_is_given_up_at_the_deadline() {
        let mut left = Duration::from_secs(10);
        let mut patience = Patience::default();
        let fault = loop {
            let fault = Fault::new("too many").again(Again::Later(None));
            match patience.next(fault, Some(left)) {
                Ok(wait) => left -= wait,
                Err(fault) => break fault,
            }
        };
        assert_eq!(fault.text, "too many; no time is left to ask again");
        assert!(left < Duration::from_secs(5), "{left:?} were left");
    }

    #[test]
    fn tries_are_counted_and_waits_asked_for_are_kept() {
        let mut patience = Patience::default();
        let seven = Duration::from_secs(7);
        let asked = Fault::new("x").again(Again::Later(Some(seven)));
        assert_eq!(patience.next(asked, Some(Duration::from_secs(60))).unwrap(), seven);
        let soon = || Fault::new("x").again(Again::Soon);
        let waits: Vec<Duration> = (0..3).map(|_| patience.next(soon(), None).unwrap()).collect();
        assert!(waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
        assert_eq!(patience.next(soon(), None).unwrap_err().text, "x (5 times)");
        assert!(patience.next(Fault::new("x"), None).is_err());
        let mut patience = Patience::default();
        let times =
            (1..).find(|_| patience.next(Fault::new("x").again(Again::Later(None)), None).is_err());
        assert_eq!(times, Some(20), "without a deadline too");
    }

    #[tokio::test]
    async fn what_is_late_is_ended_before_nobody_waits_any_more() {
        let never = std::future::pending::<Result<(), Fault>>();
        assert!(deadline(0).within(never).await.is_err());
        assert!(deadline(-5).left().unwrap().is_zero());
        assert!(deadline(10).left().unwrap() < Duration::from_secs(10));
    }
}
