//! Log formats: from bytes to log lines, one file a format.
//!
//! A [`Format`] says how its records are told apart and reads one record; a [`Parser`] takes the
//! bytes of a source as they come and gives each record to it.
//!
//! - Every record becomes a row or more. What cannot be parsed becomes a row with its bytes and
//!   the reason; nothing is dropped or refused for its content.
//! - Every byte belongs to exactly one record; ends of lines and blank lines belong to the record
//!   in front of them.
//! - A row holds its record byte for byte: as its body, as its attributes, or as `raw`. Of a
//!   record longer than [`RAW_LIMIT`] it holds the beginning, the length, the digest, and the name
//!   of the blob with the rest. (An OTLP record that is understood whole is held by its fields.)
//! - Times without zone or year take the assumption of their [`Origin`]; what was assumed stands
//!   in the row's attributes, under [`TIME_ASSUMED`].

#![cfg_attr(
    not(feature = "formats"),
    expect(dead_code, reason = "formats share helpers; some are of formats that are left out")
)]

#[cfg(feature = "apache-error")]
mod apache_error;
#[cfg(feature = "clf")]
mod clf;
#[cfg(feature = "cloudtrail")]
mod cloudtrail;
#[cfg(any(
    feature = "apache-error",
    feature = "clf",
    feature = "klog",
    feature = "logfmt",
    feature = "nginx-error",
    feature = "syslog"
))]
mod cursor;
mod detect;
#[cfg(any(feature = "json", feature = "logfmt"))]
mod found;
mod frame;
#[cfg(any(feature = "json", feature = "logfmt", feature = "otlp", feature = "plain"))]
mod hex;
#[cfg(any(feature = "apache-error", feature = "clf", feature = "nginx-error"))]
mod http;
#[cfg(feature = "json")]
mod json;
mod json_scan;
#[cfg(any(feature = "json", feature = "logfmt"))]
mod keys;
#[cfg(feature = "klog")]
mod klog;
mod known;
#[cfg(test)]
mod laws;
mod level;
#[cfg(feature = "logfmt")]
mod logfmt;
#[cfg(feature = "nginx-error")]
mod nginx_error;
mod object;
mod origin;
#[cfg(feature = "otlp")]
mod otlp;
mod overflow;
#[cfg(any(feature = "klog", feature = "logfmt"))]
mod pairs;
mod parser;
#[cfg(feature = "plain")]
mod plain;
mod protobuf;
mod rows;
#[cfg(feature = "syslog")]
mod syslog;
mod time;
#[cfg(any(
    feature = "apache-error",
    feature = "clf",
    feature = "json",
    feature = "klog",
    feature = "logfmt",
    feature = "nginx-error",
    feature = "syslog"
))]
mod when;

#[cfg(feature = "apache-error")]
pub use apache_error::ApacheError;
#[cfg(feature = "clf")]
pub use clf::Clf;
#[cfg(feature = "cloudtrail")]
pub use cloudtrail::CloudTrail;
pub use detect::Detected;
pub use frame::{Continues, Framing};
#[cfg(feature = "json")]
pub use json::JsonLines;
#[cfg(feature = "klog")]
pub use klog::Klog;
pub use known::{NAMES, UnknownFormat, by_name};
#[cfg(feature = "logfmt")]
pub use logfmt::Logfmt;
#[cfg(feature = "nginx-error")]
pub use nginx_error::NginxError;
pub use origin::{Origin, TimeAssumption};
#[cfg(feature = "otlp")]
pub use otlp::{Otlp, OtlpJson, OtlpProtobuf};
pub use overflow::Overflow;
pub use parser::{Parser, Position, parse};
#[cfg(feature = "plain")]
pub use plain::Plain;
pub use rows::Rows;
#[cfg(feature = "syslog")]
pub use syslog::Syslog;

/// Longest record that a row keeps whole, in bytes; of longer ones it keeps the beginning, the
/// length, the digest, and the name of the blob with the rest.
pub const RAW_LIMIT: usize = 256 * 1024;

/// The attribute that says what was assumed of a line's time: its zone, its year.
pub const TIME_ASSUMED: &str = "time_assumed";

/// How many records were taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parsed {
    /// Rows, malformed ones among them.
    pub records: u64,
    /// Rows with a parse error, kept with their bytes.
    pub malformed: u64,
}

/// A log format.
pub trait Format: std::fmt::Debug + Send + Sync {
    /// Its name, as commands write it.
    fn name(&self) -> &'static str;

    /// How its records are told apart.
    fn framing(&self) -> Framing;

    /// Reads one record and pushes its lines, at least one: what cannot be read is pushed by
    /// [`Rows::malformed`].
    fn parse(&self, rows: &mut Rows<'_>);
}
