//! What is in memory holds the conformance suites.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::{
    ManualClock, MemoryActuator, MemoryJournal, MemoryLayer, MemoryPost, MemorySink, MemoryTickets,
};
use crate::log::LogRecord;
use crate::{
    Action, ActionClass, ActionKey, ActionName, ActionRequest, ActionSpec, CaseId, Layer,
    LayerName, OnStop, Reversibility, TicketId, Value, ValueType, Window, testkit,
};

fn time() -> chrono::DateTime<chrono::Utc> {
    "2023-07-10T12:00:00Z".parse().unwrap()
}

#[test]
fn the_journal_holds() {
    testkit::journal(&MemoryJournal::new()).now_or_never().unwrap();
    testkit::delivery_log(&MemoryJournal::new()).now_or_never().unwrap();
}

#[test]
fn the_clock_holds() {
    testkit::clock(&ManualClock::at(time())).now_or_never().unwrap();
}

#[test]
fn the_sink_and_the_post_hold() {
    let sink = MemorySink::new();
    testkit::sink(&sink, "t", async || sink.bodies()).now_or_never().unwrap();
    let post = MemoryPost::new();
    testkit::post(&post, "t", async || post.documents().concat().len()).now_or_never().unwrap();
}

#[test]
fn the_tickets_hold() {
    let body = include_bytes!("../../tests/data/alertmanager/alert.json");
    let ticket = crate::intake::alertmanager(body).unwrap();
    let tickets = MemoryTickets::new();
    tickets.put(ticket.clone());
    testkit::ticket_source(&tickets, &ticket.id).now_or_never().unwrap();
}

#[test]
fn the_layer_holds() {
    let name = LayerName::parse("front").unwrap();
    let lines = (0..3_i64)
        .map(|n| LogRecord {
            time_unix_nano: time().timestamp_nanos_opt().map(|nanos| nanos + n),
            seq: n,
            ..LogRecord::new(name.clone(), 0)
        })
        .collect();
    let layer = MemoryLayer::new(Layer::new("front").unwrap().lateness(Duration::ZERO), lines);
    let window = Window::new(time(), time() + chrono::TimeDelta::minutes(1)).unwrap();
    testkit::layer_source(&layer, window).now_or_never().unwrap();
}

#[test]
fn the_actuator_holds() {
    let spec = ActionSpec {
        name: ActionName::parse("drain").unwrap(),
        about: String::new(),
        parameters: BTreeMap::from([("host".into(), ValueType::Text)]),
        target: "host".into(),
        class: ActionClass::parse("drain").unwrap(),
        on_stop: OnStop::Abort,
        reversibility: Reversibility::Irreversible,
    };
    let case = CaseId::new(&TicketId::parse("test:1").unwrap(), 0);
    let action = |ordinal: usize| {
        let arguments = BTreeMap::from([("host".to_owned(), Value::from("h"))]);
        let request = ActionRequest { name: spec.name.clone(), arguments };
        let key = ActionKey::new(&case, "r", &request, ordinal);
        Action::bind(key, &request, &spec).unwrap()
    };
    let actuator = MemoryActuator::new(vec![spec.clone()]);
    testkit::actuator(&actuator, &action(0), &action(1)).now_or_never().unwrap();
}
