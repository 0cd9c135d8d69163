//! Log templates: lines that say the same thing, found by what their words share.
//!
//! A [`Miner`] takes texts and gives each its template: the text with `<*>` for what differs. It
//! is of the family of Drain (He et al., *Drain: An Online Log Parsing Approach with Fixed Depth
//! Tree*, ICWS 2017): texts are told apart by their number of words, then word by word, and what
//! is alike enough is one template. Two things are otherwise. It looks at all texts at once, so
//! their order does not matter; and a place where only few different words stand keeps them
//! (`VM Started`, `VM Stopped`), as in Brain (Yu et al., TSC 2023), while many become `<*>`.
//!
//! # How
//! 1. Texts of one [`shape`] are one: words with a digit are masked, white
//!    space is one space, only the first 1,024 bytes count.
//! 2. The masked text is cut into words. Numbers, ids, addresses, times, and paths with digits are
//!    no words, but holes between them; so are units behind numbers. A list of three numbers and
//!    one of five are the same hole.
//! 3. Texts of one number of words are split at the place with the fewest different words, until
//!    at least half of the places agree. There a place with more than [`FEW_WORDS`] different
//!    words is a hole ([`FEW_STATES`] if all are capitals, as states and methods are written);
//!    at a place with fewer, each word is a template of its own.
//! 4. Templates that differ in one place, by more words than that, or by a hole, are one.
//!
//! # Laws
//! Each is a property test.
//! - The result depends on the set of the texts' shapes alone: not on their order, nor on how
//!   often each comes, nor on the run or the machine.
//! - Texts of one shape have one template, whichever of them is given.
//! - Every text has exactly one template.
//!
//! A new text may change the templates of others (a place gets its sixth word): templates of two
//! windows are compared by mining both at once.
//!
//! # Limits
//! What goes over a limit goes to the template [`CATCH_ALL`] or is cut off as the constant says;
//! nothing is lost, and counts stay exact.

mod columns;
mod merge;
mod normal;
mod pieces;
mod render;
mod sample;
mod split;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::HashMap;

use crate::TemplateId;
use crate::log::shape;

pub use sample::{Sample, Templates};

use columns::{Columns, Leaf};
use render::Print;
use words::{Cut, Vocabulary};

/// What stands for the part in which the lines of a template differ.
pub const HOLE: &str = "<*>";

/// The text of the template of lines that have no other: one hole.
pub const CATCH_ALL: &str = HOLE;

/// A place with more different words than this is a hole.
pub const FEW_WORDS: usize = 5;

/// A place with more different words than this is a hole, if all are written in capitals.
pub const FEW_STATES: usize = 16;

/// Places with few words together make at most as many templates ([`FEW_STATES`] if written in
/// capitals): four independent flags are parameters, and would make sixteen.
pub const FEW_FORMS: usize = 8;

/// Most shapes that are mined; those with the highest hashes over it go to the [`CATCH_ALL`].
pub const MAX_SHAPES: usize = 200_000;

/// Most templates that are made; those of the fewest shapes over it go to the [`CATCH_ALL`].
pub const MAX_TEMPLATES: usize = 10_000;

/// Most words of a text that are looked at; what is behind them is one hole.
pub const MAX_WORDS: usize = 128;

/// Most bytes of a masked text that are looked at; what is behind them is one hole.
pub const MAX_MASKED: usize = 768;

/// The longest word, in bytes; a longer one is a hole.
pub const MAX_WORD: usize = 96;

/// Finds the templates of texts.
///
/// ```
/// use logdive_core::template::Miner;
///
/// let texts = ["took 35 ms", "VM started", "took 1.5 s", "VM stopped"];
/// let mined = Miner::new().mine(texts);
/// let of: Vec<&str> = mined.of.iter().map(|at| mined.templates[*at].text.as_str()).collect();
/// assert_eq!(of, ["took <*>", "VM started", "took <*>", "VM stopped"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Miner {
    max_shapes: usize,
    max_templates: usize,
    few_words: usize,
}

/// A template that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinedTemplate {
    /// Its identity: of its text.
    pub id: TemplateId,
    /// What its lines share; [`HOLE`] where they differ. Empty for lines without any text.
    pub text: String,
}

/// Templates, and which text has which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mined {
    /// The templates, in the order of their texts.
    pub templates: Vec<MinedTemplate>,
    /// The place in `templates` of each text's template, in the order of the texts.
    pub of: Vec<usize>,
}

impl Default for Miner {
    fn default() -> Self {
        Self::new()
    }
}

impl Miner {
    /// A miner with the limits of this module.
    #[must_use]
    pub const fn new() -> Self {
        Self { max_shapes: MAX_SHAPES, max_templates: MAX_TEMPLATES, few_words: FEW_WORDS }
    }

    /// Sets how many shapes are mined at most; at most [`MAX_SHAPES`].
    #[must_use]
    pub const fn max_shapes(mut self, shapes: usize) -> Self {
        self.max_shapes = if shapes < MAX_SHAPES { shapes } else { MAX_SHAPES };
        self
    }

    /// Sets how many templates are made at most, the catch-all not among them; at most
    /// [`MAX_TEMPLATES`].
    #[must_use]
    pub const fn max_templates(mut self, templates: usize) -> Self {
        self.max_templates = if templates < MAX_TEMPLATES { templates } else { MAX_TEMPLATES };
        self
    }

    /// Sets how many different words at a place are kept; [`FEW_WORDS`] unless it is set.
    #[must_use]
    pub const fn few_words(mut self, words: usize) -> Self {
        self.few_words = words;
        self
    }

