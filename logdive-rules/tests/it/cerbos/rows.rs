//! The rows: as CEL sees them (JSON), and as facts.
//!
//! A NULL is a missing attribute, save in `owner`, `coOwner` and `tagNames`, where it is an
//! explicit null: so says the corpus.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use logdive_core::{Fact, Facts, Value, ValueSet};
use logdive_rules::RuleSet;
use serde_json::{Map, Value as Json, json};

use super::oracle::Scope;

/// What rules over the rows may read. Of a list of objects a set holds what its elements have of
/// one attribute. Where an element lacks it CEL errs, which `exists` and `all` absorb if another
/// element decides. So each list is given twice: what is there, and, as `whole`, the same if no
/// element lacks it and unavailable if one does.
pub(super) const SCHEMA: &str = "
schema row v1 {
  ticket.id              : text
  ticket.aBool           : bool optional
  ticket.aString         : text optional
  ticket.aNumber         : decimal optional
  ticket.aOptionalString : text optional
  ticket.owner           : text optional
  ticket.coOwner         : text optional
  ticket.scope           : text optional
  ticket.aDouble         : decimal optional
  ticket.createdAt       : time optional
  ticket.createdBy       : time optional
  ticket.obj.inner       : text optional
  ticket.parent.aBool           : bool optional
  ticket.parent.aString         : text optional
  ticket.parent.aNumber         : decimal optional
  ticket.parent.aOptionalString : text optional
  ticket.parent.inner.aBool           : bool optional
  ticket.parent.inner.aString         : text optional
  ticket.parent.inner.aNumber         : decimal optional
  ticket.parent.inner.aOptionalString : text optional
  ticket.tags.id         : set of text optional
  ticket.tags.name       : set of text optional
  ticket.tagNames        : set of text optional
  ticket.categories.name : set of text optional
  ticket.categories.subCategories.name        : set of text optional
  ticket.categories.subCategories.labels.name : set of text optional
  ticket.mainCategory.subNames                : set of text optional
  ticket.mainCategory.subCategories.name      : set of text optional
  ticket.whole.tags.id         : set of text optional
  ticket.whole.tags.name       : set of text optional
  ticket.whole.tagNames        : set of text optional
  ticket.whole.categories.name : set of text optional
  ticket.whole.categories.subCategories.name        : set of text optional
  ticket.whole.categories.subCategories.labels.name : set of text optional
  ticket.whole.mainCategory.subNames                : set of text optional
  ticket.whole.mainCategory.subCategories.name      : set of text optional
}
decisions { allowed, denied }
default denied \"not so\"
";

/// The attributes of the schema, by their path in a row.
pub(super) fn attributes() -> Vec<(&'static str, &'static str)> {
    let entries = SCHEMA.lines().filter_map(|line| line.trim().strip_prefix("ticket."));
    entries
        .filter(|entry| !entry.starts_with("whole."))
        .map(|entry| {
            let (name, kind) = entry.split_once(':').unwrap();
            (name.trim(), kind.trim().trim_end_matches(" optional"))
        })
        .collect()
}

/// A row.
pub(super) struct Row {
    pub(super) id: String,
    /// `R.attr`.
    pub(super) attributes: Json,
}

fn read(file: &str) -> Json {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cerbos");
    serde_json::from_str(&fs::read_to_string(folder.join(file)).unwrap()).unwrap()
}

/// A member of an object; null if it is not there.
fn of<'a>(json: &'a Json, key: &str) -> &'a Json {
    json.get(key).unwrap_or(&Json::Null)
}

/// `P`: who asks; the same for all rows.
pub(super) fn principal() -> Json {
    of(&read("seeds.json"), "principal").clone()
}

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    let (seeds, derived) = (read("seeds.json"), read("derived-fields.json"));
    let seeds = of(&seeds, "seeds").as_array().unwrap();
    let seed = |id: &Json| seeds.iter().find(|seed| of(seed, "id") == id);
    seeds
        .iter()
        .map(|row| {
            let id = of(row, "id").as_str().unwrap();
            let derived = of(of(&derived, "derived"), id);
            let mut attributes = scalars(row);
            for name in ["createdBy", "aDouble", "createdAt", "scope"] {
                insert(&mut attributes, name, of(derived, name));
            }
            attributes.insert("owner".to_owned(), of(row, "aOptionalString").clone());
            attributes.insert("coOwner".to_owned(), of(derived, "scope").clone());
            attributes.insert("obj".to_owned(), json!({"inner": of(row, "aString")}));
            let tags = of(row, "tags").as_array().unwrap();
            let names = tags.iter().map(|tag| of(tag, "name").clone());
            attributes.insert("tagNames".to_owned(), names.collect());
            attributes.insert("tags".to_owned(), tags.iter().map(without_null).collect());
            let labels = of(derived, "labels").as_array().unwrap().iter();
            let labels: Json = labels.map(|name| without_null(&json!({"name": name}))).collect();
            let sub = of(row, "subCategoryNames").as_array().unwrap();
            let subs: Json =
                sub.iter().map(|name| json!({"name": name, "labels": labels})).collect();
            let categories = match sub.is_empty() {
                true => json!([]),
                false => json!([{"name": "business", "subCategories": subs}]),
            };
            attributes.insert("categories".to_owned(), categories);
            if !sub.is_empty() {
                let main = json!({"subNames": sub, "subCategories": subs});
                attributes.insert("mainCategory".to_owned(), main);
            }
            if let Some(parent) = seed(of(row, "parentSeedId")) {
                let mut parent_attributes = scalars(parent);
                if let Some(inner) = seed(of(parent, "parentSeedId")) {
                    parent_attributes.insert("inner".to_owned(), Json::Object(scalars(inner)));
                }
                attributes.insert("parent".to_owned(), Json::Object(parent_attributes));
            }
            Row { id: id.to_owned(), attributes: Json::Object(attributes) }
        })
        .collect()
}

