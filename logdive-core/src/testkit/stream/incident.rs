//! Incidents and their ground truth.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{LayerName, Ticket, Window};

/// What kind of thing went wrong.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentKind {
    /// One module is slow; front ends time out in all zones.
    HsmLatency,
    /// Six modules are slow, twenty minutes after a change of their firmware.
    FirmwareRollout,
    /// A customer is denied after a change of its own policy.
    CustomerPolicy,
    /// Grants are old in one zone after a push that failed.
    StaleGrants,
    /// A replica is behind; fresh keys are not found.
    ReplicaLag,
    /// The lines of a layer come seven minutes late.
    LateLayer,
    /// A host's clock is off by a minute and more.
    ClockSkew,
    /// A module cannot attest itself: one line.
    Attestation,
    /// A zone loses power: silence.
    ZonePower,
    /// A customer's text breaks a parser, and other texts are meant for who reads the logs.
    HostileText,
    /// Secrets stand in an exception.
    SecretInException,
    /// A probe flaps by its own fault.
    FlappingProbe,
    /// A deploy brings a new error.
    BadDeploy,
    /// A flag changes how often something is done.
    ConfigFlag,
    /// A certificate ended.
    CertificateExpiry,
    /// A disk is full.
    DiskFull,
    /// A pool of connections is exhausted.
    PoolExhausted,
    /// Something that the service depends on throttles it.
    Throttled,
}

impl IncidentKind {
    /// All kinds.
    pub const ALL: [Self; 18] = [
        Self::HsmLatency,
        Self::FirmwareRollout,
        Self::CustomerPolicy,
        Self::StaleGrants,
        Self::ReplicaLag,
        Self::LateLayer,
        Self::ClockSkew,
        Self::Attestation,
        Self::ZonePower,
        Self::HostileText,
        Self::SecretInException,
        Self::FlappingProbe,
        Self::BadDeploy,
        Self::ConfigFlag,
        Self::CertificateExpiry,
        Self::DiskFull,
        Self::PoolExhausted,
        Self::Throttled,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HsmLatency => "hsm-latency",
            Self::FirmwareRollout => "firmware-rollout",
            Self::CustomerPolicy => "customer-policy",
            Self::StaleGrants => "stale-grants",
            Self::ReplicaLag => "replica-lag",
            Self::LateLayer => "late-layer",
            Self::ClockSkew => "clock-skew",
            Self::Attestation => "attestation",
            Self::ZonePower => "zone-power",
            Self::HostileText => "hostile-text",
            Self::SecretInException => "secret-in-exception",
            Self::FlappingProbe => "flapping-probe",
            Self::BadDeploy => "bad-deploy",
            Self::ConfigFlag => "config-flag",
            Self::CertificateExpiry => "certificate-expiry",
            Self::DiskFull => "disk-full",
            Self::PoolExhausted => "pool-exhausted",
            Self::Throttled => "throttled",
        }
    }
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that went wrong: what people are told, and what was the matter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incident {
    /// Its kind.
    pub kind: IncidentKind,
    /// Which of its kind: another host, another text, another severity.
    pub variant: u32,
    /// When it began to be felt. Its cause may be earlier.
    pub onset: DateTime<Utc>,
    /// When it was over.
    pub end: DateTime<Utc>,
    /// The hour that a dive for its ticket looks at: 45 minutes before it started and 15 after.
    pub hour: Window,
    /// What the monitoring opened: it tells of the symptoms, with the sign that misleads.
    pub ticket: Ticket,
    /// What was the matter.
    pub truth: GroundTruth,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind, self.variant)
    }
}

/// What was the matter, and how to tell the lines that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroundTruth {
    /// The layer of the cause's lines.
    pub layer: LayerName,
    /// Who wrote them.
    pub emitters: Vec<String>,
    /// The kind of the cause's lines: their text with slots in angle brackets.
    pub line: String,
    /// What stands in each of the cause's lines and in no other: whole words without digits, so
    /// that templates of them have it too.
    pub fragment: String,
}

impl GroundTruth {
    /// Whether a line of a log, a template or a rendered packet shows the cause. Runs of white
    /// space count as one.
    #[must_use]
    pub fn is_in(&self, text_line: &str) -> bool {
        if text_line.contains(&self.fragment) {
            return true;
        }
        let words: Vec<&str> = text_line.split_whitespace().collect();
        words.join(" ").contains(&self.fragment)
    }
}

/// The longest run of words without digits and slots, at most eight of them.
pub(super) fn fragment(text: &str) -> String {
    let fixed = |word: &&str| !word.contains(|c: char| c.is_ascii_digit() || "<>=\"".contains(c));
    let words: Vec<&str> = text.split_whitespace().collect();
    let runs = words.split(|word| !fixed(word));
    let longest = runs.max_by_key(|run| run.iter().map(|word| word.len() + 1).sum::<usize>());
    longest.unwrap_or_default().iter().take(8).copied().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::fragment;

    #[test]
    fn fragments_are_whole_words_without_numbers() {
        assert_eq!(
            fragment("pool <n> of 64 connections is empty, <k> wait"),
            "connections is empty,"
        );
        assert_eq!(fragment("a=<n> release red-fox promoted"), "release red-fox promoted");
    }
}
