//! From files to the lake: each file is one batch, and is in the lake once.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use logdive_core::format::{Format, Origin, Parsed, parse};
use logdive_core::log::LogBatchBuilder;
use logdive_core::{Digest, LayerName};
use logdive_query::lake::{Appended, LakeWriter, StreamProgress};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Failure};

/// What a stream has read, as it stands in the lake's commits.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Read {
    /// Files by name, with the digest of what was read.
    files: BTreeMap<String, Digest>,
}

/// Reads files into a lake, one stream of one layer and format.
#[derive(Debug)]
pub(crate) struct Ingest<'a> {
    writer: &'a mut LakeWriter,
    stream: String,
    layer: LayerName,
    format: Arc<dyn Format>,
    batch: u64,
    read: Read,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ingested {
    /// Its lines are in the lake and durable.
    New(Parsed),
    /// They were there already.
    Known,
}

impl<'a> Ingest<'a> {
    /// Goes on where the stream stands in the lake.
    pub(crate) async fn resume(
        writer: &'a mut LakeWriter,
        layer: LayerName,
        format: Arc<dyn Format>,
    ) -> Result<Self, Failure> {
        let stream = format!("files/{}/{layer}", format.name());
        let committed = writer.lake().committed(&stream).await.context("reading the lake")?;
        let (batch, read) = match committed {
            None => (0, Read::default()),
            Some(committed) => {
                let read = Read::deserialize(&committed.offsets)
                    .context(format!("the offsets of stream `{stream}` are damaged"))?;
                (committed.batch, read)
            }
        };
        Ok(Self { writer, stream, layer, format, batch, read })
    }

    /// Reads one file. When this returns, its lines are durable.
    pub(crate) async fn file(
        &mut self,
        name: &str,
        bytes: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Ingested, Failure> {
        let digest = Digest::of(bytes);
        if self.read.files.get(name) == Some(&digest) {
            return Ok(Ingested::Known);
        }
        let observed = now.timestamp_nanos_opt().unwrap_or_default();
        let origin = Origin::new(self.layer.clone(), name, observed);
        let mut lines = LogBatchBuilder::new();
        let parsed = parse(&self.format, bytes, &origin, &mut lines);
        self.read.files.insert(name.to_owned(), digest);
        let offsets = serde_json::to_value(&self.read).context("writing offsets")?;
        let progress = StreamProgress::new(&self.stream, self.batch + 1).offsets(offsets);
        let appended = self
            .writer
            .append(&lines.finish(), &progress)
            .await
            .context(format!("appending `{name}` to the lake"))?;
        self.batch += 1;
        Ok(match appended {
            Appended::Already { .. } => Ingested::Known,
            _ => Ingested::New(parsed),
        })
    }
}
