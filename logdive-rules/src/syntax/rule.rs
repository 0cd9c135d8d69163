//! `rule` and `default`.

use chrono::NaiveDate;
use logdive_core::port::Cap;
use logdive_core::predicate::syntax::{
    Cursor, Literal, Spanned, Token, TokenKind, expression, literal,
};
use logdive_core::{Diagnostic, Mode, Span, nearest};

use super::part::{list, whole};
use super::split::{self, Item, ItemKind, stray};
use super::{
    CallNode, DecideNode, DefaultNode, EffectNode, RuleNode, StatementNode, is_text, version,
    word_of,
};
use crate::diagnostics::{BRACE, MODE, TWICE};
use crate::statement::StatementKind;

/// The parts of a rule's head behind its version.
const PARTS: [&str; 5] = ["mode", "over", "cap", "owner", "review"];
const EXPECTED: [&str; 6] = ["mode", "over", "cap", "owner", "review", "{"];

const CLAUSES: [&str; 5] = ["when", "unless", "decide", "do", "no action"];

pub(super) fn default(item: &Item<'_>) -> Result<DefaultNode, Diagnostic> {
    whole(item.head, "`default`", &[], |cursor| {
        cursor.advance();
        let decision = cursor.expect_word("a decision")?;
        let because = cursor.expect_text("why no rule applies, in quotes")?;
        Ok(DefaultNode { decision, because: because.value })
    })
}

pub(super) fn statement(item: &Item<'_>) -> Result<StatementNode, Diagnostic> {
    let (kind, what) = match item.kind {
        ItemKind::Never => (StatementKind::NeverAutomatic, "`never automatic`"),
        _ => (StatementKind::Cover, "`cover`"),
    };
    let when = whole(item.head, what, &[], |cursor| {
        cursor.advance();
        if kind == StatementKind::NeverAutomatic && !cursor.eat_word("automatic") {
            return Err(cursor.missing("`automatic`", "automatic"));
        }
        if !cursor.eat_word("when") {
            return Err(cursor.missing("`when` and a condition", "when"));
        }
        expression(cursor)
    })?;
    Ok(StatementNode { kind, when })
}

pub(super) fn rule(item: &Item<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<RuleNode> {
    let mut cursor = Cursor::new(item.head);
    cursor.advance();
    let name = match cursor.expect_text("the rule's name in quotes") {
        Ok(name) => name,
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            return None;
        }
    };
    let mut rule = RuleNode {
        span: item.span().to(name.span),
        name,
        version: None,
        mode: None,
        over: Vec::new(),
        cap: None,
        owner: None,
        review_by: None,
        when: None,
        unless: None,
        decide: None,
        effect: None,
        broken: false,
    };
    let before = diagnostics.len();
    head(&mut rule, cursor, diagnostics);
    if item.open.is_none() {
        let diagnostic = Diagnostic::new(BRACE, rule.span, "this rule has no `{ … }`");
        diagnostics.push(diagnostic.help("write `{ when … decide … }` behind its head"));
    }
    body(&mut rule, item.body, diagnostics);
    rule.broken = diagnostics.len() > before;
    Some(rule)
}