fn scalars(seed: &Json) -> Map<String, Json> {
    let mut found = Map::new();
    for name in ["aBool", "aString", "aNumber", "aOptionalString"] {
        insert(&mut found, name, of(seed, name));
    }
    found
}

fn insert(map: &mut Map<String, Json>, name: &str, value: &Json) {
    if !value.is_null() {
        map.insert(name.to_owned(), value.clone());
    }
}

fn without_null(object: &Json) -> Json {
    let members = object.as_object().unwrap().iter().filter(|(_, value)| !value.is_null());
    Json::Object(members.map(|(key, value)| (key.clone(), value.clone())).collect())
}

impl Row {
    /// How many attributes a row may have, with its id.
    pub(super) const ATTRIBUTES: usize = 17;

    /// A row that takes its id from the first row that is chosen, and each attribute, or its
    /// absence, from one of the others.
    pub(super) fn mixed(rows: &[Self], choice: &[usize]) -> Self {
        let chosen = |at: usize| choice.get(at).and_then(|row| rows.get(*row)).unwrap();
        let objects = rows.iter().filter_map(|row| row.attributes.as_object());
        let names: BTreeSet<&String> = objects.flat_map(Map::keys).collect();
        assert_eq!(names.len() + 1, Self::ATTRIBUTES, "{names:?}");
        let mut attributes = Map::new();
        for (at, name) in names.into_iter().enumerate() {
            if let Some(value) = chosen(at + 1).attributes.get(name) {
                attributes.insert(name.clone(), value.clone());
            }
        }
        Self { id: chosen(0).id.clone(), attributes: Json::Object(attributes) }
    }

    /// As CEL sees it.
    pub(super) fn scope(&self, principal: &Json) -> Scope {
        let row = json!({"id": self.id, "attr": self.attributes});
        Scope::from([("R".to_owned(), row), ("P".to_owned(), principal.clone())])
    }

    /// As rules see it.
    pub(super) fn facts(&self, rules: &RuleSet) -> Facts {
        let mut builder = rules.facts();
        for (name, kind) in attributes() {
            let path: Vec<&str> = name.split('.').collect();
            if let Some(members) = kind.strip_prefix("set of ") {
                assert_eq!(members, "text");
                let mut found = Found { values: Some(Vec::new()), lacks: false };
                gather(&self.attributes, &path, &mut found);
                let there = match found.values {
                    None => Fact::Absent,
                    Some(values) => Fact::Known(Value::Set(ValueSet::from(values))),
                };
                let whole = match found.lacks {
                    true => Fact::Unavailable("an element lacks it".into()),
                    false => there.clone(),
                };
                builder = builder.fact(format!("ticket.whole.{name}"), whole);
                builder = builder.fact(format!("ticket.{name}"), there);
                continue;
            }
            let value = match name {
                "id" => Some(Json::from(self.id.as_str())),
                _ => path.iter().try_fold(&self.attributes, |json, key| json.get(key)).cloned(),
            };
            let fact = value.map_or(Fact::Absent, |value| scalar(&value, kind));
            builder = builder.fact(format!("ticket.{name}"), fact);
        }
        builder.build().unwrap()
    }
}

struct Found {
    /// `None` if the list itself is not there.
    values: Option<Vec<Value>>,
    lacks: bool,
}

/// Collects an attribute of all elements of lists. In `tagNames` a null is a value that is no
/// text: it is equal to none, so it does not count.
fn gather(json: &Json, path: &[&str], found: &mut Found) {
    match (json, path.split_first()) {
        (Json::Array(members), _) => members.iter().for_each(|member| {
            match (member.get(path.first().copied().unwrap_or_default()), path.is_empty()) {
                (None, false) => found.lacks = true,
                _ => gather(member, path, found),
            }
        }),
        (Json::Object(map), Some((key, rest))) => match map.get(*key) {
            Some(value) => gather(value, rest, found),
            None => found.values = None,
        },
        (Json::Null, None) => {}
        (value, None) => found.values.iter_mut().for_each(|values| {
            values.push(Value::Text(value.as_str().unwrap().to_owned()));
        }),
        (value, Some(_)) => panic!("no list on the way: {value}"),
    }
}

fn scalar(json: &Json, kind: &str) -> Fact {
    match (json, kind) {
        (Json::Null, _) => Fact::Absent,
        (Json::Bool(value), "bool") => Fact::Known(Value::Bool(*value)),
        (Json::String(text), "text") => Fact::Known(Value::Text(text.clone())),
        (Json::Number(number), "decimal") => {
            Fact::Known(Value::Decimal(number.to_string().parse().unwrap()))
        }
        (Json::String(text), "time") => {
            let time: DateTime<Utc> = DateTime::parse_from_rfc3339(text).unwrap().to_utc();
            Fact::Known(Value::Time(time))
        }
        _ => panic!("{json} is no {kind}"),
    }
}
