//! Splits rows until those that are left together say the same thing.

use std::collections::{BTreeMap, HashMap};

use super::columns::{Columns, Leaf};
use super::words::{Vocabulary, is_place};
use super::{FEW_FORMS, FEW_STATES};

/// How many different words a place may have before it is a hole.
/// The words are those of the place, or more than enough of them.
pub(super) fn limit(vocabulary: &Vocabulary, words: &[u32], few: usize) -> usize {
    if words.iter().all(|word| is_place(vocabulary.text(*word))) {
        1
    } else if words.len() > few && are_states(vocabulary, words) {
        FEW_STATES.max(few)
    } else {
        few
    }
}

/// So many different words of a place are looked at: one more than may be kept.
pub(super) fn enough(few: usize) -> usize {
    FEW_STATES.max(few) + 1
}

fn are_states(vocabulary: &Vocabulary, words: &[u32]) -> bool {
    words.iter().all(|word| vocabulary.is_state(*word))
}

/// Rows that are split yet, and the columns by which that was tried without a result.
#[derive(Debug)]
struct Group {
    rows: Vec<usize>,
    tried: Vec<usize>,
}

/// A column in which rows differ, and by how many words.
struct Column {
    at: usize,
    count: usize,
    /// The words, if they are not too many to be kept.
    few: Vec<u32>,
}

/// Which words a column has had: the turn in which each was seen last.
struct Seen {
    turns: Vec<u32>,
    turn: u32,
}

impl Seen {
    /// Whether a word is new in this turn.
    fn is_new(&mut self, word: u32) -> bool {
        let Some(turn) = usize::try_from(word).ok().and_then(|word| self.turns.get_mut(word))
        else {
            return true;
        };
        std::mem::replace(turn, self.turn) != self.turn
    }

    const fn next_turn(&mut self) {
        self.turn += 1;
    }
}

/// Splits rows into templates.
pub(super) fn split(columns: &Columns, vocabulary: &Vocabulary, few: usize) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut seen = Seen { turns: vec![0; vocabulary.len()], turn: 0 };
    let mut open = vec![Group { rows: (0..columns.len()).collect(), tried: Vec::new() }];
    while let Some(group) = open.pop() {
        let differing = differing(columns, &group.rows, few, &mut seen);
        let agreeing = columns.width() - differing.len();
        if agreeing > 0 && agreeing * 2 >= columns.width() {
            statement(columns, vocabulary, few, group.rows, differing, &mut leaves);
        } else {
            mixture(columns, vocabulary, few, group, &differing, &mut open, &mut leaves);
        }
    }
    leaves
}

/// The columns in which rows differ.
fn differing(columns: &Columns, rows: &[usize], few: usize, seen: &mut Seen) -> Vec<Column> {
    let mut found = Vec::new();
    for at in 0..columns.width() {
        seen.next_turn();
        let mut column = Column { at, count: 0, few: Vec::new() };
        for row in rows {
            let word = columns.word(*row, at);
            if seen.is_new(word) {
                column.count += 1;
                if column.count <= enough(few) {
                    column.few.push(word);
                }
            }
        }
        if column.count > 1 {
            found.push(column);
        }
    }
    found
}

/// Rows that agree in most places: places with many words are holes; at the others each word is
/// kept, as long as that makes few templates: independent flags multiply, and are parameters.
fn statement(
    columns: &Columns,
    vocabulary: &Vocabulary,
    few: usize,
    rows: Vec<usize>,
    differing: Vec<Column>,
    leaves: &mut Vec<Leaf>,
) {
    let (mut kept, mut holes): (Vec<Column>, Vec<Column>) = differing
        .into_iter()
        .partition(|column| column.count <= limit(vocabulary, &column.few, few));
    kept.sort_by_key(|column| (column.count, column.at));
    // Which template each row is of, as far as columns were looked at.
    let mut of: Vec<u32> = vec![0; rows.len()];
    for column in kept {
        let mut numbers: HashMap<(u32, u32), u32> = HashMap::new();
        let next: Vec<u32> = of
            .iter()
            .zip(&rows)
            .map(|(of, row)| {
                let number = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry((*of, columns.word(*row, column.at))).or_insert(number)
            })
            .collect();
        let most = if are_states(vocabulary, &column.few) { FEW_STATES } else { FEW_FORMS };
        if numbers.len() <= most {
            of = next;
        } else {
            holes.push(column);
        }
    }
    let mut parts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (of, row) in of.into_iter().zip(rows) {
        parts.entry(of).or_default().push(row);
    }
    leaves.extend(parts.into_values().map(|rows| {
        // Where many rows of a part have one word after all, others brought the many words.
        let one_word = |at: usize| {
            let word = |row: &usize| columns.word(*row, at);
            let first = rows.first().map(word);
            rows.len() > few && rows.iter().all(|row| Some(word(row)) == first)
        };
        let holes: Vec<usize> =
            holes.iter().map(|column| column.at).filter(|at| !one_word(*at)).collect();
        columns.leaf(rows, |at| holes.contains(&at))
    }));
}

/// Rows that agree in few places: split by the column with the fewest words. Rows whose word
/// there is their own alone stay together, and are split by other columns.
fn mixture(
    columns: &Columns,
    vocabulary: &Vocabulary,
    few: usize,
    group: Group,
    differing: &[Column],
    open: &mut Vec<Group>,
    leaves: &mut Vec<Leaf>,
) {
    let column = differing
        .iter()
        .filter(|column| !group.tried.contains(&column.at))
        .min_by_key(|column| (column.count, column.at));
    let Some(column) = column.filter(|column| column.count < group.rows.len()) else {
        // No two share a word: they are different statements.
        leaves.extend(group.rows.into_iter().map(|row| columns.leaf(vec![row], |_| false)));
        return;
    };
    let mut parts: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for row in group.rows {
        parts.entry(columns.word(row, column.at)).or_default().push(row);
    }
    let all = column.count <= limit(vocabulary, &column.few, few);
    let mut alone = Vec::new();
    for rows in parts.into_values() {
        if all || rows.len() > 1 {
            open.push(Group { rows, tried: group.tried.clone() });
        } else {
            alone.extend(rows);
        }
    }
    if !alone.is_empty() {
        let mut tried = group.tried;
        tried.push(column.at);
        open.push(Group { rows: alone, tried });
    }
}
