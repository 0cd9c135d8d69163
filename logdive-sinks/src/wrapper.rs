//! What stands around a sink: one method an author, one forwarder for the rest.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use logdive_core::DeliveryKey;
use logdive_core::port::{Caps, Health, Receipt, Rendered, Sink, SinkError};

mod retry;
mod timeout;

pub use retry::{Retry, RetryPolicy};
pub use timeout::Timeout;
pub(crate) use timeout::{sleep, within};

/// Stands around a sink and changes how it delivers.
#[async_trait]
pub trait Wrapper: Send + Sync + fmt::Debug {
    /// Delivers by the sink inside, as often as it sees fit.
    ///
    /// # Errors
    /// What the caller needs next; once the sink inside said [`SinkError::NoAnswer`], never an
    /// error that says that nothing was applied, unless that is known since.
    async fn around(&self, next: &dyn Sink, rendered: &Rendered) -> Result<Receipt, SinkError>;
}

/// Puts a wrapper around a sink. The result is a sink again.
pub fn wrap(sink: Arc<dyn Sink>, wrapper: impl Wrapper + 'static) -> Arc<dyn Sink> {
    Arc::new(Wrapped { sink, wrapper })
}

/// The only forwarder.
#[derive(Debug)]
struct Wrapped<W> {
    sink: Arc<dyn Sink>,
    wrapper: W,
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<W: Wrapper> Sink for Wrapped<W> {
    fn caps(&self) -> Caps {
        self.sink.caps()
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        self.wrapper.around(&*self.sink, rendered).await
    }

    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        self.sink.find(target, key).await
    }

    async fn check(&self) -> Result<Health, SinkError> {
        self.sink.check().await
    }
}
