//! Suites of foreign layers and of dives.

use std::pin::Pin;
use std::task::Poll;

use crate::log::LogRecord;
use crate::port::{DiveRequest, EvidenceSource, LayerItem, LayerQuery, LayerSource, LayerStream};
use crate::{LayerCoverage, Predicate, Window};

async fn drain(mut stream: LayerStream) -> (Vec<LogRecord>, Option<LayerCoverage>) {
    let mut records = Vec::new();
    let mut coverage = None;
    loop {
        let next = std::future::poll_fn(|context| {
            let stream: Pin<&mut _> = stream.as_mut();
            match stream.poll_next(context) {
                Poll::Ready(item) => Poll::Ready(item),
                Poll::Pending => Poll::Pending,
            }
        });
        match next.await {
            None => return (records, coverage),
            Some(Ok(LayerItem::Batch(batch))) => {
                assert!(coverage.is_none(), "the coverage is the last item");
                records.extend(batch.records());
            }
            Some(Ok(LayerItem::Coverage(last))) => {
                assert!(coverage.is_none(), "there is one coverage");
                coverage = Some(last);
            }
            Some(Err(error)) => panic!("a layer that answers failed: {error}"),
        }
    }
}

/// A foreign layer with at least two lines in the window: it ends with its coverage, and what a
/// limit cuts is said.
///
/// # Panics
/// If something does not hold.
pub async fn layer_source(source: &dyn LayerSource, window: Window) {
    let query = LayerQuery { window, predicate: Predicate::always(), limit: None, deadline: None };
    let Ok(stream) = source.read(&query).await else { panic!("it can be asked") };
    let (all, coverage) = drain(stream).await;
    let Some(coverage) = coverage else { panic!("the stream ended without its coverage") };
    assert!(all.len() >= 2, "it has {} lines in the window", all.len());
    assert!(coverage.failed.is_empty() && coverage.read == coverage.planned, "{coverage:?}");
    assert!(
        all.iter().all(|record| record.layer == *source.layer().name()),
        "every line is of the layer"
    );
    let cut = LayerQuery { limit: Some(1), ..query.clone() };
    let Ok(stream) = source.read(&cut).await else { panic!("it can be asked again") };
    let (some, coverage) = drain(stream).await;
    if some.len() < all.len() {
        assert!(
            coverage.is_some_and(|coverage| coverage.stopped_by.is_some()),
            "a cut answer does not say so"
        );
    }
    let never = LayerQuery { predicate: Predicate::never(), ..query };
    let Ok(stream) = source.read(&never).await else { panic!("it can be asked once more") };
    assert!(drain(stream).await.1.is_some(), "an empty answer has its coverage");
}

/// A dive: its steps are those it describes, every measure becomes a fact, and it gives the same
/// bytes again.
///
/// # Panics
/// If something does not hold.
pub async fn evidence_source(source: &dyn EvidenceSource, request: &DiveRequest) {
    let description = source.describe();
    let Ok(evidence) = source.dive(request).await else { panic!("it dives") };
    let described: Vec<_> = description.steps.iter().map(|step| &step.name).collect();
    let found: Vec<_> = evidence.steps.iter().map(|step| &step.name).collect();
    assert_eq!(described, found, "the steps are those it describes");
    assert_eq!(evidence.provenance.plan_digest, description.plan, "the plan is the one described");
    for measure in &request.measures {
        assert!(evidence.facts.get(&measure.name).is_some(), "no fact `{}`", measure.name);
    }
    for step in &evidence.steps {
        assert_eq!(step.matched, step.rows.len() as u64 + step.cut, "matched is shown and cut");
    }
    let Ok(again) = source.dive(request).await else { panic!("it dives again") };
    assert_eq!(evidence.digest(), again.digest(), "the same bytes again");
}
