//! Lines, layers and measures for tests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::port::Clock;
use logdive_core::{
    Function, Layer, LayerField, LayerName, LogBatch, LogRecord, LogSeverity, Measure, Predicate,
    StepName, Unit, ValueType, Window,
};

/// A clock that stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing(pub(crate) DateTime<Utc>);

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    async fn sleep_until(&self, _: DateTime<Utc>) {}
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(Standing(time("2023-07-10T13:00:00Z")))
}

/// How many times as many cases as by default.
pub(crate) fn scale() -> u32 {
    std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn window(from: &str, to: &str) -> Window {
    Window::new(time(from), time(to)).unwrap()
}

/// 2023-07-10, 11:30 to 12:30.
pub(crate) fn hour() -> Window {
    window("2023-07-10T11:30:00Z", "2023-07-10T12:30:00Z")
}

/// A line so many seconds after 11:30.
pub(crate) fn line(layer: &str, second: i64, body: &str, attributes: &str) -> LogRecord {
    let time = hour().from() + TimeDelta::seconds(second);
    let nanos = time.timestamp_nanos_opt().unwrap();
    LogRecord {
        time_unix_nano: Some(nanos),
        severity: Some(LogSeverity::INFO),
        emitter: Some(format!("{layer}-host")),
        seq: second,
        body: Some(body.to_owned()),
        attributes: Some(attributes.to_owned()),
        ..LogRecord::new(LayerName::parse(layer).unwrap(), nanos)
    }
}

/// A line that says nothing but that its emitter is alive, long after the window.
pub(crate) fn alive(layer: &str) -> LogRecord {
    line(layer, 7_200, "still here", "{}")
}

pub(crate) fn batch(records: impl IntoIterator<Item = LogRecord>) -> LogBatch {
    records.into_iter().collect()
}

/// The services of one trail: two layers with ids that are named differently.
pub(crate) fn ssm() -> Layer {
    Layer::new("ssm")
        .unwrap()
        .field("error_code", LayerField::attribute("errorCode", ValueType::Text))
        .unwrap()
        .field("key", LayerField::attribute("userIdentity.accessKeyId", ValueType::Text))
        .unwrap()
        .field(
            "parameter",
            LayerField::attribute("requestParameters.name", ValueType::Text).after("parameter"),
        )
        .unwrap()
        .field("took", LayerField::attribute("ms", ValueType::Duration).unit(Unit::Milliseconds))
        .unwrap()
        .id("access_key", "key")
        .unwrap()
        .lateness(Duration::from_secs(900))
}

pub(crate) fn s3() -> Layer {
    Layer::new("s3")
        .unwrap()
        .field("error_code", LayerField::attribute("code", ValueType::Text))
        .unwrap()
        .field("who", LayerField::attribute("key", ValueType::Text))
        .unwrap()
        .id("access_key", "who")
        .unwrap()
        .lateness(Duration::from_secs(900))
}

pub(crate) fn measure(name: &str, step: &str, function: Function) -> Measure {
    Measure {
        name: name.to_owned(),
        step: StepName::parse(step).unwrap(),
        function,
        filter: Predicate::always(),
        window: None,
    }
}
