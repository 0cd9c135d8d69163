//! From pages to a stream that ends with its coverage.

use async_trait::async_trait;
use futures_util::stream;
use logdive_core::port::{LayerItem, LayerStream};
use logdive_core::{LogBatch, LogRecord};

use super::fault::Fault;
use super::tally::Tally;

/// A conversation with a store about one query. Dropping it ends what the store does for it.
#[async_trait]
pub(super) trait Conversation: Send + 'static {
    /// Asks for the next lines; `None` when all were read.
    ///
    /// # Errors
    /// What keeps the rest from being read. What only keeps a part of it goes to the tally.
    async fn next(&mut self, tally: &mut Tally) -> Result<Option<Vec<LogRecord>>, Fault>;

    /// Tells the store that nothing more is wanted.
    async fn end(&mut self) {}
}

enum State<C> {
    Reading(C, Tally),
    Read(Tally),
    Told,
}

/// Reads page by page, as they are asked for.
pub(super) fn stream(conversation: impl Conversation, tally: Tally) -> LayerStream {
    let state = State::Reading(conversation, tally);
    Box::pin(stream::unfold(state, |state| async move {
        let (item, state) = step(state).await?;
        Some((Ok(item), state))
    }))
}

async fn step<C: Conversation>(state: State<C>) -> Option<(LayerItem, State<C>)> {
    let (mut conversation, mut tally) = match state {
        State::Reading(conversation, tally) => (conversation, tally),
        State::Read(tally) => return Some((LayerItem::Coverage(tally.finish()), State::Told)),
        State::Told => return None,
    };
    loop {
        let (batch, more) = match conversation.next(&mut tally).await {
            Ok(Some(mut page)) => {
                let passed = tally.take(&mut page);
                (page.into_iter().collect::<LogBatch>(), !passed)
            }
            Ok(None) => (LogBatch::empty(), false),
            Err(fault) => {
                tally.failed(fault.reason());
                (LogBatch::empty(), false)
            }
        };
        if !more {
            conversation.end().await;
        }
        match (batch.is_empty(), more) {
            (true, true) => {}
            (true, false) => return Some((LayerItem::Coverage(tally.finish()), State::Told)),
            (false, true) => {
                return Some((LayerItem::Batch(batch), State::Reading(conversation, tally)));
            }
            (false, false) => return Some((LayerItem::Batch(batch), State::Read(tally))),
        }
    }
}
