//! The normal form: the same for all files that say the same.

use std::fmt;

use logdive_core::{FieldName, Value, ValueType};

use crate::rule::{Argument, Call, Effect, Rule};
use crate::schema::{Entry, Origin};
use crate::set::RuleSet;
use crate::statement::Statement;
use crate::template::Template;

/// Writes the rule set in its normal form, without comments; [`RuleSet::parse`] of it gives an
/// equal set.
impl fmt::Display for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "schema {} v{} {{", self.schema.name, self.schema.version)?;
        let of_ticket = |entry: &Entry| matches!(entry.origin, Origin::Ticket);
        let (ticket, facts): (Vec<_>, Vec<_>) =
            self.schema.entries.iter().partition(|(_, entry)| of_ticket(entry));
        for (name, entry) in ticket {
            write!(f, "  {name} : ")?;
            writeln!(f, "{entry}")?;
        }
        for (step, fields) in &self.schema.steps {
            write!(f, "  evidence {step} : rows {{")?;
            for (index, (name, kind)) in fields.iter().enumerate() {
                write!(f, "{} {name}: ", if index > 0 { "," } else { "" })?;
                write_kind(f, kind)?;
            }
            f.write_str(" }\n")?;
        }
        for (name, entry) in facts {
            match &entry.origin {
                Origin::Measured(measure) => writeln!(f, "  fact {name} = {measure}")?,
                Origin::Given | Origin::Ticket => {
                    write!(f, "  fact {name} : ")?;
                    writeln!(f, "{entry}")?;
                }
            }
        }
        let decisions: Vec<&str> = self.decisions().collect();
        writeln!(f, "}}\n\ndecisions {{ {} }}\n", decisions.join(", "))?;
        writeln!(f, "default {} {}", self.default_decision, quoted(&self.default_because))?;
        for (index, statement) in self.statements.iter().enumerate() {
            f.write_str(if index == 0 { "\n" } else { "" })?;
            writeln!(f, "{statement}")?;
        }
        self.rules.iter().try_for_each(|rule| write!(f, "\n{rule}"))
    }
}

/// Writes the statement as a rule file does.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} when {}", self.kind.words(), self.when)
    }
}

/// Writes the rule in its normal form.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} v{} mode {}", quoted(&self.name), self.version, self.mode)?;
        for (index, name) in self.over().enumerate() {
            let before = if index == 0 { " over " } else { ", " };
            write!(f, "{before}{}", quoted(name))?;
        }
        if let Some(cap) = self.bounds.cap {
            write!(f, " cap {cap}")?;
        }
        if let Some(owner) = &self.owner {
            write!(f, " owner {}", quoted(owner))?;
        }
        if let Some(day) = self.bounds.review_by {
            write!(f, " review by {day}")?;
        }
        writeln!(f, " {{\n  when   {}", self.when)?;
        if let Some(unless) = &self.unless {
            writeln!(f, "  unless {unless}")?;
        }
        writeln!(f, "  decide {} because {}", self.decision, quoted_template(&self.because))?;
        match &self.effect {
            Effect::NoAction => f.write_str("  no action\n")?,
            Effect::Actions(calls) if calls.is_empty() => {}
            Effect::Actions(calls) => {
                for (index, call) in calls.iter().enumerate() {
                    f.write_str(if index == 0 { "  do     " } else { "; " })?;
                    write!(f, "{call}")?;
                }
                f.write_str("\n")?;
            }
        }
        f.write_str("}\n")
    }
}

/// Writes the call as a rule does.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names with a dash, or that begin with a digit, stand in quotes.
        if is_word(self.name.as_str()) {
            write!(f, "{}(", self.name)?;
        } else {
            write!(f, "\"{}\"(", self.name)?;
        }
        for (index, (parameter, argument)) in self.arguments.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{parameter}: {argument}")?;
        }
        f.write_str(")")
    }
}

/// Writes the argument as a rule does.
impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(Value::Text(text)) => {
                f.write_str(&quoted_template(&Template::plain(text)))
            }
            Self::Constant(value) => write!(f, "{value}"),
            Self::Fact(name) => f.write_str(name),
            Self::Text(template) => f.write_str(&quoted_template(template)),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn quoted_template(template: &Template) -> String {
    quoted(&template.to_string())
}

fn is_word(text: &str) -> bool {
    FieldName::parse(text).is_ok()
}

/// Writes what stands behind the colon of the entry.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.json {
            true => f.write_str("json")?,
            false => write_kind(f, &self.kind)?,
        }
        if let Some((low, high)) = self.range {
            write!(f, " {low}..{high}")?;
        }
        if let Some(pointer) = &self.at {
            write!(f, " at {}", quoted(pointer))?;
        }
        match (&self.default, &self.kind) {
            (Some(Value::Text(member)), ValueType::Enum(_)) => {
                f.write_str(" or else ")?;
                write_member(f, member)
            }
            (Some(default), _) => write!(f, " or else {default}"),
            (None, _) => f.write_str(if self.optional { " optional" } else { "" }),
        }
    }
}

/// A type as a rule file writes it.
pub(crate) fn kind(kind: &ValueType) -> String {
    struct Kind<'a>(&'a ValueType);
    impl fmt::Display for Kind<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_kind(f, self.0)
        }
    }
    Kind(kind).to_string()
}

fn write_kind(f: &mut fmt::Formatter<'_>, kind: &ValueType) -> fmt::Result {
    let members = match kind {
        ValueType::Enum(members) => members,
        ValueType::Set(members) => {
            f.write_str("set of ")?;
            return write_kind(f, members);
        }
        kind => return write!(f, "{kind}"),
    };
    f.write_str("enum { ")?;
    for (index, member) in members.iter().enumerate() {
        f.write_str(if index > 0 { ", " } else { "" })?;
        write_member(f, member)?;
    }
    f.write_str(" }")
}

fn write_member(f: &mut fmt::Formatter<'_>, member: &str) -> fmt::Result {
    match is_word(member) {
        true => f.write_str(member),
        false => f.write_str(&quoted(member)),
    }
}