/// `"name" v2 mode automatic over "other"`; what is wrong with one part leaves the others.
fn head(rule: &mut RuleNode, mut cursor: Cursor<'_>, diagnostics: &mut Vec<Diagnostic>) {
    match version(&mut cursor, "the rule") {
        Ok(version) => rule.version = Some(version),
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            if word_of(cursor.peek()).is_some_and(|word| !PARTS.contains(&word)) {
                cursor.advance();
            }
        }
    }
    let mut reported = false;
    let mut seen: Vec<(&str, Span)> = Vec::new();
    while let Some(token) = cursor.peek() {
        let word = word_of(Some(token));
        let first = word.and_then(|word| seen.iter().find(|(seen, _)| *seen == word));
        let result = match word {
            Some(word @ ("mode" | "cap" | "owner" | "review")) if first.is_some() => {
                let diagnostic = Diagnostic::new(TWICE, token.span, format!("a second `{word}`"));
                let first = first.map_or(token.span, |(_, span)| *span);
                Err(diagnostic.label(first, "the first is here").help("a rule has one: remove it"))
            }
            Some("mode") => mode(rule, &mut cursor),
            Some("over") => over(rule, &mut cursor),
            Some("cap") => cap(&mut cursor).map(|cap| rule.cap = Some(cap)),
            Some("owner") => owner(rule, &mut cursor),
            Some("review") => review(&mut cursor).map(|day| rule.review_by = Some(day)),
            Some(word) => Err(match nearest(word, &PARTS) {
                Some(_) => stray(token, &PARTS),
                None if Mode::from_name(word).is_some() => {
                    Diagnostic::new(MODE, token.span, format!("`{word}` without the word `mode`"))
                        .suggestion(format!("mode {word}"))
                }
                None => stray(token, &EXPECTED),
            }),
            None => Err(stray(token, &EXPECTED)),
        };
        seen.extend(word.map(|word| (word, token.span)));
        if let Err(diagnostic) = result {
            reported = true;
            diagnostics.push(diagnostic);
            break;
        }
    }
    if rule.mode.is_none() && !reported {
        let modes = Mode::ALL.map(Mode::name).join(", ");
        diagnostics.push(
            Diagnostic::new(MODE, rule.span, "the rule says no mode")
                .help(format!("write how far it lets automation go: `mode` and one of {modes}")),
        );
    }
}

/// `owner "team-kms"`
fn owner(rule: &mut RuleNode, cursor: &mut Cursor<'_>) -> Result<(), Diagnostic> {
    cursor.advance();
    rule.owner = Some(cursor.expect_text("who answers for the rule, in quotes")?);
    Ok(())
}

/// `cap 20 per 1h`
fn cap(cursor: &mut Cursor<'_>) -> Result<Cap, Diagnostic> {
    cursor.advance();
    let help = "write how many actions in how much time: `cap 20 per 1h`";
    let actions = match cursor.peek().map(|token| &token.kind) {
        Some(TokenKind::Int(actions)) => u32::try_from(*actions).ok().filter(|n| *n > 0),
        _ => None,
    };
    let Some(actions) = actions else {
        return Err(cursor.unexpected("a number of actions above zero").help(help));
    };
    cursor.advance();
    if !cursor.eat_word("per") {
        let found = cursor.unexpected("`per`").help(help);
        return Err(match word_of(cursor.peek()) {
            Some("in" | "each" | "every" | "within" | "a") => found.suggestion("per"),
            _ => cursor.missing("`per`", "per").help(help),
        });
    }
    match cursor.peek().map(|token| &token.kind) {
        Some(TokenKind::Duration(per)) if !per.is_zero() => {
            cursor.advance();
            Ok(Cap { actions, per: *per })
        }
        _ => Err(cursor.unexpected("a length of time").help(help)),
    }
}

/// `review by 2027-05-01`
fn review(cursor: &mut Cursor<'_>) -> Result<NaiveDate, Diagnostic> {
    cursor.advance();
    let help = "write the day: `review by 2027-05-01`";
    if !cursor.eat_word("by") {
        return Err(cursor.missing("`by`", "by").help(help));
    }
    match cursor.peek().map(|token| &token.kind) {
        Some(TokenKind::Date(day)) => {
            cursor.advance();
            Ok(*day)
        }
        _ => Err(cursor.unexpected("a day").help(help)),
    }
}

fn mode(rule: &mut RuleNode, cursor: &mut Cursor<'_>) -> Result<(), Diagnostic> {
    cursor.advance();
    rule.mode = Some(cursor.expect_word("a mode")?);
    Ok(())
}

fn over(rule: &mut RuleNode, cursor: &mut Cursor<'_>) -> Result<(), Diagnostic> {
    cursor.advance();
    loop {
        rule.over.push(cursor.expect_text("the name of a rule in quotes")?);
        if !cursor.eat_symbol(",") {
            return Ok(());
        }
    }
}

