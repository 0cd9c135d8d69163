//! What a term says of the rows of a chunk.
//!
//! Where a column is coded, core says what the term means of each distinct fact, and rows look it
//! up. Numbers are compared by Arrow's kernels; what those do not have is asked of core, row by
//! row.

use arrow_array::{BooleanArray, Datum, Decimal128Array, Int64Array};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_ord::cmp;
use arrow_schema::ArrowError;
use logdive_core::predicate::Comparison;
use logdive_core::{Fact, Predicate, Truth};

use super::admitted::{Admitted, AdmittedNumbers, Codes};
use super::column::{FEW, NumberValues};
use super::encoding;

/// What is asked of the facts of a column.
#[derive(Clone, Copy)]
pub(super) enum Question<'a> {
    /// What a term says.
    Term(&'a Predicate),
    /// Whether they are known exactly.
    Exact,
}

impl Question<'_> {
    fn of(self, fact: &Fact) -> Truth {
        match self {
            Self::Term(term) => term.of(fact),
            Self::Exact => fact.known().is_some().into(),
        }
    }
}

/// How it is answered.
pub(super) enum Plan {
    /// All rows alike.
    Alike(Truth),
    /// For each distinct fact what it says: [`YES`] and [`SURE`].
    Table(Vec<u8>),
    /// A number against a constant.
    Compare(Comparison, i128),
    /// A number among constants, which are sorted.
    Among(Vec<i128>),
    Absent,
    Unavailable,
    Exact,
    /// Of core, for each row: costly.
    EachRow,
}

const YES: u8 = 1;
const SURE: u8 = 2;

/// All tables together may take so many bytes; further ones are asked row by row.
pub(super) const TABLES: usize = 64 << 20;

/// A table pays if each fact occurs so often, on average.
const OFTEN: usize = 8;

impl Plan {
    /// `room` is what is left of [`TABLES`].
    pub(super) fn new(question: Question<'_>, column: &Admitted<'_>, room: &mut usize) -> Self {
        match column {
            Admitted::Missing => Self::Alike(question.of(&crate::schema::UNAVAILABLE)),
            Admitted::Coded(Codes { facts, codes }) => {
                // A fact that occurs once or twice is looked at when its row asks for it.
                let rare = facts.len() > FEW && facts.len() > codes.len() / OFTEN;
                match room.checked_sub(facts.len()) {
                    _ if rare => return Self::EachRow,
                    Some(left) => *room = left,
                    None => return Self::EachRow,
                }
                Self::Table(facts.iter().map(|fact| byte(question.of(fact))).collect())
            }
            Admitted::Numbers(numbers) => {
                let encoding = numbers.numbers.encoding;
                let fits = |number: &i128| match numbers.numbers.values {
                    NumberValues::Narrow(_) => i64::try_from(*number).is_ok(),
                    NumberValues::Wide(_) => true,
                };
                let number = |value| encoding::to_number(encoding, value).filter(fits);
                match question {
                    Question::Exact => Self::Exact,
                    Question::Term(Predicate::Absent(_)) => Self::Absent,
                    Question::Term(Predicate::Unavailable(_)) => Self::Unavailable,
                    Question::Term(Predicate::Compare { comparison, value, .. }) => {
                        match number(value) {
                            Some(constant) => Self::Compare(*comparison, constant),
                            None => Self::EachRow,
                        }
                    }
                    Question::Term(Predicate::In { values, .. }) => {
                        let constants: Option<Vec<i128>> = values.iter().map(number).collect();
                        match constants {
                            Some(mut constants) => {
                                constants.sort_unstable();
                                Self::Among(constants)
                            }
                            None => Self::EachRow,
                        }
                    }
                    Question::Term(_) => Self::EachRow,
                }
            }
        }
    }

    pub(super) const fn is_costly(&self) -> bool {
        matches!(self, Self::EachRow)
    }

