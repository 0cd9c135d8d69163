//! Trying again, and never twice what may have arrived.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use logdive_core::Digest;
use logdive_core::port::{Clock, Idempotency, Receipt, Rendered, Sink, SinkError};

use super::Wrapper;
use super::timeout::{sleep, within};
use crate::SetupError;

/// When and how often a delivery is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often it is tried in all.
    pub tries: u32,
    /// The wait after the first try; it doubles with each.
    pub first: Duration,
    /// The longest wait between two tries.
    pub longest: Duration,
    /// How long a request that got no answer may still be on its way: what is not found is looked
    /// for once more after this, before it is sent again.
    pub settle: Duration,
    /// If the destination asks for a longer wait than this, the caller is told so instead.
    pub patience: Duration,
    /// Spreads the waits of many processes; each takes another number. The same seed and key give
    /// the same waits.
    pub seed: u64,
}

impl Default for RetryPolicy {
    /// 8 tries, 1 s to 60 s apart, 2 s to settle, 10 min of patience.
    fn default() -> Self {
        Self {
            tries: 8,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            settle: Duration::from_secs(2),
            patience: Duration::from_secs(600),
            seed: 0,
        }
    }
}

impl RetryPolicy {
    /// One try.
    #[must_use]
    pub fn never() -> Self {
        Self { tries: 1, ..Self::default() }
    }

    /// So many tries in all.
    #[must_use]
    pub const fn tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// Waits between tries, from the first to the longest.
    #[must_use]
    pub const fn waits(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    /// How long a request that got no answer may still be on its way.
    #[must_use]
    pub const fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The longest wait a destination may ask for.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Spreads the waits of many processes.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub(crate) fn checked(&self) -> Result<(), SetupError> {
        if self.tries == 0 {
            return Err(SetupError::setting("tries of the retry policy", "must be at least 1"));
        }
        if self.first > self.longest {
            return Err(SetupError::setting(
                "waits of the retry policy",
                "the first must not be longer than the longest",
            ));
        }
        Ok(())
    }

    /// The wait before a try (the second is 1): doubled each time, of which the upper half is
    /// spread by seed and key.
    fn wait(&self, tried: u32, key: &str) -> Duration {
        let doubled = 2_u32.checked_pow(tried.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(doubled).min(self.longest);
        let digest = Digest::of_parts([self.seed.to_string(), tried.to_string(), key.to_owned()]);
        let spread = u32::from(digest.as_bytes().first().copied().unwrap_or_default());
        full / 2 + full.saturating_mul(spread) / 512
    }
}

/// Tries again as the error says.
///
/// What was provably not applied is sent again. What may have been applied is not, unless the
/// destination keeps one of each key; a destination that can be asked is asked first.
pub struct Retry {
    policy: RetryPolicy,
    clock: Arc<dyn Clock>,
    /// How long an answer to a question may take.
    answer: Duration,
}

impl Retry {
    /// Tries again by a policy. A question to the destination may take as long as given.
    #[must_use]
    pub fn new(policy: RetryPolicy, answer: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { policy, clock, answer }
    }

    /// Sends it, unless it is asked for and found.
    async fn attempt(
        &self,
        next: &dyn Sink,
        rendered: &Rendered,
        ask: bool,
    ) -> Result<Receipt, SinkError> {
        if ask && let Some(receipt) = self.arrived(next, rendered).await? {
            return Ok(receipt);
        }
        next.deliver(rendered).await
    }

    /// Asks for what may have arrived; what is not there, once more when it must have arrived.
    async fn arrived(
        &self,
        next: &dyn Sink,
        rendered: &Rendered,
    ) -> Result<Option<Receipt>, SinkError> {
        let ask = || within(&*self.clock, self.answer, next.find(&rendered.target, &rendered.key));
        if let Some(receipt) = ask().await? {
            return Ok(Some(receipt));
        }
        sleep(&*self.clock, self.policy.settle).await;
        ask().await
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("policy", &self.policy).finish_non_exhaustive()
    }
}

#[async_trait]
impl Wrapper for Retry {
    async fn around(&self, next: &dyn Sink, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let class = next.caps().idempotency;
        // An update in place is the same however often it is sent, and what would be found is
        // perhaps what was there before.
        let can_ask = class == Idempotency::ReadBack && rendered.existing.is_none();
        let key = rendered.key.to_string();
        // Why it may have arrived. As long as there is a reason, no error may say it did not.
        let mut doubt: Option<String> = None;
        let mut tried = 0;
        loop {
            tried += 1;
            let ask = can_ask && doubt.is_some();
            let error = match self.attempt(next, rendered, ask).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            let wait = match &error {
                SinkError::NoAnswer(_) if class == Idempotency::None => None,
                SinkError::Transient(_) | SinkError::NoAnswer(_) => {
                    Some(self.policy.wait(tried, &key))
                }
                SinkError::RateLimited { after } => {
                    let wait = self.policy.wait(tried, &key).max(after.unwrap_or_default());
                    (wait <= self.policy.patience).then_some(wait)
                }
                SinkError::TooLarge { .. }
                | SinkError::Auth(_)
                | SinkError::Gone(_)
                | SinkError::Rejected(_) => None,
            };
            if let SinkError::NoAnswer(why) = &error {
                doubt = Some(why.clone());
            }
            match wait.filter(|_| tried < self.policy.tries) {
                Some(wait) => sleep(&*self.clock, wait).await,
                None => {
                    if can_ask
                        && doubt.is_some()
                        && let Ok(Some(receipt)) = self.arrived(next, rendered).await
                    {
                        return Ok(receipt);
                    }
                    return Err(in_doubt(doubt, error));
                }
            }
        }
    }
}

fn in_doubt(doubt: Option<String>, error: SinkError) -> SinkError {
    match (doubt, error) {
        (None, error) => error,
        (Some(_), SinkError::NoAnswer(why)) => SinkError::NoAnswer(why),
        (Some(doubt), error) => SinkError::NoAnswer(format!("{doubt}; then: {error}")),
    }
}
