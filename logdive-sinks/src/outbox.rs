//! The outbox: what stands between a delivery and its sink, in a fixed order.

use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use logdive_core::port::{
    Begin, Caps, Clock, Delivery, DeliveryKind, DeliveryLog, DeliveryOutcome, Health, Idempotency,
    Post, PostError, Receipt, Rendered, Sink, SinkError, SizeLimit,
};
use logdive_core::{Audience, DeliveryKey};
use tokio::sync::{Mutex, MutexGuard};

use crate::fit::{Fitted, fit};
use crate::render::{Format, visible};
use crate::wrapper::{sleep, within};

mod builder;
mod log;

pub use builder::OutboxBuilder;
pub use log::IntoLog;

/// How many deliveries of different keys may be under way at once, at least most of the time.
const STRIPES: usize = 64;

/// Sends deliveries to a sink: fitted, recorded, tried again, and effectively once.
///
/// What stands between a delivery and the sink has a fixed order: dry-run, fit, journal, retry,
/// timeout. Each can be set or left out, none can be moved.
pub struct Outbox {
    /// With retry and timeout around it.
    sink: Arc<dyn Sink>,
    caps: Caps,
    log: Option<Arc<dyn DeliveryLog>>,
    clock: Arc<dyn Clock>,
    format: Format,
    dry_run: bool,
    allow_public: bool,
    resend_unanswered: bool,
    /// How long an answer to a question may take.
    answer: Duration,
    /// How long a request that got no answer may still be on its way.
    settle: Duration,
    /// Deliveries of one key follow each other: the second must see what became of the first.
    stripes: Vec<Mutex<()>>,
}

impl Outbox {
    /// Begins an outbox to a sink.
    pub fn to(sink: impl Sink + 'static) -> OutboxBuilder {
        OutboxBuilder::new(Arc::new(sink))
    }

    /// Begins an outbox to a sink that others use too.
    pub fn to_shared(sink: Arc<dyn Sink>) -> OutboxBuilder {
        OutboxBuilder::new(sink)
    }

    /// What the sink can do.
    #[must_use]
    pub const fn caps(&self) -> &Caps {
        &self.caps
    }

    /// What would be sent, as the sink would get it. Sends and records nothing.
    ///
    /// # Errors
    /// If it must not go there, or not even what is essential fits.
    pub fn preview(&self, delivery: &Delivery) -> Result<Rendered, PostError> {
        self.permit(delivery)?;
        let fitted = self.fitted(delivery, self.caps.body)?;
        Ok(rendered(delivery, fitted.body, None))
    }

    /// Asks whether the destination is there and lets us in; sends nothing.
    ///
    /// # Errors
    /// Why not.
    pub async fn check(&self) -> Result<Health, SinkError> {
        within(&*self.clock, self.answer, self.sink.check()).await
    }

    /// Sends a delivery; returns when it is there.
    ///
    /// With a journal it is effectively once: what is there already is not sent again, and what
    /// may be there after a crash or a lost answer is looked for first. A dry run gives a receipt
    /// that says so.
    ///
    /// # Errors
    /// If it did not go out, or it is not known whether it did; then sending it again looks first.
    pub async fn send(&self, delivery: Delivery) -> Result<Receipt, PostError> {
        self.permit(&delivery)?;
        let fitted = self.fitted(&delivery, self.caps.body)?;
        if self.dry_run {
            return Ok(Receipt { kept: fitted.kept, dry_run: true, ..Receipt::new("dry-run") });
        }
        let _turn = self.turn(&delivery.key).await;
        match self.log.clone() {
            Some(log) => self.send_recorded(&*log, &delivery, fitted).await,
            None => self.send_unrecorded(&delivery, fitted).await,
        }
    }

    /// A public delivery goes out only where that was allowed.
    fn permit(&self, delivery: &Delivery) -> Result<(), PostError> {
        match delivery.audience {
            Audience::Internal => Ok(()),
            _ if self.allow_public => Ok(()),
            _ => Err(PostError::Refused(format!(
                "`{}` is for the public, and this outbox to `{}` is not allowed to post publicly; \
                 build it with `allow_public(true)` if it should be",
                visible(&delivery.target),
                self.caps.name
            ))),
        }
    }

    fn fitted(&self, delivery: &Delivery, limit: SizeLimit) -> Result<Fitted, PostError> {
        fit(&delivery.document, self.format, limit).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: SinkError) -> PostError {
        PostError::Sink { sink: self.caps.name.clone(), source }
    }

