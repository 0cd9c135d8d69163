//! The expression parser: what was written, each part with its place, not yet checked.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::cursor::Cursor;
use super::lexer::{Spanned, Token, TokenKind};
use crate::predicate::limits::{self, Limit};
use crate::predicate::{Comparison, KEYWORDS, Quantifier, TextTest};
use crate::{Decimal, Diagnostic, Span, Value, did_you_mean};

/// An expression as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

/// What an expression is.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprKind {
    /// `a and b`
    And(Vec<Expr>),
    /// `a or b`
    Or(Vec<Expr>),
    /// `not a`
    Not(Box<Expr>),
    /// `true`, `false`
    Bool(bool),
    /// A field alone.
    Flag(Spanned<String>),
    /// `field == constant`
    Compare {
        /// The field.
        field: Spanned<String>,
        /// The comparison.
        comparison: Comparison,
        /// The constant.
        value: Spanned<Literal>,
    },
    /// `field in { … }`
    In {
        /// The field.
        field: Spanned<String>,
        /// The members.
        values: Vec<Spanned<Literal>>,
    },
    /// `field contains "…"`
    Text {
        /// The field.
        field: Spanned<String>,
        /// The test.
        test: TextTest,
        /// The text.
        text: Spanned<String>,
    },
    /// `field has_token "…"`
    Token {
        /// The field.
        field: Spanned<String>,
        /// The token.
        token: Spanned<String>,
    },
    /// `field has_phrase "…"`
    Phrase {
        /// The field.
        field: Spanned<String>,
        /// The phrase.
        phrase: Spanned<String>,
    },
    /// `field matches "…"`
    Matches {
        /// The field.
        field: Spanned<String>,
        /// The regular expression.
        pattern: Spanned<String>,
    },
    /// `any field == constant`, `all …`, `none …`
    Each {
        /// How many members.
        quantifier: Quantifier,
        /// The word was `none`.
        none: bool,
        /// The test.
        test: Box<Expr>,
    },
    /// `field or else constant == constant`
    OrElse {
        /// The field.
        field: Spanned<String>,
        /// What is read if it is absent.
        default: Spanned<Literal>,
        /// The test.
        test: Box<Expr>,
    },
    /// `field is empty`
    Empty(Spanned<String>),
    /// `field is absent`
    Absent(Spanned<String>),
    /// `field is present`
    Present(Spanned<String>),
    /// `field is unavailable`
    Unavailable(Spanned<String>),
}

/// A constant as it was written.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// `true`, `false`
    Bool(bool),
    /// `12`
    Int(i64),
    /// `0.5`
    Decimal(Decimal),
    /// `"text"`
    Text(String),
    /// `15m`
    Duration(Duration),
    /// `2023-07-10T11:58:00Z`
    Time(DateTime<Utc>),
    /// A word: a member of an enum, a severity, a name.
    Word(String),
}

impl Literal {
    /// The constant in words, for messages.
    #[must_use]
    pub const fn describe(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::Int(_) => "an int",
            Self::Decimal(_) => "a decimal",
            Self::Text(_) => "a text",
            Self::Duration(_) => "a duration",
            Self::Time(_) => "a time",
            Self::Word(_) => "a word",
        }
    }
}

/// Parses an expression and stops at the first token that does not belong to it.
///
/// # Errors
/// `P002` for a token that should be something else, `P013` beyond the greatest depth and the most
/// terms and members.
pub fn expression(cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    cursor.nested(disjunction)
}

fn disjunction(cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    joined(cursor, &["or", "||"], ExprKind::Or, |cursor| {
        joined(cursor, &["and", "&&"], ExprKind::And, negation)
    })
}

