//! Prometheus Alertmanager, webhook version 4.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{IntakeError, check_size};
use crate::entities::{self, Entity, EntityKind, Found};
use crate::{Audience, Digest, Ticket, TicketId, TicketSeverity, TicketStatus, Times};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    version: String,
    group_key: String,
    status: String,
    #[serde(default)]
    truncated_alerts: u64,
    #[serde(default)]
    common_labels: BTreeMap<String, String>,
    #[serde(default)]
    common_annotations: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    external_url: Option<String>,
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    #[serde(default)]
    fingerprint: String,
}

/// Reads an Alertmanager webhook: one ticket a group of alerts.
///
/// Alertmanager does not sign; whoever can reach the receiver is believed, so it must be guarded
/// by the network or a proxy.
///
/// Source: prometheus/alertmanager, `notify/webhook/webhook.go` and `template/template.go`.
///
/// # Errors
/// If the body is no webhook of version 4, or holds no alert.
pub fn alertmanager(body: &[u8]) -> Result<Ticket, IntakeError> {
    check_size(body)?;
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| {
        IntakeError::NotATicket(format!("not an Alertmanager webhook: {error}"))
    })?;
    if webhook.version != "4" {
        return Err(IntakeError::NotATicket(format!(
            "Alertmanager webhook of version `{}`, known is `4`",
            webhook.version
        )));
    }
    let Some(first) = webhook.alerts.iter().min_by_key(|alert| alert.starts_at) else {
        return Err(IntakeError::NotATicket("the webhook holds no alert".to_owned()));
    };
    let native = Digest::of_parts([&webhook.group_key]).short();
    let id = TicketId::new("alertmanager", &native)
        .map_err(|error| IntakeError::NotATicket(error.to_string()))?;
    let label =
        |name: &str| webhook.common_labels.get(name).or_else(|| first.labels.get(name)).cloned();
    let note = |name: &str| {
        webhook.common_annotations.get(name).or_else(|| first.annotations.get(name)).cloned()
    };
    let title = note("summary")
        .or_else(|| label("alertname"))
        .unwrap_or_else(|| format!("{} alerts", webhook.alerts.len()));
    let body_text = describe(&webhook);
    let resolved = webhook.status == "resolved";
    let mut labels = first.labels.clone();
    labels.extend(webhook.common_labels.clone());
    let from_labels = labels_to_entities(&webhook);
    let mut fingerprints: Vec<&str> =
        webhook.alerts.iter().map(|alert| alert.fingerprint.as_str()).collect();
    fingerprints.sort_unstable();
    Ok(Ticket {
        id,
        severity: label("severity").as_deref().and_then(severity),
        status: if resolved { TicketStatus::Resolved } else { TicketStatus::New },
        service: label("service").or_else(|| label("job")),
        times: Times {
            started: Some(first.starts_at),
            detected: Some(first.starts_at),
            opened: first.starts_at,
            updated: None,
            // An alert that has not ended says so with the year 1.
            resolved: resolved
                .then(|| webhook.alerts.iter().filter_map(|alert| alert.ends_at).max())
                .flatten()
                .filter(|end| *end > first.starts_at),
        },
        url: webhook
            .alerts
            .iter()
            .map(|alert| &alert.generator_url)
            .find(|url| !url.is_empty())
            .cloned()
            .or_else(|| webhook.external_url.clone()),
        group_key: Some(webhook.group_key.clone()),
        dedupe_key: format!("{}/{}/{}", webhook.group_key, fingerprints.join(","), webhook.status),
        entities: entities::collect(from_labels, &title, &body_text),
        title,
        body: body_text,
        vendor_status: webhook.status,
        labels,
        audience: Audience::Internal,
        truncated_members: webhook.truncated_alerts,
        raw_digest: Digest::of(body),
    })
}

fn describe(webhook: &Webhook) -> String {
    let alerts = webhook.alerts.iter().map(|alert| {
        let text = ["description", "message", "summary"]
            .into_iter()
            .find_map(|key| alert.annotations.get(key))
            .map_or("", String::as_str);
        let labels: Vec<String> =
            alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}: {text}", alert.status, labels.join(" "))
    });
    alerts.collect::<Vec<_>>().join("\n")
}

fn labels_to_entities(webhook: &Webhook) -> Vec<Entity> {
    const KINDS: [(&str, EntityKind); 7] = [
        ("host", EntityKind::Host),
        ("instance", EntityKind::Host),
        ("node", EntityKind::Host),
        ("region", EntityKind::Region),
        ("service", EntityKind::Service),
        ("job", EntityKind::Service),
        ("account", EntityKind::Account),
    ];
    let of_alert = |alert: &Alert| -> Vec<Entity> {
        KINDS
            .iter()
            .filter_map(|(name, kind)| {
                let value = alert.labels.get(*name)?.clone();
                Some(Entity { kind: *kind, value, found: Found::Field(format!("labels.{name}")) })
            })
            .collect()
    };
    webhook.alerts.iter().flat_map(of_alert).collect()
}

/// Words that people put into the label `severity`.
fn severity(word: &str) -> Option<TicketSeverity> {
    TicketSeverity::new(match word.to_ascii_lowercase().as_str() {
        "page" | "emergency" | "disaster" => 1,
        "critical" => 2,
        "error" | "major" | "high" => 3,
        "warning" | "minor" => 4,
        "info" | "none" | "low" => 5,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::alertmanager;
    use crate::{EntityKind, TicketStatus};

    /// zulip/zulip, `zerver/webhooks/alertmanager/fixtures/alert.json`, Apache-2.0.
    const ALERT: &[u8] = include_bytes!("../../tests/data/alertmanager/alert.json");

    #[test]
    fn a_group_is_a_ticket() {
        let ticket = alertmanager(ALERT).unwrap();
        assert_eq!(ticket.title, "High CPU core temperature");
        assert_eq!(ticket.severity.map(|severity| severity.number()), Some(2));
        assert_eq!(ticket.status, TicketStatus::New);
        assert_eq!(ticket.times.resolved, None);
        let hosts: Vec<&str> = ticket
            .entities
            .iter()
            .filter(|entity| entity.kind == EntityKind::Host)
            .map(|entity| entity.value.as_str())
            .collect();
        assert_eq!(hosts, ["andromeda"]);
        assert_eq!(alertmanager(ALERT).unwrap().revision(), ticket.revision());
    }

    #[test]
    fn other_payloads_are_named() {
        for (body, word) in [
            (&b"hello"[..], "not an Alertmanager webhook"),
            (br#"{"version":"3","groupKey":"x","status":"firing","alerts":[]}"#, "version `3`"),
            (br#"{"version":"4","groupKey":"x","status":"firing","alerts":[]}"#, "no alert"),
        ] {
            let error = alertmanager(body).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