    /// The answer for the rows from `start`; null is unknown. What is costly is answered where
    /// `rows` says only. `hot` is where the rows of each distinct fact of this column and chunk
    /// are remembered.
    pub(super) fn answer(
        &self,
        question: Question<'_>,
        column: &Admitted<'_>,
        (start, len): (usize, usize),
        rows: Option<&BooleanBuffer>,
        hot: &mut Option<Vec<Vec<u64>>>,
    ) -> BooleanArray {
        match (self, column) {
            (Self::Alike(truth), _) => alike(*truth, len),
            (Self::Table(table), Admitted::Coded(Codes { codes, .. })) => {
                let codes = codes.get(start..start + len).unwrap_or_default();
                if table.len() <= FEW {
                    of_few(table, hot.get_or_insert_with(|| rows_of(codes, table.len())), len)
                } else {
                    looked_up(table, codes)
                }
            }
            (_, Admitted::Coded(Codes { codes, facts })) => {
                let codes = codes.get(start..start + len).unwrap_or_default();
                let fact = |row: usize| codes.get(row).and_then(|code| facts.get(*code as usize));
                each_row(len, rows, |row| {
                    fact(row).map_or(Truth::Unknown, |fact| question.of(fact))
                })
            }
            (Self::Compare(comparison, constant), Admitted::Numbers(numbers)) => {
                compared(numbers, *comparison, *constant, start, len)
            }
            (Self::Among(constants), Admitted::Numbers(numbers)) => {
                among(numbers, constants, start, len)
            }
            (Self::Absent, Admitted::Numbers(numbers)) => {
                let absent = numbers.absent.slice(start, len);
                let known = &numbers.known.slice(start, len) | &numbers.at_least.slice(start, len);
                let sure = &known | &absent;
                array(absent, sure)
            }
            (Self::Unavailable, Admitted::Numbers(numbers)) => {
                let known = &numbers.known.slice(start, len) | &numbers.at_least.slice(start, len);
                BooleanArray::new(!&(&known | &numbers.absent.slice(start, len)), None)
            }
            (Self::Exact, Admitted::Numbers(numbers)) => {
                BooleanArray::new(numbers.known.slice(start, len), None)
            }
            (_, Admitted::Numbers(numbers)) => {
                each_row(len, rows, |row| question.of(&numbers.fact(start + row)))
            }
            (_, Admitted::Missing) => alike(question.of(&crate::schema::UNAVAILABLE), len),
        }
    }
}

pub(super) fn alike(truth: Truth, len: usize) -> BooleanArray {
    match truth {
        Truth::True => BooleanArray::new(BooleanBuffer::new_set(len), None),
        Truth::False => BooleanArray::new(BooleanBuffer::new_unset(len), None),
        Truth::Unknown => BooleanArray::new_null(len),
    }
}

/// Of a kernel that fails only for what is never given to it; nothing is known of that.
pub(super) fn sure(result: Result<BooleanArray, ArrowError>, len: usize) -> BooleanArray {
    result.unwrap_or_else(|_| alike(Truth::Unknown, len))
}

/// Asks row by row, where `rows` says; elsewhere it is false.
fn each_row(
    len: usize,
    rows: Option<&BooleanBuffer>,
    truth: impl Fn(usize) -> Truth,
) -> BooleanArray {
    let mut yes = vec![0_u64; len.div_ceil(64)];
    let mut unknown = yes.clone();
    let mut ask = |row: usize| {
        let words = match truth(row) {
            Truth::True => &mut yes,
            Truth::Unknown => &mut unknown,
            Truth::False => return,
        };
        if let Some(word) = words.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    };
    match rows {
        Some(rows) => rows.set_indices().for_each(&mut ask),
        None => (0..len).for_each(&mut ask),
    }
    array(bits(yes, len), !&bits(unknown, len))
}

const fn byte(truth: Truth) -> u8 {
    match truth {
        Truth::True => YES | SURE,
        Truth::False => SURE,
        Truth::Unknown => 0,
    }
}

fn array(values: BooleanBuffer, sure: BooleanBuffer) -> BooleanArray {
    let nulls = NullBuffer::new(sure);
    BooleanArray::new(values, Some(nulls).filter(|nulls| nulls.null_count() > 0))
}

fn bits(words: Vec<u64>, len: usize) -> BooleanBuffer {
    BooleanBuffer::new(Buffer::from_vec(words), 0, len)
}

/// The rows of each code, as bitmaps.
fn rows_of(codes: &[u32], count: usize) -> Vec<Vec<u64>> {
    let mut rows = vec![vec![0_u64; codes.len().div_ceil(64)]; count];
    for (word, codes) in codes.chunks(64).enumerate() {
        for (bit, code) in codes.iter().enumerate() {
            let words = rows.get_mut(*code as usize);
            if let Some(word) = words.and_then(|words| words.get_mut(word)) {
                *word |= 1 << bit;
            }
        }
    }
    rows
}

