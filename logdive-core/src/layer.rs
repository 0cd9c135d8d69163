//! A layer: a named part of a service whose logs look alike, and what can be read from its lines.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use crate::log::{Column, LogRow};
use crate::name::NameError;
use crate::predicate::FieldTypes;
use crate::{
    Decimal, Fact, Field, FieldName, IdKind, LayerName, ReasonKind, Value, ValueType, Window,
};

/// The unit of a number that a field holds.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl Unit {
    const fn nanos(self) -> u64 {
        match self {
            Self::Nanoseconds => 1,
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Seconds => 1_000_000_000,
        }
    }
}

/// Where a declared field is found in a line.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldPath {
    /// A path of keys into the line's attributes.
    Attribute(Vec<String>),
    /// A path of keys into the resource.
    Resource(Vec<String>),
    /// A field that every layer has, by another name or type.
    Field(Field),
}

/// A declared field: where it is found and of which type it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LayerField {
    /// Where it is found.
    pub path: FieldPath,
    /// Its type.
    pub kind: ValueType,
    /// Its unit, for durations held as numbers.
    pub unit: Option<Unit>,
    /// The value is what stands behind the first occurrence of this text; a value without it is
    /// absent. Makes ids that are written differently per layer equal
    /// (`arn:…:parameter/a` and `/a`).
    pub after: Option<String>,
}

impl LayerField {
    /// A field in the line's attributes, at keys joined by dots. For keys that have dots
    /// themselves, use [`LayerField::at`].
    #[must_use]
    pub fn attribute(path: &str, kind: ValueType) -> Self {
        Self::at(FieldPath::Attribute(path.split('.').map(str::to_owned).collect()), kind)
    }

    /// A field at a path.
    #[must_use]
    pub const fn at(path: FieldPath, kind: ValueType) -> Self {
        Self { path, kind, unit: None, after: None }
    }

    /// Says in which unit a duration is held.
    #[must_use]
    pub const fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    /// Takes only what stands behind this text.
    #[must_use]
    pub fn after(mut self, text: impl Into<String>) -> Self {
        self.after = Some(text.into());
        self
    }

    /// Reads the field from the JSON that its path leads to.
    #[must_use]
    pub fn read_json(&self, json: Option<&Json>) -> Fact {
        let Some(json) = json else { return Fact::Absent };
        let fact = typed(json, &self.kind, self.unit);
        match (&self.after, fact) {
            (Some(after), Fact::Known(Value::Text(text))) => {
                match text.split_once(after.as_str()) {
                    Some((_, rest)) => Fact::Known(Value::Text(rest.to_owned())),
                    None => Fact::Absent,
                }
            }
            (_, fact) => fact,
        }
    }
}

/// Reads a JSON value as a type: missing and null are absent, another type is unavailable.
///
/// Numbers and bools are text where text is asked for, since ids are often written as numbers;
/// numbers written in quotes are numbers where numbers are asked for. Nothing else is converted.
fn typed(json: &Json, kind: &ValueType, unit: Option<Unit>) -> Fact {
    let ill_typed = || {
        let shown: String = json.to_string().chars().take(40).collect();
        Fact::unavailable(ReasonKind::IllTyped, format!("`{shown}` is not of type {kind}"))
    };
    if let ValueType::Set(members) = kind {
        return set(json, members, unit);
    }
    let text = match json {
        Json::Null => return Fact::Absent,
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Array(_) | Json::Object(_) => None,
    };
    let Some(text) = text else { return ill_typed() };
    let value = match kind {
        ValueType::Text => Some(Value::Text(text)),
        ValueType::Enum(members) => members.contains(&text).then_some(Value::Text(text)),
        ValueType::Bool => text.parse().ok().map(Value::Bool),
        ValueType::Int => text.parse().ok().map(Value::Int),
        ValueType::Severity => {
            text.parse().ok().filter(|number| (1..=24).contains(number)).map(Value::Int)
        }
        ValueType::Decimal => text.parse::<Decimal>().ok().map(Value::Decimal),
        ValueType::Time => DateTime::parse_from_rfc3339(&text)
            .ok()
            .map(|time| Value::Time(time.with_timezone(&Utc))),
        ValueType::Duration => match unit {
            Some(unit) => text
                .parse::<u64>()
                .ok()
                .and_then(|count| count.checked_mul(unit.nanos()))
                .map(|nanos| Value::Duration(Duration::from_nanos(nanos))),
            None => crate::value::parse_duration(&text).ok().map(Value::Duration),
        },
        ValueType::Ip => text.parse().ok().map(Value::Ip),
        ValueType::Cidr => network(&text).map(Value::from),
        ValueType::Set(_) => None,
    };
    value.map_or_else(ill_typed, Fact::Known)
}

