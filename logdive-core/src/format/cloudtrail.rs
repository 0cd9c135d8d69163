//! AWS CloudTrail delivery files: `{"Records": [ … ]}`.

use std::borrow::Cow;

use serde::Deserialize;

use super::object::ObjectWriter;
use super::{Format, Framing, Rows, time};
use crate::LayerName;
use crate::log::{LogLine, LogSeverity};

/// The CloudTrail delivery format.
///
/// Each service is a layer, named by its event source (`ssm.amazonaws.com` is `ssm`). The whole
/// record is kept as the line's attributes, byte for byte; `body` is the event and its error in
/// words. What wrote the lines is the trail, by the beginning of the file's name
/// (`ACCOUNT_CloudTrail_REGION`), else the record's account and region.
///
/// Source: AWS CloudTrail user guide, *CloudTrail record contents* and *log file name format*;
/// OpenTelemetry, *Logs Data Model Appendix*, CloudTrail.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct CloudTrail;

impl CloudTrail {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is read of a record; the rest stays in its text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    event_time: Text<'a>,
    #[serde(borrow)]
    event_source: Text<'a>,
    #[serde(borrow)]
    event_name: Text<'a>,
    #[serde(rename = "eventID", borrow)]
    event_id: Option<Text<'a>>,
    #[serde(rename = "requestID", borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    error_code: Option<Text<'a>>,
    #[serde(borrow)]
    error_message: Option<Text<'a>>,
    #[serde(borrow)]
    aws_region: Option<Text<'a>>,
    #[serde(borrow)]
    recipient_account_id: Option<Text<'a>>,
}

impl Format for CloudTrail {
    fn name(&self) -> &'static str {
        "cloudtrail"
    }

    fn framing(&self) -> Framing {
        Framing::Elements("Records")
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        if let Err(error) = push(&text, rows) {
            rows.malformed(&error);
        }
    }
}

fn push(text: &str, rows: &mut Rows<'_>) -> Result<(), String> {
    let record: Record<'_> =
        serde_json::from_str(text).map_err(|error| format!("not a CloudTrail record: {error}"))?;
    let time = record.event_time.as_str();
    let (nanos, _) = time::iso(time)
        .filter(|(civil, len)| *len == time.len() && civil.offset.is_some())
        .ok_or_else(|| format!("`eventTime` is not a time: `{time}`"))?
        .0
        .resolve(rows.origin())
        .map_err(|error| format!("`eventTime` {time} {error}"))?;
    let source = record.event_source.as_str();
    let service = source.strip_suffix(".amazonaws.com").unwrap_or(source);
    let layer = if service.contains('.') {
        LayerName::parse(service.replace('.', "-"))
    } else {
        LayerName::parse(service)
    };
    let layer = layer.map_err(|error| format!("`eventSource` names no layer: {error}"))?;
    let (account, region) = (
        record.recipient_account_id.as_ref().map(Text::as_str),
        record.aws_region.as_ref().map(Text::as_str),
    );
    let mut resource = String::new();
    let mut object = ObjectWriter::new(&mut resource);
    object.option("cloud.account.id", account);
    object.text("cloud.provider", "aws");
    object.option("cloud.region", region);
    object.end();
    let base = rows.line();
    let place;
    let emitter = match (trail_of(&rows.origin().source).or(base.emitter), account, region) {
        (None, Some(account), Some(region)) => {
            place = format!("{account}/{region}");
            Some(place.as_str())
        }
        (emitter, ..) => emitter,
    };
    let event = record.event_name.as_str();
    let error = record.error_code.as_ref().map(Text::as_str);
    let body = match (error, &record.error_message) {
        (None, _) => Cow::Borrowed(event),
        (Some(code), None) => Cow::Owned(format!("{event} failed: {code}")),
        (Some(code), Some(message)) => {
            Cow::Owned(format!("{event} failed: {code}: {}", message.as_str()))
        }
    };
    let severity = if error.is_some() { LogSeverity::ERROR } else { LogSeverity::INFO };
    rows.push(&LogLine {
        layer: &layer,
        time_unix_nano: Some(nanos),
        severity: Some(severity),
        service: Some(source),
        emitter,
        event: Some(event),
        uid: record.event_id.as_ref().map(Text::as_str),
        request_id: record.request_id.as_ref().map(Text::as_str),
        body: Some(&body),
        attributes: Some(text),
        resource: Some(&resource),
        ..base
    });
    Ok(())
}

