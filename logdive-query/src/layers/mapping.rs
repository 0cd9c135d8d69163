//! The column mapping of native tables: which columns hold the fields that every layer has, which
//! are declared fields, and how the rest is kept.

use std::time::Duration;

use arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, ident, lit};
use logdive_core::{Field, FieldPath, Layer, LayerField, LayerName, Unit, ValueType};

use super::span::Span;
use crate::diver::BuildError;

mod fit;
mod json;
mod project;
mod text;
mod time;

pub(crate) use self::fit::Misfit;
pub(crate) use self::time::TimeColumn;

/// What a user said of a table's columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapping {
    columns: Vec<(Field, String)>,
    fields: Vec<Declared>,
    ids: Vec<(String, String)>,
    attributes: Vec<String>,
    time: Option<String>,
    unit: Option<Unit>,
    lateness: Option<Duration>,
    restricted: bool,
    changes: bool,
}

/// A declared field: a column, or a value inside one.
#[derive(Debug, Clone)]
struct Declared {
    name: String,
    path: Vec<String>,
    kind: ValueType,
    unit: Option<Unit>,
}

impl Mapping {
    pub(crate) fn column(&mut self, field: Field, column: String) {
        match field {
            Field::Time => self.time = Some(column),
            field => self.columns.push((field, column)),
        }
    }

    pub(crate) fn field(
        &mut self,
        name: String,
        path: Vec<String>,
        kind: ValueType,
        unit: Option<Unit>,
    ) {
        self.fields.push(Declared { name, path, kind, unit });
    }

    pub(crate) fn attributes(&mut self, column: String) {
        self.attributes.push(column);
    }

    pub(crate) fn id(&mut self, kind: String, field: String) {
        self.ids.push((kind, field));
    }

    pub(crate) fn time(&mut self, column: String, unit: Option<Unit>) {
        self.time = Some(column);
        self.unit = unit;
    }

    pub(crate) const fn lateness(&mut self, lateness: Duration) {
        self.lateness = Some(lateness);
    }

    pub(crate) const fn restricted(&mut self) {
        self.restricted = true;
    }

    pub(crate) const fn changes(&mut self) {
        self.changes = true;
    }

    /// The layer that the mapping declares.
    pub(crate) fn layer(&self, name: &LayerName) -> Result<Layer, BuildError> {
        if let Some((field, _)) = self.columns.iter().find(|(field, _)| !project::can_hold(field)) {
            return Err(BuildError::Unreadable {
                layer: name.clone(),
                why: format!(
                    "`{field}` cannot be mapped to a column; declare another field with `field`"
                ),
            });
        }
        let mut layer = Layer::new(name.as_str())?;
        for declared in &self.fields {
            let path = FieldPath::Attribute(declared.path.clone());
            let mut field = LayerField::at(path, declared.kind.clone());
            if let Some(unit) = declared.unit {
                field = field.unit(unit);
            }
            layer = layer.field(&declared.name, field)?;
        }
        for (kind, field) in &self.ids {
            layer = layer.id(kind, field)?;
        }
        if let Some(lateness) = self.lateness {
            layer = layer.lateness(lateness);
        }
        if self.changes {
            layer = layer.changes();
        }
        Ok(if self.restricted { layer.restricted() } else { layer })
    }

    /// The column that holds a field, if the schema has it.
    fn holding<'a>(&'a self, field: &Field, schema: &'a Schema) -> Option<&'a str> {
        let mapped = self.columns.iter().find(|(found, _)| found == field);
        mapped.map(|(_, column)| column.as_str()).filter(|name| schema.index_of(name).is_ok())
    }

    /// Whether lines have emitters.
    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) fn names_emitters(&self) -> bool {
        self.columns.iter().any(|(field, _)| *field == Field::Emitter)
    }

    /// The time's column in a schema.
    ///
    /// # Errors
    /// If there is none, or it is of a type that holds no time.
    pub(crate) fn time_column(&self, schema: &Schema) -> Result<TimeColumn, Misfit> {
        fit::time(self, schema)
    }

    /// Checks that the columns there are fit. Columns that are missing are left to `missing`.
    ///
    /// # Errors
    /// The first column that does not fit.
    pub(crate) fn fit(&self, schema: &Schema) -> Result<(), Misfit> {
        fit::types(self, schema)
    }

    /// Checks that the mapped columns are there.
    ///
    /// # Errors
    /// The first column that is not, and what it may have been meant to be.
    pub(crate) fn missing(&self, schema: &Schema) -> Result<(), Misfit> {
        fit::missing(self, schema)
    }

    /// A table's rows of a window as log lines; rows without a time are in no window.
    ///
    /// `format` is what lines say they were read from. Columns that begin with a NUL are ours and
    /// are left out.
    pub(crate) fn lines(
        &self,
        scan: LogicalPlanBuilder,
        layer: &LayerName,
        schema: &Schema,
        format: &str,
        window: &Span,
    ) -> Result<LogicalPlanBuilder> {
        let time = self.time_column(schema).map_err(Misfit::into_engine)?;
        let scan = scan.filter(time.within(window))?;
        project::lines(self, &time, scan, layer, schema, format)
    }

    /// A table's rows as emitters and times, for what is known of a layer beyond a window.
    pub(crate) fn emitters(&self, schema: &Schema) -> Result<[Expr; 2]> {
        let time = self.time_column(schema).map_err(Misfit::into_engine)?;
        let emitter = match self.holding(&Field::Emitter, schema) {
            Some(column) => text::of_column(column, schema),
            None => lit(datafusion::common::ScalarValue::Utf8(None)),
        };
        Ok([emitter.alias("emitter"), time.micros().alias("micros")])
    }

    /// Rows whose time is in a span, and those that have none.
    pub(crate) fn within_or_timeless(&self, schema: &Schema, span: &Span) -> Result<Expr> {
        let time = self.time_column(schema).map_err(Misfit::into_engine)?;
        Ok(time.within(span).or(time.is_missing()))
    }

    /// A column of a schema as text.
    fn text(&self, field: &Field, schema: &Schema) -> Expr {
        match self.holding(field, schema) {
            Some(column) => text::of_column(column, schema),
            None => lit(datafusion::common::ScalarValue::Utf8(None)),
        }
    }
}

