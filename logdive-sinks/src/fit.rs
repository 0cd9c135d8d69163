//! Fitting: a document is made smaller as a tree until its rendering is within a limit.

use logdive_core::port::{Kept, SinkError, SizeLimit};
use logdive_core::{Block, BlockKind, Document, Line, Priority};

use crate::render::{Format, render};

/// The fewest lines that a shortened block keeps: its first and its last.
const FEWEST: usize = 2;

/// A rendering within a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fitted {
    /// The text.
    pub body: String,
    /// What of the document is in it.
    pub kept: Kept,
}

/// Renders a document within a limit.
///
/// Text is never cut: the document is made smaller as a tree. Of the lowest priority first, long
/// blocks keep their head and tail, then blocks are left out from the end; both are said in their
/// place. What is essential may be shortened and is never left out.
///
/// # Errors
/// [`SinkError::TooLarge`] if not even what is essential fits.
pub fn fit(document: &Document, format: Format, limit: SizeLimit) -> Result<Fitted, SinkError> {
    let tree = Tree { document, format, limit, priorities: priorities(&document.0) };
    let mut plan = Plan::everything(tree.priorities.len());
    if let Some(fitted) = tree.attempt(&plan) {
        return Ok(fitted);
    }
    for priority in [Priority::Detail, Priority::Normal, Priority::Essential] {
        plan.set_lines(priority, FEWEST);
        let droppable: Vec<usize> = match priority {
            Priority::Essential => Vec::new(),
            _ => tree.of(priority),
        };
        if let Some(fitted) = tree.most(&mut plan, priority, &droppable) {
            return Ok(fitted);
        }
        for block in droppable {
            plan.drop_block(block);
        }
    }
    // The last thing to give up is where something was left out; that it was is still said.
    plan.one_note = true;
    tree.attempt(&plan).ok_or_else(|| SinkError::TooLarge {
        actual: limit.measure(&tree.reduced(&plan).body),
        max: limit.max,
    })
}

/// What is kept of a document.
#[derive(Clone)]
struct Plan {
    /// For each block, in the order of reading, whether it is left out.
    dropped: Vec<bool>,
    /// How many lines a block keeps, by priority.
    detail_lines: usize,
    normal_lines: usize,
    essential_lines: usize,
    /// Whether one note at the end stands for all.
    one_note: bool,
}

impl Plan {
    fn everything(blocks: usize) -> Self {
        Self {
            dropped: vec![false; blocks],
            detail_lines: usize::MAX,
            normal_lines: usize::MAX,
            essential_lines: usize::MAX,
            one_note: false,
        }
    }

    const fn lines(&self, priority: Priority) -> usize {
        match priority {
            Priority::Detail => self.detail_lines,
            Priority::Normal => self.normal_lines,
            Priority::Essential => self.essential_lines,
        }
    }

    const fn set_lines(&mut self, priority: Priority, lines: usize) {
        match priority {
            Priority::Detail => self.detail_lines = lines,
            Priority::Normal => self.normal_lines = lines,
            Priority::Essential => self.essential_lines = lines,
        }
    }

    fn drop_block(&mut self, block: usize) {
        if let Some(dropped) = self.dropped.get_mut(block) {
            *dropped = true;
        }
    }

    fn is_dropped(&self, block: usize) -> bool {
        self.dropped.get(block).copied().unwrap_or(false)
    }
}

/// The priority of each block in the order of reading; a block matters no more than the fold it
/// is in.
fn priorities(blocks: &[Block]) -> Vec<Priority> {
    fn walk(blocks: &[Block], ceiling: Priority, out: &mut Vec<Priority>) {
        for block in blocks {
            let priority = block.priority.min(ceiling);
            out.push(priority);
            if let BlockKind::Fold { blocks, .. } = &block.kind {
                walk(blocks, priority, out);
            }
        }
    }
    let mut out = Vec::new();
    walk(blocks, Priority::Essential, &mut out);
    out
}

struct Tree<'a> {
    document: &'a Document,
    format: Format,
    limit: SizeLimit,
    priorities: Vec<Priority>,
}

impl Tree<'_> {
    /// The blocks of a priority, last first: what stands last is left out first.
    fn of(&self, priority: Priority) -> Vec<usize> {
        let all = self.priorities.iter().enumerate().rev();
        all.filter(|(_, of)| **of == priority).map(|(block, _)| block).collect()
    }

    fn attempt(&self, plan: &Plan) -> Option<Fitted> {
        Some(self.reduced(plan)).filter(|fitted| self.limit.fits(&fitted.body))
    }

    /// Leaves out as few blocks and lines of a priority as will do; `None` if none is enough.
    fn most(&self, plan: &mut Plan, priority: Priority, droppable: &[usize]) -> Option<Fitted> {
        let with = |plan: &Plan, dropped: usize, lines: usize| {
            let mut plan = plan.clone();
            droppable.iter().take(dropped).for_each(|block| plan.drop_block(*block));
            plan.set_lines(priority, lines);
            plan
        };
        // Notes have a length too, so fewer blocks are not always less text: what the searches
        // find is a good answer, and only what was seen to fit is given.
        let fewest = search(droppable.len(), |dropped| self.attempt(&with(plan, dropped, FEWEST)));
        let (dropped, mut best) = fewest?;
        let longest = self.longest_block();
        let spare = longest.saturating_sub(FEWEST);
        if let Some((_, fitted)) =
            search(spare, |fewer| self.attempt(&with(plan, dropped, longest - fewer)))
        {
            best = fitted;
        }
        Some(best)
    }

    fn longest_block(&self) -> usize {
        fn walk(blocks: &[Block]) -> usize {
            let of = |block: &Block| match &block.kind {
                BlockKind::Code(lines) => lines.len(),
                BlockKind::List(items) => items.len(),
                BlockKind::KeyValues(pairs) => pairs.len(),
                BlockKind::Table { rows, .. } => rows.len(),
                BlockKind::Fold { blocks, .. } => walk(blocks),
                BlockKind::Heading { .. } | BlockKind::Paragraph(_) | BlockKind::Link { .. } => 0,
            };
            blocks.iter().map(of).max().unwrap_or(0)
        }
        walk(&self.document.0)
    }

    fn reduced(&self, plan: &Plan) -> Fitted {
        let mut reduce = Reduce {
            plan,
            priorities: &self.priorities,
            next: 0,
            kept: Kept { blocks: self.priorities.len(), left_out: 0, lines_left_out: 0 },
        };
        let mut blocks = reduce.blocks(&self.document.0);
        let kept = reduce.kept;
        if plan.one_note && kept.left_out > 0 {
            blocks.push(note(kept.left_out));
        }
        Fitted { body: render(&Document(blocks), self.format), kept }
    }
}

