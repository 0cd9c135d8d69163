//! Following ids from the lines of one step to those of every layer.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;
use logdive_core::FieldPath;
use logdive_core::predicate::FieldTypes as _;
use logdive_core::{Fact, Field, IdKind, Layer, LayerField, Predicate, Reason, ReasonKind, Value};
use serde_json::Value as Json;

use crate::engine::{Engine, Halt};
use crate::rows::{self, Part};

/// How far to follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) hops: u64,
    pub(crate) max_ids: u64,
    pub(crate) max_rows: u64,
}

/// Where following ended.
#[derive(Debug)]
pub(crate) struct Followed {
    /// The lines found.
    pub(crate) parts: Vec<Part>,
    /// Why it ended, in words.
    pub(crate) stopped: String,
    /// Why there may be more lines, if a cap ended it.
    pub(crate) cut: Option<Reason>,
}

/// Values by kind, each with its first time.
type Ids = BTreeMap<(IdKind, String), i64>;

/// Follows ids from lines until nothing new is found or a cap is met.
///
/// `target` has the layers and windows to look in.
pub(crate) async fn follow(
    engine: &Engine,
    from: &[Part],
    target: &[Part],
    kinds: &[IdKind],
    caps: Caps,
) -> Result<Followed, Halt> {
    let mut known: BTreeSet<(IdKind, String)> = BTreeSet::new();
    let mut found = ids(engine, from, kinds).await?;
    let mut parts = with_ids(target, &known);
    let mut hops = 0;
    loop {
        let new: Vec<(i64, (IdKind, String))> = found
            .into_iter()
            .filter(|(id, _)| !known.contains(id))
            .map(|(id, time)| (time, id))
            .collect();
        if new.is_empty() {
            let stopped = format!("fixpoint after {}", plural(hops, "hop"));
            return Ok(Followed { parts, stopped, cut: None });
        }
        if hops == caps.hops {
            let stopped =
                format!("hops limit {hops}: {} not followed", plural(new.len() as u64, "more id"));
            return Ok(cut(parts, stopped));
        }
        let total = (known.len() + new.len()) as u64;
        let over = total > caps.max_ids;
        let room = usize::try_from(caps.max_ids).unwrap_or(usize::MAX).saturating_sub(known.len());
        // The ids that came first stay: the same ones on every run.
        let mut new = new;
        new.sort_unstable();
        known.extend(new.into_iter().take(room).map(|(_, id)| id));
        parts = with_ids(target, &known);
        hops += 1;
        if over {
            let stopped = format!("ids limit {}: {} found", caps.max_ids, grouped(total));
            return Ok(cut(parts, stopped));
        }
        let lines = rows::count(engine, &parts).await?;
        if lines > caps.max_rows {
            let stopped = format!("lines limit {}: {} found", caps.max_rows, grouped(lines));
            return Ok(cut(parts, stopped));
        }
        found = ids(engine, &parts, kinds).await?;
    }
}

fn cut(parts: Vec<Part>, stopped: String) -> Followed {
    let cut = Some(Reason::new(ReasonKind::Cut, stopped.clone()));
    Followed { parts, stopped, cut }
}

/// The ids in all lines of parts.
async fn ids(engine: &Engine, parts: &[Part], kinds: &[IdKind]) -> Result<Ids, Halt> {
    let fields = parts.iter().flat_map(|part| {
        let of_kind = move |kind| part.layer.id_fields(kind).map(move |field| (part, kind, field));
        kinds.iter().flat_map(of_kind)
    });
    let reading = fields.map(|(part, kind, field)| async move {
        rows::values(engine, part, field).await.map(|values| (kind, values))
    });
    let mut ids = Ids::new();
    for (kind, values) in try_join_all(reading).await? {
        for (time, value) in values {
            // An empty id ties together whatever lacks one.
            if value.trim().is_empty() {
                continue;
            }
            let first = ids.entry((kind.clone(), value)).or_insert(time);
            *first = time.min(*first);
        }
    }
    Ok(ids)
}

/// The lines of parts that have one of the ids in a field of its kind.
fn with_ids(target: &[Part], ids: &BTreeSet<(IdKind, String)>) -> Vec<Part> {
    target.iter().map(|part| Part { predicate: has_id(&part.layer, ids), ..part.clone() }).collect()
}

fn has_id(layer: &Layer, ids: &BTreeSet<(IdKind, String)>) -> Predicate {
    let mut values: BTreeMap<&Field, Vec<Value>> = BTreeMap::new();
    for (kind, id) in ids {
        for field in layer.id_fields(kind) {
            values.entry(field).or_default().extend(typed(layer, field, id));
        }
    }
    let terms = values
        .into_iter()
        .filter(|(_, values)| !values.is_empty())
        .map(|(field, values)| Predicate::In { field: field.clone(), values })
        .collect();
    Predicate::Or(terms)
}

/// An id as a layer's field holds it: layers may declare one kind with different types.
fn typed(layer: &Layer, field: &Field, id: &str) -> Option<Value> {
    let kind = layer.field_type(field)?;
    let reader = LayerField::at(FieldPath::Field(field.clone()), kind);
    match reader.read_json(Some(&Json::String(id.to_owned()))) {
        Fact::Known(value) => Some(value),
        _ => None,
    }
}

fn plural(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{grouped, plural};

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_530), "1,530");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(plural(1, "hop"), "1 hop");
        assert_eq!(plural(2, "hop"), "2 hops");
    }
}
