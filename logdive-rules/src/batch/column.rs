//! A checked column, as terms read it: numbers as they are, or what stands in a row as one of the
//! column's distinct facts.

use std::collections::HashMap;
use std::hash::Hash;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, DurationNanosecondType, Int8Type, Int64Type, TimestampNanosecondType,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::ScalarBuffer;
use logdive_core::{Fact, Reason, ReasonKind, Value};

use super::FactBatchError;
use super::encoding::{self, Encoding};

pub(super) const UNAVAILABLE: i8 = 0;
pub(super) const ABSENT: i8 = 1;
pub(super) const AT_LEAST: i8 = 2;
pub(super) const KNOWN: i8 = 3;

#[derive(Debug, Clone)]
pub(super) enum Column {
    Numbers(Numbers),
    Coded(Coded),
}

/// A column of which a term is computed row by row.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    pub(super) encoding: Encoding,
    pub(super) values: NumberValues,
    pub(super) states: ScalarBuffer<i8>,
}

#[derive(Debug, Clone)]
pub(super) enum NumberValues {
    /// `int`, and `time` and `duration` within 64 bits.
    Narrow(ScalarBuffer<i64>),
    /// `decimal`, and `time` and `duration` beyond.
    Wide(ScalarBuffer<i128>),
}

impl NumberValues {
    /// The numbers of an array, which is of one of the types of its encoding.
    fn of(array: &ArrayRef) -> Self {
        if let Some(wide) = array.as_primitive_opt::<Decimal128Type>() {
            return Self::Wide(wide.values().clone());
        }
        let time = array.as_primitive_opt::<TimestampNanosecondType>().map(|array| array.values());
        let length = array.as_primitive_opt::<DurationNanosecondType>().map(|array| array.values());
        let int = array.as_primitive_opt::<Int64Type>().map(|array| array.values());
        Self::Narrow(time.or(length).or(int).cloned().unwrap_or_default())
    }
}

/// A column of which a term is computed fact by fact.
#[derive(Debug, Clone)]
pub(super) struct Coded {
    /// For each row the place in `facts`.
    pub(super) codes: Vec<u32>,
    /// The facts that occur, each once.
    pub(super) facts: Vec<Fact>,
}

/// What is wrong with a column.
pub(super) enum Problem {
    State(usize),
    Null(usize),
    Value(usize, String),
}

impl Problem {
    pub(super) fn of(self, column: &str) -> FactBatchError {
        let column = column.to_owned();
        match self {
            Self::State(row) => FactBatchError::State { column: super::state_of(&column), row },
            Self::Null(row) => FactBatchError::Null { column, row },
            Self::Value(row, reason) => FactBatchError::Value { column, row, reason },
        }
    }
}

/// Numbers of so few distinct facts are coded: a term is then a few operations on bitmaps.
pub(super) const FEW: usize = 24;

impl Column {
    /// Checks and takes the arrays of an entry, which are of its types.
    pub(super) fn new(
        encoding: Encoding,
        values: &ArrayRef,
        states: &ArrayRef,
    ) -> Result<Self, Problem> {
        let states = states.as_primitive::<Int8Type>();
        if let Some(nulls) = states.nulls().filter(|nulls| nulls.null_count() > 0) {
            let row = nulls.iter().position(|valid| !valid);
            return Err(Problem::State(row.unwrap_or_default()));
        }
        let states = states.values().clone();
        if let Some(row) = states.iter().position(|state| !(UNAVAILABLE..=KNOWN).contains(state)) {
            return Err(Problem::State(row));
        }
        let wrong = |(row, state): (usize, &i8)| {
            (values.is_valid(row) != (*state >= AT_LEAST)).then_some(Problem::Null(row))
        };
        if let Some(problem) = states.iter().enumerate().find_map(wrong) {
            return Err(problem);
        }
        let bad = |reason: &str| reason.to_owned();
        let column = match encoding {
            Encoding::Bool => {
                let array = values.as_boolean();
                let key = |row| array.value(row);
                Self::Coded(Coded::new(&states, key, |value| Ok(Value::Bool(value)))?)
            }
            Encoding::Text => {
                let array = values.as_string::<i32>();
                let key = |row| array.value(row);
                Self::Coded(Coded::new(&states, key, |text| Ok(Value::from(text)))?)
            }
            Encoding::Ip => {
                let array = values.as_fixed_size_binary();
                let value = |bytes| {
                    let ip = encoding::ip(bytes).map(Value::Ip);
                    ip.ok_or_else(|| bad("not an address: the byte 4 or 6, it, and zeros"))
                };
                Self::Coded(Coded::new(&states, |row| array.value(row), value)?)
            }
            Encoding::Json => {
                let array = values.as_string::<i32>();
                let value = |text| {
                    serde_json::from_str(text).map_err(|error| format!("not a value: {error}"))
                };
                Self::Coded(Coded::new(&states, |row| array.value(row), value)?)
            }
            Encoding::Int | Encoding::Decimal | Encoding::Time | Encoding::Duration => {
                Numbers::column(encoding, NumberValues::of(values), states)?
            }
        };
        Ok(column)
    }

