//! The columns of a log batch: their order, names and types, as they lie in the lake.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};

macro_rules! columns {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $type:expr, $null:literal;)*) => {
        /// A column of a log batch. Their order here is their order in a batch.
        #[non_exhaustive]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(usize)]
        pub enum Column { $($(#[$doc])* $variant,)* }

        impl Column {
            /// All columns in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The column's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The column's Arrow type.
            #[must_use]
            pub fn data_type(self) -> DataType {
                match self { $(Self::$variant => $type,)* }
            }

            /// Whether a line may lack it.
            #[must_use]
            pub const fn is_nullable(self) -> bool {
                match self { $(Self::$variant => $null,)* }
            }
        }
    };
}

// Statistics of a Delta table cover the first columns first: what prunes comes first. All types
// are ones that Delta has: microseconds UTC, signed integers, text, binary.
columns! {
    /// Effective time in microseconds UTC: when it happened, else when it was observed. For
    /// sorting and pruning.
    Ts, "ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false;
    /// The layer's name.
    Layer, "layer", DataType::Utf8, false;
    /// OpenTelemetry severity number, 1 to 24.
    SeverityNumber, "severity_number", DataType::Int32, true;
    /// `service.name` of the resource.
    ServiceName, "service_name", DataType::Utf8, true;
    /// What wrote the line: an instance and file, a delivery stream.
    Emitter, "emitter", DataType::Utf8, true;
    /// The line's place in its source, rising: orders lines of one instant.
    Seq, "seq", DataType::Int64, false;
    /// Exact time in nanoseconds since 1970; null if the line does not say.
    TimeUnixNano, "time_unix_nano", DataType::Int64, true;
    /// When it was observed, in nanoseconds since 1970.
    ObservedTimeUnixNano, "observed_time_unix_nano", DataType::Int64, false;
    /// The severity as the line wrote it.
    SeverityText, "severity_text", DataType::Utf8, true;
    /// The event's name.
    EventName, "event_name", DataType::Utf8, true;
    /// `log.record.uid`: the line's own unique id.
    Uid, "uid", DataType::Utf8, true;
    /// The request id.
    RequestId, "request_id", DataType::Utf8, true;
    /// W3C trace id, 16 bytes.
    TraceId, "trace_id", DataType::Binary, true;
    /// W3C span id, 8 bytes.
    SpanId, "span_id", DataType::Binary, true;
    /// W3C trace flags.
    TraceFlags, "trace_flags", DataType::Int32, true;
    /// Hash of the masked tokens, by which lines are grouped to templates.
    Shape, "shape", DataType::Int64, false;
    /// The text of the line.
    Body, "body", DataType::Utf8, true;
    /// Attributes of the line: a JSON object as text, types and nesting kept.
    Attributes, "attributes", DataType::Utf8, true;
    /// Attributes of what wrote it: a JSON object as text.
    Resource, "resource", DataType::Utf8, true;
    /// Name, version and attributes of the instrumentation scope: a JSON object as text.
    Scope, "scope", DataType::Utf8, true;
    /// Where it was read from.
    Source, "source", DataType::Utf8, true;
    /// First byte of the record in its source.
    SourceOffset, "source_offset", DataType::Int64, true;
    /// The format it was parsed with.
    Format, "format", DataType::Utf8, true;
    /// Why it could not be parsed; null if it could.
    ParseError, "parse_error", DataType::Utf8, true;
    /// The bytes as they came, where parsing lost something.
    Raw, "raw", DataType::Binary, true;
    /// Length of the record in bytes, where `raw` holds less.
    RawLength, "raw_length", DataType::Int64, true;
    /// SHA-256 of the record, where `raw` holds less.
    RawSha256, "raw_sha256", DataType::Binary, true;
    /// Name of the blob that holds the rest of the record, where `raw` holds less.
    RawBlob, "raw_blob", DataType::Utf8, true;
}

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields: Vec<ArrowField> = Column::ALL
        .iter()
        .map(|column| ArrowField::new(column.name(), column.data_type(), column.is_nullable()))
        .collect();
    Arc::new(Schema::new(fields))
});

/// The schema of every [`LogBatch`](super::LogBatch).
#[must_use]
pub fn schema() -> SchemaRef {
    SchemaRef::clone(&SCHEMA)
}
