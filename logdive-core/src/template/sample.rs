//! Lines on their way to templates: one text is held for each shape.

use std::collections::{BinaryHeap, HashMap};

use super::{MinedTemplate, Miner};
use crate::log::shape;

/// Bytes of a text that are held: what a shape looks at, and the rest of its last character.
const HELD: usize = 1024;

/// Takes lines one by one and holds one text for each of their shapes, so that any number of
/// lines is mined in bounded memory: at most [`MAX_SHAPES`](super::MAX_SHAPES) texts of 1 KiB.
///
/// ```
/// use logdive_core::template::{Miner, Sample};
///
/// let mut sample = Sample::new(Miner::new());
/// let shapes = ["took 35 ms", "took 9 ms"].map(|line| sample.push(line));
/// let templates = sample.mine();
/// assert_eq!(templates.of(shapes[0]).map(|template| template.text.as_str()), Some("took <*>"));
/// ```
#[derive(Debug)]
pub struct Sample {
    miner: Miner,
    texts: HashMap<i64, Box<str>>,
    /// The shapes that are held, the highest first.
    held: BinaryHeap<i64>,
    left_out: bool,
}

/// The templates of lines, by the lines' shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    templates: Vec<MinedTemplate>,
    of: HashMap<i64, usize>,
    /// The template of shapes that were not held.
    rest: Option<usize>,
}

impl Sample {
    /// No lines yet.
    #[must_use]
    pub fn new(miner: Miner) -> Self {
        Self { miner, texts: HashMap::new(), held: BinaryHeap::new(), left_out: false }
    }

    /// Takes a line and gives its shape.
    pub fn push(&mut self, text: &str) -> i64 {
        let shape = shape(text);
        if self.texts.contains_key(&shape) {
            return shape;
        }
        if self.held.len() >= self.miner.max_shapes {
            self.left_out = true;
            // Those with the lowest hashes stay, so that the order of lines does not matter.
            match self.held.peek() {
                Some(highest) if *highest > shape => {
                    self.texts.remove(highest);
                    self.held.pop();
                }
                _ => return shape,
            }
        }
        let mut end = HELD.min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        self.texts.insert(shape, text.get(..end).unwrap_or(text).into());
        self.held.push(shape);
        shape
    }

    /// How many shapes are held.
    #[must_use]
    pub fn shapes(&self) -> usize {
        self.texts.len()
    }

    /// The beginning of the first line of a shape, if the shape is held.
    #[must_use]
    pub fn text(&self, shape: i64) -> Option<&str> {
        self.texts.get(&shape).map(|text| &**text)
    }

    /// Finds the templates.
    #[must_use]
    pub fn mine(&self) -> Templates {
        let texts: Vec<(i64, &str)> =
            self.texts.iter().map(|(shape, text)| (*shape, &**text)).collect();
        let (mined, rest) = self.miner.mine_shapes(&texts, self.left_out);
        let of = texts.iter().map(|(shape, _)| *shape).zip(mined.of).collect();
        Templates { templates: mined.templates, of, rest }
    }
}

impl Templates {
    /// The templates, in the order of their texts.
    #[must_use]
    pub fn all(&self) -> &[MinedTemplate] {
        &self.templates
    }

    /// The place in [`all`](Self::all) of the template of a line, by the line's shape; `None` for
    /// a shape that was never taken.
    #[must_use]
    pub fn place(&self, shape: i64) -> Option<usize> {
        self.of.get(&shape).copied().or(self.rest)
    }

    /// The template of a line, by the line's shape; `None` for a shape that was never taken.
    #[must_use]
    pub fn of(&self, shape: i64) -> Option<&MinedTemplate> {
        self.place(shape).and_then(|place| self.templates.get(place))
    }
}
