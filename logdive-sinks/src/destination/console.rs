//! The terminal, or anything that text can be written to.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use logdive_core::port::{Caps, Receipt, Rendered, Sink, SinkError};

/// Writes documents as plain text, one below the other, with an empty line between them.
///
/// What was written cannot be found again, so what got no answer is not written twice by itself.
/// Writing is not waited for by the runtime: it is for terminals and files, not for slow pipes.
///
/// ```
/// # use logdive_core::{Document, DeliveryKey};
/// # use logdive_core::port::Delivery;
/// # use logdive_sinks::{Console, Outbox};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let outbox = Outbox::to(Console::stdout()).width(100).build()?;
/// let document = Document::new().heading(1, "Quota").paragraph("72 requests were denied.");
/// outbox.send(Delivery::comment("demo", DeliveryKey::of(["demo:1"]), document)).await?;
/// # Ok(())
/// # }
/// ```
pub struct Console {
    name: String,
    out: Mutex<Out>,
}

struct Out {
    writer: Box<dyn Write + Send>,
    written: u64,
}

impl Console {
    /// Writes to the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::to("stdout", io::stdout())
    }

    /// Writes to anything that can be written to, under a name for messages and the journal.
    #[must_use]
    pub fn to(name: impl fmt::Display, writer: impl Write + Send + 'static) -> Self {
        let out = Out { writer: Box::new(writer), written: 0 };
        Self { name: format!("console:{name}"), out: Mutex::new(out) }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Sink for Console {
    fn caps(&self) -> Caps {
        Caps::plain(&self.name)
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let space = if out.written > 0 { "\n" } else { "" };
        let text = format!("{space}{}", rendered.body);
        let written = out.writer.write_all(text.as_bytes()).and_then(|()| out.writer.flush());
        match written {
            Ok(()) => {
                out.written += 1;
                Ok(Receipt::new(out.written.to_string()))
            }
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                Err(SinkError::Gone(self.name.clone()))
            }
            // A part of it may be there.
            Err(error) => Err(SinkError::NoAnswer(format!("writing to `{}`: {error}", self.name))),
        }
    }
}
