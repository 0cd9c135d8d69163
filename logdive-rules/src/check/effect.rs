//! What a rule says and asks for: its reason and its actions.

use std::collections::BTreeMap;

use logdive_core::predicate::syntax::{Literal, Spanned};
use logdive_core::{ActionName, Diagnostic, Span, Value};

use super::{Context, names};
use crate::diagnostics::{DUPLICATE, FACT, NAME, PLACEHOLDER};
use crate::limits;
use crate::rule::{Argument, Call, Effect};
use crate::syntax::{CallNode, EffectNode};
use crate::template::Template;

impl Context<'_> {
    /// Checks that a fact is declared.
    fn fact(&mut self, name: &str, span: impl FnOnce(&Self) -> Span) -> Option<()> {
        if self.schema.entries.contains_key(name) {
            return Some(());
        }
        if !self.broken.contains(name) {
            let names = self.schema.entries.keys().map(String::as_str);
            let names = names.take(self.suggestions.most());
            self.diagnostics.push(Diagnostic::unknown(FACT, "fact", name, span(self), names));
        }
        None
    }

    /// Checks a text with placeholders.
    pub(super) fn template(&mut self, text: &Spanned<String>) -> Option<Template> {
        let template = match Template::parse(&text.value) {
            Ok(template) => template,
            Err(malformed) => {
                let help = "a fact stands in braces, `{throttled}`; `{{` and `}}` are braces";
                self.report(PLACEHOLDER, text.span, malformed.0.to_owned(), help);
                return None;
            }
        };
        let mut sound = true;
        for name in template.facts() {
            sound &= self.fact(name, |context| context.placeholder(name, text.span)).is_some();
        }
        sound.then_some(template)
    }

    /// The place of a placeholder inside a text, if it can be told.
    fn placeholder(&self, name: &str, text: Span) -> Span {
        // The place of the first mistakes only: looking for all would take the square of the text.
        if self.diagnostics.len() > limits::DIAGNOSTICS {
            return text;
        }
        let written = self.text.get(text.range()).unwrap_or_default();
        match written.find(&format!("{{{name}}}")) {
            Some(at) => Span::new(text.start + at + 1, text.start + at + 1 + name.len()),
            None => text,
        }
    }

    pub(super) fn effect(&mut self, node: Option<EffectNode>) -> Option<Effect> {
        match node {
            None => Some(Effect::Actions(Vec::new())),
            Some(EffectNode::NoAction) => Some(Effect::NoAction),
            Some(EffectNode::Actions(calls)) => {
                // All are checked before giving up, so that all mistakes are reported.
                let checked: Vec<_> = calls.into_iter().map(|call| self.call(call)).collect();
                checked.into_iter().collect::<Option<_>>().map(Effect::Actions)
            }
        }
    }

    fn call(&mut self, CallNode { name, arguments }: CallNode) -> Option<Call> {
        let action = ActionName::parse(&name.value).ok();
        if action.is_none() {
            let message = format!("`{}` cannot be the name of an action", name.value);
            let help = "an action is named with 1 to 64 of a-z, 0-9, `_` and `-`";
            let diagnostic = Diagnostic::new(NAME, name.span, message).help(help);
            let lower = name.value.to_ascii_lowercase();
            self.diagnostics.push(match ActionName::parse(&lower) {
                Ok(_) if lower.contains('-') => diagnostic.suggestion(format!("\"{lower}\"")),
                Ok(_) => diagnostic.suggestion(lower),
                Err(_) => diagnostic,
            });
        }
        let mut checked = BTreeMap::new();
        let mut first: BTreeMap<String, Span> = BTreeMap::new();
        let mut sound = true;
        for (parameter, literal) in arguments {
            if names::dotted(&parameter.value).is_err() || parameter.value.contains('.') {
                let message = format!("`{}` cannot be the name of a parameter", parameter.value);
                self.report(NAME, parameter.span, message, "a parameter is one word");
            }
            let argument = self.argument(literal);
            if let Some(first) = first.get(&parameter.value) {
                let message = format!("parameter `{}` stands twice", parameter.value);
                let diagnostic = Diagnostic::new(DUPLICATE, parameter.span, message);
                let diagnostic = diagnostic.label(*first, "the first is here");
                self.diagnostics.push(diagnostic.help("remove one"));
            } else {
                first.insert(parameter.value.clone(), parameter.span);
            }
            match argument {
                Some(argument) => {
                    checked.insert(parameter.value, argument);
                }
                None => sound = false,
            }
        }
        let name = action.filter(|_| sound)?;
        Some(Call { name, arguments: checked })
    }

    fn argument(&mut self, literal: Spanned<Literal>) -> Option<Argument> {
        let span = literal.span;
        let value = match literal.value {
            Literal::Bool(value) => Value::Bool(value),
            Literal::Int(value) => Value::Int(value),
            Literal::Decimal(value) => Value::Decimal(value),
            Literal::Duration(value) => Value::Duration(value),
            Literal::Time(value) => Value::Time(value),
            Literal::Text(text) => {
                let template = self.template(&Spanned::new(text, span))?;
                return Some(if template.facts().next().is_some() {
                    Argument::Text(template)
                } else {
                    Argument::Constant(Value::Text(template.render(|_| String::new())))
                });
            }
            Literal::Word(name) => {
                self.fact(&name, |_| span)?;
                return Some(Argument::Fact(name));
            }
            other => {
                let message = format!("an argument cannot be {}", other.describe());
                self.report(FACT, span, message, "write a constant or a fact");
                return None;
            }
        };
        Some(Argument::Constant(value))
    }
}
