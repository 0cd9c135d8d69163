//! Many sets of facts at once, as Arrow columns.
//!
//! | file | subject |
//! |---|---|
//! | `encoding` | which Arrow type a type of the schema has |
//! | `build` | from sets of facts to columns |
//! | `column` | a checked column, as terms read it |
//! | `admitted` | a column as one rule set reads it |
//! | `terms` | what a term says of the rows of a chunk |
//! | `conditions` | what conditions say of them |
//! | `conclude` | ranking and conflicts, on bitmaps |
//! | `verdicts` | the result |

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use logdive_core::Facts;
use thiserror::Error;

use crate::set::RuleSet;

mod admitted;
mod build;
mod column;
mod conclude;
mod conditions;
mod encoding;
mod terms;
mod verdicts;

use column::Column;
use encoding::Encoding;
pub use verdicts::Verdicts;

/// Sets of facts for a rule set, a row each: a checked Arrow [`RecordBatch`].
///
/// Each ticket field and fact of the schema has two columns. The first has the entry's name and
/// its values, and is null where there is none:
///
/// | type | Arrow type |
/// |---|---|
/// | `bool` | `Boolean` |
/// | `int`, `severity` | `Int64` |
/// | `decimal` | `Decimal128(38, 9)` |
/// | `text`, `enum` | `Utf8` |
/// | `time` | `Timestamp(Nanosecond, UTC)`; or, beyond the years 1678 to 2261, `Decimal128(38, 9)`: seconds since 1970 |
/// | `duration` | `Duration(Nanosecond)`, not negative; or, beyond 292 years, `Decimal128(38, 9)`: seconds |
/// | `ip` | `FixedSizeBinary(17)`: the byte 4 or 6, the address, and zeros to fill |
/// | any other | `Utf8`: the [`Value`](logdive_core::Value) as JSON |
///
/// The second is named `NAME#state`, is `Int8` and never null: 0 unavailable, 1 absent, 2 known as
/// a lower bound, 3 known. The first is null exactly where the second is 0 or 1. The order of
/// columns does not matter; columns of other names are left out.
///
/// Rules read it as [`RuleSet::decide`] reads facts: what does not fit the schema (a number
/// outside of its range, a word that is no member, none where there must be one) is unavailable.
#[derive(Debug, Clone)]
// Invariant: all columns have as many rows as the batch.
pub struct FactBatch {
    batch: RecordBatch,
    columns: BTreeMap<String, Column>,
}

/// Why a batch is not one of facts. `column` is the column's name, rows count from 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FactBatchError {
    /// A column is not there.
    #[error("there is no column `{column}` of type {expected}")]
    #[non_exhaustive]
    Missing {
        /// Its name.
        column: String,
        /// Its type.
        expected: DataType,
    },
    /// A column is of another type.
    #[error("column `{column}` is of type {found}, not {expected}")]
    #[non_exhaustive]
    Type {
        /// Its name.
        column: String,
        /// Its type.
        expected: DataType,
        /// The type it has.
        found: DataType,
    },
    /// A state that does not exist.
    #[error(
        "column `{column}`, row {row}: there is no such state; 0 is unavailable, 1 absent, 2 at \
         least, 3 known"
    )]
    #[non_exhaustive]
    State {
        /// Its name.
        column: String,
        /// The row.
        row: usize,
    },
    /// A value is null though its state says that there is one, or the other way round.
    #[error(
        "column `{column}`, row {row}: a value is null exactly where `{column}#state` is 0 or 1"
    )]
    #[non_exhaustive]
    Null {
        /// Its name.
        column: String,
        /// The row.
        row: usize,
    },
    /// A value that its type cannot hold, or not in this encoding.
    #[error("column `{column}`, row {row}: {reason}")]
    #[non_exhaustive]
    Value {
        /// Its name.
        column: String,
        /// The row.
        row: usize,
        /// What is wrong.
        reason: String,
    },
    /// More than Arrow's 32-bit offsets reach.
    #[error("column `{column}` has more than 2 GiB of text: make several batches")]
    #[non_exhaustive]
    TooLarge {
        /// Its name.
        column: String,
    },
}

