//! Intake: from a vendor's payload to a [`Ticket`](crate::Ticket), one file a vendor.
//!
//! The signature is verified on the raw bytes before anything is parsed. Nothing is fetched here:
//! what a payload refers to is an argument.

#[cfg(feature = "alertmanager")]
mod alertmanager;
#[cfg(feature = "sns")]
mod sns;

#[cfg(feature = "alertmanager")]
pub use alertmanager::alertmanager;
#[cfg(feature = "sns")]
pub use sns::{SnsCertificates, sns, sns_all};

use thiserror::Error;

/// The largest payload that is parsed, in bytes. SNS delivers at most 256 KiB, Alertmanager's
/// groups are larger.
pub const PAYLOAD_LIMIT: usize = 1 << 20;

/// Why a payload became no ticket.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// It is not from whom it says. To be refused.
    #[error("not authentic: {0}")]
    NotAuthentic(String),
    /// The certificate that it names was not given.
    #[error("no certificate was given for `{url}`: fetch it from there and give it")]
    NoCertificate {
        /// Where the certificate is.
        url: String,
    },
    /// It is authentic, and not one of the payloads this intake knows. To be kept and looked at.
    #[error("no ticket in this payload: {0}")]
    NotATicket(String),
    /// The source asks for its subscription to be confirmed.
    #[error("the source asks to confirm the subscription of `{topic}`: open {url}")]
    Subscription {
        /// The topic.
        topic: String,
        /// Where it is confirmed.
        url: String,
    },
}

#[cfg(any(feature = "alertmanager", feature = "sns"))]
fn check_size(body: &[u8]) -> Result<(), IntakeError> {
    if body.len() > PAYLOAD_LIMIT {
        let length = body.len();
        return Err(IntakeError::NotATicket(format!(
            "it is {length} bytes long, at most {PAYLOAD_LIMIT} are read"
        )));
    }
    Ok(())
}
