//! Tests of texts as nondeterministic automata over characters.
//!
//! Characters, not bytes: so every text that is found is valid, and a boundary of words in
//! Unicode's sense is no special case.

use logdive_core::{Phrase, TextTest};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::alphabet::{Alphabet, Ranges, SetId, complement, token_chars};
use crate::limits;

/// What stands beside a position: what assertions ask of a character, or that there is none.
pub(super) mod beside {
    /// The text begins or ends here.
    pub(in super::super) const EDGE: u8 = 1;
    pub(in super::super) const LINE_FEED: u8 = 2;
    pub(in super::super) const RETURN: u8 = 4;
    pub(in super::super) const ASCII_WORD: u8 = 8;
    pub(in super::super) const WORD: u8 = 16;
    pub(in super::super) const TOKEN: u8 = 32;
}
use beside::{ASCII_WORD, EDGE, LINE_FEED, RETURN, TOKEN, WORD};

/// What must hold of the two sides of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    /// One of a regular expression.
    Regex(Look),
    /// No token reaches over this position.
    NoTokenBefore,
    NoTokenAfter,
}

impl Assertion {
    /// Whether it holds between these sides.
    pub(super) const fn holds(self, before: u8, after: u8) -> bool {
        let look = match self {
            Self::NoTokenBefore => return before & TOKEN == 0,
            Self::NoTokenAfter => return after & TOKEN == 0,
            Self::Regex(look) => look,
        };
        let word = match look {
            Look::WordAscii
            | Look::WordAsciiNegate
            | Look::WordStartAscii
            | Look::WordEndAscii
            | Look::WordStartHalfAscii
            | Look::WordEndHalfAscii => ASCII_WORD,
            _ => WORD,
        };
        let (is_before, is_after) = (before & word != 0, after & word != 0);
        match look {
            Look::Start => before & EDGE != 0,
            Look::End => after & EDGE != 0,
            Look::StartLF => before & (EDGE | LINE_FEED) != 0,
            Look::EndLF => after & (EDGE | LINE_FEED) != 0,
            Look::StartCRLF => {
                before & (EDGE | LINE_FEED) != 0 || (before & RETURN != 0 && after & LINE_FEED == 0)
            }
            Look::EndCRLF => {
                after & (EDGE | RETURN) != 0 || (after & LINE_FEED != 0 && before & RETURN == 0)
            }
            Look::WordAscii | Look::WordUnicode => is_before != is_after,
            Look::WordAsciiNegate | Look::WordUnicodeNegate => is_before == is_after,
            Look::WordStartAscii | Look::WordStartUnicode => !is_before && is_after,
            Look::WordEndAscii | Look::WordEndUnicode => is_before && !is_after,
            Look::WordStartHalfAscii | Look::WordStartHalfUnicode => !is_before,
            Look::WordEndHalfAscii | Look::WordEndHalfUnicode => !is_after,
        }
    }

    /// What of the sides it asks for.
    const fn asks(self) -> u8 {
        match self {
            Self::NoTokenBefore | Self::NoTokenAfter => TOKEN,
            Self::Regex(look) => match look {
                Look::Start | Look::End => EDGE,
                Look::StartLF | Look::EndLF => EDGE | LINE_FEED,
                Look::StartCRLF | Look::EndCRLF => EDGE | LINE_FEED | RETURN,
                Look::WordAscii
                | Look::WordAsciiNegate
                | Look::WordStartAscii
                | Look::WordEndAscii
                | Look::WordStartHalfAscii
                | Look::WordEndHalfAscii => ASCII_WORD,
                _ => WORD,
            },
        }
    }
}

pub(super) type NodeId = u32;

/// A state of the automaton.
#[derive(Debug)]
pub(super) enum Node {
    /// Takes a character of the set.
    Char(SetId, NodeId),
    /// Goes on with all.
    Split(Vec<NodeId>),
    /// Goes on if it holds.
    Assert(Assertion, NodeId),
    /// The test is passed.
    Match,
}

/// One test. A match may begin anywhere.
#[derive(Debug)]
pub(super) struct Nfa {
    pub(super) nodes: Vec<Node>,
    pub(super) start: NodeId,
    /// What its assertions ask of the characters beside them.
    pub(super) asks: u8,
}

/// Why a test has no automaton.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is beyond [`limits::TEXT_STATES`].
    TooLarge,
    /// The expression cannot be used, so every condition that asks is unknown.
    Unusable,
}

/// Makes automata within the limit on their states.
pub(super) struct Compiler<'a> {
    pub(super) alphabet: &'a mut Alphabet,
    /// How many states may still be made.
    pub(super) left: usize,
}

