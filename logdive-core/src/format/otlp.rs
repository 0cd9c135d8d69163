//! OTLP logs: requests as JSON and as protobuf.
//!
//! - A record that is understood whole is held by its fields. What is not, keeps its bytes as
//!   `raw`: fields that OTLP does not have, numbers out of range, two attributes of one key. What
//!   is wrong (another type, no UTF-8) is said as well, and the rest of the record is read.
//! - Attributes, resource and scope are plain JSON objects with unique keys, whichever way they
//!   came. Where a resource or scope says more than that, it stands in it as it came, under
//!   `otlp.raw`: protobuf in base64, JSON as text.
//! - A request without any record gives no row. One that holds something else gives one that says
//!   so.
//! - A record stands where it begins in its source.
//!
//! Source: OpenTelemetry Protocol specification 1.x; opentelemetry-proto, `logs.proto`.

use super::{Format, Framing, Rows};

mod json;
mod lines;
mod notes;
mod protobuf;
mod record;
#[cfg(test)]
mod tests;
mod values;

/// OTLP logs as JSON: requests one after another, on one line each or many.
///
/// Keys may be written as `lowerCamelCase` or as `snake_case`, 64-bit numbers as texts or as
/// numbers, and severities by number or by name.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct OtlpJson;

/// OTLP logs as protobuf: a request, or several one after another, each with its length in front
/// (as the collector's file exporter writes them) or without.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct OtlpProtobuf;

/// OTLP logs as JSON or as protobuf: the beginning of the source tells which.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Otlp;

macro_rules! otlp_format {
    ($format:ident, $name:literal, $framing:ident, $parse:expr) => {
        impl $format {
            /// The format.
            #[must_use]
            pub const fn new() -> Self {
                Self
            }
        }

        impl Format for $format {
            fn name(&self) -> &'static str {
                $name
            }

            fn framing(&self) -> Framing {
                Framing::$framing
            }

            fn parse(&self, rows: &mut Rows<'_>) {
                $parse(rows);
            }
        }
    };
}

otlp_format!(OtlpJson, "otlp-json", Values, json::parse);
otlp_format!(OtlpProtobuf, "otlp-proto", Messages, protobuf::parse);
otlp_format!(Otlp, "otlp", ValuesOrMessages, either);

/// Frames of JSON begin with a bracket, those of protobuf with the tag of field 1.
fn either(rows: &mut Rows<'_>) {
    if matches!(rows.record().first(), Some(b'{' | b'[')) {
        json::parse(rows);
    } else {
        protobuf::parse(rows);
    }
}