/// The least `n` from 0 to `most` for which there is an answer, if answers never end once they
/// have begun; in any case one for which there is.
fn search<T>(most: usize, answer: impl Fn(usize) -> Option<T>) -> Option<(usize, T)> {
    let mut best = (most, answer(most)?);
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low) / 2;
        match answer(middle) {
            Some(found) => {
                best = (middle, found);
                high = middle;
            }
            None => low = middle + 1,
        }
    }
    Some(best)
}

struct Reduce<'a> {
    plan: &'a Plan,
    priorities: &'a [Priority],
    /// The next block, in the order of reading.
    next: usize,
    kept: Kept,
}

impl Reduce<'_> {
    fn blocks(&mut self, blocks: &[Block]) -> Vec<Block> {
        let mut out = Vec::new();
        let mut left_out = 0;
        for block in blocks {
            let index = self.next;
            self.next += 1;
            if self.plan.is_dropped(index) {
                let count = 1 + inner(&block.kind);
                self.next += count - 1;
                left_out += count;
                continue;
            }
            self.flush(&mut left_out, &mut out);
            let priority = self.priorities.get(index).copied().unwrap_or(block.priority);
            let lines = self.plan.lines(priority);
            out.push(Block { kind: self.kind(&block.kind, lines), priority });
        }
        self.flush(&mut left_out, &mut out);
        out
    }

    fn flush(&mut self, left_out: &mut usize, out: &mut Vec<Block>) {
        if *left_out > 0 {
            self.kept.left_out += *left_out;
            if !self.plan.one_note {
                out.push(note(*left_out));
            }
        }
        *left_out = 0;
    }

    fn kind(&mut self, kind: &BlockKind, lines: usize) -> BlockKind {
        match kind {
            BlockKind::Code(all) => {
                BlockKind::Code(self.ends(all, lines, |n| lines_note(n, "lines")))
            }
            BlockKind::List(all) => {
                BlockKind::List(self.ends(all, lines, |n| lines_note(n, "items").into()))
            }
            BlockKind::KeyValues(all) => BlockKind::KeyValues(
                self.ends(all, lines, |n| ("…".to_owned(), format!("{n} left out").into())),
            ),
            BlockKind::Table { columns, rows } => {
                let width = columns.len().max(1);
                let rows = self.ends(rows, lines, |n| {
                    let mut row = vec![Line::new(); width];
                    if let Some(first) = row.first_mut() {
                        *first = lines_note(n, "rows").into();
                    }
                    row
                });
                BlockKind::Table { columns: columns.clone(), rows }
            }
            BlockKind::Fold { title, blocks } => {
                BlockKind::Fold { title: title.clone(), blocks: self.blocks(blocks) }
            }
            BlockKind::Heading { .. } | BlockKind::Paragraph(_) | BlockKind::Link { .. } => {
                kind.clone()
            }
        }
    }

    /// The head and the tail of a list, with a note between them.
    fn ends<T: Clone>(&mut self, all: &[T], most: usize, note: impl Fn(usize) -> T) -> Vec<T> {
        // A note in the place of a single line saves nothing.
        if all.len() <= most || all.len() - most < 2 {
            return all.to_vec();
        }
        let head = most.div_ceil(2);
        let tail = most - head;
        let left_out = all.len() - most;
        self.kept.lines_left_out += left_out;
        let mut out: Vec<T> = all.iter().take(head).cloned().collect();
        out.push(note(left_out));
        out.extend(all.iter().skip(all.len() - tail).cloned());
        out
    }
}

fn inner(kind: &BlockKind) -> usize {
    match kind {
        BlockKind::Fold { blocks, .. } => blocks.iter().map(|block| 1 + inner(&block.kind)).sum(),
        _ => 0,
    }
}

fn lines_note(count: usize, of: &str) -> String {
    format!("… {count} {of} left out")
}

fn note(count: usize) -> Block {
    let of = if count == 1 { "block" } else { "blocks" };
    let kind = BlockKind::Paragraph(lines_note(count, of).into());
    Block { kind, priority: Priority::Essential }
}

#[cfg(test)]
mod tests;
