//! What is new in delivery folders, poll by poll.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::compute::concat_batches;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use logdive_core::LogBatch;
use logdive_core::format::{Origin, Parser};
use logdive_core::log::schema;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use tokio::sync::mpsc;

use super::dates::undated;
use super::layout::Formats;
use super::read::{self, Chunks, Piece, Read};
use super::state::{Failed, Known, State};
use super::walk::{self, End, Group};
use super::{Deliveries, DeliveryError};
use crate::ingest::{IngestError, IngestStream, Ingester, Receipt};
use crate::lake::LakeError;

/// Objects that are fetched ahead at once.
const AHEAD: usize = 8;
/// Rows are pushed when they hold about so many bytes.
const AT_ONCE: usize = 8 << 20;
/// With so many objects that cannot be read, a poll ends.
const MAX_FAILED: usize = 1_000;

/// What a poll did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Polled {
    /// Objects that were read to their end.
    pub objects: u64,
    /// Their bytes, as they lie in the store.
    pub bytes: u64,
    /// Rows that are in the lake now.
    pub rows: u64,
    /// Rows among them that could not be parsed, kept with their bytes.
    pub malformed: u64,
    /// Objects that were listed and read before.
    pub known: u64,
    /// Objects beside the logs, left alone.
    pub other: u64,
    /// Objects and folders that could not be read.
    pub failed: Vec<FailedObject>,
    /// Objects that changed after they were read; they are not read again.
    pub changed: Vec<String>,
}

/// An object or folder that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedObject {
    /// Its address.
    pub object: String,
    /// Why.
    pub why: String,
    /// Whether it is tried again at later polls.
    pub again: bool,
}

/// Reads what is new in delivery folders into the lake.
#[derive(Debug)]
pub struct DeliveryReader {
    from: Deliveries,
    formats: Formats,
    ingester: Ingester,
    name: String,
    /// `None` if it has to be opened anew.
    stream: Option<IngestStream>,
    state: State,
    /// The newest rows that were pushed; those in front of them are durable when they are.
    receipt: Option<Receipt>,
    /// Rows that are not pushed yet: small objects go together.
    waiting: Waiting,
    /// A poll ended in the middle: only the lake knows what was read.
    lost: bool,
    stopping: Arc<AtomicBool>,
    polls: u32,
}

impl DeliveryReader {
    pub(super) async fn begin(
        from: Deliveries,
        ingester: &Ingester,
        name: &str,
    ) -> Result<Self, DeliveryError> {
        let formats = Formats::new(from.layout, from.format.clone())?;
        let (stream, state) = open(ingester, name).await?;
        Ok(Self {
            from,
            formats,
            ingester: ingester.clone(),
            name: name.to_owned(),
            stream: Some(stream),
            state,
            receipt: None,
            waiting: Waiting::default(),
            lost: false,
            stopping: Arc::default(),
            polls: 0,
        })
    }

