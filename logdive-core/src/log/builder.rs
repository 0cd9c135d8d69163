//! Building a log batch, line by line.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};

use super::{Column, LogBatch, LogLine, LogRecord, schema};

/// Collects log lines into a [`LogBatch`].
#[derive(Debug)]
pub struct LogBatchBuilder {
    rows: usize,
    bytes: usize,
    ts: TimestampMicrosecondBuilder,
    layer: StringBuilder,
    severity_number: Int32Builder,
    service_name: StringBuilder,
    emitter: StringBuilder,
    seq: Int64Builder,
    time_unix_nano: Int64Builder,
    observed_time_unix_nano: Int64Builder,
    severity_text: StringBuilder,
    event_name: StringBuilder,
    uid: StringBuilder,
    request_id: StringBuilder,
    trace_id: BinaryBuilder,
    span_id: BinaryBuilder,
    trace_flags: Int32Builder,
    shape: Int64Builder,
    body: StringBuilder,
    attributes: StringBuilder,
    resource: StringBuilder,
    scope: StringBuilder,
    source: StringBuilder,
    source_offset: Int64Builder,
    format: StringBuilder,
    parse_error: StringBuilder,
    raw: BinaryBuilder,
    raw_length: Int64Builder,
    raw_sha256: BinaryBuilder,
    raw_blob: StringBuilder,
}

impl Default for LogBatchBuilder {
    fn default() -> Self {
        Self {
            rows: 0,
            bytes: 0,
            ts: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            layer: StringBuilder::new(),
            severity_number: Int32Builder::new(),
            service_name: StringBuilder::new(),
            emitter: StringBuilder::new(),
            seq: Int64Builder::new(),
            time_unix_nano: Int64Builder::new(),
            observed_time_unix_nano: Int64Builder::new(),
            severity_text: StringBuilder::new(),
            event_name: StringBuilder::new(),
            uid: StringBuilder::new(),
            request_id: StringBuilder::new(),
            trace_id: BinaryBuilder::new(),
            span_id: BinaryBuilder::new(),
            trace_flags: Int32Builder::new(),
            shape: Int64Builder::new(),
            body: StringBuilder::new(),
            attributes: StringBuilder::new(),
            resource: StringBuilder::new(),
            scope: StringBuilder::new(),
            source: StringBuilder::new(),
            source_offset: Int64Builder::new(),
            format: StringBuilder::new(),
            parse_error: StringBuilder::new(),
            raw: BinaryBuilder::new(),
            raw_length: Int64Builder::new(),
            raw_sha256: BinaryBuilder::new(),
            raw_blob: StringBuilder::new(),
        }
    }
}

impl LogBatchBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub fn push(&mut self, record: &LogRecord) {
        self.push_line(&record.as_line());
    }

    /// Adds a line that borrows its texts.
    pub fn push_line(&mut self, line: &LogLine<'_>) {
        self.rows += 1;
        self.bytes += [line.body, line.attributes, line.resource, line.source, line.emitter]
            .into_iter()
            .map(|text| text.map_or(0, str::len))
            .sum::<usize>()
            + line.raw.map_or(0, <[u8]>::len)
            + 256;
        self.ts.append_value(line.ts());
        self.layer.append_value(line.layer.as_str());
        self.severity_number
            .append_option(line.severity.map(|severity| i32::from(severity.number())));
        self.service_name.append_option(line.service);
        self.emitter.append_option(line.emitter);
        self.seq.append_value(line.seq);
        self.time_unix_nano.append_option(line.time_unix_nano);
        self.observed_time_unix_nano.append_value(line.observed_time_unix_nano);
        self.severity_text.append_option(line.severity_text);
        self.event_name.append_option(line.event);
        self.uid.append_option(line.uid);
        self.request_id.append_option(line.request_id);
        self.trace_id.append_option(line.trace_id);
        self.span_id.append_option(line.span_id);
        self.trace_flags.append_option(line.trace_flags);
        self.shape.append_value(line.shape());
        self.body.append_option(line.body);
        self.attributes.append_option(line.attributes);
        self.resource.append_option(line.resource);
        self.scope.append_option(line.scope);
        self.source.append_option(line.source);
        self.source_offset.append_option(line.source_offset);
        self.format.append_option(line.format);
        self.parse_error.append_option(line.parse_error);
        self.raw.append_option(line.raw);
        self.raw_length.append_option(line.raw_length);
        self.raw_sha256.append_option(line.raw_sha256.map(|digest| *digest.as_bytes()));
        self.raw_blob.append_option(line.raw_blob);
    }

    /// Lines added since the last [`finish`](Self::finish).
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes they hold: an estimate, for flushing in time.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives the lines as a batch and starts over.
    #[must_use]
    pub fn finish(&mut self) -> LogBatch {
        self.rows = 0;
        self.bytes = 0;
        let columns: Vec<ArrayRef> =
            Column::ALL.iter().map(|column| self.finish_column(*column)).collect();
        match RecordBatch::try_new(schema(), columns) {
            Ok(batch) => LogBatch::from_checked(batch),
            // Every column was given the same number of values of its own type.
            Err(_) => LogBatch::empty(),
        }
    }

    fn finish_column(&mut self, column: Column) -> ArrayRef {
        match column {
            Column::Ts => Arc::new(self.ts.finish()),
            Column::Layer => Arc::new(self.layer.finish()),
            Column::SeverityNumber => Arc::new(self.severity_number.finish()),
            Column::ServiceName => Arc::new(self.service_name.finish()),
            Column::Emitter => Arc::new(self.emitter.finish()),
            Column::Seq => Arc::new(self.seq.finish()),
            Column::TimeUnixNano => Arc::new(self.time_unix_nano.finish()),
            Column::ObservedTimeUnixNano => Arc::new(self.observed_time_unix_nano.finish()),
            Column::SeverityText => Arc::new(self.severity_text.finish()),
            Column::EventName => Arc::new(self.event_name.finish()),
            Column::Uid => Arc::new(self.uid.finish()),
            Column::RequestId => Arc::new(self.request_id.finish()),
            Column::TraceId => Arc::new(self.trace_id.finish()),
            Column::SpanId => Arc::new(self.span_id.finish()),
            Column::TraceFlags => Arc::new(self.trace_flags.finish()),
            Column::Shape => Arc::new(self.shape.finish()),
            Column::Body => Arc::new(self.body.finish()),
            Column::Attributes => Arc::new(self.attributes.finish()),
            Column::Resource => Arc::new(self.resource.finish()),
            Column::Scope => Arc::new(self.scope.finish()),
            Column::Source => Arc::new(self.source.finish()),
            Column::SourceOffset => Arc::new(self.source_offset.finish()),
            Column::Format => Arc::new(self.format.finish()),
            Column::ParseError => Arc::new(self.parse_error.finish()),
            Column::Raw => Arc::new(self.raw.finish()),
            Column::RawLength => Arc::new(self.raw_length.finish()),
            Column::RawSha256 => Arc::new(self.raw_sha256.finish()),
            Column::RawBlob => Arc::new(self.raw_blob.finish()),
        }
    }
}

impl Extend<LogRecord> for LogBatchBuilder {
    fn extend<I: IntoIterator<Item = LogRecord>>(&mut self, records: I) {
        records.into_iter().for_each(|record| self.push(&record));
    }
}
