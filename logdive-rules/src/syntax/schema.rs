//! `schema` and `decisions`.

use logdive_core::measure::syntax::measure;
use logdive_core::predicate::syntax::{Cursor, Spanned, Token, TokenKind, literal};
use logdive_core::{Diagnostic, ValueType};

use super::part::{list, whole};
use super::split::{self, Item, stray};
use super::{Absence, DecisionsNode, EntryNode, SchemaNode, TypeNode, is_symbol, version, word_of};
use crate::diagnostics::{BRACE, DUPLICATE, TOO_LARGE, TYPE};
use crate::limits;

const WORDS: [&str; 3] = ["ticket.NAME", "evidence", "fact"];
const FOLLOWING: [&str; 4] = ["evidence", "fact", "optional", "at"];

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

pub(crate) fn entry(cursor: &mut Cursor<'_>) -> Result<EntryNode, Diagnostic> {
    let first = cursor.expect_word("an entry")?;
    match first.value.as_str() {
        "evidence" => {
            let name = cursor.expect_word("the step's name")?;
            cursor.expect_symbol(":")?;
            if !cursor.eat_word("rows") {
                return Err(cursor.missing("`rows`", "rows"));
            }
            let fields = list(cursor, ["{", "}"], |cursor| {
                let name = cursor.expect_word("a field's name")?;
                cursor.expect_symbol(":")?;
                Ok((name, one_type(cursor)?))
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
    let kind = match cursor.at_word("json") {
        true => {
            let span = cursor.span();
            cursor.advance();
            TypeNode { kind: ValueType::Text, range: None, json: true, span }
        }
        false => set_or_one(cursor)?,
    };
    let at = match cursor.eat_word("at") {
        true => Some(cursor.expect_text("a JSON pointer in quotes")?),
        false => None,
    };
    let absence = absence(cursor)?;
    if cursor.at_word("at") && at.is_none() {
        let help = "write `at` directly behind the type";
        return Err(cursor.unexpected("the end of the entry").help(help));
    }
    Ok(EntryNode::Typed { name, kind, at, absence })
}

fn set_or_one(cursor: &mut Cursor<'_>) -> Result<TypeNode, Diagnostic> {
    if !cursor.eat_word("set") {
        return one_type(cursor);
    }
    if !cursor.eat_word("of") {
        return Err(cursor.missing("`of` and the type of the members", "of"));
    }
    let start = cursor.span();
    let members = one_type(cursor)?;
    if members.range.is_some() {
        let span = start.to(cursor.previous());
        let diagnostic = Diagnostic::new(TYPE, span, "a set's members take no range");
        let kind = members.kind.to_string();
        return Err(diagnostic.help("write `set of int`").suggestion(kind));
    }
    let span = start.to(cursor.previous());
    Ok(TypeNode { kind: ValueType::Set(Box::new(members.kind)), range: None, json: false, span })
}

/// `optional`, `or else …`, or nothing.
fn absence(cursor: &mut Cursor<'_>) -> Result<Absence, Diagnostic> {
    if cursor.eat_word("optional") {
        return Ok(Absence::Optional);
    }
    if !cursor.eat_word("or") {
        return Ok(Absence::Required);
    }
    if !cursor.eat_word("else") {
        return Err(cursor.missing("`else` and a constant", "else"));
    }
    let start = cursor.span();
    if cursor.eat_symbol("{") {
        return Ok(Absence::Empty(start.to(cursor.expect_symbol("}")?)));
    }
    Ok(Absence::Default(literal(cursor)?))
}

/// The types that are written as a word alone, and `enum`.
const TYPES: [(&str, ValueType); 9] = [
    ("bool", ValueType::Bool),
    ("int", ValueType::Int),
    ("decimal", ValueType::Decimal),
    ("text", ValueType::Text),
    ("time", ValueType::Time),
    ("duration", ValueType::Duration),
    ("ip", ValueType::Ip),
    ("cidr", ValueType::Cidr),
    ("severity", ValueType::Severity),
];

/// Reads a type that is no set.
pub(crate) fn one_type(cursor: &mut Cursor<'_>) -> Result<TypeNode, Diagnostic> {
    let word = cursor.expect_word("a type")?;
    if word.value == "enum" {
        return members(cursor, &word);
    }
    let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == word.value) else {
        let names: Vec<&str> =
            TYPES.iter().map(|(name, _)| *name).chain(["enum", "set of", "json"]).collect();
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
    let span = word.span.to(cursor.previous());
    Ok(TypeNode { kind: kind.clone(), range, json: false, span })
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
        let diagnostic = Diagnostic::new(TYPE, start.to(*span), message);
        return Err(diagnostic.help("only `int` does: remove it").suggestion(""));
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
    let mut places = Vec::new();
    for member in found {
        if let Some(first) = members.iter().position(|known| *known == member.value) {
            let message = format!("member `{}` stands twice", member.value);
            let diagnostic = Diagnostic::new(DUPLICATE, member.span, message).help("remove one");
            let first = places.get(first).copied().unwrap_or(member.span);
            return Err(diagnostic.label(first, "the first is here"));
        }
        if members.len() >= limits::MEMBERS {
            let message = format!("more than {} members", limits::MEMBERS);
            return Err(Diagnostic::new(TOO_LARGE, member.span, message).help("use `text`"));
        }
        places.push(member.span);
        members.push(member.value);
    }
    if members.is_empty() {
        return Err(Diagnostic::new(TYPE, word.span, "an enum without members")
            .help("write `enum { one, other }`"));
    }
    let span = word.span.to(cursor.previous());
    Ok(TypeNode { kind: ValueType::Enum(members), range: None, json: false, span })
}

pub(super) fn decisions(item: &Item<'_>) -> Result<DecisionsNode, Diagnostic> {
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
    Ok(DecisionsNode { span: item.span(), names })
}
