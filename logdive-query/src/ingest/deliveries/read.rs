//! One object: bytes as they come, gzip undone, rows.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use logdive_core::LogBatch;
use logdive_core::format::Parser;
use logdive_core::log::LogBatchBuilder;
use object_store::{GetOptions, ObjectMeta, ObjectStore};
use tokio::sync::mpsc;

use super::gunzip::Gunzip;

/// Rows are given on when they hold about so many bytes.
const PIECE: usize = 8 << 20;
/// Plain bytes are parsed in steps of so many, so that rows can be given on between them.
const STEP: usize = 1 << 20;
/// Objects up to this size are fetched ahead.
pub(super) const SMALL: u64 = 1 << 20;

/// The bytes of an object, as they come.
pub(super) type Chunks = BoxStream<'static, object_store::Result<Bytes>>;

/// Begins to fetch an object as it was listed; a small one is fetched whole.
pub(super) async fn fetch(
    store: Arc<dyn ObjectStore>,
    object: ObjectMeta,
) -> (ObjectMeta, object_store::Result<Chunks>) {
    let chunks = open(&store, &object).await;
    (object, chunks)
}

async fn open(store: &Arc<dyn ObjectStore>, object: &ObjectMeta) -> object_store::Result<Chunks> {
    let options = GetOptions { if_match: object.e_tag.clone(), ..GetOptions::default() };
    if object.size > SMALL {
        // What is fetched ahead would only wait, and its connection would be cut.
        let (store, location) = (Arc::clone(store), object.location.clone());
        let later = async move {
            match store.get_opts(&location, options).await {
                Ok(result) => result.into_stream(),
                Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
            }
        };
        return Ok(futures_util::stream::once(later).flatten().boxed());
    }
    let bytes = store.get_opts(&object.location, options).await?.bytes().await?;
    Ok(futures_util::stream::iter([Ok(bytes)]).boxed())
}

/// Rows of an object, and how many of its rows there are up to their end.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) rows: LogBatch,
    pub(super) upto: u64,
}

/// How an object ended.
#[derive(Debug)]
pub(super) struct Read {
    /// The last rows.
    pub(super) last: Piece,
    pub(super) malformed: u64,
    /// Why there is more that could not be read.
    pub(super) broken: Option<String>,
}

/// Parses an object on a thread of its own; `whole` says to keep what is left of a record that
/// the end of a broken object cuts.
pub(super) fn parse(
    mut parser: Parser,
    mut bytes: mpsc::Receiver<object_store::Result<Bytes>>,
    pieces: &mpsc::Sender<Piece>,
    whole: bool,
) -> Read {
    let mut out = LogBatchBuilder::new();
    let mut decoder = Decoder::Begin(Vec::new());
    let mut broken = None;
    while let Some(chunk) = bytes.blocking_recv() {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => {
                let gone = format!("reading it failed: {error}");
                return end(&parser, out, Some(gone));
            }
        };
        let mut take = |part: &[u8]| {
            for step in part.chunks(STEP) {
                parser.feed(step, &mut out);
                if out.bytes() >= PIECE {
                    let piece = Piece { rows: out.finish(), upto: upto(&parser) };
                    // Nobody waits for rows any more: the reader was stopped.
                    pieces.blocking_send(piece).map_err(|_| io::Error::other("stopped"))?;
                }
            }
            Ok(())
        };
        if let Err(error) = decoder.feed(&chunk, &mut take) {
            broken = Some(error);
            break;
        }
    }
    if broken.is_none() {
        let mut take = |part: &[u8]| {
            parser.feed(part, &mut out);
            Ok(())
        };
        broken = decoder.finish(&mut take).err();
    }
    if broken.is_none() || whole {
        parser.finish(&mut out);
    }
    end(&parser, out, broken.map(|error| format!("its gzip cannot be undone: {error}")))
}

fn end(parser: &Parser, mut out: LogBatchBuilder, broken: Option<String>) -> Read {
    let last = Piece { rows: out.finish(), upto: upto(parser) };
    Read { last, malformed: parser.parsed().malformed, broken }
}

fn upto(parser: &Parser) -> u64 {
    u64::try_from(parser.position().seq).unwrap_or_default()
}

/// Plain or gzip, as the first bytes say.
#[derive(Debug)]
enum Decoder {
    /// Fewer bytes than say it.
    Begin(Vec<u8>),
    Plain,
    Gzip(Box<Gunzip>),
}

impl Decoder {
    fn feed(
        &mut self,
        bytes: &[u8],
        take: &mut impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Plain => take(bytes),
            Self::Gzip(gunzip) => gunzip.feed(bytes, take),
            Self::Begin(held) => {
                held.extend_from_slice(bytes);
                if held.len() < 2 {
                    return Ok(());
                }
                let held = std::mem::take(held);
                *self = if Gunzip::begins(&held) {
                    Self::Gzip(Box::new(Gunzip::new()))
                } else {
                    Self::Plain
                };
                self.feed(&held, take)
            }
        }
    }

    fn finish(self, take: &mut impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Gzip(gunzip) => gunzip.finish(take),
            Self::Begin(held) => take(&held),
        }
    }
}