/// Of a column of few distinct facts.
fn of_few(table: &[u8], rows: &[Vec<u64>], len: usize) -> BooleanArray {
    let all = |bit: u8| {
        let mut words = vec![0_u64; len.div_ceil(64)];
        let of = table.iter().zip(rows).filter(|(says, _)| **says & bit != 0);
        for (_, rows) in of {
            words.iter_mut().zip(rows).for_each(|(word, rows)| *word |= rows);
        }
        bits(words, len)
    };
    if table.iter().all(|says| says & SURE != 0) {
        return BooleanArray::new(all(YES), None);
    }
    array(all(YES), all(SURE))
}

/// Of a column of many.
fn looked_up(table: &[u8], codes: &[u32]) -> BooleanArray {
    let words = codes.len().div_ceil(64);
    let (mut yes, mut sure) = (Vec::with_capacity(words), Vec::with_capacity(words));
    for codes in codes.chunks(64) {
        let (mut yes_word, mut sure_word) = (0, 0);
        for (bit, code) in codes.iter().enumerate() {
            let says = u64::from(table.get(*code as usize).copied().unwrap_or_default());
            yes_word |= (says & 1) << bit;
            sure_word |= (says >> 1) << bit;
        }
        yes.push(yes_word);
        sure.push(sure_word);
    }
    array(bits(yes, codes.len()), bits(sure, codes.len()))
}

fn compared(
    numbers: &AdmittedNumbers<'_>,
    comparison: Comparison,
    constant: i128,
    start: usize,
    len: usize,
) -> BooleanArray {
    let holds = |comparison| match &numbers.numbers.values {
        NumberValues::Narrow(values) => {
            let values = Int64Array::new(slice(values, start, len), None);
            match i64::try_from(constant) {
                Ok(constant) => kernel(comparison, &values, &Int64Array::new_scalar(constant)),
                Err(error) => Err(ArrowError::from_external_error(Box::new(error))),
            }
        }
        NumberValues::Wide(values) => {
            let values = Decimal128Array::new(slice(values, start, len), None);
            kernel(comparison, &values, &Decimal128Array::new_scalar(constant))
        }
    };
    let result = sure(holds(comparison), len);
    let known = numbers.known.slice(start, len);
    if !numbers.bounds {
        return array(result.values().clone(), known);
    }
    // Of a lower bound that is certain which holds of all numbers above it. See core's `of`.
    let certain = match comparison {
        Comparison::Less | Comparison::LessOrEqual => !result.values(),
        Comparison::Greater | Comparison::GreaterOrEqual => result.values().clone(),
        Comparison::Equal | Comparison::NotEqual => {
            sure(holds(Comparison::Greater), len).values().clone()
        }
    };
    let certain = &numbers.at_least.slice(start, len) & &certain;
    array(result.values().clone(), &known | &certain)
}

fn slice<T: arrow_buffer::ArrowNativeType>(
    values: &ScalarBuffer<T>,
    start: usize,
    len: usize,
) -> ScalarBuffer<T> {
    values.slice(start, len)
}

fn kernel(
    comparison: Comparison,
    values: &dyn Datum,
    constant: &dyn Datum,
) -> Result<BooleanArray, ArrowError> {
    match comparison {
        Comparison::Equal => cmp::eq(values, constant),
        Comparison::NotEqual => cmp::neq(values, constant),
        Comparison::Less => cmp::lt(values, constant),
        Comparison::LessOrEqual => cmp::lt_eq(values, constant),
        Comparison::Greater => cmp::gt(values, constant),
        Comparison::GreaterOrEqual => cmp::gt_eq(values, constant),
    }
}

fn among(
    numbers: &AdmittedNumbers<'_>,
    constants: &[i128],
    start: usize,
    len: usize,
) -> BooleanArray {
    let number = |row: usize| numbers.numbers.number(start + row);
    let found =
        BooleanBuffer::collect_bool(len, |row| constants.binary_search(&number(row)).is_ok());
    let known = numbers.known.slice(start, len);
    if !numbers.bounds {
        return array(found, known);
    }
    // A number that is at least more than all constants is none of them.
    let beyond = BooleanBuffer::collect_bool(len, |row| {
        constants.last().is_none_or(|greatest| number(row) > *greatest)
    });
    let certain = &numbers.at_least.slice(start, len) & &beyond;
    array(found, &known | &certain)
}
