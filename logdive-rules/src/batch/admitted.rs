//! A column as one rule set reads it: what does not fit the schema is unavailable.

use std::borrow::Cow;

use arrow_buffer::BooleanBuffer;
use logdive_core::{Fact, Reason, ReasonKind};

use super::column::{ABSENT, AT_LEAST, Coded, Column, KNOWN, Numbers};
use super::encoding;
use crate::schema::{Entry, UNAVAILABLE};

pub(super) enum Admitted<'a> {
    /// There is no such column: all of it is unavailable.
    Missing,
    Coded(Codes<'a>),
    Numbers(AdmittedNumbers<'a>),
}

pub(super) struct Codes<'a> {
    pub(super) codes: Cow<'a, [u32]>,
    pub(super) facts: Vec<Cow<'a, Fact>>,
}

/// A row is in one of the three, or unavailable.
pub(super) struct AdmittedNumbers<'a> {
    pub(super) numbers: &'a Numbers,
    pub(super) known: BooleanBuffer,
    pub(super) at_least: BooleanBuffer,
    pub(super) absent: BooleanBuffer,
    /// Whether any row is a lower bound.
    pub(super) bounds: bool,
}

impl<'a> Admitted<'a> {
    /// `default` is what the entry reads where it is absent.
    pub(super) fn new(
        entry: &Entry,
        default: Option<&'a Fact>,
        column: Option<&'a Column>,
    ) -> Self {
        match column {
            None => Self::Missing,
            Some(Column::Coded(Coded { codes, facts })) => Self::Coded(Codes {
                codes: Cow::Borrowed(codes),
                facts: facts.iter().map(|fact| Cow::Borrowed(entry.see(fact, default))).collect(),
            }),
            Some(Column::Numbers(numbers)) => {
                // A constant may be read that the numbers cannot hold.
                match default.and_then(|_| numbers.by_fact()) {
                    Some(Coded { codes, facts }) => {
                        let see = |fact: Fact| entry.see(&fact, default).clone();
                        let facts = facts.into_iter().map(|fact| Cow::Owned(see(fact)));
                        Self::Coded(Codes { codes: Cow::Owned(codes), facts: facts.collect() })
                    }
                    None => Self::Numbers(AdmittedNumbers::new(entry, numbers)),
                }
            }
        }
    }
}

impl<'a> AdmittedNumbers<'a> {
    fn new(entry: &Entry, numbers: &'a Numbers) -> Self {
        let states = &numbers.states;
        let is = |row: usize, wanted: i8| states.get(row) == Some(&wanted);
        let value = |row| encoding::number(numbers.encoding, numbers.number(row));
        let known = BooleanBuffer::collect_bool(states.len(), |row| {
            is(row, KNOWN)
                && value(row).is_some_and(|value| entry.fits(&Fact::Known(value)).is_ok())
        });
        let at_least = BooleanBuffer::collect_bool(states.len(), |row| {
            is(row, AT_LEAST) && value(row).is_some_and(|value| entry.fits(&bound(value)).is_ok())
        });
        let may_be_absent = entry.fits(&Fact::Absent).is_ok();
        let absent =
            BooleanBuffer::collect_bool(states.len(), |row| may_be_absent && is(row, ABSENT));
        let bounds = at_least.count_set_bits() > 0;
        Self { numbers, known, at_least, absent, bounds }
    }

    /// What stands in a row, without its reason.
    pub(super) fn fact(&self, row: usize) -> Fact {
        let at = |bits: &BooleanBuffer| row < bits.len() && bits.value(row);
        let value = encoding::number(self.numbers.encoding, self.numbers.number(row));
        match value {
            Some(value) if at(&self.known) => Fact::Known(value),
            Some(value) if at(&self.at_least) => bound(value),
            _ if at(&self.absent) => Fact::Absent,
            _ => UNAVAILABLE.clone(),
        }
    }
}

/// A lower bound; no term asks for its reason.
fn bound(value: logdive_core::Value) -> Fact {
    Fact::AtLeast(value, Reason { kind: ReasonKind::Other, detail: String::new() })
}
