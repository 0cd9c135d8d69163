//! What a dive reads and holds, counted and limited where it is read and held.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// Bytes of one dive.
#[derive(Debug)]
pub(crate) struct Meter {
    read: AtomicU64,
    limit: u64,
}

impl Meter {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { read: AtomicU64::new(0), limit })
    }

    /// Whether a read was refused because it would have gone beyond the limit.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.read.load(Ordering::Relaxed) > self.limit
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let before = self.read.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.limit {
            return Ok(());
        }
        let source = format!("the dive's budget of {} bytes is used up", self.limit).into();
        Err(Error::Generic { store: "meter", source })
    }
}

/// Memory of one dive: so much and not more, and the most that was held.
#[derive(Debug)]
pub(crate) struct MeteredPool {
    inner: FairSpillPool,
    peak: AtomicUsize,
}

impl MeteredPool {
    pub(crate) fn new(most: usize) -> Self {
        Self { inner: FairSpillPool::new(most), peak: AtomicUsize::new(0) }
    }

    /// The most that was held at once.
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed) as u64
    }

    fn note(&self) {
        self.peak.fetch_max(self.inner.reserved(), Ordering::Relaxed);
    }
}

impl fmt::Display for MeteredPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}

impl MemoryPool for MeteredPool {
    fn name(&self) -> &str {
        "dive"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.inner.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.inner.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.inner.grow(reservation, additional);
        self.note();
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.inner.shrink(reservation, shrink);
    }

    fn try_grow(
        &self,
        reservation: &MemoryReservation,
        additional: usize,
    ) -> datafusion::common::Result<()> {
        self.inner.try_grow(reservation, additional)?;
        self.note();
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.inner.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.inner.memory_limit()
    }
}

/// A store as one layer of one dive reads it.
#[derive(Debug)]
pub(crate) struct MeteredStore {
    inner: Arc<dyn ObjectStore>,
    meter: Arc<Meter>,
    read: Arc<AtomicU64>,
}

impl MeteredStore {
    /// A store whose reads are taken from the meter and added to the bytes of a layer.
    pub(crate) fn new(
        inner: Arc<dyn ObjectStore>,
        meter: &Arc<Meter>,
        read: Arc<AtomicU64>,
    ) -> Self {
        Self { inner, meter: Arc::clone(meter), read }
    }

    fn take(&self, bytes: u64) -> Result<()> {
        self.meter.take(bytes)?;
        self.read.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn read_only<T>() -> Result<T> {
        Err(Error::NotImplemented {
            operation: "a write".into(),
            implementer: "the store of a dive".into(),
        })
    }
}

impl fmt::Display for MeteredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metered {}", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for MeteredStore {
    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Self::read_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Self::read_only()
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let result = self.inner.get_opts(location, options).await?;
        if !head {
            self.take(result.range.end - result.range.start)?;
        }
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.take(ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum())?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        Box::pin(futures_util::stream::once(async { Self::read_only() }))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Self::read_only()
    }

    async fn rename_opts(&self, _: &Path, _: &Path, _: RenameOptions) -> Result<()> {
        Self::read_only()
    }
}
