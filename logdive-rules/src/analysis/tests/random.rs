//! Random rule sets over few small entries, and all facts they may meet.

use std::fmt::Write as _;

use logdive_core::{Fact, Facts, Reason, Value, ValueSet};

/// A small generator of numbers: tests are the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    /// A number below another.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// An entry: how it is declared, the terms over it, and all facts that tell terms apart.
pub(super) struct Small {
    name: &'static str,
    declared: &'static str,
    terms: &'static [&'static str],
    values: fn() -> Vec<Fact>,
    /// Whether `values` are all there are, and not only the short ones.
    finite: bool,
}

fn known<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Vec<Fact> {
    values.into_iter().map(|value| Fact::Known(value.into())).collect()
}

fn short_texts() -> Vec<Fact> {
    let mut texts = vec![String::new()];
    let mut from = 0;
    for _ in 0..3 {
        let to = texts.len();
        for at in from..to {
            for letter in ["a", "b"] {
                texts.push(format!("{}{letter}", texts[at]));
            }
        }
        from = to;
    }
    known(texts)
}

fn sets() -> Vec<Fact> {
    let all = (0..8_i64).map(|bits| {
        let members = (0..3).filter(|bit| bits & (1 << bit) != 0).map(Value::Int);
        Value::Set(members.collect::<ValueSet>())
    });
    known(all)
}

const POOL: [Small; 7] = [
    Small {
        name: "ticket.b",
        declared: "bool",
        terms: &["ticket.b", "not ticket.b", "ticket.b != false"],
        values: || known([false, true]),
        finite: true,
    },
    Small {
        name: "ticket.e",
        declared: "enum { p, q, r }",
        terms: &["ticket.e == p", "ticket.e != q", "ticket.e in { p, r }", "ticket.e in { }"],
        values: || known(["p", "q", "r"]),
        finite: true,
    },
    Small {
        name: "ticket.i",
        declared: "int 0..3",
        terms: &[
            "ticket.i > 1",
            "ticket.i <= 1",
            "ticket.i == 2",
            "ticket.i in { 0, 3 }",
            "ticket.i != 0",
            "ticket.i >= 0",
            "ticket.i < 0",
        ],
        values: || known(0..=3_i64),
        finite: true,
    },
    Small {
        name: "n",
        declared: "int 0..2",
        terms: &["n > 0", "n <= 1", "n == 2", "n >= 1", "n != 0", "n < 2", "n in { 1, 2 }"],
        values: || {
            let bound = |value| Fact::AtLeast(Value::Int(value), Reason::from("cut"));
            known(0..=2_i64).into_iter().chain((-1..=2).map(bound)).collect()
        },
        finite: true,
    },
    Small {
        name: "ticket.t",
        declared: "text",
        terms: &[
            "ticket.t contains \"ab\"",
            "ticket.t starts_with \"a\"",
            "ticket.t ends_with \"b\"",
            "ticket.t == \"b\"",
            "ticket.t < \"b\"",
            "ticket.t matches \"^a+$\"",
            "ticket.t in { \"\", \"aab\" }",
            "ticket.t has_token \"a\"",
            "ticket.t >= \"ab\"",
        ],
        values: short_texts,
        finite: false,
    },
    Small {
        name: "ticket.s",
        declared: "set of int",
        terms: &[
            "any ticket.s == 1",
            "all ticket.s < 2",
            "none ticket.s in { 0, 1 }",
            "ticket.s is empty",
            "any ticket.s != 2",
            "all ticket.s == 1",
        ],
        values: sets,
        finite: false,
    },
    Small {
        name: "ticket.d",
        declared: "int 0..2 or else 1",
        terms: &["ticket.d > 0", "ticket.d == 1", "ticket.d < 2"],
        values: || known(0..=2_i64).into_iter().chain([Fact::Absent]).collect(),
        finite: true,
    },
];

/// A rule set with all facts it may meet.
pub(super) struct Case {
    pub(super) text: String,
    pub(super) facts: Vec<Facts>,
    /// Whether these are all that can be told apart.
    pub(super) finite: bool,
}

/// Makes a case: two or three entries, two to four rules, up to two statements.
pub(super) fn case(random: &mut Random) -> Case {
    let mut entries: Vec<(&Small, bool)> = Vec::new();
    let count = 2 + usize::from(random.chance(25));
    while entries.len() < count {
        let small = &POOL[random.below(POOL.len())];
        let room: usize = entries.iter().map(|(small, _)| (small.values)().len()).product();
        if entries.iter().any(|(other, _)| other.name == small.name)
            || room * (small.values)().len() > 60
        {
            if room > 12 && entries.len() >= 2 {
                break;
            }
            continue;
        }
        let optional = !small.declared.contains("or else") && random.chance(30);
        entries.push((small, optional));
    }
    let mut text = String::from("schema s v1 {\n");
    for (small, optional) in &entries {
        let fact = if small.name.contains('.') { "" } else { "fact " };
        let optional = if *optional { " optional" } else { "" };
        let _ = writeln!(text, "  {fact}{} : {}{optional}", small.name, small.declared);
    }
    text.push_str("}\ndecisions { x, y, z }\ndefault z \"\"\n");
    let rules = 2 + random.below(3);
    for at in 0..rules {
        let mode = random.of(&["automatic", "automatic", "confirm", "suggest", "off"]);
        let _ = write!(text, "rule \"r{at}\" v1 mode {mode}");
        let mut over = Vec::new();
        for other in at + 1..rules {
            if random.chance(30) {
                over.push(format!("\"r{other}\""));
            }
        }
        if !over.is_empty() {
            let _ = write!(text, " over {}", over.join(", "));
        }
        let unseen = mode != "automatic";
        let _ = write!(text, " {{ when {}", condition(random, &entries, 2, unseen));
        if random.chance(25) {
            let _ = write!(text, " unless {}", condition(random, &entries, 1, false));
        }
        let _ = write!(text, " decide {}", random.of(&["x", "x", "y"]));
        let argument = format!(" do f(v: {})", entries[0].0.name);
        let _ = writeln!(text, "{} }}", random.of(&["", "", " no action", " do g()", &argument]));
    }
    for words in ["cover", "never automatic"] {
        if random.chance(60) {
            let _ = writeln!(text, "{words} when {}", condition(random, &entries, 1, false));
        }
    }
    let mut all = vec![Facts::new()];
    for (small, optional) in &entries {
        let mut values = (small.values)();
        values.push(Fact::Unavailable(Reason::from("timed out")));
        if *optional {
            values.push(Fact::Absent);
        }
        all = all
            .iter()
            .flat_map(|facts| {
                values.iter().map(|value| facts.clone().with(small.name, value.clone()))
            })
            .collect();
    }
    Case { text, facts: all, finite: entries.iter().all(|(small, _)| small.finite) }
}

fn condition(
    random: &mut Random,
    entries: &[(&Small, bool)],
    depth: usize,
    unseen: bool,
) -> String {
    if depth > 0 && random.chance(70) {
        let word = random.of(&["and", "and", "or"]);
        let parts: Vec<String> = (0..2)
            .map(|_| format!("({})", condition(random, entries, depth - 1, unseen)))
            .collect();
        return parts.join(&format!(" {word} "));
    }
    let (small, optional) = &entries[random.below(entries.len())];
    if *optional && random.chance(15) {
        return format!("{} is {}", small.name, random.of(&["absent", "present"]));
    }
    if unseen && random.chance(5) {
        return format!("{} is unavailable", small.name);
    }
    let term = random.of(small.terms);
    // `is unavailable` is not read under a negation.
    if random.chance(15) { format!("not ({term})") } else { term.to_owned() }
}
