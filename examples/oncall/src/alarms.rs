//! From an alarm's payload to a ticket.

use logdive_core::Ticket;
use logdive_core::intake::{self, IntakeError, SnsCertificates};

use crate::error::Failure;
use crate::fixtures;

/// Reads a payload as SNS delivers it; as Alertmanager delivers it, if it is none of SNS.
pub(crate) fn ticket(name: &str, body: &[u8]) -> Result<Ticket, Failure> {
    let certificates = SnsCertificates::new()
        .with(fixtures::CERTIFICATE_URL, fixtures::CERTIFICATE)
        .map_err(|error| Failure::of("the certificate of the demo's alarms is unusable", &error))?;
    let of_sns = match intake::sns(body, &certificates) {
        Ok(ticket) => return Ok(ticket),
        Err(error) => error,
    };
    if !matches!(of_sns, IntakeError::NotATicket(_)) {
        return Err(failure(name, &of_sns));
    }
    intake::alertmanager(body).map_err(|of_alertmanager| {
        failure(name, &of_sns).help(format!("nor is it an Alertmanager webhook: {of_alertmanager}"))
    })
}

fn failure(name: &str, error: &IntakeError) -> Failure {
    Failure::of(format!("`{name}` is not taken"), error)
}