fn body(rule: &mut RuleNode, body: &[Token], diagnostics: &mut Vec<Diagnostic>) {
    let (before, parts) = split::clauses(body);
    if let Some(token) = before.first() {
        let found = stray(token, &CLAUSES);
        let condition = !parts.iter().any(|part| word_of(part.first()) == Some("when"));
        diagnostics.push(match word_of(Some(token)) {
            Some(_) if condition && found.suggestion.is_none() => Diagnostic {
                span: Span::new(token.span.start, token.span.start),
                ..found.help("write `when` before the condition").suggestion("when ")
            },
            _ => found,
        });
    }
    let mut seen: Vec<(&str, Span)> = Vec::new();
    for part in parts {
        let Some(word) = word_of(part.first()) else { continue };
        let first = part.first().map_or_else(Default::default, |token| token.span);
        let kind = if word == "no" { "do" } else { word };
        let earlier = seen.iter().find(|(seen, _)| *seen == kind).map(|(_, span)| *span);
        seen.push((kind, first));
        if let Some(earlier) = earlier {
            let help = match word {
                "when" | "unless" => "join them with `and` or `or`",
                "decide" => "a rule makes one decision: write two rules",
                _ => "a rule has one `do`, its actions separated by `;`, or `no action`",
            };
            let diagnostic = Diagnostic::new(TWICE, first, format!("a second `{word}`"));
            diagnostics.push(diagnostic.label(earlier, "the first is here").help(help));
            continue;
        }
        if let Err(diagnostic) = clause(rule, word, part) {
            diagnostics.push(diagnostic);
        }
    }
}

fn clause(rule: &mut RuleNode, word: &str, part: &[Token]) -> Result<(), Diagnostic> {
    let what = format!("`{word}`");
    let condition = |cursor: &mut Cursor<'_>| {
        cursor.advance();
        expression(cursor)
    };
    match word {
        "when" => rule.when = Some(whole(part, &what, &CLAUSES, condition)?),
        "unless" => rule.unless = Some(whole(part, &what, &CLAUSES, condition)?),
        "decide" => rule.decide = Some(whole(part, &what, &["because", "do", "no"], decide)?),
        "do" => {
            let calls = whole(part, &what, &CLAUSES, |cursor| {
                cursor.advance();
                calls(cursor)
            })?;
            rule.effect = Some(EffectNode::Actions(calls));
        }
        _ => {
            whole(part, "`no action`", &CLAUSES, |cursor| {
                cursor.advance();
                cursor.advance();
                Ok(())
            })?;
            rule.effect = Some(EffectNode::NoAction);
        }
    }
    Ok(())
}

fn decide(cursor: &mut Cursor<'_>) -> Result<DecideNode, Diagnostic> {
    cursor.advance();
    let decision = cursor.expect_word("a decision")?;
    let because = if cursor.eat_word("because") {
        Some(cursor.expect_text("the reason in quotes")?)
    } else if is_text(cursor.peek()) {
        return Err(cursor.missing("`because`", "because"));
    } else {
        None
    };
    Ok(DecideNode { decision, because })
}

fn calls(cursor: &mut Cursor<'_>) -> Result<Vec<CallNode>, Diagnostic> {
    let mut calls = vec![call(cursor)?];
    while cursor.eat_symbol(";") && cursor.peek().is_some() {
        calls.push(call(cursor)?);
    }
    if cursor.at_symbol(",") {
        return Err(cursor.unexpected("`;`").suggestion(";"));
    }
    Ok(calls)
}

fn call(cursor: &mut Cursor<'_>) -> Result<CallNode, Diagnostic> {
    let name = match cursor.peek() {
        Some(Token { kind: TokenKind::Text(_), .. }) => cursor.expect_text("an action")?,
        _ => cursor.expect_word("an action")?,
    };
    let arguments = list(cursor, ["(", ")"], argument)?;
    Ok(CallNode { name, arguments })
}

fn argument(cursor: &mut Cursor<'_>) -> Result<(Spanned<String>, Spanned<Literal>), Diagnostic> {
    let help = "arguments are named: `reply(text: \"…\")`";
    let name = cursor.expect_word("a parameter").map_err(|found| found.help(help))?;
    if !cursor.eat_symbol(":") {
        return Err(cursor.unexpected("`:` and an argument").help(help));
    }
    Ok((name, literal(cursor)?))
}