/// Reads a JSON array, or one value, as a set; a member that is null is none.
fn set(json: &Json, members: &ValueType, unit: Option<Unit>) -> Fact {
    let one = std::slice::from_ref(json);
    let mut values = Vec::new();
    for member in json.as_array().map_or(one, Vec::as_slice) {
        match typed(member, members, unit) {
            Fact::Known(value) => values.push(value),
            // Null alone is no set; in an array it is no member.
            Fact::Absent if !json.is_array() => return Fact::Absent,
            Fact::Absent => {}
            ill_typed => return ill_typed,
        }
    }
    Fact::Known(Value::Set(values.into()))
}

/// Reads a network; an address alone is a network of one.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A layer that does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayerError {
    /// A name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An id is read from a field that the layer does not have.
    #[error("layer `{layer}` reads id `{id}` from `{field}`, a field it does not have")]
    #[non_exhaustive]
    IdField {
        /// The layer.
        layer: LayerName,
        /// The id.
        id: IdKind,
        /// The field.
        field: Field,
    },
    /// A field is of a type that no line has.
    #[error(
        "layer `{layer}` declares `{field}` of type {kind}: a line's field is one value; declare \
         `text`, or `ip` for an address"
    )]
    #[non_exhaustive]
    FieldType {
        /// The layer.
        layer: LayerName,
        /// The field.
        field: FieldName,
        /// Its type.
        kind: ValueType,
    },
}

/// A named part of a service whose logs look alike, wherever they are kept.
///
/// Parsers, lowering and rule checks use only what the layer declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// Invariant: every id is read from fields that the layer has.
pub struct Layer {
    name: LayerName,
    fields: BTreeMap<String, LayerField>,
    ids: BTreeMap<IdKind, BTreeSet<Field>>,
    lateness: Option<Duration>,
    changes: bool,
    restricted: bool,
}

impl Layer {
    /// A layer with the fields that every layer has and the ids `request` and `trace`.
    ///
    /// # Errors
    /// If the name is not a layer's name.
    pub fn new(name: impl AsRef<str>) -> Result<Self, LayerError> {
        let mut layer = Self {
            name: LayerName::parse(name)?,
            fields: BTreeMap::new(),
            ids: BTreeMap::new(),
            lateness: None,
            changes: false,
            restricted: false,
        };
        layer = layer.id("request", "request_id")?;
        layer.id("trace", "trace_id")
    }

    /// Declares a field.
    ///
    /// # Errors
    /// If the name is not a field's name, or is that of a field that every layer has; if the type
    /// is a set or a network, which no line's field is.
    pub fn field(mut self, name: &str, field: LayerField) -> Result<Self, LayerError> {
        if Field::built_in().any(|built_in| built_in.name() == name) {
            let rule = "every layer has it already";
            return Err(NameError::new("name for a declared field", name, rule).into());
        }
        let name = FieldName::parse(name)?;
        if matches!(field.kind, ValueType::Set(_) | ValueType::Cidr) {
            return Err(LayerError::FieldType { layer: self.name, field: name, kind: field.kind });
        }
        self.fields.insert(name.as_str().to_owned(), field);
        Ok(self)
    }

