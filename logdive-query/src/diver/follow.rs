//! Following ids from the lines of one step to those of every layer.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::FieldPath;
use logdive_core::predicate::FieldTypes as _;
use logdive_core::{Fact, Field, IdKind, Layer, LayerField, Predicate, Reason, ReasonKind, Value};
use serde_json::Value as Json;

use crate::engine::{Engine, Halt};
use crate::gather::{Gathered, Id, Ids, Part, Wants, gather};

/// How far to follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caps {
    pub(super) hops: u64,
    pub(super) max_ids: u64,
    pub(super) max_rows: u64,
}

/// Where following ended.
#[derive(Debug)]
pub(super) struct Followed {
    /// The lines found.
    pub(super) parts: Vec<Part>,
    pub(super) gathered: Gathered,
    /// Why it ended, in words.
    pub(super) stopped: String,
    /// Why there may be more lines, if a cap ended it.
    pub(super) cut: Option<Reason>,
}

/// Follows ids until nothing new is found or a cap is met.
///
/// `target` has the layers and windows to look in; `wants` is gathered from the lines found, the
/// ids that are followed among it.
pub(super) async fn follow(
    engine: &Engine,
    from: Ids,
    target: &[Part],
    kinds: &[IdKind],
    wants: &Wants<'_>,
    caps: Caps,
) -> Result<Followed, Halt> {
    let mut known: BTreeSet<Id> = BTreeSet::new();
    let mut found = from;
    let mut parts = with_ids(target, &known);
    let mut gathered: Option<Gathered> = None;
    let mut hops = 0;
    loop {
        let mut new: Vec<(i64, Id)> = found
            .into_iter()
            .filter(|(id, _)| kinds.contains(&id.0) && !known.contains(id))
            .filter_map(|(id, seen)| Some((*seen.values().min()?, id)))
            .collect();
        if new.is_empty() {
            let stopped = format!("fixpoint after {}", plural(hops, "hop"));
            let gathered = match gathered {
                Some(gathered) => gathered,
                None => gather(engine, &parts, wants).await?,
            };
            return Ok(Followed { parts, gathered, stopped, cut: None });
        }
        if let Some(gathered) = gathered
            && hops == caps.hops
        {
            let stopped =
                format!("hops limit {hops}: {} not followed", plural(new.len() as u64, "more id"));
            return Ok(cut(parts, gathered, stopped));
        }
        let total = (known.len() + new.len()) as u64;
        let room = usize::try_from(caps.max_ids).unwrap_or(usize::MAX).saturating_sub(known.len());
        // The ids that came first stay: the same ones on every run.
        new.sort_unstable();
        known.extend(new.into_iter().take(room).map(|(_, id)| id));
        parts = with_ids(target, &known);
        hops += 1;
        let hop = gather(engine, &parts, wants).await?;
        if total > caps.max_ids {
            let stopped = format!("ids limit {}: {} found", caps.max_ids, grouped(total));
            return Ok(cut(parts, hop, stopped));
        }
        let lines = hop.matched();
        if lines > caps.max_rows {
            let stopped = format!("lines limit {}: {} found", caps.max_rows, grouped(lines));
            return Ok(cut(parts, hop, stopped));
        }
        found = hop.ids.clone();
        gathered = Some(hop);
    }
}

fn cut(parts: Vec<Part>, gathered: Gathered, stopped: String) -> Followed {
    let cut = Some(Reason::new(ReasonKind::Cut, stopped.clone()));
    Followed { parts, gathered, stopped, cut }
}

/// The lines of parts that have one of the ids in a field of its kind.
fn with_ids(target: &[Part], ids: &BTreeSet<Id>) -> Vec<Part> {
    target.iter().map(|part| Part { predicate: has_id(&part.layer, ids), ..part.clone() }).collect()
}

/// Whether a line holds one of the ids, each bound as a value of its field's type.
pub(super) fn has_id<'a>(layer: &Layer, ids: impl IntoIterator<Item = &'a Id>) -> Predicate {
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
