//! What is asked of the store: searches in JSON.

use logdive_core::Window;
use serde_json::{Value as Json, json};

use super::paging::Place;
use super::{Asking, Flavour};
use crate::layers::http::nanos;
use crate::layers::http::patience::Deadline;

/// How long a point in time is kept between two pages.
pub(super) const KEEP_ALIVE: &str = "2m";

/// The query: the window, and what else the store can answer.
///
/// A field of type `date` holds whole milliseconds, cut off; so the window is widened to those, and
/// lines outside of it are left out here.
pub(super) fn query(asking: &Asking, window: &Window, filter: &[Json], from: Option<i64>) -> Json {
    let (begin, end) = nanos(window);
    let begin = from.unwrap_or_else(|| begin.div_euclid(1_000_000));
    let end = end.div_euclid(1_000_000) + i64::from(end.rem_euclid(1_000_000) != 0);
    let range = json!({ "range": { asking.time.as_str(): {
        "gte": begin, "lt": end, "format": "epoch_millis",
    } } });
    let filter: Vec<Json> = std::iter::once(range).chain(filter.iter().cloned()).collect();
    json!({ "bool": { "filter": filter } })
}

/// A search for the page at a place.
pub(super) fn search(
    asking: &Asking,
    window: &Window,
    filter: &[Json],
    place: &Place,
    (pit, size): (&str, u64),
    deadline: Deadline,
) -> Json {
    let by_time = json!({ asking.time.as_str(): {
        "order": "asc", "numeric_type": "date", "unmapped_type": "date",
    } });
    let mut sort = vec![by_time];
    if asking.flavour == Flavour::Elasticsearch {
        // Unique within a point in time, so no tie is left.
        sort.push(json!({ "_shard_doc": "asc" }));
    }
    let from = match place {
        Place::From { time, .. } => *time,
        Place::Begin | Place::After(_) => None,
    };
    let mut search = json!({
        "size": size,
        "query": query(asking, window, filter, from),
        "sort": sort,
        "track_total_hits": false,
        "_source": true,
        "pit": { "id": pit, "keep_alive": KEEP_ALIVE },
    });
    if let (Some(object), Place::After(after)) = (search.as_object_mut(), place) {
        object.insert("search_after".to_owned(), Json::Array(after.clone()));
    }
    if let (Some(object), Some(left)) = (search.as_object_mut(), deadline.left()) {
        // Lets the store give what it has rather than nothing.
        object.insert("timeout".to_owned(), json!(format!("{}ms", left.as_millis().max(1))));
    }
    search
}