    /// Declares that a field holds an id of a kind; several fields may hold the same kind.
    ///
    /// # Errors
    /// If the kind is not a name or the layer does not have the field.
    pub fn id(mut self, kind: &str, field: &str) -> Result<Self, LayerError> {
        let kind = IdKind::parse(kind)?;
        let field = Field::parse(field)?;
        if self.field_type(&field).is_none() {
            return Err(LayerError::IdField { layer: self.name, id: kind, field });
        }
        self.ids.entry(kind).or_default().insert(field);
        Ok(self)
    }

    /// Declares how late a line may come after its time, at most. A layer that declares none has
    /// no watermark: facts over its recent past cannot be had.
    #[must_use]
    pub const fn lateness(mut self, lateness: Duration) -> Self {
        self.lateness = Some(lateness);
        self
    }

    /// Marks a layer of changes (deploys, flags): always on the timeline.
    #[must_use]
    pub const fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Marks a layer whose lines are counted and linked, never pasted.
    #[must_use]
    pub const fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &LayerName {
        &self.name
    }

    /// How late a line may come.
    #[must_use]
    pub const fn declared_lateness(&self) -> Option<Duration> {
        self.lateness
    }

    /// Whether it is a layer of changes.
    #[must_use]
    pub const fn is_changes(&self) -> bool {
        self.changes
    }

    /// Whether its lines must not be pasted.
    #[must_use]
    pub const fn is_restricted(&self) -> bool {
        self.restricted
    }

    /// The declared field of a name.
    #[must_use]
    pub fn declared(&self, field: &Field) -> Option<&LayerField> {
        self.fields.get(field.name())
    }

    /// All declared fields by name.
    pub fn declared_fields(&self) -> impl Iterator<Item = (&str, &LayerField)> {
        self.fields.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// The fields that hold ids of a kind.
    pub fn id_fields(&self, kind: &IdKind) -> impl Iterator<Item = &Field> {
        self.ids.get(kind).into_iter().flatten()
    }

    /// The kinds of ids it has.
    pub fn id_kinds(&self) -> impl Iterator<Item = &IdKind> {
        self.ids.keys()
    }

    /// Reads a line of this layer.
    #[must_use]
    pub const fn reader<'a>(&'a self, row: LogRow<'a>) -> RowReader<'a> {
        RowReader { layer: self, row, attributes: OnceCell::new(), resource: OnceCell::new() }
    }
}

impl FieldTypes for Layer {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        field.built_in_type().or_else(|| self.declared(field).map(|field| field.kind.clone()))
    }

    fn names(&self) -> Vec<String> {
        let declared = self.fields.keys().cloned();
        declared.chain(Field::built_in().map(|field| field.name().to_owned())).collect()
    }
}

/// Reads the fields of one line; its JSON is parsed once, when it is first needed.
#[derive(Debug)]
pub struct RowReader<'a> {
    layer: &'a Layer,
    row: LogRow<'a>,
    attributes: OnceCell<Result<Json, String>>,
    resource: OnceCell<Result<Json, String>>,
}

