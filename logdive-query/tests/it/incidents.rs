//! Planted incidents: is the cause among the first lines of the packet?
//!
//! For each incident a small stream is made (about 20,000 lines an hour: its hour, and what that is
//! compared with) and dived into with the standard plan. Beside it: are the last 50 lines, or the
//! last 50 errors, of the ticket's service in the same hour enough?

#![expect(clippy::print_stdout, reason = "the table is what the test is run for")]

use std::collections::BTreeMap;

use logdive_core::testkit::stream::{
    Incident, IncidentKind, Stream, StreamSpec, baselines, last_errors, last_lines,
};
use logdive_core::{LayerName, LogBatch, LogRecord};
use logdive_query::Diver;

use crate::standard::{packet_lines, plan};
use crate::support::{clock, scale};

const LINES_PER_HOUR: u64 = 20_000;
/// Incidents of a test run of scale 1: one of so many.
const ONE_OF: usize = 10;

/// Shares of incidents whose cause is in the first lines, below which something broke. What is
/// wanted is 0.95 and 0.85; docs/benchmarks.md says what was measured.
const FIRST_40: f64 = 0.7;
const FIRST_15: f64 = 0.7;

/// What was seen of one incident.
struct Seen {
    kind: IncidentKind,
    name: String,
    /// The first line of the packet that shows the cause, from 1.
    line: Option<usize>,
    in_last_lines: bool,
    in_last_errors: bool,
}

impl Seen {
    fn within(&self, lines: usize) -> bool {
        self.line.is_some_and(|line| line <= lines)
    }
}

async fn look(stream: &Stream, incident: &Incident) -> Seen {
    let alone = stream.only(incident);
    let mut batches: BTreeMap<LayerName, Vec<LogBatch>> = BTreeMap::new();
    for window in baselines(incident.hour).into_iter().chain([incident.hour]) {
        for (layer, batch) in alone.by_layer(window) {
            batches.entry(layer).or_default().push(batch);
        }
    }
    let service = incident.ticket.service.clone().unwrap_or_default();
    let everything: Vec<LogBatch> = batches.values().flatten().cloned().collect();
    let shows = |rows: Vec<LogRecord>| {
        rows.iter().filter_map(|row| row.body.as_deref()).any(|body| incident.truth.is_in(body))
    };
    let in_last_lines = shows(last_lines(&everything, &service, incident.hour, 50));
    let in_last_errors = shows(last_errors(&everything, &service, incident.hour, 50));
    let mut builder = Diver::builder().clock(clock());
    for (layer, batches) in batches {
        builder = builder.memory(alone.layers().get(&layer).unwrap().clone(), batches);
    }
    let diver = builder.build().await.unwrap();
    let plan = plan();
    let dive = diver.dive(&plan).ticket(&incident.ticket);
    let evidence = dive.run().await.unwrap();
    let packet = packet_lines(incident, &evidence);
    let line = packet.iter().position(|line| incident.truth.is_in(line)).map(|line| line + 1);
    if line.is_none_or(|line| line > 15) {
        println!("== {incident}: {} is at line {line:?}", incident.truth.line);
        packet.iter().take(15).for_each(|line| println!("   {line}"));
    }
    Seen { kind: incident.kind, name: incident.to_string(), line, in_last_lines, in_last_errors }
}

fn print(seen: &[Seen]) {
    println!(
        "| kind | incidents | first 15 | first 40 | last 50 lines | last 50 errors | at line |"
    );
    println!("|---|---|---|---|---|---|---|");
    for kind in IncidentKind::ALL {
        let of_kind: Vec<&Seen> = seen.iter().filter(|seen| seen.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        let count = |wanted: &dyn Fn(&Seen) -> bool| of_kind.iter().filter(|s| wanted(s)).count();
        let places: Vec<String> = of_kind
            .iter()
            .map(|seen| seen.line.map_or_else(|| "-".to_owned(), |line| line.to_string()))
            .collect();
        println!(
            "| {kind} | {} | {} | {} | {} | {} | {} |",
            of_kind.len(),
            count(&|seen| seen.within(15)),
            count(&|seen| seen.within(40)),
            count(&|seen| seen.in_last_lines),
            count(&|seen| seen.in_last_errors),
            places.join(" ")
        );
    }
}

#[tokio::test]
async fn the_cause_is_among_the_first_lines_of_the_packet() {
    let spec = StreamSpec::default().lines_per_day(LINES_PER_HOUR * 24).thinned(1);
    let stream = Stream::new(spec).unwrap();
    let step = (ONE_OF / usize::try_from(scale()).unwrap_or(1).max(1)).max(1);
    let mut seen = Vec::new();
    for incident in stream.incidents().iter().step_by(step) {
        seen.push(look(&stream, incident).await);
    }
    print(&seen);
    let share = |lines: usize| {
        let within = seen.iter().filter(|seen| seen.within(lines)).count();
        within as f64 / seen.len() as f64
    };
    let missed: Vec<&str> =
        seen.iter().filter(|seen| !seen.within(40)).map(|seen| seen.name.as_str()).collect();
    assert!(share(40) >= FIRST_40, "{} in the first 40 lines, not: {missed:?}", share(40));
    assert!(share(15) >= FIRST_15, "{} in the first 15 lines", share(15));
    let naive = seen.iter().filter(|seen| seen.in_last_lines).count() as f64 / seen.len() as f64;
    assert!(naive < share(15), "the last 50 lines show {naive} of the causes");
}
