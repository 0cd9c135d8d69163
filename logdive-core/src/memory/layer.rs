//! A layer whose lines are in memory.

use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures_core::Stream;

use crate::log::LogBatch;
use crate::port::{LayerItem, LayerQuery, LayerSource, LayerSourceError, LayerStream};
use crate::{Fact, Field, Layer, LayerCoverage, Value};

/// A layer whose lines are in memory.
#[derive(Debug, Clone)]
pub struct MemoryLayer {
    layer: Layer,
    lines: LogBatch,
}

impl MemoryLayer {
    /// A layer and its lines.
    #[must_use]
    pub const fn new(layer: Layer, lines: LogBatch) -> Self {
        Self { layer, lines }
    }

    fn newest(&self) -> Option<chrono::DateTime<chrono::Utc>> {
        let times = self.lines.rows().map(|row| self.layer.reader(row).read(&Field::Time));
        times
            .filter_map(|fact| match fact {
                Fact::Known(Value::Time(time)) => Some(time),
                _ => None,
            })
            .max()
    }
}

#[async_trait]
impl LayerSource for MemoryLayer {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError> {
        let limit = query.limit.and_then(|limit| usize::try_from(limit).ok());
        let matching: Vec<_> = self
            .lines
            .rows()
            .filter(|row| {
                let reader = self.layer.reader(*row);
                reader.is_in(&query.window)
                    && query.predicate.eval(&|field| reader.read(field)).is_true()
            })
            .map(|row| row.to_record())
            .collect();
        let matched = matching.len();
        let sent: LogBatch = matching.into_iter().take(limit.unwrap_or(usize::MAX)).collect();
        let newest = self.newest();
        let coverage = LayerCoverage {
            newest,
            watermark: LayerCoverage::watermark_of(newest, self.layer.declared_lateness()),
            planned: 1,
            read: 1,
            scanned: self.lines.len() as u64,
            matched: matched as u64,
            stopped_by: (sent.len() < matched).then(|| format!("limit of {} lines", sent.len())),
            answered: vec![query.predicate.to_string()],
            ..LayerCoverage::default()
        };
        Ok(Box::pin(Items(vec![LayerItem::Coverage(coverage), LayerItem::Batch(sent)])))
    }
}

/// Items that are ready, last one first.
struct Items(Vec<LayerItem>);

impl Stream for Items {
    type Item = Result<LayerItem, LayerSourceError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop().map(Ok))
    }
}