impl RowReader<'_> {
    /// Reads a field. One that the layer does not have is absent from its lines.
    #[must_use]
    pub fn read(&self, field: &Field) -> Fact {
        match self.layer.declared(field) {
            Some(declared) => self.declared(declared),
            None => self.built_in(field),
        }
    }

    /// Whether the line's time is in a window.
    #[must_use]
    pub fn is_in(&self, window: &Window) -> bool {
        matches!(
            self.read(&Field::Time),
            Fact::Known(Value::Time(time)) if window.contains(time)
        )
    }

    fn declared(&self, declared: &LayerField) -> Fact {
        let (column, cell, path) = match &declared.path {
            FieldPath::Attribute(path) => (Column::Attributes, &self.attributes, path),
            FieldPath::Resource(path) => (Column::Resource, &self.resource, path),
            FieldPath::Field(field) => {
                return match self.built_in(field) {
                    Fact::Known(value) => declared.read_json(Some(&Json::String(value.plain()))),
                    other => other,
                };
            }
        };
        let json = cell.get_or_init(|| match self.row.text(column) {
            None => Ok(Json::Null),
            Some(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
        });
        match json {
            Ok(json) => declared.read_json(walk(json, path)),
            Err(error) => Fact::unavailable(
                ReasonKind::IllTyped,
                format!("`{}` is not JSON: {error}", column.name()),
            ),
        }
    }

    fn built_in(&self, field: &Field) -> Fact {
        let text = |column| self.row.text(column).map(Value::from);
        let hex = |column| {
            self.row
                .binary(column)
                .map(|bytes| Value::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
        };
        let value = match field {
            Field::Time => {
                self.row.int(Column::Ts).and_then(DateTime::from_timestamp_micros).map(Value::Time)
            }
            Field::Severity => self.row.int(Column::SeverityNumber).map(Value::Int),
            Field::SeverityText => text(Column::SeverityText),
            Field::Layer => text(Column::Layer),
            Field::Service => text(Column::ServiceName),
            Field::Emitter => text(Column::Emitter),
            Field::Event => text(Column::EventName),
            Field::Body => text(Column::Body),
            Field::RequestId => text(Column::RequestId),
            Field::TraceId => hex(Column::TraceId),
            Field::SpanId => hex(Column::SpanId),
            Field::Uid => text(Column::Uid),
            Field::Source => text(Column::Source),
            Field::ParseError => text(Column::ParseError),
            Field::Named(_) => None,
        };
        value.map_or(Fact::Absent, Fact::Known)
    }
}

/// Follows keys into a JSON value, through the members of arrays: all that is found, as one array;
/// `None` if nothing is.
///
/// Of `{"rules": [{"ports": [22, 80]}, {"ports": 443}]}` the path `rules`, `ports` gathers
/// `[22, 80, 443]`.
#[must_use]
pub fn gather(json: &Json, path: &[String]) -> Option<Json> {
    let mut found = Vec::new();
    let mut any = false;
    let mut open = vec![(json, path)];
    while let Some((json, path)) = open.pop() {
        match (json, path.split_first()) {
            (Json::Null, _) => {}
            // Taken from the end, hence put there in reverse.
            (Json::Array(members), _) => {
                any |= path.is_empty();
                open.extend(members.iter().rev().map(|member| (member, path)));
            }
            (value, None) => {
                any = true;
                found.push(value.clone());
            }
            (value, Some((key, rest))) => open.extend(value.get(key).map(|value| (value, rest))),
        }
    }
    any.then_some(Json::Array(found))
}

/// Follows keys into a JSON value.
#[must_use]
pub fn walk<'a>(json: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(json, |json, key| json.get(key))
}

/// Layers by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layers(BTreeMap<LayerName, Layer>);

impl Layers {
    /// No layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer.
    ///
    /// # Errors
    /// Gives the layer back if one of its name is there already.
    pub fn insert_unique(&mut self, layer: Layer) -> Result<(), Layer> {
        if self.0.contains_key(layer.name()) {
            return Err(layer);
        }
        self.0.insert(layer.name().clone(), layer);
        Ok(())
    }

    /// The layer of a name.
    #[must_use]
    pub fn get(&self, name: &LayerName) -> Option<&Layer> {
        self.0.get(name)
    }

    /// All layers by name.
    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        self.0.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Layer> for Layers {
    fn from_iter<I: IntoIterator<Item = Layer>>(layers: I) -> Self {
        Self(layers.into_iter().map(|layer| (layer.name().clone(), layer)).collect())
    }
}

/// The fields of several layers together, for a step that reads them all: a field of two types is
/// none.
#[derive(Debug, Clone)]
pub struct LayersFields<'a>(Vec<&'a Layer>);

impl<'a> LayersFields<'a> {
    /// The fields of these layers.
    pub fn new(layers: impl IntoIterator<Item = &'a Layer>) -> Self {
        Self(layers.into_iter().collect())
    }
}

impl FieldTypes for LayersFields<'_> {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        let mut types = self.0.iter().filter_map(|layer| layer.field_type(field));
        let first = types.next()?;
        types.all(|kind| kind == first).then_some(first)
    }

    fn names(&self) -> Vec<String> {
        let names: BTreeSet<String> = self.0.iter().flat_map(|layer| layer.names()).collect();
        names.into_iter().collect()
    }
}
