//! `rule` and `default`.

use logdive_core::predicate::syntax::{
    Cursor, Literal, Spanned, Token, TokenKind, expression, literal,
};
use logdive_core::{Diagnostic, Mode, nearest};

use super::part::{list, whole};
use super::split::{self, Item, stray};
use super::{CallNode, DecideNode, DefaultNode, EffectNode, RuleNode, is_text, version, word_of};
use crate::diagnostics::{BRACE, MODE, TWICE};

const CLAUSES: [&str; 5] = ["when", "unless", "decide", "do", "no action"];

pub(super) fn default(item: &Item<'_>) -> Result<DefaultNode, Diagnostic> {
    whole(item.head, "`default`", &[], |cursor| {
        cursor.advance();
        let decision = cursor.expect_word("a decision")?;
        let because = cursor.expect_text("why no rule applies, in quotes")?;
        Ok(DefaultNode { decision, because: because.value })
    })
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
            if word_of(cursor.peek()).is_some_and(|word| !matches!(word, "mode" | "over")) {
                cursor.advance();
            }
        }
    }
    let mut reported = false;
    while let Some(token) = cursor.peek() {
        let result = match word_of(Some(token)) {
            Some("mode") => mode(rule, &mut cursor),
            Some("over") => over(rule, &mut cursor),
            Some(word) => Err(match nearest(word, &["mode", "over"]) {
                Some(_) => stray(token, &["mode", "over"]),
                None if Mode::from_name(word).is_some() => {
                    Diagnostic::new(MODE, token.span, format!("`{word}` without the word `mode`"))
                        .suggestion(format!("mode {word}"))
                }
                None => stray(token, &["mode", "over", "{"]),
            }),
            None => Err(stray(token, &["mode", "over", "{"])),
        };
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

fn mode(rule: &mut RuleNode, cursor: &mut Cursor<'_>) -> Result<(), Diagnostic> {
    let span = cursor.span();
    cursor.advance();
    let mode = cursor.expect_word("a mode")?;
    if rule.mode.is_some() {
        return Err(Diagnostic::new(TWICE, span, "a second `mode`").help("a rule has one"));
    }
    rule.mode = Some(mode);
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
        diagnostics.push(stray(token, &CLAUSES));
    }
    for part in parts {
        let Some(word) = word_of(part.first()) else { continue };
        let first = part.first().map_or_else(Default::default, |token| token.span);
        let taken = match word {
            "when" => rule.when.is_some(),
            "unless" => rule.unless.is_some(),
            "decide" => rule.decide.is_some(),
            _ => rule.effect.is_some(),
        };
        if taken {
            let help = match word {
                "when" | "unless" => "join them with `and` or `or`",
                "decide" => "a rule makes one decision: write two rules",
                _ => "a rule has one `do`, its actions separated by `;`, or `no action`",
            };
            let diagnostic = Diagnostic::new(TWICE, first, format!("a second `{word}`"));
            diagnostics.push(diagnostic.help(help));
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
        return Err(cursor.unexpected("`because`").help("write `because` before the reason"));
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
