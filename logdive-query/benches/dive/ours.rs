//! Our answers.

use logdive_core::Layer;
use logdive_core::port::Budget;
use logdive_query::{DivePlan, Diver, Follow, Select};

use crate::data::Data;
use crate::figures::{Asked, timed};
use crate::{quarter, standard};

/// The newest 200 errors of one layer in a quarter of an hour.
pub(crate) const ERRORS: &str = "1 newest 200 errors of front, 15 min";
/// The ids of all its errors, and all layers' lines with them.
pub(crate) const HOPS: &str = "2 two hops: ids of errors of front, all layers, 15 min";
/// From a ticket to its packet.
pub(crate) const TICKET: &str = "3 ticket to packet, 1 h";

/// Most lines that the two hops give; the peers have no limit.
const MANY: u64 = 100_000;

pub(crate) async fn ask(data: &Data, runs: usize) -> Vec<Asked> {
    let layers: Vec<Layer> = data.stream.layers().iter().cloned().collect();
    let diver = Diver::builder().lake(data.lake.clone(), layers).build().await.expect("a diver");
    let window = quarter(data.stream.last_day());
    let errors = Select::layers(["front"]).filter("severity >= error");
    let newest = DivePlan::around(window).select("errors", errors.clone().newest(200));
    let hops = DivePlan::around(window).select("errors", errors.newest(1)).follow(
        "related",
        Follow::from("errors").ids(["request"]).hops(1).max_ids(10_000).oldest(MANY),
    );
    // Incidents of all hours of the day, one after the other.
    let incidents: Vec<_> = data.stream.incidents().iter().step_by(9).collect();
    let mut next = incidents.iter().copied().cycle();
    vec![
        timed(ERRORS, "logdive", runs, async || shown(&diver, &newest, "errors").await).await,
        timed(HOPS, "logdive", runs, async || shown(&diver, &hops, "related").await).await,
        timed(TICKET, "logdive", runs, async || {
            let incident = next.next().expect("there are incidents");
            let plan = standard::plan();
            let dive = diver.dive(&plan).ticket(&incident.ticket).budget(budget());
            let evidence = dive.run().await.expect("a dive");
            standard::packet_lines(incident, &evidence).len() as u64
        })
        .await,
    ]
}

fn budget() -> Budget {
    Budget { bytes: u64::MAX, ..Budget::default() }
}

async fn shown(diver: &Diver, plan: &DivePlan, step: &str) -> u64 {
    let evidence = diver.dive(plan).budget(budget()).run().await.expect("a dive");
    evidence.step(step).expect("the plan has it").rows.len() as u64
}
