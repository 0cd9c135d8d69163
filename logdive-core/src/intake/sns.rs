//! CloudWatch alarms as Amazon SNS delivers them: over HTTP, or to a Lambda function.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value as Json;
use x509_cert::Certificate;
use x509_cert::der::DecodePem as _;

use super::{IntakeError, check_size};
use crate::entities::{self, Entity, EntityKind, Found};
use crate::{Audience, Digest, Ticket, TicketId, TicketSeverity, TicketStatus, Times};

/// The certificates that SNS signs with, by the address that messages name.
///
/// A message's `SigningCertURL` is believed only if it is `https://sns.REGION.amazonaws.com/….pem`
/// (or `.amazonaws.com.cn`); fetch the certificate from there once and give it here.
#[derive(Debug, Clone, Default)]
pub struct SnsCertificates {
    by_url: BTreeMap<String, Vec<u8>>,
    trusted_channel: Option<String>,
}

impl SnsCertificates {
    /// No certificates: every message is refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes messages without a signature, because the channel they come by is authenticated
    /// already: a Lambda function that only SNS may invoke. The reason is for who reads the code.
    #[must_use]
    pub fn trusting_channel(reason: impl Into<String>) -> Self {
        Self { by_url: BTreeMap::new(), trusted_channel: Some(reason.into()) }
    }

    /// Adds the certificate, in PEM, of an address.
    ///
    /// # Errors
    /// If the address is not one of SNS, or the text is no certificate with an RSA key.
    pub fn with(mut self, url: &str, pem: &[u8]) -> Result<Self, IntakeError> {
        check_url(url)?;
        let certificate = Certificate::from_pem(pem).map_err(|error| {
            IntakeError::NotAuthentic(format!("the certificate of `{url}` is not PEM: {error}"))
        })?;
        let key = certificate.tbs_certificate.subject_public_key_info.subject_public_key;
        self.by_url.insert(url.to_owned(), key.raw_bytes().to_vec());
        Ok(self)
    }
}

fn check_url(url: &str) -> Result<(), IntakeError> {
    let region = |host: &str| {
        let region = host
            .strip_prefix("sns.")
            .and_then(|rest| {
                rest.strip_suffix(".amazonaws.com")
                    .or_else(|| rest.strip_suffix(".amazonaws.com.cn"))
            })
            .unwrap_or_default();
        !region.is_empty() && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let of_sns = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(host, path)| region(host) && path.ends_with(".pem"));
    if of_sns {
        Ok(())
    } else {
        Err(IntakeError::NotAuthentic(format!("`{url}` is no address of an SNS certificate")))
    }
}

/// The envelope. Lambda writes two of its keys with another case.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    subject: Option<String>,
    message: String,
    timestamp: String,
    signature_version: Option<String>,
    signature: Option<String>,
    #[serde(rename = "SigningCertURL", alias = "SigningCertUrl")]
    signing_cert_url: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    alarm_name: String,
    #[serde(default)]
    alarm_description: Option<String>,
    #[serde(rename = "AWSAccountId", default)]
    account: Option<String>,
    new_state_value: String,
    #[serde(default)]
    new_state_reason: String,
    state_change_time: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    alarm_arn: Option<String>,
    #[serde(default)]
    old_state_value: Option<String>,
    #[serde(default)]
    trigger: Option<Trigger>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Trigger {
    metric_name: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    #[serde(default)]
    metrics: Vec<TriggerMetric>,
}

#[derive(Deserialize)]
struct Dimension {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TriggerMetric {
    metric_stat: Option<MetricStat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStat {
    metric: Metric,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    metric_name: Option<String>,
    namespace: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
}

/// Reads one CloudWatch alarm: an SNS envelope, or Lambda's `Records[].Sns` with one record.
///
/// The signature is verified before the message is parsed, versions 1 (SHA-1) and 2 (SHA-256).
///
/// Source: Amazon SNS developer guide, *Verifying the signatures of Amazon SNS messages*; Amazon
/// CloudWatch user guide, *Alarm events*.
///
/// # Errors
/// If the message is not authentic, names a certificate that was not given, asks for a
/// subscription to be confirmed, or holds no alarm or several.
pub fn sns(body: &[u8], certificates: &SnsCertificates) -> Result<Ticket, IntakeError> {
    let mut tickets = sns_all(body, certificates)?;
    match (tickets.pop(), tickets.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), more) => Err(IntakeError::NotATicket(format!(
            "{} alarms in one delivery: read them with `sns_all`",
            more + 1
        ))),
        (None, _) => Err(IntakeError::NotATicket("the delivery holds no record".to_owned())),
    }
}

