//! AWS CloudTrail delivery files: `{"Records": [ … ]}`.

use serde::Deserialize;

use super::{Emit, Format, Origin, Parsed, frame, rfc3339_nanos};
use crate::LayerName;
use crate::log::{LogBatchBuilder, LogRecord, LogSeverity};

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

/// What is read of a record; the rest stays in its text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_time: &'a str,
    #[serde(borrow)]
    event_source: std::borrow::Cow<'a, str>,
    event_name: String,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    aws_region: Option<String>,
    recipient_account_id: Option<String>,
}

impl Format for CloudTrail {
    fn name(&self) -> &'static str {
        "cloudtrail"
    }

    fn parse(&self, bytes: &[u8], origin: &Origin, out: &mut LogBatchBuilder) -> Parsed {
        let mut emit = Emit::new(self.name(), origin, out);
        let Some((elements, rest)) = frame::array_elements(bytes, "Records") else {
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                let error = "no CloudTrail delivery file: it has no array `Records`";
                emit.malformed(bytes, &(0..bytes.len()), error);
            }
            return emit.parsed;
        };
        let trail = trail_of(&origin.source);
        for range in elements {
            let raw = bytes.get(range.clone()).unwrap_or_default();
            match parse_record(raw, emit.record(&range), trail) {
                Ok(record) => emit.push(&record),
                Err(error) => emit.malformed(bytes, &range, error),
            }
        }
        if !rest.is_empty() {
            emit.malformed(bytes, &rest, "the file ends inside of this record");
        }
        emit.parsed
    }
}

fn parse_record(raw: &[u8], base: LogRecord, trail: Option<&str>) -> Result<LogRecord, String> {
    let text = std::str::from_utf8(raw).map_err(|error| format!("not UTF-8: {error}"))?;
    let record: Record<'_> =
        serde_json::from_str(text).map_err(|error| format!("not a CloudTrail record: {error}"))?;
    let time = rfc3339_nanos(record.event_time)
        .ok_or_else(|| format!("`eventTime` is not a time: `{}`", record.event_time))?;
    let service = record.event_source.strip_suffix(".amazonaws.com");
    let layer = LayerName::parse(service.unwrap_or(&record.event_source).replace('.', "-"))
        .map_err(|error| format!("`eventSource` names no layer: {error}"))?;
    let mut resource = serde_json::Map::new();
    resource.insert("cloud.provider".to_owned(), "aws".into());
    if let Some(account) = &record.recipient_account_id {
        resource.insert("cloud.account.id".to_owned(), account.as_str().into());
    }
    if let Some(region) = &record.aws_region {
        resource.insert("cloud.region".to_owned(), region.as_str().into());
    }
    let emitter = trail.map(str::to_owned).or(base.emitter).or_else(|| {
        Some(format!(
            "{}/{}",
            record.recipient_account_id.as_deref()?,
            record.aws_region.as_deref()?
        ))
    });
    let body = match (&record.error_code, &record.error_message) {
        (None, _) => record.event_name.clone(),
        (Some(code), None) => format!("{} failed: {code}", record.event_name),
        (Some(code), Some(message)) => {
            format!("{} failed: {code}: {message}", record.event_name)
        }
    };
    let severity = if record.error_code.is_some() { LogSeverity::ERROR } else { LogSeverity::INFO };
    Ok(LogRecord {
        layer,
        time_unix_nano: Some(time),
        severity: Some(severity),
        service: Some(record.event_source.into_owned()),
        emitter,
        event: Some(record.event_name),
        uid: record.event_id,
        request_id: record.request_id,
        body: Some(body),
        attributes: Some(text.to_owned()),
        resource: Some(serde_json::Value::Object(resource).to_string()),
        ..base
    })
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
    use crate::format::{Format, Origin, Parsed};
    use crate::log::{LogBatch, LogBatchBuilder};
    use crate::{Fact, Field, LayerField, LayerName, ValueType};

    fn parse(text: &str, source: &str) -> (LogBatch, Parsed) {
        let origin = Origin::new(LayerName::parse("other").unwrap(), source, 1);
        let mut out = LogBatchBuilder::new();
        let parsed = CloudTrail::new().parse(text.as_bytes(), &origin, &mut out);
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
