//! Shapes of lines: how many, when, how severe, by whom, and what they look like.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use logdive_core::log::Column;

use super::texts;
use crate::scan::array;

pub(super) const COLUMNS: [Column; 7] = [
    Column::Ts,
    Column::Layer,
    Column::Shape,
    Column::SeverityNumber,
    Column::Emitter,
    Column::Body,
    Column::EventName,
];

/// What stands for the text of a layer whose lines are not shown.
const RESTRICTED: &str = "(restricted)";

/// Lines of one shape in one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShapeLines {
    pub(crate) count: u64,
    /// Microseconds.
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The highest severity number.
    pub(crate) severity: Option<i32>,
    pub(crate) emitters: BTreeSet<String>,
    /// The text of the oldest; of several the least.
    pub(crate) oldest: String,
    /// The text of the newest; of several the greatest.
    pub(crate) newest: String,
}

/// Shapes by layer.
pub(crate) type Shapes = BTreeMap<(String, i64), ShapeLines>;

/// A shape is a hash already.
#[derive(Debug, Default, Clone)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    }
}

#[derive(Debug, Clone)]
struct Stat {
    lines: ShapeLines,
    /// Emitters by their numbers.
    emitters: Vec<u64>,
    /// The row of the newest in the batch that is being taken.
    newest_row: Option<usize>,
}

/// Counts shapes.
#[derive(Debug, Default)]
pub(super) struct ShapeCounts {
    stats: HashMap<(usize, i64), Stat, BuildHasherDefault<Mixed>>,
    /// Emitters by their numbers.
    emitters: Vec<String>,
    numbers: HashMap<String, usize>,
    held: usize,
}

impl ShapeCounts {
    fn number(&mut self, emitter: &str) -> usize {
        if let Some(number) = self.numbers.get(emitter) {
            return *number;
        }
        let number = self.emitters.len();
        self.emitters.push(emitter.to_owned());
        self.numbers.insert(emitter.to_owned(), number);
        self.held += 2 * emitter.len() + 100;
        number
    }