impl Compiler<'_> {
    /// `contains`, `starts_with`, `ends_with`.
    pub(super) fn text(&mut self, test: TextTest, text: &str) -> Result<Nfa, Refused> {
        let mut nfa = self.begin();
        let mut at = 0;
        if test == TextTest::EndsWith {
            at = self.assert(&mut nfa, Assertion::Regex(Look::End), at)?;
        }
        at = self.literal(&mut nfa, text, at)?;
        if test == TextTest::StartsWith {
            at = self.assert(&mut nfa, Assertion::Regex(Look::Start), at)?;
        }
        nfa.start = at;
        Ok(nfa)
    }

    /// `has_token`, `has_phrase`.
    pub(super) fn phrase(&mut self, phrase: &Phrase) -> Result<Nfa, Refused> {
        let separators = self.alphabet.set(complement(&token_chars()));
        let mut nfa = self.begin();
        let mut at = self.assert(&mut nfa, Assertion::NoTokenAfter, 0)?;
        let tokens: Vec<&str> = phrase.tokens().collect();
        for (index, token) in tokens.into_iter().rev().enumerate() {
            if index > 0 {
                // At least one separator, and as many as there are.
                let more = self.push(&mut nfa, Node::Split(Vec::new()))?;
                let one = self.push(&mut nfa, Node::Char(separators, more))?;
                set_split(&mut nfa, more, vec![one, at]);
                at = one;
            }
            at = self.literal(&mut nfa, token, at)?;
        }
        nfa.start = self.assert(&mut nfa, Assertion::NoTokenBefore, at)?;
        Ok(nfa)
    }

    /// `matches`.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<Nfa, Refused> {
        let depth = logdive_core::predicate::limits::PATTERN_DEPTH;
        let mut parser = ParserBuilder::new().nest_limit(depth).build();
        let hir = parser.parse(pattern).map_err(|_| Refused::Unusable)?;
        let mut nfa = self.begin();
        nfa.start = self.hir(&mut nfa, &hir, 0)?;
        Ok(nfa)
    }

    fn begin(&mut self) -> Nfa {
        self.left = self.left.saturating_sub(1);
        Nfa { nodes: vec![Node::Match], start: 0, asks: 0 }
    }

    fn push(&mut self, nfa: &mut Nfa, node: Node) -> Result<NodeId, Refused> {
        self.left = self.left.checked_sub(1).ok_or(Refused::TooLarge)?;
        nfa.nodes.push(node);
        NodeId::try_from(nfa.nodes.len() - 1).map_err(|_| Refused::TooLarge)
    }

    fn assert(&mut self, nfa: &mut Nfa, what: Assertion, then: NodeId) -> Result<NodeId, Refused> {
        nfa.asks |= what.asks();
        self.push(nfa, Node::Assert(what, then))
    }

    fn literal(&mut self, nfa: &mut Nfa, text: &str, then: NodeId) -> Result<NodeId, Refused> {
        let mut at = then;
        for c in text.chars().rev() {
            let set = self.alphabet.one(c);
            at = self.push(nfa, Node::Char(set, at))?;
        }
        Ok(at)
    }

    /// From the end: what an expression goes on to is there before it. Expressions nest no deeper
    /// than the parser lets them.
    fn hir(&mut self, nfa: &mut Nfa, hir: &Hir, then: NodeId) -> Result<NodeId, Refused> {
        match hir.kind() {
            HirKind::Empty => Ok(then),
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|_| Refused::Unusable)?;
                self.literal(nfa, text, then)
            }
            HirKind::Class(class) => {
                let set = self.alphabet.set(ranges(class));
                self.push(nfa, Node::Char(set, then))
            }
            HirKind::Look(look) => self.assert(nfa, Assertion::Regex(*look), then),
            HirKind::Capture(capture) => self.hir(nfa, &capture.sub, then),
            HirKind::Concat(parts) => {
                parts.iter().rev().try_fold(then, |at, part| self.hir(nfa, part, at))
            }
            HirKind::Alternation(parts) => {
                let mut ways = Vec::with_capacity(parts.len());
                for part in parts {
                    ways.push(self.hir(nfa, part, then)?);
                }
                self.push(nfa, Node::Split(ways))
            }
            HirKind::Repetition(repetition) => {
                let mut at = then;
                match repetition.max {
                    None => {
                        let again = self.push(nfa, Node::Split(Vec::new()))?;
                        let body = self.hir(nfa, &repetition.sub, again)?;
                        set_split(nfa, again, vec![body, then]);
                        at = again;
                    }
                    Some(max) => {
                        for _ in repetition.min..max {
                            let body = self.hir(nfa, &repetition.sub, at)?;
                            at = self.push(nfa, Node::Split(vec![body, then]))?;
                        }
                    }
                }
                for _ in 0..repetition.min {
                    at = self.hir(nfa, &repetition.sub, at)?;
                }
                Ok(at)
            }
        }
    }
}

fn set_split(nfa: &mut Nfa, at: NodeId, ways: Vec<NodeId>) {
    if let Some(node) = nfa.nodes.get_mut(at as usize) {
        *node = Node::Split(ways);
    }
}

fn ranges(class: &Class) -> Ranges {
    match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        // Of texts only ASCII bytes are characters by themselves; the parser allows no others.
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|range| (range.start().into(), u32::from(range.end()).min(0x7F)))
            .collect(),
    }
}

/// The characters of words as regular expressions have them: `\w`.
pub(super) fn word_chars(unicode: bool) -> Ranges {
    let pattern = if unicode { r"\w" } else { "[0-9A-Za-z_]" };
    match regex_syntax::parse(pattern).map(Hir::into_kind) {
        Ok(HirKind::Class(class)) => ranges(&class),
        _ => Ranges::new(),
    }
}

/// A compiler for tests of one text entry.
pub(super) fn compiler(alphabet: &mut Alphabet) -> Compiler<'_> {
    Compiler { alphabet, left: limits::TEXT_STATES }
}