    /// Finds the templates of texts.
    ///
    /// Texts may come more than once; those of one shape are looked at once. Of lines that do not
    /// fit into memory together, [`Sample`] holds one of each shape.
    #[must_use]
    pub fn mine<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> Mined {
        let mut known: HashMap<i64, usize> = HashMap::new();
        let mut shapes: Vec<(i64, &'a str)> = Vec::new();
        let of: Vec<usize> = texts
            .into_iter()
            .map(|text| {
                let shape = shape(text);
                *known.entry(shape).or_insert_with(|| {
                    shapes.push((shape, text));
                    shapes.len() - 1
                })
            })
            .collect();
        let (mined, _) = self.mine_shapes(&shapes, false);
        let of = of.into_iter().filter_map(|at| mined.of.get(at).copied()).collect();
        Mined { templates: mined.templates, of }
    }

    /// Finds the templates of texts of which no two have one shape, and the place of the
    /// catch-all, if there is one; there is if it is asked for.
    fn mine_shapes(&self, shapes: &[(i64, &str)], catch_all: bool) -> (Mined, Option<usize>) {
        let mut kept: Vec<usize> = (0..shapes.len()).collect();
        if kept.len() > self.max_shapes {
            kept.sort_unstable_by_key(|at| shapes.get(*at).map(|(shape, _)| *shape));
            kept.truncate(self.max_shapes);
        }
        let mut vocabulary = Vocabulary::default();
        let mut cuts: Vec<(Cut, usize)> = Vec::with_capacity(kept.len());
        for at in kept {
            if let Some((_, text)) = shapes.get(at) {
                cuts.push((words::cut(&normal::form(text), &mut vocabulary), at));
            }
        }
        let new = vocabulary.sort();
        for (cut, _) in &mut cuts {
            cut.renumber(&new);
        }
        let tables = Columns::tables(cuts);
        let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut prints = Vec::new();
        for columns in &tables {
            let leaves = split::split(columns, &vocabulary, self.few_words);
            for leaf in merge::merge(leaves, columns.width(), &vocabulary, self.few_words) {
                let lines = columns.lines(&leaf);
                let print = Print::new(&leaf, &lines, &vocabulary);
                let text = print.text();
                found.entry(text.clone()).or_default().extend(lines.iter().map(|line| line.text));
                prints.push((text, print));
            }
        }
        absorb(&mut found, &prints);
        self.gather(found, shapes.len(), catch_all)
    }

    /// Numbers the templates, and gives what is over a limit to the catch-all.
    fn gather(
        &self,
        mut found: BTreeMap<String, Vec<usize>>,
        texts: usize,
        catch_all: bool,
    ) -> (Mined, Option<usize>) {
        if found.len() > self.max_templates {
            let mut by_size: Vec<(usize, String)> =
                found.iter().map(|(text, of)| (of.len(), text.clone())).collect();
            by_size.sort_unstable_by(|(a, a_text), (b, b_text)| {
                b.cmp(a).then_with(|| a_text.cmp(b_text))
            });
            for (_, text) in by_size.drain(self.max_templates..) {
                found.remove(&text);
            }
        }
        let mut of: Vec<Option<usize>> = vec![None; texts];
        let known: usize = found.values().map(Vec::len).sum();
        if catch_all || known < texts {
            found.entry(CATCH_ALL.to_owned()).or_default();
        }
        let mut templates = Vec::with_capacity(found.len());
        let mut rest = None;
        for (text, lines) in found {
            for line in lines {
                if let Some(place) = of.get_mut(line) {
                    *place = Some(templates.len());
                }
            }
            if text == CATCH_ALL {
                rest = Some(templates.len());
            }
            templates.push(MinedTemplate { id: TemplateId::of(&text), text });
        }
        // Invariant: a text without a place has made the catch-all.
        let of = of.into_iter().filter_map(|place| place.or(rest)).collect();
        (Mined { templates, of }, rest)
    }
}

/// Gives lines whose template has a value where another has a hole to that other template:
/// `rhost=a.example` to `rhost=<*>`, which numbers made.
fn absorb(found: &mut BTreeMap<String, Vec<usize>>, prints: &[(String, Print<'_>)]) {
    let mut into: BTreeMap<&str, String> = BTreeMap::new();
    for (text, print) in prints {
        let wider = print.wider().find(|wider| wider != text && found.contains_key(wider));
        if let Some(wider) = wider {
            into.entry(text).or_insert(wider);
        }
    }
    for text in into.keys() {
        let Some(lines) = found.remove(*text) else { continue };
        // A wider template may have a wider one itself. Each has a hole more, so that it ends.
        let mut last = *text;
        while let Some(wider) = into.get(last) {
            last = wider;
        }
        found.entry(last.to_owned()).or_default().extend(lines);
    }
}

/// The text as the miner sees it alone: with holes for numbers, ids, addresses, times, and paths
/// with digits.
///
/// ```
/// use logdive_core::template::masked;
///
/// assert_eq!(masked("10.0.0.1:80 took 1.5 s for /v2/7f3a [a, b]"), "<*> took <*> for <*> [a, b]");
/// ```
#[must_use]
pub fn masked(text: &str) -> String {
    let mut vocabulary = Vocabulary::default();
    let cut = words::cut(&normal::form(text), &mut vocabulary);
    let leaf = Leaf { pattern: cut.words.iter().map(|word| Some(*word)).collect(), rows: vec![0] };
    let line = columns::Line { gaps: cut.gaps, text: 0 };
    Print::new(&leaf, &[&line], &vocabulary).text()
}
