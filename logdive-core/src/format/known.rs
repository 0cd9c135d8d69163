//! The formats by name.

use std::sync::Arc;

use thiserror::Error;

use super::Format;
use crate::did_you_mean;

/// A name that no format has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no format `{name}`{}; there are: {}", hint(.name), NAMES.join(", "))]
pub struct UnknownFormat {
    name: String,
}

fn hint(name: &str) -> String {
    did_you_mean(name, NAMES.iter().copied())
        .map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"))
}

/// The names of the formats that are built in (each is a feature), in the order in which they are
/// tried on a sample.
pub const NAMES: &[&str] = &[
    #[cfg(feature = "cloudtrail")]
    "cloudtrail",
    #[cfg(feature = "otlp")]
    "otlp",
    #[cfg(feature = "otlp")]
    "otlp-json",
    #[cfg(feature = "otlp")]
    "otlp-proto",
    #[cfg(feature = "json")]
    "json",
    #[cfg(feature = "klog")]
    "klog",
    #[cfg(feature = "nginx-error")]
    "nginx-error",
    #[cfg(feature = "apache-error")]
    "apache-error",
    #[cfg(feature = "clf")]
    "clf",
    #[cfg(feature = "syslog")]
    "syslog",
    #[cfg(feature = "logfmt")]
    "logfmt",
    #[cfg(feature = "plain")]
    "plain",
];

/// A format by its name: one of [`NAMES`], or a common other name of it. `_` is read as `-`.
///
/// # Errors
/// If there is none of that name; the error lists those there are.
pub fn by_name(name: &str) -> Result<Arc<dyn Format>, UnknownFormat> {
    let found: Option<Arc<dyn Format>> = match name.to_ascii_lowercase().replace('_', "-").as_str()
    {
        #[cfg(feature = "apache-error")]
        "apache-error" => Some(Arc::new(super::ApacheError::new())),
        #[cfg(feature = "clf")]
        "clf" | "common" | "combined" | "access" | "apache-access" | "nginx-access" => {
            Some(Arc::new(super::Clf::new()))
        }
        #[cfg(feature = "cloudtrail")]
        "cloudtrail" => Some(Arc::new(super::CloudTrail::new())),
        #[cfg(feature = "json")]
        "json" | "jsonl" | "ndjson" | "json-lines" => Some(Arc::new(super::JsonLines::new())),
        #[cfg(feature = "klog")]
        "klog" | "glog" => Some(Arc::new(super::Klog::new())),
        #[cfg(feature = "logfmt")]
        "logfmt" => Some(Arc::new(super::Logfmt::new())),
        #[cfg(feature = "nginx-error")]
        "nginx-error" => Some(Arc::new(super::NginxError::new())),
        #[cfg(feature = "syslog")]
        "syslog" | "rfc3164" | "rfc5424" => Some(Arc::new(super::Syslog::new())),
        #[cfg(feature = "otlp")]
        "otlp" => Some(Arc::new(super::Otlp::new())),
        #[cfg(feature = "otlp")]
        "otlp-json" => Some(Arc::new(super::OtlpJson::new())),
        #[cfg(feature = "otlp")]
        "otlp-proto" | "otlp-protobuf" => Some(Arc::new(super::OtlpProtobuf::new())),
        #[cfg(feature = "plain")]
        "plain" | "text" | "txt" => Some(Arc::new(super::Plain::new())),
        _ => None,
    };
    found.ok_or_else(|| UnknownFormat { name: name.chars().take(80).collect() })
}
