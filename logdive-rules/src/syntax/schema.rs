//! `schema` and `decisions`.

use logdive_core::measure::syntax::measure;
use logdive_core::predicate::syntax::{Cursor, Spanned, Token, TokenKind};
use logdive_core::{Diagnostic, ValueType};

use super::part::{list, whole};
use super::split::{self, Item, stray};
use super::{EntryNode, SchemaNode, TypeNode, is_symbol, version, word_of};
use crate::diagnostics::{BRACE, DUPLICATE, TOO_LARGE, TYPE};
use crate::limits;

const WORDS: [&str; 3] = ["ticket.NAME", "evidence", "fact"];
const FOLLOWING: [&str; 3] = ["evidence", "fact", "optional"];

pub(super) fn schema(item: &Item<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<SchemaNode> {
    let head = whole(item.head, "the schema's head", &[], |cursor| {
        cursor.advance();
        let name = cursor.expect_word("the schema's name")?;
        Ok((name.value, version(cursor, "the schema")?))
    });
    // A schema whose head is malformed is still worth reading: its names are used below.
    let (name, version) = head.unwrap_or_else(|diagnostic| {
        diagnostics.push(diagnostic);
        (String::new(), 0)
    });
    if item.open.is_none() {
        let diagnostic = Diagnostic::new(BRACE, item.span(), "this schema has no `{ … }`");
        diagnostics.push(diagnostic.help("write `schema NAME v1 { … }`"));
        return None;
    }
    let (before, parts) = split::entries(item.body);
    if let Some(token) = before.first() {
        diagnostics.push(stray(token, &WORDS));
    }
    let mut schema = SchemaNode { name, version, entries: Vec::new(), broken: declared(before) };
    for part in parts {
        match whole(part, "the entry", &FOLLOWING, entry) {
            Ok(entry) => schema.entries.push(entry),
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                schema.broken.extend(declared(part));
            }
        }
    }
    Some(schema)
}

/// The names that tokens seem to declare: words before `:` or `=`.
fn declared(tokens: &[Token]) -> Vec<String> {
    let after = tokens.iter().skip(1).map(Some).chain([None]);
    let named =
        tokens.iter().zip(after).filter(|(_, next)| is_symbol(*next, ":") || is_symbol(*next, "="));
    let second = word_of(tokens.get(1)).map(str::to_owned);
    named.filter_map(|(token, _)| word_of(Some(token)).map(str::to_owned)).chain(second).collect()
}

fn entry(cursor: &mut Cursor<'_>) -> Result<EntryNode, Diagnostic> {
    let first = cursor.expect_word("an entry")?;
    match first.value.as_str() {
        "evidence" => {
            let name = cursor.expect_word("the step's name")?;
            cursor.expect_symbol(":")?;
            if !cursor.eat_word("rows") {
                return Err(cursor.unexpected("`rows`").suggestion("rows"));
            }
            let fields = list(cursor, ["{", "}"], |cursor| {
                let name = cursor.expect_word("a field's name")?;
                cursor.expect_symbol(":")?;
                Ok((name, kind(cursor)?))
            })?;
            Ok(EntryNode::Step { name, fields })
        }
        "fact" => {
            let name = cursor.expect_word("the fact's name")?;
            if cursor.eat_symbol("=") {
                return Ok(EntryNode::Measured { name, measure: Box::new(measure(cursor, None)?) });
            }
            if !cursor.at_symbol(":") {
                return Err(cursor.unexpected("`=` and a measure, or `:` and a type"));
            }
            typed(cursor, name)
        }
        _ => typed(cursor, first),
    }
}

fn typed(cursor: &mut Cursor<'_>, name: Spanned<String>) -> Result<EntryNode, Diagnostic> {
    cursor.expect_symbol(":")?;
    let kind = kind(cursor)?;
    Ok(EntryNode::Typed { name, kind, optional: cursor.eat_word("optional") })
}

/// The types that are written as a word alone, and `enum`.
const TYPES: [(&str, ValueType); 8] = [
    ("bool", ValueType::Bool),
    ("int", ValueType::Int),
    ("decimal", ValueType::Decimal),
    ("text", ValueType::Text),
    ("time", ValueType::Time),
    ("duration", ValueType::Duration),
    ("ip", ValueType::Ip),
    ("severity", ValueType::Severity),
];

