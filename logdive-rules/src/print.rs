//! The normal form: the same for all files that say the same.

use std::fmt;

use logdive_core::{FieldName, Value, ValueType};

use crate::rule::{Argument, Call, Effect, Rule};
use crate::schema::{Entry, Origin};
use crate::set::RuleSet;
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
            write_type(f, entry)?;
            f.write_str("\n")?;
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
                    write_type(f, entry)?;
                    f.write_str("\n")?;
                }
            }
        }
        let decisions: Vec<&str> = self.decisions().collect();
        writeln!(f, "}}\n\ndecisions {{ {} }}\n", decisions.join(", "))?;
        writeln!(f, "default {} {}", self.default_decision, quoted(&self.default_because))?;
        self.rules.iter().try_for_each(|rule| write!(f, "\n{rule}"))
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

fn write_type(f: &mut fmt::Formatter<'_>, entry: &Entry) -> fmt::Result {
    write_kind(f, &entry.kind)?;
    if let Some((low, high)) = entry.range {
        write!(f, " {low}..{high}")?;
    }
    f.write_str(if entry.optional { " optional" } else { "" })
}

fn write_kind(f: &mut fmt::Formatter<'_>, kind: &ValueType) -> fmt::Result {
    let ValueType::Enum(members) = kind else { return write!(f, "{kind}") };
    f.write_str("enum { ")?;
    for (index, member) in members.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        if is_word(member) {
            write!(f, "{comma}{member}")?;
        } else {
            write!(f, "{comma}{}", quoted(member))?;
        }
    }
    f.write_str(" }")
}