    /// Polls now and then until `stop` is ready; what each poll did is given to `report`. A poll
    /// that is under way then ends behind the object that it reads.
    ///
    /// # Errors
    /// If the ingester has ended. Other errors of polls are reported, and the next poll goes on.
    pub async fn follow(
        &mut self,
        every: Duration,
        stop: impl Future<Output = ()> + Send,
        mut report: impl FnMut(Result<Polled, DeliveryError>) + Send,
    ) -> Result<(), DeliveryError> {
        let mut stop = pin!(stop);
        let every = TimeDelta::from_std(every).unwrap_or(TimeDelta::MAX);
        loop {
            let stopping = Arc::clone(&self.stopping);
            let polled = {
                let mut poll = pin!(self.poll_once());
                tokio::select! {
                    biased;
                    polled = &mut poll => polled,
                    () = &mut stop => {
                        stopping.store(true, Ordering::Relaxed);
                        poll.await
                    }
                }
            };
            let stopped = stopping.swap(false, Ordering::Relaxed);
            match polled {
                Err(error @ DeliveryError::Ingest(IngestError::Ended { .. })) => return Err(error),
                polled => report(polled),
            }
            if stopped {
                return Ok(());
            }
            let clock = Arc::clone(&self.from.clock);
            let next = clock.now().checked_add_signed(every).unwrap_or(DateTime::<Utc>::MAX_UTC);
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                () = clock.sleep_until(next) => {}
            }
        }
    }

    /// Reads what is new. When it returns, its rows are durable.
    ///
    /// It may be dropped in the middle: the next poll goes on where the lake stands.
    ///
    /// # Errors
    /// If the store cannot be listed, too many objects cannot be read, or rows cannot be kept.
    /// Nothing is lost then: the next poll goes on where the lake stands.
    pub async fn poll_once(&mut self) -> Result<Polled, DeliveryError> {
        // Only the lake knows what was read by a poll that was dropped or failed in the middle;
        // what it pushed is committed before the stream is opened.
        let stream = match self.stream.take().filter(|_| !self.lost) {
            Some(stream) => stream,
            None => {
                let (stream, state) = open(&self.ingester, &self.name).await?;
                self.state = state;
                self.waiting = Waiting::default();
                stream
            }
        };
        self.stream = Some(stream);
        self.lost = true;
        self.polls = self.polls.wrapping_add(1);
        let mut polled = Polled::default();
        let mut worked = self.poll(&mut polled).await;
        if !matches!(worked, Err(DeliveryError::Ingest(_))) {
            worked = self.flush().await.and(worked);
        }
        // What was pushed is waited for, also when the poll ended early.
        if let Some(receipt) = self.receipt.take() {
            receipt.durable().await?;
        }
        self.lost = matches!(worked, Err(DeliveryError::Ingest(_)));
        worked.map(|()| polled)
    }

    async fn poll(&mut self, polled: &mut Polled) -> Result<(), DeliveryError> {
        let now = self.from.clock.now();
        let mut changed = self.retry(now, polled).await?;
        let closed = self.state.closed.max(self.from.since);
        let groups = walk::groups(&self.from.store, &self.from.prefix, self.from.layout, closed)
            .await
            .map_err(|source| DeliveryError::Store {
                what: "listing",
                place: self.place(),
                source,
            })?;
        let may_close = now.checked_sub_signed(self.from.look_back);
        let mut all_listed = true;
        for (end, group) in groups {
            let (objects, listed) = self.list(group, polled).await;
            all_listed &= listed;
            if end == End::Never && listed {
                changed |= self.state.keep_undated(objects.iter());
            }
            let before = polled.failed.len() + polled.changed.len();
            self.read_all(end, objects, now, polled).await?;
            changed |= polled.failed.len() + polled.changed.len() > before;
            if self.is_stopping() {
                break;
            }
            // In order of time: what is closed has nothing open before it.
            if let End::At(end) = end
                && all_listed
                && may_close.is_some_and(|until| end <= until)
            {
                changed |= self.state.close(end);
            }
        }
        if changed {
            self.push(Piece { rows: LogBatch::empty(), upto: 0 }, polled).await?;
        }
        Ok(())
    }

    /// Tries again what could not be read; says whether something is to be written.
    async fn retry(
        &mut self,
        now: DateTime<Utc>,
        polled: &mut Polled,
    ) -> Result<bool, DeliveryError> {
        let mut changed = false;
        for (key, failed) in self.state.failed.clone() {
            // At the next polls, then at each 2nd, 4th, … 64th.
            let pause = 1_u32 << failed.tries.saturating_sub(3).min(6);
            let due = self.polls.is_multiple_of(pause) || self.is_last_try(&key, now);
            if !due || self.is_stopping() {
                continue;
            }
            changed = true;
            let location = Path::from(key.as_str());
            match self.from.store.head(&location).await {
                Ok(object) => {
                    let (object, chunks) = read::fetch(Arc::clone(&self.from.store), object).await;
                    self.read(object, chunks, now, polled).await?;
                }
                Err(error) => self.fail(&location, error.to_string(), now, polled)?,
            }
        }
        Ok(changed)
    }

    /// The logs of a group, in order, and whether all of its folders could be listed.
    async fn list(&self, group: Group, polled: &mut Polled) -> (Vec<ObjectMeta>, bool) {
        let mut objects = group.objects;
        let mut listed = true;
        for folder in &group.folders {
            let list = self.from.store.list(Some(folder));
            match list.try_collect::<Vec<_>>().await {
                Ok(list) => objects.extend(list),
                Err(error) => {
                    listed = false;
                    let why = format!("listing it failed: {error}");
                    polled.failed.push(FailedObject { object: self.url(folder), why, again: true });
                }
            }
        }
        let before = objects.len();
        objects.retain(|object| self.from.layout.takes(&object.location));
        polled.other += (before - objects.len()) as u64;
        objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        (objects, listed)
    }

    async fn read_all(
        &mut self,
        end: End,
        mut objects: Vec<ObjectMeta>,
        now: DateTime<Utc>,
        polled: &mut Polled,
    ) -> Result<(), DeliveryError> {
        objects.retain(|object| match self.state.known(end, object) {
            // What failed is tried by `retry` alone.
            Known::New => !self.state.failed.contains_key(object.location.as_ref()),
            Known::Read => {
                polled.known += 1;
                false
            }
            Known::Changed => {
                polled.changed.push(self.url(&object.location));
                self.state.insert(end, object);
                false
            }
        });
        let store = Arc::clone(&self.from.store);
        let fetches =
            objects.into_iter().map(move |object| read::fetch(Arc::clone(&store), object));
        let mut fetched = stream::iter(fetches).buffered(AHEAD).boxed();
        while let Some((object, chunks)) = fetched.next().await {
            if self.is_stopping() {
                break;
            }
            self.read(object, chunks, now, polled).await?;
        }
        Ok(())
    }

    /// Reads an object and pushes its rows.
    async fn read(
        &mut self,
        object: ObjectMeta,
        chunks: object_store::Result<Chunks>,
        now: DateTime<Utc>,
        polled: &mut Polled,
    ) -> Result<(), DeliveryError> {
        let location = &object.location;
        let mut chunks = match chunks {
            Ok(chunks) => chunks,
            Err(error) => return self.fail(location, error.to_string(), now, polled),
        };
        let whole = self.is_last_try(location.as_ref(), now);
        let parser = self.parser(location);
        let (bytes, parsed_bytes) = mpsc::channel(2);
        let (parsed, mut pieces) = mpsc::channel(1);
        let parsing =
            tokio::task::spawn_blocking(move || read::parse(parser, parsed_bytes, &parsed, whole));
        // Each owns its end of a channel: if the one fails, the others end too.
        let feed = async move {
            while let Some(chunk) = chunks.next().await {
                let failed = chunk.is_err();
                if bytes.send(chunk).await.is_err() || failed {
                    break;
                }
            }
        };
        let (this, counted) = (&mut *self, &mut *polled);
        let keep = async move {
            while let Some(piece) = pieces.recv().await {
                this.state.partial.insert(location.to_string(), piece.upto);
                this.push(piece, counted).await?;
            }
            Ok::<(), DeliveryError>(())
        };
        let ((), kept) = tokio::join!(feed, keep);
        kept?;
        let Ok(Read { last, malformed, broken }) = parsing.await else {
            return self.fail(location, "parsing it broke down".to_owned(), now, polled);
        };
        polled.malformed += malformed;
        let Some(why) = broken else {
            self.state.insert(self.end_of(location), &object);
            polled.objects += 1;
            polled.bytes += object.size;
            return self.push(last, polled).await;
        };
        if whole {
            self.state.insert(self.end_of(location), &object);
            let why = format!("{why}; it is not tried again, what could be read of it is kept");
            polled.failed.push(FailedObject { object: self.url(location), why, again: false });
            return self.push(last, polled).await;
        }
        if last.upto > 0 {
            self.state.partial.insert(location.to_string(), last.upto);
        }
        // The rows in front are kept before the failure is counted, which may end the poll.
        let failed = self.fail(location, why, now, polled);
        self.push(last, polled).await?;
        failed
    }

    fn parser(&self, location: &Path) -> Parser {
        let observed = self.from.clock.now().timestamp_nanos_opt().unwrap_or_default();
        let folder = undated(&location.parent().unwrap_or_default());
        let emitter = match folder.as_ref() {
            "" if self.from.url.is_empty() => self.name.clone(),
            "" => self.from.url.trim_end_matches('/').to_owned(),
            folder => folder.to_owned(),
        };
        let origin = Origin {
            emitter: Some(emitter),
            ..Origin::new(self.from.layer.clone(), self.url(location), observed)
        };
        let kept = self.state.partial.get(location.as_ref()).copied().unwrap_or_default();
        let parser = Parser::new(Arc::clone(self.formats.of(location)), origin).skip(kept);
        match &self.stream {
            Some(stream) => parser.overflow(stream.overflow()),
            None => parser,
        }
    }

    /// Notes that an object could not be read.
    fn fail(
        &mut self,
        location: &Path,
        why: String,
        now: DateTime<Utc>,
        polled: &mut Polled,
    ) -> Result<(), DeliveryError> {
        let key = location.as_ref();
        let again = !self.is_last_try(key, now);
        let object = self.url(location);
        if again {
            let since = now.timestamp();
            let new = Failed { since, tries: 0 };
            let failed = self.state.failed.entry(key.to_owned()).or_insert(new);
            failed.tries = failed.tries.saturating_add(1);
        } else {
            self.state.failed.remove(key);
            self.state.partial.remove(key);
        }
        polled.failed.push(FailedObject { object: object.clone(), why: why.clone(), again });
        let count = self.state.failed.len();
        if count >= MAX_FAILED {
            return Err(DeliveryError::TooManyFailed { count, object, why });
        }
        Ok(())
    }

    /// Whether an object failed for as long as late objects are waited for.
    fn is_last_try(&self, key: &str, now: DateTime<Utc>) -> bool {
        let since = self.state.failed.get(key).map(|failed| failed.since);
        since.is_some_and(|since| {
            now.timestamp().saturating_sub(since) >= self.from.look_back.num_seconds()
        })
    }

    /// Takes rows; what is known of their object goes to the lake with them.
    async fn push(&mut self, piece: Piece, polled: &mut Polled) -> Result<(), DeliveryError> {
        polled.rows += piece.rows.len() as u64;
        self.waiting.push(piece.rows);
        if self.waiting.bytes >= AT_ONCE {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), DeliveryError> {
        let rows = self.waiting.take().map_err(|error| {
            IngestError::from(LakeError::log("joining rows", self.name.as_ref())(error))
        })?;
        if let Some(rows) = rows {
            let offsets = self.state.offsets();
            let Some(stream) = &mut self.stream else { return Ok(()) };
            self.receipt = Some(stream.push(rows, offsets).await?);
        }
        Ok(())
    }

    fn end_of(&self, location: &Path) -> End {
        End::of(&location.parent().unwrap_or_default(), self.from.layout)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    fn url(&self, location: &Path) -> String {
        format!("{}{location}", self.from.url)
    }

    fn place(&self) -> String {
        self.url(&self.from.prefix)
    }
}

/// Rows of small objects, one after another.
#[derive(Debug, Default)]
struct Waiting {
    batches: Vec<LogBatch>,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, rows: LogBatch) {
        self.bytes = self.bytes.saturating_add(rows.as_arrow().get_array_memory_size());
        self.batches.push(rows);
    }

    /// All of them as one; `None` if there are none, not even empty ones.
    fn take(&mut self) -> Result<Option<LogBatch>, Box<dyn Error + Send + Sync>> {
        let Self { mut batches, .. } = std::mem::take(self);
        if batches.len() < 2 {
            return Ok(batches.pop());
        }
        let whole = concat_batches(&schema(), batches.iter().map(LogBatch::as_arrow))?;
        Ok(Some(LogBatch::try_new(&whole)?))
    }
}

async fn open(ingester: &Ingester, name: &str) -> Result<(IngestStream, State), DeliveryError> {
    let stream = ingester.stream(name).await?;
    let state = State::from_offsets(stream.committed())
        .map_err(|why| DeliveryError::Offsets { stream: name.to_owned(), why })?;
    Ok((stream, state))
}