/// Reads all CloudWatch alarms of a delivery, in its order.
///
/// # Errors
/// As [`sns`], for the first record that is no alarm.
pub fn sns_all(body: &[u8], certificates: &SnsCertificates) -> Result<Vec<Ticket>, IntakeError> {
    check_size(body)?;
    let not_sns =
        |error: serde_json::Error| IntakeError::NotATicket(format!("not an SNS message: {error}"));
    let json: Json = serde_json::from_slice(body).map_err(not_sns)?;
    let envelopes: Vec<&Json> = match json.get("Records").and_then(Json::as_array) {
        Some(records) => records.iter().map(|record| record.get("Sns").unwrap_or(record)).collect(),
        None => vec![&json],
    };
    let digest = Digest::of(body);
    envelopes
        .into_iter()
        .map(|envelope| {
            let envelope = Envelope::deserialize(envelope).map_err(not_sns)?;
            verify(&envelope, certificates)?;
            ticket(&envelope, digest)
        })
        .collect()
}

fn verify(envelope: &Envelope, certificates: &SnsCertificates) -> Result<(), IntakeError> {
    if certificates.trusted_channel.is_some() {
        return Ok(());
    }
    let refuse = |why: &str| IntakeError::NotAuthentic(why.to_owned());
    let url = envelope
        .signing_cert_url
        .as_deref()
        .ok_or_else(|| refuse("the message names no certificate"))?;
    check_url(url)?;
    let key = certificates
        .by_url
        .get(url)
        .ok_or_else(|| IntakeError::NoCertificate { url: url.to_owned() })?;
    let signature = envelope
        .signature
        .as_deref()
        .and_then(|signature| STANDARD.decode(signature).ok())
        .ok_or_else(|| refuse("the message has no signature"))?;
    let algorithm = match envelope.signature_version.as_deref() {
        Some("1") => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Some("2") => &RSA_PKCS1_2048_8192_SHA256,
        _ => return Err(refuse("the signature is of neither version 1 nor 2")),
    };
    UnparsedPublicKey::new(algorithm, key)
        .verify(string_to_sign(envelope).as_bytes(), &signature)
        .map_err(|_| refuse("the signature does not fit the message"))
}

/// Keys and values, each on a line, in the order AWS prescribes; a subject only if there is one.
fn string_to_sign(envelope: &Envelope) -> String {
    let mut pairs =
        vec![("Message", envelope.message.as_str()), ("MessageId", &envelope.message_id)];
    if envelope.kind == "Notification" {
        if let Some(subject) = &envelope.subject {
            pairs.push(("Subject", subject));
        }
    } else {
        pairs.push(("SubscribeURL", envelope.subscribe_url.as_deref().unwrap_or_default()));
    }
    pairs.push(("Timestamp", &envelope.timestamp));
    if envelope.kind != "Notification" {
        pairs.push(("Token", envelope.token.as_deref().unwrap_or_default()));
    }
    pairs.extend([("TopicArn", envelope.topic_arn.as_str()), ("Type", &envelope.kind)]);
    pairs.into_iter().map(|(key, value)| format!("{key}\n{value}\n")).collect()
}