    async fn turn(&self, key: &DeliveryKey) -> Option<MutexGuard<'_, ()>> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
        let stripe = usize::try_from(hash % STRIPES as u64).unwrap_or_default();
        match self.stripes.get(stripe) {
            Some(stripe) => Some(stripe.lock().await),
            None => None,
        }
    }

    async fn send_recorded(
        &self,
        log: &dyn DeliveryLog,
        delivery: &Delivery,
        fitted: Fitted,
    ) -> Result<Receipt, PostError> {
        let Delivery { key, target, .. } = delivery;
        let content = delivery.document.digest();
        let (existing, unanswered) = match log.begin(key, &self.caps.name, target, content).await? {
            Begin::Fresh => (None, false),
            Begin::Update(receipt) => (Some(receipt), false),
            Begin::Done(receipt) => return Ok(receipt),
            Begin::Resume(older) => match self.resume(delivery, older).await {
                Ok(Resumed::Send(existing)) => (existing, true),
                Ok(Resumed::Arrived(receipt)) => {
                    let receipt = Receipt { kept: fitted.kept, ..receipt };
                    return self.record(log, key, receipt).await;
                }
                Err(error) => {
                    log.end(key, &self.caps.name, &DeliveryOutcome::NoAnswer).await?;
                    return Err(self.failed(error));
                }
            },
        };
        match self.deliver(delivery, fitted, existing).await {
            Ok(receipt) => self.record(log, key, receipt).await,
            Err(error) => {
                let outcome = outcome(&error, unanswered);
                log.end(key, &self.caps.name, &outcome).await?;
                Err(self.failed(error))
            }
        }
    }

    /// Without a record there is only the destination to ask, if it can be asked.
    async fn send_unrecorded(
        &self,
        delivery: &Delivery,
        fitted: Fitted,
    ) -> Result<Receipt, PostError> {
        let mut existing = None;
        if self.caps.idempotency == Idempotency::ReadBack {
            existing = self.find(delivery).await.map_err(|error| self.failed(error))?;
            if delivery.kind == DeliveryKind::Reply
                && let Some(receipt) = existing
            {
                return Ok(Receipt { kept: fitted.kept, ..receipt });
            }
        }
        self.deliver(delivery, fitted, existing).await.map_err(|error| self.failed(error))
    }

    async fn find(&self, delivery: &Delivery) -> Result<Option<Receipt>, SinkError> {
        let answer = self.sink.find(&delivery.target, &delivery.key);
        within(&*self.clock, self.answer, answer).await
    }

    /// Finds out what became of a delivery of which nothing was heard.
    async fn resume(
        &self,
        delivery: &Delivery,
        older: Option<Receipt>,
    ) -> Result<Resumed, SinkError> {
        match self.caps.idempotency {
            Idempotency::Native => Ok(Resumed::Send(older)),
            Idempotency::None if self.resend_unanswered => Ok(Resumed::Send(older)),
            Idempotency::None => Err(SinkError::NoAnswer(format!(
                "it was sent before and nothing came back, and `{}` cannot be asked; look at `{}`, \
                 and if it is not there send it under another key",
                self.caps.name,
                visible(&delivery.target)
            ))),
            Idempotency::ReadBack => {
                let mut found = self.find(delivery).await?;
                if found.is_none() {
                    // It may still be on its way.
                    sleep(&*self.clock, self.settle).await;
                    found = self.find(delivery).await?;
                }
                Ok(match (found, delivery.kind) {
                    (Some(receipt), DeliveryKind::Reply) => Resumed::Arrived(receipt),
                    // What is there may be an older content: it is brought up to date in place.
                    (Some(receipt), DeliveryKind::Comment) => Resumed::Send(Some(receipt)),
                    (None, _) => Resumed::Send(None),
                })
            }
        }
    }

    /// Sends it, and once more if it is larger than the sink said it takes.
    async fn deliver(
        &self,
        delivery: &Delivery,
        fitted: Fitted,
        existing: Option<Receipt>,
    ) -> Result<Receipt, SinkError> {
        let Fitted { body, kept } = fitted;
        let length = self.caps.body.measure(&body);
        let first = rendered(delivery, body, existing.clone());
        let (answer, kept) = match self.sink.deliver(&first).await {
            Err(SinkError::TooLarge { actual, max }) => {
                // What the destination counts may be more than the body, so what is too much is
                // taken off the body too.
                let max = max.min(length.saturating_sub(actual.saturating_sub(max)));
                let limit = SizeLimit { max, unit: self.caps.body.unit };
                let Fitted { body, kept } = fit(&delivery.document, self.format, limit)?;
                (self.sink.deliver(&rendered(delivery, body, existing)).await, kept)
            }
            answer => (answer, kept),
        };
        answer.map(|receipt| Receipt { kept, dry_run: false, ..receipt })
    }

    async fn record(
        &self,
        log: &dyn DeliveryLog,
        key: &DeliveryKey,
        receipt: Receipt,
    ) -> Result<Receipt, PostError> {
        let outcome = DeliveryOutcome::Delivered(receipt.clone());
        match log.end(key, &self.caps.name, &outcome).await {
            Ok(()) => Ok(receipt),
            // Not `PostError::Journal`, which says that nothing was sent.
            Err(error) => Err(self.failed(SinkError::NoAnswer(format!(
                "it was delivered as `{}`, and that could not be recorded: {error}",
                receipt.id
            )))),
        }
    }
}

enum Resumed {
    /// It is to be sent, in the place it has already, if it has one.
    Send(Option<Receipt>),
    /// It is there.
    Arrived(Receipt),
}

fn rendered(delivery: &Delivery, body: String, existing: Option<Receipt>) -> Rendered {
    Rendered {
        kind: delivery.kind,
        target: delivery.target.clone(),
        key: delivery.key,
        body,
        existing,
    }
}

/// What is recorded of a failure. After an attempt without an answer, one that was not applied
/// says nothing about the first.
fn outcome(error: &SinkError, unanswered: bool) -> DeliveryOutcome {
    match error {
        SinkError::NoAnswer(_) => DeliveryOutcome::NoAnswer,
        _ if unanswered => DeliveryOutcome::NoAnswer,
        SinkError::Transient(_) | SinkError::RateLimited { .. } | SinkError::Auth(_) => {
            DeliveryOutcome::NotApplied
        }
        SinkError::TooLarge { .. } | SinkError::Gone(_) | SinkError::Rejected(_) => {
            DeliveryOutcome::Dead(error.to_string())
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox")
            .field("sink", &self.sink)
            .field("log", &self.log)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Post for Outbox {
    async fn send(&self, delivery: Delivery) -> Result<Receipt, PostError> {
        Self::send(self, delivery).await
    }
}