    pub(super) fn take(
        &mut self,
        rows: &RecordBatch,
        places: &[usize],
        layers: &[(String, bool)],
    ) -> Result<()> {
        let times = array(rows, Column::Ts)?.as_primitive::<TimestampMicrosecondType>();
        let shapes = array(rows, Column::Shape)?.as_primitive::<Int64Type>();
        let severities = array(rows, Column::SeverityNumber)?.as_primitive::<Int32Type>();
        let emitters = array(rows, Column::Emitter)?.as_string::<i32>();
        let bodies = texts(array(rows, Column::Body)?);
        let events = texts(array(rows, Column::EventName)?);
        let text = |row: usize, place: usize| {
            if !layers.get(place).is_some_and(|(_, shown)| *shown) {
                return RESTRICTED;
            }
            let of = |texts: Option<&'_ arrow::array::StringArray>| {
                texts.is_some_and(|texts| texts.is_valid(row))
            };
            match (of(bodies), of(events)) {
                (true, _) => bodies.map_or("", |bodies| bodies.value(row)),
                (false, true) => events.map_or("", |events| events.value(row)),
                (false, false) => "",
            }
        };
        let mut touched = Vec::new();
        let mut last_emitter: Option<(&str, usize)> = None;
        for (row, place) in places.iter().enumerate() {
            let (time, shape) = (times.value(row), shapes.value(row));
            let severity = severities.is_valid(row).then(|| severities.value(row));
            let emitter = emitters.is_valid(row).then(|| {
                let name = emitters.value(row);
                match last_emitter {
                    Some((last, number)) if last == name => number,
                    _ => {
                        let number = self.number(name);
                        last_emitter = Some((name, number));
                        number
                    }
                }
            });
            let stat = self.stats.entry((*place, shape)).or_insert_with(|| {
                let oldest = text(row, *place).to_owned();
                self.held += 300 + oldest.len();
                let lines = ShapeLines { first: time, last: time, oldest, ..ShapeLines::default() };
                Stat { lines, emitters: Vec::new(), newest_row: None }
            });
            let lines = &mut stat.lines;
            if time < lines.first
                || (time == lines.first && lines.count > 0 && text(row, *place) < &*lines.oldest)
            {
                lines.first = time;
                text(row, *place).clone_into(&mut lines.oldest);
            }
            let newer = match stat.newest_row {
                _ if time > lines.last => true,
                _ if time < lines.last => false,
                Some(newest) => text(row, *place) > text(newest, *place),
                None => lines.count == 0 || text(row, *place) > &*lines.newest,
            };
            if newer {
                if stat.newest_row.is_none() {
                    touched.push((*place, shape));
                }
                lines.last = time;
                stat.newest_row = Some(row);
            }
            lines.count += 1;
            lines.severity = lines.severity.max(severity);
            if let Some(number) = emitter {
                let word = number / 64;
                if stat.emitters.len() <= word {
                    stat.emitters.resize(word + 1, 0);
                }
                if let Some(word) = stat.emitters.get_mut(word) {
                    *word |= 1 << (number % 64);
                }
            }
        }
        // Texts are copied once a batch, not once a line.
        for key in touched {
            if let Some(stat) = self.stats.get_mut(&key)
                && let Some(row) = stat.newest_row.take()
            {
                text(row, key.0).clone_into(&mut stat.lines.newest);
            }
        }
        Ok(())
    }

    pub(super) fn join(&mut self, other: Self, places: &[usize]) {
        let numbers: Vec<usize> =
            other.emitters.iter().map(|emitter| self.number(emitter)).collect();
        for ((place, shape), stat) in other.stats {
            let place = places.get(place).copied().unwrap_or(place);
            let mut emitters = Vec::new();
            for number in bits(&stat.emitters).filter_map(|bit| numbers.get(bit)) {
                let word = number / 64;
                if emitters.len() <= word {
                    emitters.resize(word + 1, 0_u64);
                }
                if let Some(word) = emitters.get_mut(word) {
                    *word |= 1 << (number % 64);
                }
            }
            let stat = Stat { emitters, ..stat };
            match self.stats.get_mut(&(place, shape)) {
                Some(own) => own.join(stat),
                None => {
                    self.held += 300 + stat.lines.oldest.len();
                    self.stats.insert((place, shape), stat);
                }
            }
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.held
    }

    pub(super) fn finish(self, layers: &[(String, bool)]) -> Shapes {
        let emitters = self.emitters;
        let named = self.stats.into_iter().filter_map(|((place, shape), stat)| {
            let (layer, _) = layers.get(place)?;
            let names = bits(&stat.emitters).filter_map(|bit| emitters.get(bit).cloned());
            let lines = ShapeLines { emitters: names.collect(), ..stat.lines };
            Some(((layer.clone(), shape), lines))
        });
        named.collect()
    }
}

impl Stat {
    fn join(&mut self, other: Self) {
        if self.emitters.len() < other.emitters.len() {
            self.emitters.resize(other.emitters.len(), 0);
        }
        for (own, other) in self.emitters.iter_mut().zip(&other.emitters) {
            *own |= other;
        }
        self.lines.join(other.lines);
    }
}

impl ShapeLines {
    /// Adds other lines of the same shape or template.
    pub(crate) fn join(&mut self, other: Self) {
        if (other.first, &other.oldest) < (self.first, &self.oldest) {
            self.first = other.first;
            self.oldest = other.oldest;
        }
        if (other.last, &other.newest) > (self.last, &self.newest) {
            self.last = other.last;
            self.newest = other.newest;
        }
        self.count += other.count;
        self.severity = self.severity.max(other.severity);
        self.emitters.extend(other.emitters);
    }
}

fn bits(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(at, word)| {
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit)
    })
}