fn ticket(envelope: &Envelope, raw_digest: Digest) -> Result<Ticket, IntakeError> {
    if envelope.kind == "SubscriptionConfirmation" {
        return Err(IntakeError::Subscription {
            topic: envelope.topic_arn.clone(),
            url: envelope.subscribe_url.clone().unwrap_or_default(),
        });
    }
    if envelope.kind != "Notification" {
        return Err(IntakeError::NotATicket(format!("an SNS message of type `{}`", envelope.kind)));
    }
    let alarm: Alarm = serde_json::from_str(&envelope.message).map_err(|error| {
        IntakeError::NotATicket(format!("the SNS message holds no CloudWatch alarm: {error}"))
    })?;
    let changed = time(&alarm.state_change_time)?;
    let delivered = time(&envelope.timestamp).ok();
    let mut metric = None;
    let mut namespace = None;
    let mut dimensions: Vec<(String, String)> = Vec::new();
    if let Some(trigger) = &alarm.trigger {
        let stats = trigger.metrics.iter().filter_map(|metric| metric.metric_stat.as_ref());
        let mut take = |name: &Option<String>, space: &Option<String>, dims: &[Dimension]| {
            metric = metric.take().or_else(|| name.clone());
            namespace = namespace.take().or_else(|| space.clone());
            dimensions.extend(dims.iter().map(|d| (d.name.clone(), d.value.clone())));
        };
        take(&trigger.metric_name, &trigger.namespace, &trigger.dimensions);
        for stat in stats {
            take(&stat.metric.metric_name, &stat.metric.namespace, &stat.metric.dimensions);
        }
    }
    let mut labels = BTreeMap::from([
        ("alarm".to_owned(), alarm.alarm_name.clone()),
        ("topic".to_owned(), envelope.topic_arn.clone()),
    ]);
    labels.extend(metric.as_ref().map(|metric| ("metric".to_owned(), metric.clone())));
    labels.extend(namespace.as_ref().map(|space| ("namespace".to_owned(), space.clone())));
    for (name, value) in &dimensions {
        labels.insert(format!("dimension_{name}"), value.clone());
    }
    let service = dimensions
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("service"))
        .map(|(_, value)| value.to_ascii_lowercase())
        .or_else(|| {
            let space = namespace.as_deref()?;
            Some(space.strip_prefix("AWS/").unwrap_or(space).to_ascii_lowercase())
        });
    // An alarm of old has no ARN; account, region and name tell it apart all the same.
    let native = alarm.alarm_arn.clone().unwrap_or_else(|| {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("{}/{}/{}", part(&alarm.account), part(&alarm.region), alarm.alarm_name)
    });
    let id = TicketId::new("cloudwatch", &native)
        .map_err(|error| IntakeError::NotATicket(error.to_string()))?;
    let ok = alarm.new_state_value == "OK";
    let body = match &alarm.alarm_description {
        Some(text) if !text.is_empty() => format!("{text}\n{}", alarm.new_state_reason),
        _ => alarm.new_state_reason.clone(),
    };
    let title = envelope.subject.clone().unwrap_or_else(|| alarm.alarm_name.clone());
    Ok(Ticket {
        entities: entities::collect(fields(&alarm, &dimensions), &title, &body),
        severity: severity(alarm.alarm_description.as_deref().unwrap_or_default()),
        status: if ok { TicketStatus::Resolved } else { TicketStatus::New },
        vendor_status: match &alarm.old_state_value {
            Some(old) => format!("{old} -> {}", alarm.new_state_value),
            None => alarm.new_state_value.clone(),
        },
        service,
        labels,
        times: Times {
            started: (!ok).then_some(changed),
            detected: (!ok).then_some(changed),
            opened: changed,
            updated: delivered,
            resolved: ok.then_some(changed),
        },
        url: None,
        group_key: None,
        dedupe_key: format!("{native}/{}", alarm.state_change_time),
        audience: Audience::Internal,
        truncated_members: 0,
        raw_digest,
        id,
        title,
        body,
    })
}

fn fields(alarm: &Alarm, dimensions: &[(String, String)]) -> Vec<Entity> {
    let entity = |kind, value: &Option<String>, field: &str| {
        let value = value.clone().filter(|value| !value.is_empty())?;
        Some(Entity { kind, value, found: Found::Field(field.to_owned()) })
    };
    let arn_region =
        alarm.alarm_arn.as_deref().and_then(|arn| arn.split(':').nth(3)).map(str::to_owned);
    let instances = dimensions.iter().filter(|(name, _)| name == "InstanceId").map(|(_, value)| {
        let found = Found::Field("Trigger.Dimensions.InstanceId".to_owned());
        Entity { kind: EntityKind::Instance, value: value.clone(), found }
    });
    [
        entity(EntityKind::Account, &alarm.account, "AWSAccountId"),
        // `Region` is a display name (`US East (N. Virginia)`); the ARN has the region itself.
        entity(EntityKind::Region, &arn_region, "AlarmArn"),
        entity(EntityKind::Arn, &alarm.alarm_arn, "AlarmArn"),
    ]
    .into_iter()
    .flatten()
    .chain(instances)
    .collect()
}

/// CloudWatch alarms have no severity of their own; teams write `SEV2` or `severity 2` into the
/// description.
fn severity(description: &str) -> Option<TicketSeverity> {
    let lower = description.to_ascii_lowercase();
    ["severity ", "severity:", "severity: ", "sev-", "sev"].into_iter().find_map(|word| {
        let at = lower.find(word)? + word.len();
        let digit = lower.get(at..)?.chars().next()?.to_digit(10)?;
        TicketSeverity::new(u8::try_from(digit).ok()?)
    })
}

/// CloudWatch writes `2015-06-03T17:43:27.123+0000`, SNS writes RFC 3339.
fn time(text: &str) -> Result<DateTime<Utc>, IntakeError> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| IntakeError::NotATicket(format!("`{text}` is not a time")))
}

