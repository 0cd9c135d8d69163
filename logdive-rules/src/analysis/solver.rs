//! The solver: clauses, gates, and questions under assumptions within a budget.

use std::collections::HashMap;

use batsat::{Callbacks, Lit, Solver, SolverInterface, SolverOpts, lbool};

/// What a question came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    /// The budget was spent.
    GaveUp,
}

/// A solver with gates. Equal gates are made once.
pub(crate) struct Sat {
    solver: Solver<Count>,
    gates: HashMap<Box<[Lit]>, Lit>,
    yes: Lit,
    /// Most conflicts of a question.
    pub(crate) conflicts: u64,
}

/// Stops a question after so many conflicts.
#[derive(Default)]
struct Count {
    seen: u64,
    most: u64,
}

impl Callbacks for Count {
    fn on_start(&mut self) {
        self.seen = 0;
    }

    fn on_new_clause(&mut self, _: &[Lit], kind: batsat::ClauseKind) {
        if kind == batsat::ClauseKind::Learnt {
            self.seen += 1;
        }
    }

    fn stop(&self) -> bool {
        self.seen >= self.most
    }
}

impl Sat {
    pub(crate) fn new(conflicts: u64) -> Self {
        let count = Count { seen: 0, most: conflicts };
        let mut solver = Solver::new(SolverOpts::default(), count);
        let yes = Lit::new(solver.new_var_default(), true);
        solver.add_clause_reuse(&mut vec![yes]);
        Self { solver, gates: HashMap::new(), yes, conflicts }
    }

    pub(crate) const fn yes(&self) -> Lit {
        self.yes
    }

    pub(crate) fn no(&self) -> Lit {
        !self.yes
    }

    /// A new variable; where nothing decides it, it is as preferred.
    pub(crate) fn variable(&mut self, preferred: bool) -> Lit {
        let preferred = if preferred { lbool::TRUE } else { lbool::FALSE };
        Lit::new(self.solver.new_var(preferred, true), true)
    }

    pub(crate) fn clause(&mut self, literals: &[Lit]) {
        self.solver.add_clause_reuse(&mut literals.to_vec());
    }

    /// True if all are.
    pub(crate) fn and(&mut self, literals: impl IntoIterator<Item = Lit>) -> Lit {
        let mut literals: Vec<Lit> = literals.into_iter().filter(|one| *one != self.yes).collect();
        literals.sort_unstable();
        literals.dedup();
        // A literal and its opposite stand side by side.
        let opposed = literals.windows(2).any(|pair| matches!(pair, [a, b] if *a == !*b));
        if opposed || literals.contains(&!self.yes) {
            return !self.yes;
        }
        match literals.as_slice() {
            [] => return self.yes,
            [one] => return *one,
            _ => {}
        }
        let key: Box<[Lit]> = literals.into();
        if let Some(gate) = self.gates.get(&key) {
            return *gate;
        }
        let gate = Lit::new(self.solver.new_var(lbool::FALSE, false), true);
        let mut all: Vec<Lit> = vec![gate];
        for literal in &key {
            self.clause(&[!gate, *literal]);
            all.push(!*literal);
        }
        self.clause(&all);
        self.gates.insert(key, gate);
        gate
    }

    /// True if one is.
    pub(crate) fn or(&mut self, literals: impl IntoIterator<Item = Lit>) -> Lit {
        let opposite: Vec<Lit> = literals.into_iter().map(|one| !one).collect();
        !self.and(opposite)
    }

    /// True if they differ.
    pub(crate) fn differ(&mut self, a: Lit, b: Lit) -> Lit {
        let only_a = self.and([a, !b]);
        let only_b = self.and([!a, b]);
        self.or([only_a, only_b])
    }

    /// Whether all can be true.
    pub(crate) fn ask(&mut self, assumptions: &[Lit]) -> Answer {
        self.solver.cb_mut().most = self.conflicts;
        let answer = self.solver.solve_limited(assumptions);
        if answer == lbool::TRUE {
            Answer::Yes
        } else if answer == lbool::FALSE {
            Answer::No
        } else {
            Answer::GaveUp
        }
    }

    /// What a literal is in the last answer that was yes.
    pub(crate) fn holds(&self, literal: Lit) -> bool {
        self.solver.value_lit(literal) == lbool::TRUE
    }

    /// Those of the assumptions of the last answer that was no which cannot all be true.
    pub(crate) fn refuted(&self, assumption: Lit) -> bool {
        self.solver.unsat_core().iter().any(|one| one.var() == assumption.var())
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Sat};

    #[test]
    fn gates_are_what_they_say() {
        let mut sat = Sat::new(1_000);
        let [a, b, c] = [(); 3].map(|()| sat.variable(false));
        let all = sat.and([a, b, c]);
        let some = sat.or([a, b, c]);
        let differ = sat.differ(a, b);
        for case in 0..8_u8 {
            let values = [case & 1 != 0, case & 2 != 0, case & 4 != 0];
            let assumed: Vec<_> =
                [a, b, c].iter().zip(values).map(|(one, is)| one.apply_sign(is)).collect();
            assert_eq!(sat.ask(&assumed), Answer::Yes);
            assert_eq!(sat.holds(all), values.iter().all(|is| *is));
            assert_eq!(sat.holds(some), values.iter().any(|is| *is));
            assert_eq!(sat.holds(differ), values[0] != values[1]);
        }
        assert_eq!((sat.and([]), sat.or([])), (sat.yes(), sat.no()));
        assert_eq!((sat.and([a]), sat.and([a, !a, b])), (a, sat.no()));
        assert_eq!(sat.and([c, b, a, sat.yes()]), all);
        assert_eq!(sat.ask(&[all, !b]), Answer::No);
        assert!(sat.refuted(b) && !sat.refuted(c));
    }

    /// Pigeons and holes are hard for any solver of this kind.
    #[test]
    fn it_gives_up_within_its_budget() {
        let mut sat = Sat::new(10);
        let holes = 8;
        let rows: Vec<Vec<_>> =
            (0..=holes).map(|_| (0..holes).map(|_| sat.variable(false)).collect()).collect();
        for row in &rows {
            sat.clause(row);
        }
        for hole in 0..holes {
            for (index, row) in rows.iter().enumerate() {
                for other in &rows[..index] {
                    sat.clause(&[!row[hole], !other[hole]]);
                }
            }
        }
        assert_eq!(sat.ask(&[]), Answer::GaveUp);
    }
}
