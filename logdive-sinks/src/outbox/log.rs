//! A delivery log by value or shared.

use std::sync::Arc;

use logdive_core::port::DeliveryLog;

/// What an outbox takes as its journal: a [`DeliveryLog`] by value, or in an [`Arc`] because
/// others use it too.
///
/// The parameter only tells these apart for the compiler; it is never written.
pub trait IntoLog<How> {
    /// The log, shared.
    fn into_log(self) -> Arc<dyn DeliveryLog>;
}

impl<T: DeliveryLog + 'static> IntoLog<()> for T {
    fn into_log(self) -> Arc<dyn DeliveryLog> {
        Arc::new(self)
    }
}

impl<T: DeliveryLog + 'static> IntoLog<Arc<()>> for Arc<T> {
    fn into_log(self) -> Arc<dyn DeliveryLog> {
        self
    }
}

impl IntoLog<Self> for Arc<dyn DeliveryLog> {
    fn into_log(self) -> Self {
        self
    }
}