fn kind(cursor: &mut Cursor<'_>) -> Result<TypeNode, Diagnostic> {
    let word = cursor.expect_word("a type")?;
    if word.value == "enum" {
        return members(cursor, &word);
    }
    let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word.value) else {
        let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).chain(["enum"]).collect();
        let diagnostic = Diagnostic::unknown(TYPE, "type", &word.value, word.span, names);
        return Err(match word.value.as_str() {
            "string" | "str" => diagnostic.help("write `text`").suggestion("text"),
            "float" | "number" | "double" => {
                diagnostic.help("write `int` or `decimal`").suggestion("decimal")
            }
            "boolean" => diagnostic.help("write `bool`").suggestion("bool"),
            "integer" => diagnostic.help("write `int`").suggestion("int"),
            _ => diagnostic,
        });
    };
    let range = match cursor.peek() {
        Some(Token { kind: TokenKind::Int(low), .. }) => Some(range(cursor, kind, *low)?),
        _ => None,
    };
    Ok(TypeNode { kind: kind.clone(), range })
}

fn range(cursor: &mut Cursor<'_>, kind: &ValueType, low: i64) -> Result<(i64, i64), Diagnostic> {
    let start = cursor.span();
    cursor.advance();
    cursor.expect_symbol("..")?;
    let Some(Token { kind: TokenKind::Int(high), span, .. }) = cursor.peek() else {
        return Err(cursor.unexpected("the greatest value"));
    };
    cursor.advance();
    if *kind != ValueType::Int {
        let message = format!("type {kind} takes no range");
        return Err(Diagnostic::new(TYPE, start.to(*span), message).help("only `int` does"));
    }
    if low > *high {
        let message = format!("no number is from {low} to {high}");
        return Err(Diagnostic::new(TYPE, start.to(*span), message)
            .help("the least value comes first")
            .suggestion(format!("{high}..{low}")));
    }
    Ok((low, *high))
}

fn members(cursor: &mut Cursor<'_>, word: &Spanned<String>) -> Result<TypeNode, Diagnostic> {
    let mut members: Vec<String> = Vec::new();
    let found = list(cursor, ["{", "}"], |cursor| match cursor.peek() {
        Some(Token { kind: TokenKind::Text(_), .. }) => cursor.expect_text("a member"),
        _ => cursor.expect_word("a member"),
    })?;
    for member in found {
        if members.contains(&member.value) {
            let message = format!("member `{}` stands twice", member.value);
            return Err(Diagnostic::new(DUPLICATE, member.span, message));
        }
        if members.len() >= limits::MEMBERS {
            let message = format!("more than {} members", limits::MEMBERS);
            return Err(Diagnostic::new(TOO_LARGE, member.span, message).help("use `text`"));
        }
        members.push(member.value);
    }
    if members.is_empty() {
        return Err(Diagnostic::new(TYPE, word.span, "an enum without members")
            .help("write `enum { one, other }`"));
    }
    Ok(TypeNode { kind: ValueType::Enum(members), range: None })
}

pub(super) fn decisions(item: &Item<'_>) -> Result<Vec<Spanned<String>>, Diagnostic> {
    let Some(open) = item.open else {
        return Err(Diagnostic::new(BRACE, item.span(), "`decisions` has no `{ … }`")
            .help("write `decisions { NAME, … }`"));
    };
    whole(item.head, "`decisions`", &[], |cursor| {
        cursor.advance();
        Ok(())
    })?;
    let mut names = Vec::new();
    let mut cursor = Cursor::new(item.body);
    while cursor.peek().is_some() {
        names.push(cursor.expect_word("a decision's name")?);
        if !cursor.eat_symbol(",") && cursor.peek().is_some() {
            return Err(cursor.unexpected("`,` or `}`"));
        }
    }
    if names.is_empty() {
        return Err(Diagnostic::new(BRACE, open, "there are no decisions")
            .help("list what rules may decide: `decisions { NAME, … }`"));
    }
    Ok(names)
}