#[cfg(test)]
mod tests {
    use super::{SnsCertificates, sns};
    use crate::intake::IntakeError;
    use crate::{EntityKind, TicketStatus};

    const CERTIFICATE: &[u8] = include_bytes!("../../tests/data/sns/signing-certificate.pem");
    const URL: &str = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0000000000000000000000000000000a.pem";
    const V1: &str = include_str!("../../tests/data/sns/signed-v1.json");
    const V2: &str = include_str!("../../tests/data/sns/signed-v2.json");
    const NO_SUBJECT: &str = include_str!("../../tests/data/sns/signed-no-subject.json");
    const NO_ALARM: &str = include_str!("../../tests/data/sns/signed-not-an-alarm.json");
    const SUBSCRIPTION: &str = include_str!("../../tests/data/sns/subscription.json");
    /// aws/aws-lambda-go, test data.
    const LAMBDA: &str =
        include_str!("../../tests/data/sns/cloudwatch-alarm-sns-payload-single-metric.json");
    const LAMBDA_METRICS: &str =
        include_str!("../../tests/data/sns/cloudwatch-alarm-sns-payload-multiple-metrics.json");

    fn certificates() -> SnsCertificates {
        SnsCertificates::new().with(URL, CERTIFICATE).unwrap()
    }

    #[test]
    fn both_signature_versions_are_verified() {
        for body in [V1, V2, NO_SUBJECT] {
            let ticket = sns(body.as_bytes(), &certificates()).unwrap();
            assert_eq!(ticket.service.as_deref(), Some("ssm"));
            assert_eq!(ticket.severity.map(|severity| severity.number()), Some(3));
            assert_eq!(ticket.labels["metric"], "ThrottledCalls");
            assert_eq!(ticket.times.opened.to_rfc3339(), "2023-07-10T11:58:31.077+00:00");
            let region =
                ticket.entities.iter().find(|entity| entity.kind == EntityKind::Region).unwrap();
            assert_eq!(region.value, "us-east-1");
        }
    }

    #[test]
    fn a_changed_message_is_not_authentic() {
        for body in [V1, V2] {
            let changed = body.replace("ssm-throttling", "ssm-thr0ttling");
            let error = sns(changed.as_bytes(), &certificates()).unwrap_err();
            assert!(matches!(error, IntakeError::NotAuthentic(_)), "{error}");
        }
        let unsigned = V2.replace("\"Signature\"", "\"Sig\"");
        assert!(sns(unsigned.as_bytes(), &certificates()).is_err());
    }

    #[test]
    fn a_certificate_must_be_given_and_of_sns() {
        let error = sns(V2.as_bytes(), &SnsCertificates::new()).unwrap_err();
        assert!(error.to_string().contains(URL), "{error}");
        for url in [
            "https://sns.us-east-1.amazonaws.com.evil.example/x.pem",
            "http://sns.us-east-1.amazonaws.com/x.pem",
            "https://evil.example/sns.us-east-1.amazonaws.com/x.pem",
            "https://sns.us-east-1.amazonaws.com@evil.example/x.pem",
        ] {
            assert!(SnsCertificates::new().with(url, CERTIFICATE).is_err(), "{url}");
            let moved = V2.replace(URL, url);
            assert!(sns(moved.as_bytes(), &certificates()).is_err(), "{url}");
        }
    }

    #[test]
    fn what_is_no_alarm_is_named() {
        let error = sns(NO_ALARM.as_bytes(), &certificates()).unwrap_err().to_string();
        assert!(error.contains("holds no CloudWatch alarm"), "{error}");
        let error = sns(SUBSCRIPTION.as_bytes(), &certificates()).unwrap_err();
        assert!(matches!(error, IntakeError::Subscription { .. }), "{error}");
        assert!(sns(b"hello", &certificates()).is_err());
        assert!(sns(br#"{"Records":[]}"#, &certificates()).is_err());
    }

    #[test]
    fn lambda_records_are_read_when_the_channel_is_trusted() {
        let trusting = SnsCertificates::trusting_channel("only SNS may invoke the function");
        for body in [LAMBDA, LAMBDA_METRICS] {
            assert!(sns(body.as_bytes(), &certificates()).is_err(), "not signed");
            let ticket = sns(body.as_bytes(), &trusting).unwrap();
            assert_eq!(ticket.status, TicketStatus::New);
            assert_eq!(ticket.labels["metric"], "NetworkOut");
            assert_eq!(ticket.service.as_deref(), Some("ec2"));
            assert_eq!(ticket.times.opened.to_rfc3339(), "2015-06-03T17:43:27.123+00:00");
        }
    }
}
