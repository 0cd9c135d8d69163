//! A test of texts, determined while it is run.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::alphabet::Kinds;
use super::nfa::{Nfa, Node, NodeId, beside};

/// The number of a state.
pub(super) type StateId = u32;

/// The test is passed, whatever follows.
pub(super) const PASSED: StateId = 0;

/// Most characters of states that are looked at: a bound on time.
const WORK: usize = 50_000_000;

/// A deterministic automaton over the kinds of an alphabet; states are made when they are reached.
pub(super) struct Dfa<'a> {
    nfa: &'a Nfa,
    kinds: &'a Kinds,
    /// What each kind of character is to an assertion of this test.
    sides: Vec<u8>,
    states: Vec<State>,
    index: HashMap<State, StateId>,
    /// For each state, once it was left: where each kind leads.
    next: Vec<Option<Box<[StateId]>>>,
    memory: usize,
    most: usize,
    /// Characters looked at in states so far.
    work: usize,
}

/// Where the nondeterministic one may be, and what stands before.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    before: u8,
    nodes: Box<[NodeId]>,
}

/// More memory would be needed than it may take.
pub(super) struct TooLarge;

impl<'a> Dfa<'a> {
    /// Prepares a run; `sides` says what each kind of character is to assertions.
    pub(super) fn new(nfa: &'a Nfa, kinds: &'a Kinds, sides: &[u8], most: usize) -> Self {
        let passed = State { before: 0, nodes: Box::default() };
        Self {
            nfa,
            kinds,
            sides: sides.iter().map(|side| side & nfa.asks).collect(),
            states: vec![passed],
            index: HashMap::new(),
            next: vec![None],
            memory: 0,
            most,
            work: 0,
        }
    }

    /// Where every text begins.
    pub(super) fn start(&mut self) -> Result<StateId, TooLarge> {
        self.state(beside::EDGE & self.nfa.asks, Vec::new())
    }

    /// Where a character of each kind leads.
    pub(super) fn step(&mut self, from: StateId) -> Result<&[StateId], TooLarge> {
        let at = from as usize;
        if self.next.get(at).is_none_or(Option::is_none) {
            let found = self.leave(from)?;
            self.memory += found.len() * size_of::<StateId>();
            if self.memory > self.most {
                return Err(TooLarge);
            }
            if let Some(slot) = self.next.get_mut(at) {
                *slot = Some(found);
            }
        }
        Ok(self.next.get(at).and_then(Option::as_deref).unwrap_or_default())
    }

    /// Whether a text that ends here passes.
    pub(super) fn passes(&self, at: StateId) -> bool {
        at == PASSED
            || self
                .states
                .get(at as usize)
                .is_none_or(|state| self.closure(state, beside::EDGE & self.nfa.asks).is_none())
    }

    fn leave(&mut self, from: StateId) -> Result<Box<[StateId]>, TooLarge> {
        let mut found = vec![PASSED; self.kinds.len()];
        let Some(state) = self.states.get(from as usize).cloned().filter(|_| from != PASSED) else {
            return Ok(found.into());
        };
        // Kinds that assertions cannot tell apart share a closure.
        let mut closures: HashMap<u8, Option<Vec<NodeId>>> = HashMap::new();
        for (kind, slot) in found.iter_mut().enumerate() {
            let side = self.sides.get(kind).copied().unwrap_or_default();
            let open = match closures.entry(side) {
                Entry::Occupied(slot) => slot.into_mut(),
                Entry::Vacant(slot) => slot.insert(self.closure(&state, side)),
            };
            let Some(open) = open else { continue };
            self.work += open.len() + 1;
            let taken = open.iter().filter_map(|node| match self.nfa.nodes.get(*node as usize) {
                Some(Node::Char(set, then)) if self.kinds.has(*set, kind) => Some(*then),
                _ => None,
            });
            let taken = taken.collect();
            *slot = self.state(side, taken)?;
        }
        Ok(found.into())
    }

    /// The characters that may be taken next, once what stands before and after is known; `None`
    /// if the test is passed. A match may begin here too.
    fn closure(&self, state: &State, after: u8) -> Option<Vec<NodeId>> {
        let mut seen = vec![false; self.nfa.nodes.len()];
        let mut open: Vec<NodeId> = state.nodes.to_vec();
        open.push(self.nfa.start);
        let mut found = Vec::new();
        while let Some(at) = open.pop() {
            match seen.get_mut(at as usize) {
                Some(slot) if !*slot => *slot = true,
                _ => continue,
            }
            match self.nfa.nodes.get(at as usize) {
                Some(Node::Match) => return None,
                Some(Node::Char(..)) => found.push(at),
                Some(Node::Split(ways)) => open.extend(ways),
                Some(Node::Assert(what, then)) if what.holds(state.before, after) => {
                    open.push(*then);
                }
                Some(Node::Assert(..)) | None => {}
            }
        }
        Some(found)
    }

    fn state(&mut self, before: u8, mut nodes: Vec<NodeId>) -> Result<StateId, TooLarge> {
        nodes.sort_unstable();
        nodes.dedup();
        if self.is_passed(&nodes) {
            return Ok(PASSED);
        }
        let state = State { before, nodes: nodes.into() };
        if let Some(id) = self.index.get(&state) {
            return Ok(*id);
        }
        // The state stands in two places.
        self.memory += 2 * (size_of::<State>() + state.nodes.len() * size_of::<NodeId>());
        let id = StateId::try_from(self.states.len()).map_err(|_| TooLarge)?;
        if self.memory > self.most || self.work > WORK {
            return Err(TooLarge);
        }
        self.index.insert(state.clone(), id);
        self.states.push(state);
        self.next.push(None);
        Ok(id)
    }

    /// Whether it is passed already, whatever stands beside.
    fn is_passed(&self, nodes: &[NodeId]) -> bool {
        let mut open = nodes.to_vec();
        let mut seen = HashSet::new();
        while let Some(at) = open.pop() {
            match self.nfa.nodes.get(at as usize) {
                Some(Node::Match) => return true,
                Some(Node::Split(ways)) if seen.insert(at) => open.extend(ways),
                _ => {}
            }
        }
        false
    }
}
