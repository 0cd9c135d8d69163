//! Building an outbox.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use logdive_core::port::{Clock, DeliveryLog, Sink, SystemClock};
use tokio::sync::Mutex;

use super::{IntoLog, Outbox, STRIPES};
use crate::SetupError;
use crate::render::Format;
use crate::wrapper::{Retry, RetryPolicy, Timeout, wrap};

/// How long a sink may take, if nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sets what stands between a delivery and its sink. The order is fixed.
#[must_use]
pub struct OutboxBuilder {
    sink: Arc<dyn Sink>,
    log: Option<Arc<dyn DeliveryLog>>,
    retry: RetryPolicy,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    width: Option<usize>,
    dry_run: bool,
    allow_public: bool,
    resend_unanswered: bool,
}

impl OutboxBuilder {
    pub(super) fn new(sink: Arc<dyn Sink>) -> Self {
        Self {
            sink,
            log: None,
            retry: RetryPolicy::default(),
            timeout: TIMEOUT,
            clock: Arc::new(SystemClock::new()),
            width: None,
            dry_run: false,
            allow_public: false,
            resend_unanswered: false,
        }
    }

    /// Records deliveries in a log, by value or shared, so that none is doubled by a crash, a lost
    /// answer or being sent again. Without one, a sink that can be asked is asked before each
    /// delivery; to one that cannot be asked, what is sent again after a restart is there twice.
    pub fn journal<How>(mut self, log: impl IntoLog<How>) -> Self {
        self.log = Some(log.into_log());
        self
    }

    /// Renders and fits, and neither sends nor records. [`Outbox::preview`] shows the text.
    pub const fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// When and how often a delivery is tried again; 8 times, if nothing else is said.
    pub const fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long each try and each question may take; 60 s, if nothing else is said.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The clock that waits go by; the machine's, if nothing else is said.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Columns of plain text; 80, if nothing else is said, and at least 20.
    pub const fn width(mut self, columns: usize) -> Self {
        self.width = Some(columns);
        self
    }

    /// Lets deliveries out that the public may read.
    pub const fn allow_public(mut self, allow: bool) -> Self {
        self.allow_public = allow;
        self
    }

    /// Sends again what got no answer, to a sink that cannot be asked, when it is handed in again.
    /// For places where twice is better than never, like a terminal.
    pub const fn resend_unanswered(mut self, resend: bool) -> Self {
        self.resend_unanswered = resend;
        self
    }

    /// Builds the outbox.
    ///
    /// # Errors
    /// If a setting makes no sense.
    pub fn build(self) -> Result<Outbox, SetupError> {
        self.retry.checked()?;
        if self.timeout.is_zero() {
            return Err(SetupError::setting("timeout of the outbox", "must be longer than 0"));
        }
        let caps = self.sink.caps();
        let mut format = Format::new(caps.markup);
        if let Some(columns) = self.width {
            format = format.width(columns);
        }
        let settle = self.retry.settle;
        // From the inside out.
        let sink = wrap(self.sink, Timeout::new(self.timeout, Arc::clone(&self.clock)));
        let sink = wrap(sink, Retry::new(self.retry, self.timeout, Arc::clone(&self.clock)));
        Ok(Outbox {
            sink,
            caps,
            log: self.log,
            clock: self.clock,
            format,
            dry_run: self.dry_run,
            allow_public: self.allow_public,
            resend_unanswered: self.resend_unanswered,
            answer: self.timeout,
            settle,
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
        })
    }
}

impl fmt::Debug for OutboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxBuilder").field("sink", &self.sink).finish_non_exhaustive()
    }
}
