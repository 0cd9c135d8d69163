//! The events counted by brute force over the raw JSON: what packets must agree with.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::deliveries;

/// Every event of the files whose name the test accepts.
pub(crate) fn events(accept: impl Fn(&str) -> bool) -> Vec<Value> {
    let mut events = Vec::new();
    for path in deliveries() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if accept(&name) {
            let text = std::fs::read_to_string(&path).expect("a fixture");
            let mut file: Value = serde_json::from_str(&text).expect("JSON");
            events.append(file["Records"].as_array_mut().expect("records"));
        }
    }
    events
}

pub(crate) fn is_early(name: &str) -> bool {
    !name.contains("T1205Z")
}

pub(crate) fn of_service<'a>(event: &'a Value, service: &str) -> Option<&'a Value> {
    (event["eventSource"] == format!("{service}.amazonaws.com")).then_some(event)
}

/// Events from one time, inclusive, to another, exclusive; both as CloudTrail writes them.
pub(crate) fn between<'a>(events: &'a [Value], from: &str, to: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| {
            let time = event["eventTime"].as_str().expect("a time");
            from <= time && time < to
        })
        .collect()
}

pub(crate) fn ids(events: &[Value]) -> BTreeSet<String> {
    events.iter().map(|event| event["eventID"].as_str().expect("an id").to_owned()).collect()
}