fn joined(
    cursor: &mut Cursor<'_>,
    words: &[&str; 2],
    join: fn(Vec<Expr>) -> ExprKind,
    parse: impl Fn(&mut Cursor<'_>) -> Result<Expr, Diagnostic>,
) -> Result<Expr, Diagnostic> {
    let [word, symbol] = words;
    let first = parse(cursor)?;
    let mut span = first.span;
    let mut terms = vec![first];
    while cursor.eat_word(word) || cursor.eat_symbol(symbol) {
        let term = parse(cursor)?;
        span = span.to(term.span);
        terms.push(term);
    }
    if at_foreign(cursor, word) {
        return Err(cursor.unexpected(&format!("`{word}`")).suggestion(*word));
    }
    Ok(match <[Expr; 1]>::try_from(terms) {
        Ok([only]) => only,
        Err(terms) => Expr { kind: join(terms), span },
    })
}

/// Whether this word stands here in capitals, as other languages write it.
fn at_foreign(cursor: &Cursor<'_>, word: &str) -> bool {
    matches!(cursor.peek(), Some(Token { kind: TokenKind::Word(found), .. })
        if found != word && found.eq_ignore_ascii_case(word))
}

fn negation(cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    let start = cursor.span();
    if at_foreign(cursor, "not") && cursor.peek_second().is_some_and(is_name) {
        return Err(cursor.unexpected("a field, `not` or `(`").suggestion("not"));
    }
    if cursor.eat_word("not") || cursor.eat_symbol("!") {
        // `not (` is one level, as it is in the tree: what is printed can be read again.
        let inner = cursor.nested(|cursor| {
            let start = cursor.span();
            match cursor.eat_symbol("(") {
                true => closed(disjunction(cursor)?, start, cursor),
                false => negation(cursor),
            }
        })?;
        let span = start.to(inner.span);
        return Ok(Expr { kind: ExprKind::Not(Box::new(inner)), span });
    }
    if cursor.eat_symbol("(") {
        return closed(expression(cursor)?, start, cursor);
    }
    term(cursor)
}

fn closed(mut inner: Expr, start: Span, cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    if !cursor.eat_symbol(")") {
        return Err(cursor.missing("`and`, `or` or `)`", ")"));
    }
    inner.span = start.to(cursor.previous());
    Ok(inner)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    cursor.term()?;
    let start = cursor.span();
    if cursor.eat_word("true") || cursor.eat_word("false") {
        let value = matches!(cursor.previous(), span if span.end - span.start == "true".len());
        return Ok(Expr { kind: ExprKind::Bool(value), span: start });
    }
    if let Some((quantifier, none)) = quantifier(cursor) {
        cursor.advance();
        let start_of_test = cursor.span();
        let field = cursor.expect_word("a set")?;
        let kind = test(cursor, field)?;
        let test = Box::new(Expr { kind, span: start_of_test.to(cursor.previous()) });
        let span = start.to(cursor.previous());
        return Ok(Expr { kind: ExprKind::Each { quantifier, none, test }, span });
    }
    let field = match cursor.peek() {
        Some(token) if is_name(token) => cursor.expect_word("a field")?,
        Some(Token {
            kind: TokenKind::Text(_) | TokenKind::Int(_) | TokenKind::Decimal(_),
            ..
        }) => {
            return Err(constant_first(cursor));
        }
        _ => return Err(cursor.unexpected("a field, `not` or `(`")),
    };
    let kind = after_field(cursor, field)?;
    Ok(Expr { kind, span: start.to(cursor.previous()) })
}

/// `"x" == field`: turned round, if that is all it is.
fn constant_first(cursor: &mut Cursor<'_>) -> Diagnostic {
    const TURNED: [(&str, &str); 6] =
        [("==", "=="), ("!=", "!="), ("<", ">"), ("<=", ">="), (">", "<"), (">=", "<=")];
    let help = "the field comes first, then the constant";
    let diagnostic = cursor.unexpected("a field, `not` or `(`").help(help);
    let start = cursor.span();
    let Some(constant) = literal(cursor).ok().and_then(|constant| written(&constant.value)) else {
        return diagnostic;
    };
    let Some((_, turned)) = TURNED.iter().find(|(symbol, _)| cursor.eat_symbol(symbol)) else {
        return diagnostic;
    };
    match cursor.peek() {
        Some(Token { kind: TokenKind::Word(field), span })
            if cursor.peek().is_some_and(is_name) =>
        {
            let diagnostic = diagnostic.suggestion(format!("{field} {turned} {constant}"));
            Diagnostic { span: start.to(*span), ..diagnostic }
        }
        _ => diagnostic,
    }
}

/// A constant as it is written; `None` of one whose spelling is not known.
fn written(constant: &Literal) -> Option<String> {
    Some(match constant {
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Decimal(value) => value.to_string(),
        Literal::Text(value) => Value::from(value.as_str()).to_string(),
        Literal::Duration(value) => Value::from(*value).to_string(),
        Literal::Time(value) => Value::from(*value).to_string(),
        Literal::Word(word) => word.clone(),
    })
}

fn is_name(token: &Token) -> bool {
    matches!(&token.kind, TokenKind::Word(word) if !KEYWORDS.contains(&word.as_str()))
}

/// `any`, `all` and `none` are words only before a field: elsewhere they may be fields themselves.
fn quantifier(cursor: &Cursor<'_>) -> Option<(Quantifier, bool)> {
    let Some(Token { kind: TokenKind::Word(word), .. }) = cursor.peek() else { return None };
    let found = match word.as_str() {
        "any" => (Quantifier::Any, false),
        "none" => (Quantifier::Any, true),
        "all" => (Quantifier::All, false),
        _ => return None,
    };
    cursor.peek_second().is_some_and(is_name).then_some(found)
}

fn after_field(cursor: &mut Cursor<'_>, field: Spanned<String>) -> Result<ExprKind, Diagnostic> {
    let or_else = cursor.at_word("or")
        && matches!(cursor.peek_second(), Some(Token { kind: TokenKind::Word(word), .. }) if word == "else");
    if or_else {
        cursor.advance();
        cursor.advance();
        let default = literal(cursor)?;
        let kind = test(cursor, field.clone())?;
        let span = field.span.to(cursor.previous());
        let test = Box::new(Expr { kind, span });
        return Ok(ExprKind::OrElse { field, default, test });
    }
    if cursor.eat_word("is") {
        if cursor.eat_word("absent") {
            return Ok(ExprKind::Absent(field));
        }
        if cursor.eat_word("present") {
            return Ok(ExprKind::Present(field));
        }
        if cursor.eat_word("unavailable") {
            return Ok(ExprKind::Unavailable(field));
        }
        if cursor.eat_word("empty") {
            return Ok(ExprKind::Empty(field));
        }
        return Err(foreign_state(cursor));
    }
    test(cursor, field)
}

/// What stands behind `is` and is none of our words.
fn foreign_state(cursor: &Cursor<'_>) -> Diagnostic {
    let unexpected = cursor.unexpected("`absent`, `present`, `unavailable` or `empty`");
    let word_of = |token: Option<&Token>| match token {
        Some(Token { kind: TokenKind::Word(word), .. }) => Some(word.to_ascii_lowercase()),
        _ => None,
    };
    match word_of(cursor.peek()).as_deref() {
        Some("null" | "nil" | "none" | "missing" | "undefined") => unexpected.suggestion("absent"),
        Some("true" | "false") => Diagnostic {
            span: cursor.previous(),
            ..unexpected.help("a bool is compared: write `==`").suggestion("==")
        },
        Some("not") => {
            let state = match word_of(cursor.peek_second()).as_deref() {
                Some("absent" | "null" | "nil" | "none") => "present",
                Some("present") => "absent",
                _ => return unexpected.help("write `not` before the field: `not (… is empty)`"),
            };
            let second = cursor.peek_second().map_or_else(Span::default, |token| token.span);
            let span = cursor.span().to(second);
            Diagnostic { span, ..unexpected.suggestion(state) }
        }
        Some(word) => match did_you_mean(word, ["absent", "present", "unavailable", "empty"]) {
            Some(near) => unexpected.suggestion(near),
            None => unexpected.help("values are compared with `==` and `!=`"),
        },
        None => unexpected,
    }
}

/// How other languages write our tests.
const FOREIGN: [(&str, &str); 24] = [
    ("startswith", "starts_with"),
    ("startsWith", "starts_with"),
    ("begins_with", "starts_with"),
    ("endswith", "ends_with"),
    ("endsWith", "ends_with"),
    ("has", "contains"),
    ("includes", "contains"),
    ("like", "matches"),
    ("regex", "matches"),
    ("matches_regex", "matches"),
    ("eq", "=="),
    ("equals", "=="),
    ("ne", "!="),
    ("gt", ">"),
    ("lt", "<"),
    ("ge", ">="),
    ("gte", ">="),
    ("lte", "<="),
    ("le", "<="),
    ("IN", "in"),
    ("CONTAINS", "contains"),
    ("MATCHES", "matches"),
    ("LIKE", "matches"),
    ("one_of", "in"),
];

/// Our tests that are words long enough to be misspelt.
const TEST_WORDS: [&str; 6] =
    ["contains", "starts_with", "ends_with", "has_token", "has_phrase", "matches"];

/// What tests a value: of a field, or of a set's member.
fn test(cursor: &mut Cursor<'_>, field: Spanned<String>) -> Result<ExprKind, Diagnostic> {
    const COMPARISONS: [(&str, Comparison); 6] = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    const TESTS: [(&str, TextTest); 3] = [
        ("contains", TextTest::Contains),
        ("starts_with", TextTest::StartsWith),
        ("ends_with", TextTest::EndsWith),
    ];
    if let Some((_, comparison)) = COMPARISONS.iter().find(|(symbol, _)| cursor.eat_symbol(symbol))
    {
        return Ok(ExprKind::Compare { field, comparison: *comparison, value: literal(cursor)? });
    }
    if cursor.at_symbol("=") {
        let found = cursor.unexpected("a comparison");
        let second = cursor.peek_second().filter(|token| token.span.start == found.span.end);
        let meant = match second.map(|token| (&token.kind, token.span)) {
            Some((TokenKind::Symbol("<"), span)) => Some(("<=", span)),
            Some((TokenKind::Symbol(">"), span)) => Some((">=", span)),
            _ => None,
        };
        return Err(match meant {
            Some((ours, span)) => {
                Diagnostic { span: found.span.to(span), ..found.suggestion(ours) }
            }
            None => found.suggestion("=="),
        });
    }
    if let Some((word, test)) = TESTS.iter().find(|(word, _)| cursor.eat_word(word)) {
        let text = cursor.expect_text(&format!("a text after `{word}`"))?;
        return Ok(ExprKind::Text { field, test: *test, text });
    }
    if cursor.eat_word("has_token") {
        let token = cursor.expect_text("a text after `has_token`")?;
        return Ok(ExprKind::Token { field, token });
    }
    if cursor.eat_word("has_phrase") {
        let phrase = cursor.expect_text("a text after `has_phrase`")?;
        return Ok(ExprKind::Phrase { field, phrase });
    }
    if cursor.eat_word("matches") {
        let pattern = cursor.expect_text("a text after `matches`")?;
        return Ok(ExprKind::Matches { field, pattern });
    }
    if cursor.eat_word("in") {
        return Ok(ExprKind::In { field, values: members(cursor)? });
    }
    if cursor.at_word("not")
        && matches!(cursor.peek_second(), Some(Token { kind: TokenKind::Word(word), .. }) if word == "in")
    {
        cursor.advance();
        cursor.advance();
        let span = field.span;
        // It is printed as `not (… in …)`, hence counted as that.
        let values = cursor.nested(members)?;
        let kind = ExprKind::In { field, values };
        let span = span.to(cursor.previous());
        return Ok(ExprKind::Not(Box::new(Expr { kind, span })));
    }
    if let Some(Token { kind: TokenKind::Word(word), .. }) = cursor.peek()
        && let Some((_, ours)) = FOREIGN.iter().find(|(theirs, _)| theirs == word)
    {
        return Err(cursor.unexpected("a test").suggestion(*ours));
    }
    if let Some(Token { kind: TokenKind::Word(word), .. }) = cursor.peek()
        && let Some(near) = did_you_mean(word, TEST_WORDS)
        && !KEYWORDS.contains(&word.as_str())
    {
        return Err(cursor.unexpected("a test").suggestion(near));
    }
    if cursor.at_symbol("(") {
        let help = "there are no functions: write the field, then its test, `size > 3`";
        return Err(cursor.unexpected("a test").help(help));
    }
    Ok(ExprKind::Flag(field))
}

fn members(cursor: &mut Cursor<'_>) -> Result<Vec<Spanned<Literal>>, Diagnostic> {
    if cursor.at_symbol("(") || cursor.at_symbol("[") {
        return Err(foreign_list(cursor));
    }
    cursor.expect_symbol("{")?;
    let mut values = Vec::new();
    while !cursor.eat_symbol("}") {
        if values.len() == limits::MEMBERS {
            return Err(Limit::Members.diagnostic(cursor.span()));
        }
        values.push(literal(cursor)?);
        if !cursor.eat_symbol(",") && !cursor.at_symbol("}") {
            return Err(cursor.unexpected("`,` or `}`"));
        }
    }
    Ok(values)
}

/// `in (1, 2)`, `in [1, 2]`
fn foreign_list(cursor: &mut Cursor<'_>) -> Diagnostic {
    const MOST: usize = 64;
    let help = "a list stands in braces: `in {1, 2}`";
    let diagnostic = cursor.unexpected("`{`").help(help);
    let start = cursor.span();
    let close = if cursor.eat_symbol("(") { ")" } else { "]" };
    cursor.eat_symbol("[");
    let mut members = Vec::new();
    while members.len() < MOST {
        let Some(member) = literal(cursor).ok().and_then(|member| written(&member.value)) else {
            return diagnostic;
        };
        members.push(member);
        if cursor.eat_symbol(close) {
            let span = start.to(cursor.previous());
            let list = format!("{{{}}}", members.join(", "));
            return Diagnostic { span, ..diagnostic.suggestion(list) };
        }
        if !cursor.eat_symbol(",") {
            return diagnostic;
        }
    }
    diagnostic
}

/// Parses a constant.
///
/// # Errors
/// `P002` if something else stands there.
pub fn literal(cursor: &mut Cursor<'_>) -> Result<Spanned<Literal>, Diagnostic> {
    let Some(token) = cursor.peek() else { return Err(cursor.unexpected("a constant")) };
    let value = match &token.kind {
        TokenKind::Int(value) => Literal::Int(*value),
        TokenKind::Decimal(value) => Literal::Decimal(*value),
        TokenKind::Text(value) => Literal::Text(value.clone()),
        TokenKind::Duration(value) => Literal::Duration(*value),
        TokenKind::Time(value) => Literal::Time(*value),
        TokenKind::Word(word) => match word.as_str() {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "absent" | "present" => {
                let help = format!("write `is {word}` instead of a comparison");
                return Err(cursor.unexpected("a constant").help(help));
            }
            word if KEYWORDS.contains(&word) => return Err(cursor.unexpected("a constant")),
            word => Literal::Word(word.to_owned()),
        },
        TokenKind::Date(day) => {
            let help = "a time has its hour and zone: `2027-05-01T00:00:00Z`";
            let found = cursor.unexpected("a constant").help(help);
            return Err(found.suggestion(format!("{day}T00:00:00Z")));
        }
        // `===`
        TokenKind::Symbol("=") if cursor.previous().end == token.span.start => {
            let found = cursor.unexpected("a constant").help("`==` compares: remove the third `=`");
            return Err(found.suggestion(""));
        }
        TokenKind::Symbol(">") if cursor.previous().end == token.span.start => {
            let span = cursor.previous().to(token.span);
            let found = cursor.unexpected("a constant").help("unequal is `!=`").suggestion("!=");
            return Err(Diagnostic { span, ..found });
        }
        TokenKind::Symbol(_) => return Err(cursor.unexpected("a constant")),
    };
    let span = token.span;
    cursor.advance();
    Ok(Spanned::new(value, span))
}