/// Our own columns of a scan, which are no part of the table.
pub(crate) fn is_ours(column: &str) -> bool {
    column.starts_with('\u{0}')
}

fn raw(column: &str) -> Expr {
    ident(column)
}

/// The methods by which the columns of a native table are mapped, on a type with a `mapping`.
macro_rules! mapping_methods {
    () => {
        /// Says which column holds a field that every layer has.
        ///
        /// Severities are numbers of OpenTelemetry (1 to 24) or words, ids of traces bytes or
        /// hexadecimal digits; a body may be a struct, list or map and is then JSON; all else is
        /// shown as text. A type that cannot hold the field is refused when the diver is built.
        #[must_use]
        pub fn column(mut self, field: logdive_core::Field, column: impl Into<String>) -> Self {
            self.mapping.column(field, column.into());
            self
        }

        /// Declares a field that a column holds.
        #[must_use]
        pub fn field(
            mut self,
            name: impl Into<String>,
            column: impl Into<String>,
            kind: logdive_core::ValueType,
        ) -> Self {
            self.mapping.field(name.into(), vec![column.into()], kind, None);
            self
        }

        /// Declares a field inside a column of structs or maps, by keys from the column's name on;
        /// or inside what [`attributes`](Self::attributes) opened, by its own keys.
        #[must_use]
        pub fn field_at<K: Into<String>>(
            mut self,
            name: impl Into<String>,
            path: impl IntoIterator<Item = K>,
            kind: logdive_core::ValueType,
        ) -> Self {
            let path = path.into_iter().map(Into::into).collect();
            self.mapping.field(name.into(), path, kind, None);
            self
        }

        /// Declares a duration that a column holds as a number.
        #[must_use]
        pub fn duration(
            mut self,
            name: impl Into<String>,
            column: impl Into<String>,
            unit: logdive_core::Unit,
        ) -> Self {
            let kind = logdive_core::ValueType::Duration;
            self.mapping.field(name.into(), vec![column.into()], kind, Some(unit));
            self
        }

        /// Opens a column that holds attributes: JSON objects as text, structs or maps. Their keys
        /// become the line's, unless a column has the name already: then they stay under the
        /// name of their own column, as does text that is no JSON object.
        #[must_use]
        pub fn attributes(mut self, column: impl Into<String>) -> Self {
            self.mapping.attributes(column.into());
            self
        }

        /// Declares that a field holds an id of a kind.
        #[must_use]
        pub fn id(mut self, kind: impl Into<String>, field: impl Into<String>) -> Self {
            self.mapping.id(kind.into(), field.into());
            self
        }

        /// Says which column holds the time: a timestamp of any unit, or RFC 3339 text. Times
        /// without a zone are UTC. Not called, it is the first of `ts`, `time`, `timestamp`.
        #[must_use]
        pub fn time(mut self, column: impl Into<String>) -> Self {
            self.mapping.time(column.into(), None);
            self
        }

        /// Says which column holds the time as a whole number since 1970, and its unit.
        #[must_use]
        pub fn epoch(mut self, column: impl Into<String>, unit: logdive_core::Unit) -> Self {
            self.mapping.time(column.into(), Some(unit));
            self
        }

        /// Declares how late a line may come.
        #[must_use]
        pub const fn lateness(mut self, lateness: std::time::Duration) -> Self {
            self.mapping.lateness(lateness);
            self
        }

        /// Marks a layer whose lines are counted, never shown.
        #[must_use]
        pub const fn restricted(mut self) -> Self {
            self.mapping.restricted();
            self
        }

        /// Marks a layer of changes (deploys, flags): always on the timeline.
        #[must_use]
        pub const fn changes(mut self) -> Self {
            self.mapping.changes();
            self
        }
    };
}
pub(crate) use mapping_methods;
