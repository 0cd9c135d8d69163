//! Log lines: one line as a value, many as a checked Arrow batch.

mod batch;
mod builder;
mod line;
mod record;
mod schema;
mod severity;
mod shape;

pub use batch::{BatchError, LogBatch, LogRow};
pub use builder::LogBatchBuilder;
pub use line::LogLine;
pub use record::LogRecord;
pub use schema::{Column, schema};
pub use severity::LogSeverity;
pub use shape::shape;