impl FactBatch {
    /// The columns that a batch of facts for a rule set has, by name.
    #[must_use]
    pub fn schema(rules: &RuleSet) -> SchemaRef {
        let fields = rules.inputs().flat_map(|(name, kind)| {
            let values = Field::new(name, Encoding::of(kind).data_type(), true);
            [values, Field::new(state_of(name), DataType::Int8, false)]
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Checks that a batch has the columns of [`FactBatch::schema`], and takes them.
    ///
    /// # Errors
    /// The first column that is missing, of another type, or has a row that does not hold what the
    /// table above says.
    pub fn new(rules: &RuleSet, batch: &RecordBatch) -> Result<Self, FactBatchError> {
        let mut columns = BTreeMap::new();
        let mut kept = Vec::new();
        for (name, kind) in rules.inputs() {
            let encoding = Encoding::of(kind);
            let expected = encoding.data_type();
            let values = find(batch, name, &expected, |found| encoding.may_be(found))?;
            let states = &state_of(name);
            let states = find(batch, states, &DataType::Int8, |found| *found == DataType::Int8)?;
            let column = Column::new(encoding, values, states);
            let column = column.map_err(|problem| problem.of(name))?;
            columns.insert(name.to_owned(), column);
            kept.extend([Arc::clone(values), Arc::clone(states)]);
        }
        Self::of(rules, kept, columns, batch.num_rows())
    }

    /// Encodes sets of facts. What does not fit the rule set's schema, or is not in a set, is
    /// unavailable; facts that the schema does not have are left out. Reasons are not kept.
    ///
    /// # Errors
    /// A time in a leap second, which has no encoding, or more text than a column can hold.
    pub fn from_facts<F: Borrow<Facts>>(
        rules: &RuleSet,
        facts: impl IntoIterator<Item = F>,
    ) -> Result<Self, FactBatchError> {
        let mut builder = build::Builder::new(rules);
        for facts in facts {
            builder.push(facts.borrow())?;
        }
        let (arrays, rows) = builder.finish();
        let mut columns = BTreeMap::new();
        let mut kept = Vec::new();
        for ((name, kind), (values, states)) in rules.inputs().zip(arrays) {
            let column = Column::new(Encoding::of(kind), &values, &states);
            columns.insert(name.to_owned(), column.map_err(|problem| problem.of(name))?);
            kept.extend([values, states]);
        }
        Self::of(rules, kept, columns, rows)
    }

    fn of(
        rules: &RuleSet,
        arrays: Vec<ArrayRef>,
        columns: BTreeMap<String, Column>,
        rows: usize,
    ) -> Result<Self, FactBatchError> {
        // A schema without entries has rows all the same.
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        // A column may be of another type than the schema's.
        let schema = Self::schema(rules);
        let fields = schema.fields().iter().zip(&arrays);
        let fields = fields
            .map(|(field, array)| field.as_ref().clone().with_data_type(array.data_type().clone()));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options);
        // Types, nulls and lengths are checked.
        let batch = batch.map_err(|error| FactBatchError::Value {
            column: String::new(),
            row: 0,
            reason: error.to_string(),
        })?;
        Ok(Self { batch, columns })
    }

    /// How many sets of facts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns as Arrow has them.
    #[must_use]
    pub const fn record_batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The facts of a row, to ask why it was decided so; `None` beyond the last.
    #[must_use]
    pub fn facts(&self, row: usize) -> Option<Facts> {
        let facts = self.columns.iter().map(|(name, column)| (name.clone(), column.fact(row)));
        (row < self.len()).then(|| facts.collect())
    }
}

fn state_of(name: &str) -> String {
    format!("{name}#state")
}

fn find<'a>(
    batch: &'a RecordBatch,
    column: &str,
    expected: &DataType,
    may_be: impl Fn(&DataType) -> bool,
) -> Result<&'a ArrayRef, FactBatchError> {
    let (column, expected) = (column.to_owned(), expected.clone());
    match batch.column_by_name(&column) {
        None => Err(FactBatchError::Missing { column, expected }),
        Some(array) if may_be(array.data_type()) => Ok(array),
        Some(array) => {
            Err(FactBatchError::Type { column, expected, found: array.data_type().clone() })
        }
    }
}
