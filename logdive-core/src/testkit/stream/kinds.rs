//! What can go wrong, a function a kind.
//!
//! The tables have five rows, a variant each: who writes the cause, how severe it is, how many
//! lines there are of it, and what it says.

mod access;
mod capacity;
mod change;
mod module;

use super::incident::IncidentKind;
use super::plot::{Ending, Plot, Told};
use super::script::Stage;
use crate::LogSeverity;

const INFO: LogSeverity = LogSeverity::INFO;
const WARN: LogSeverity = LogSeverity::WARN;
const ERROR: LogSeverity = LogSeverity::ERROR;

/// Writes what happens, and gives what is told.
pub(super) fn write(kind: IncidentKind, plot: &mut Plot<'_>) -> Told {
    match kind {
        IncidentKind::HsmLatency => module::latency(plot),
        IncidentKind::FirmwareRollout => module::firmware(plot),
        IncidentKind::CustomerPolicy => access::customer_policy(plot),
        IncidentKind::StaleGrants => access::stale_grants(plot),
        IncidentKind::ReplicaLag => capacity::replica_lag(plot),
        IncidentKind::LateLayer => change::late_layer(plot),
        IncidentKind::ClockSkew => change::clock_skew(plot),
        IncidentKind::Attestation => module::attestation(plot),
        IncidentKind::ZonePower => change::zone_power(plot),
        IncidentKind::HostileText => access::hostile_text(plot),
        IncidentKind::SecretInException => access::secret(plot),
        IncidentKind::FlappingProbe => module::flapping_probe(plot),
        IncidentKind::BadDeploy => change::bad_deploy(plot),
        IncidentKind::ConfigFlag => change::config_flag(plot),
        IncidentKind::CertificateExpiry => access::certificate(plot),
        IncidentKind::DiskFull => capacity::disk_full(plot),
        IncidentKind::PoolExhausted => capacity::pool_exhausted(plot),
        IncidentKind::Throttled => capacity::throttled(plot),
    }
}

/// Requests whose reply fails with this.
const fn fails<'a>(
    lines: &'a [(Stage, LogSeverity, &'a str)],
    slower: (u64, u64),
    status: u16,
) -> Ending<'a> {
    Ending { lines, ends: None, slower, status }
}
