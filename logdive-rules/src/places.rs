//! Where the parts of a rule file stand, for who reports on a set that was made from it.

use std::collections::BTreeMap;

use logdive_core::Span;

use crate::set::RuleSet;
use crate::syntax::{EntryNode, parse_within_limits};

/// Where the rules and entries of a rule file stand. Made by [`RuleSet::places`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    rules: BTreeMap<String, Span>,
    entries: BTreeMap<String, Span>,
}

impl Places {
    /// A rule: its word and its name.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<Span> {
        self.rules.get(name).copied()
    }

    /// The name of an entry of the schema: a ticket field or a fact.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<Span> {
        self.entries.get(name).copied()
    }
}

impl RuleSet {
    /// Finds rules and entries in the text of a rule file; what cannot be read has no place.
    #[must_use]
    pub fn places(text: impl AsRef<str>) -> Places {
        let (file, _) = parse_within_limits(text.as_ref());
        let entries = file.schema.into_iter().flat_map(|schema| schema.entries);
        let entries = entries.filter_map(|entry| match entry {
            EntryNode::Typed { name, .. } | EntryNode::Measured { name, .. } => {
                Some((name.value, name.span))
            }
            EntryNode::Step { .. } => None,
        });
        Places {
            entries: entries.collect(),
            rules: file.rules.into_iter().map(|rule| (rule.name.value, rule.span)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::RuleSet;

    #[test]
    fn parts_are_found_where_they_stand() {
        let text = r#"# é
schema s v1 { fact n : int  ticket.severity : int 1..5
  evidence step : rows { code: text }  fact seen = count(step) }
decisions { a, human }
default human "x"
rule "one" v1 mode suggest { when n == 1 decide a }
"#;
        let places = RuleSet::places(text);
        let at = |span: Option<logdive_core::Span>| text.get(span.unwrap().range()).unwrap();
        assert_eq!(at(places.rule("one")), "rule \"one\"");
        assert_eq!(at(places.entry("n")), "n");
        assert_eq!(at(places.entry("seen")), "seen");
        assert_eq!(at(places.entry("ticket.severity")), "ticket.severity");
        assert_eq!(places.rule("two"), None);
        assert_eq!(places.entry("step"), None);
        assert_eq!(RuleSet::places("rule one { }").rule("one"), None);
        assert_eq!(RuleSet::places(""), super::Places::default());
    }
}