    /// What stands in a row.
    pub(super) fn fact(&self, row: usize) -> Fact {
        match self {
            Self::Numbers(numbers) => numbers.fact(row),
            Self::Coded(Coded { codes, facts }) => {
                let fact = codes.get(row).and_then(|code| facts.get(*code as usize));
                fact.cloned().unwrap_or_else(|| fact_of(UNAVAILABLE, None))
            }
        }
    }
}

/// A fact of its state; one that should have a value and has none is unavailable.
fn fact_of(state: i8, value: Option<Value>) -> Fact {
    let reason = || Reason::new(ReasonKind::Other, "the batch of facts does not say why");
    match (state, value) {
        (KNOWN, Some(value)) => Fact::Known(value),
        (AT_LEAST, Some(value)) => Fact::AtLeast(value, reason()),
        (ABSENT, _) => Fact::Absent,
        _ => Fact::Unavailable(reason()),
    }
}

impl Numbers {
    /// Checks the numbers, and codes those of few distinct facts.
    fn column(
        encoding: Encoding,
        values: NumberValues,
        states: ScalarBuffer<i8>,
    ) -> Result<Column, Problem> {
        let numbers = Self { encoding, values, states };
        let reason = match encoding {
            Encoding::Decimal => encoding::DECIMAL,
            Encoding::Time => encoding::TIME,
            _ => encoding::DURATION,
        };
        let wrong = |(row, state): (usize, &i8)| {
            let number = numbers.number(row);
            (*state >= AT_LEAST && encoding::number(encoding, number).is_none())
                .then(|| Problem::Value(row, reason.to_owned()))
        };
        // Every 64-bit integer is one.
        let problem = match encoding {
            Encoding::Int => None,
            _ => numbers.states.iter().enumerate().find_map(wrong),
        };
        if let Some(problem) = problem {
            return Err(problem);
        }
        Ok(match numbers.coded() {
            Some(coded) => Column::Coded(coded),
            None => Column::Numbers(numbers),
        })
    }

    pub(super) fn number(&self, row: usize) -> i128 {
        match &self.values {
            NumberValues::Narrow(values) => values.get(row).copied().map(i128::from),
            NumberValues::Wide(values) => values.get(row).copied(),
        }
        .unwrap_or_default()
    }

    pub(super) fn fact(&self, row: usize) -> Fact {
        let state = self.states.get(row).copied().unwrap_or(UNAVAILABLE);
        fact_of(state, encoding::number(self.encoding, self.number(row)))
    }

    /// The column by its distinct facts, if any is absent.
    pub(super) fn by_fact(&self) -> Option<Coded> {
        if !self.states.contains(&ABSENT) {
            return None;
        }
        let value = |number| encoding::number(self.encoding, number).ok_or_else(String::new);
        // Each number was checked to be a value.
        Coded::new(&self.states, |row| self.number(row), value).ok()
    }

    /// The column by its distinct facts, if they are [`FEW`].
    fn coded(&self) -> Option<Coded> {
        let mut found: Vec<(i8, i128)> = Vec::with_capacity(FEW);
        let mut codes = Vec::new();
        for (row, state) in self.states.iter().enumerate() {
            let number = if *state >= AT_LEAST { self.number(row) } else { 0 };
            let code = match found.iter().position(|other| *other == (*state, number)) {
                Some(code) => code,
                None if found.len() == FEW => return None,
                None => {
                    found.push((*state, number));
                    found.len() - 1
                }
            };
            codes.push(u32::try_from(code).ok()?);
        }
        let facts = found
            .into_iter()
            .map(|(state, number)| fact_of(state, encoding::number(self.encoding, number)));
        Some(Coded { codes, facts: facts.collect() })
    }
}

impl Coded {
    /// Numbers the distinct facts of a column; `key` tells values apart, `value` makes them.
    fn new<K: Copy + Eq + Hash>(
        states: &[i8],
        key: impl Fn(usize) -> K,
        value: impl Fn(K) -> Result<Value, String>,
    ) -> Result<Self, Problem> {
        let mut places: HashMap<(i8, Option<K>), u32> = HashMap::new();
        let mut facts = Vec::new();
        let mut codes = Vec::with_capacity(states.len());
        for (row, state) in states.iter().enumerate() {
            let key = (*state >= AT_LEAST).then(|| key(row));
            let code = match places.get(&(*state, key)) {
                Some(code) => *code,
                None => {
                    let value = key.map(&value).transpose();
                    facts.push(fact_of(*state, value.map_err(|why| Problem::Value(row, why))?));
                    let code = u32::try_from(facts.len() - 1);
                    let code = code.map_err(|_| Problem::Value(row, "too many rows".to_owned()))?;
                    places.insert((*state, key), code);
                    code
                }
            };
            codes.push(code);
        }
        Ok(Self { codes, facts })
    }
}