/// `…/218007301253_CloudTrail_us-east-1_20230710T1145Z_7xgo.json` is of the trail
/// `218007301253_CloudTrail_us-east-1`.
fn trail_of(source: &str) -> Option<&str> {
    let name = source.rsplit('/').next()?;
    let (account, rest) = name.split_once("_CloudTrail_")?;
    let region = rest.split('_').next()?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let end = account.len() + "_CloudTrail_".len() + region.len();
    if is_account { name.get(..end) } else { None }
}

#[cfg(test)]
mod tests {
    use super::CloudTrail;
    use std::sync::Arc;

    use crate::format::{Format, Origin, Parsed, parse as parse_bytes};
    use crate::log::{LogBatch, LogBatchBuilder};
    use crate::{Fact, Field, LayerField, LayerName, ValueType};

    fn parse(text: &str, source: &str) -> (LogBatch, Parsed) {
        let origin = Origin::new(LayerName::parse("other").unwrap(), source, 1);
        let mut out = LogBatchBuilder::new();
        let format: Arc<dyn Format> = Arc::new(CloudTrail::new());
        let parsed = parse_bytes(&format, text.as_bytes(), &origin, &mut out);
        (out.finish(), parsed)
    }

    const RECORD: &str = r#"{"eventTime":"2023-07-10T11:58:13Z","eventSource":"ssm.amazonaws.com",
        "eventName":"PutParameter","awsRegion":"us-east-1","eventID":"111f1ab1","requestID":"5777",
        "errorCode":"ThrottlingException","errorMessage":"Rate exceeded","recipientAccountId":"1",
        "userIdentity":{"accessKeyId":"AKIA"}}"#;

    #[test]
    fn a_record_is_read() {
        let (batch, parsed) = parse(
            &format!("{{\"Records\":[{RECORD}]}}"),
            "a/218007301253_CloudTrail_us-east-1_x_y.json",
        );
        assert_eq!(parsed, Parsed { records: 1, malformed: 0 });
        let record = batch.records().next().unwrap();
        assert_eq!(record.layer.as_str(), "ssm");
        assert_eq!(record.emitter.as_deref(), Some("218007301253_CloudTrail_us-east-1"));
        assert_eq!(
            record.body.as_deref(),
            Some("PutParameter failed: ThrottlingException: Rate exceeded")
        );
        assert_eq!(record.attributes.as_deref(), Some(RECORD), "kept byte for byte");
        let layer = crate::Layer::new("ssm")
            .and_then(|layer| {
                let key = LayerField::attribute("userIdentity.accessKeyId", ValueType::Text);
                layer.field("access_key", key)
            })
            .unwrap();
        let field = Field::parse("access_key").unwrap();
        assert_eq!(layer.reader(batch.row(0).unwrap()).read(&field), Fact::from("AKIA"));
    }

    #[test]
    fn a_broken_record_is_kept_and_the_others_are_read() {
        let text = format!("{{\"Records\":[{RECORD},{{\"eventTime\": oops}},{RECORD},{{\"cut");
        let (batch, parsed) = parse(&text, "x");
        assert_eq!(parsed, Parsed { records: 4, malformed: 2 });
        let errors: Vec<bool> =
            batch.records().map(|record| record.parse_error.is_some()).collect();
        assert_eq!(errors, [false, true, false, true]);
        let last = batch.records().last().unwrap();
        assert_eq!(last.raw.as_deref(), Some(&b"{\"cut"[..]));
        assert_eq!(batch.records().map(|record| record.seq).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn another_file_is_one_malformed_record() {
        for text in ["hello", "[]", "{\"Records\":{}}"] {
            let (batch, parsed) = parse(text, "x");
            assert_eq!(parsed, Parsed { records: 1, malformed: 1 }, "{text}");
            assert_eq!(batch.records().next().unwrap().raw.as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(parse(" \n", "x").1, Parsed::default());
        assert_eq!(parse("{\"Records\":[]}", "x").1, Parsed::default());
    }
}
