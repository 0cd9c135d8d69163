//! The expression parser: what was written, each part with its place, not yet checked.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::cursor::Cursor;
use super::lexer::{Spanned, Token, TokenKind};
use crate::predicate::limits::{self, Limit};
use crate::predicate::{Comparison, KEYWORDS, TextTest};
use crate::{Decimal, Diagnostic, Span};

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
    Ok(match <[Expr; 1]>::try_from(terms) {
        Ok([only]) => only,
        Err(terms) => Expr { kind: join(terms), span },
    })
}

fn negation(cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    let start = cursor.span();
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
    inner.span = start.to(cursor.expect_symbol(")")?);
    Ok(inner)
}

fn term(cursor: &mut Cursor<'_>) -> Result<Expr, Diagnostic> {
    cursor.term()?;
    let start = cursor.span();
    if cursor.eat_word("true") || cursor.eat_word("false") {
        let value = matches!(cursor.previous(), span if span.end - span.start == "true".len());
        return Ok(Expr { kind: ExprKind::Bool(value), span: start });
    }
    let field = match cursor.peek() {
        Some(Token { kind: TokenKind::Word(word), .. }) if !KEYWORDS.contains(&word.as_str()) => {
            cursor.expect_word("a field")?
        }
        _ => return Err(cursor.unexpected("a field, `not` or `(`")),
    };
    let kind = after_field(cursor, field)?;
    Ok(Expr { kind, span: start.to(cursor.previous()) })
}

fn after_field(cursor: &mut Cursor<'_>, field: Spanned<String>) -> Result<ExprKind, Diagnostic> {
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
        return Err(cursor.unexpected("a comparison").suggestion("=="));
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
        return Err(cursor.unexpected("`absent`, `present` or `unavailable`"));
    }
    Ok(ExprKind::Flag(field))
}

fn members(cursor: &mut Cursor<'_>) -> Result<Vec<Spanned<Literal>>, Diagnostic> {
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
            word if KEYWORDS.contains(&word) => return Err(cursor.unexpected("a constant")),
            word => Literal::Word(word.to_owned()),
        },
        TokenKind::Symbol(_) => return Err(cursor.unexpected("a constant")),
    };
    let span = token.span;
    cursor.advance();
    Ok(Spanned::new(value, span))
}
