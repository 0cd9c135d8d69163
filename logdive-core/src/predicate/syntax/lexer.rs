//! The lexer.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::diagnostic::shown;
use crate::value::parse_duration;
use crate::{Decimal, Diagnostic, Span};

/// Something with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spanned<T> {
    /// The thing.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a place to a thing.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its place.
    pub span: Span,
}

/// What a token is.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// A word, or words joined by dots: keyword, field, enum member.
    Word(String),
    /// Text in double quotes, unescaped.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a point.
    Decimal(Decimal),
    /// A number with a unit.
    Duration(Duration),
    /// An RFC 3339 time.
    Time(DateTime<Utc>),
    /// An operator or a bracket, as it stands.
    Symbol(&'static str),
}

impl TokenKind {
    /// The token in words, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{}`", shown(word)),
            Self::Text(_) => "a text".to_owned(),
            Self::Int(number) => format!("`{number}`"),
            Self::Decimal(number) => format!("`{number}`"),
            Self::Duration(_) => "a duration".to_owned(),
            Self::Time(_) => "a time".to_owned(),
            Self::Symbol(symbol) => format!("`{symbol}`"),
        }
    }
}

/// Longer symbols first: the first that fits is taken.
const SYMBOLS: [&str; 22] = [
    "==", "!=", "<=", ">=", "&&", "||", "..", "->", "<", ">", "!", "(", ")", "{", "}", "[", "]",
    ",", ";", ":", "=", "%",
];

/// Most mistakes that are kept: of a text that is no text of ours every byte may be one.
const MOST_MISTAKES: usize = 1_000;
/// Longest number that a message repeats whole, in bytes.
const LONGEST_NUMBER: usize = 80;

/// Splits a text into tokens; what is no token is reported and skipped. Of the mistakes the first
/// thousand are kept.
///
/// Codes: `P001` no token begins here, `P003` text without an end or with an unknown escape,
/// `P004` malformed number, duration or time.
#[must_use]
pub fn tokens(text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), diagnostics: Vec::new() };
    lexer.run();
    (lexer.tokens, lexer.diagnostics)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: TokenKind, len: usize) {
        let span = Span::new(self.at, self.at + len);
        self.tokens.push(Token { kind, span });
        self.at += len;
    }

    fn report<M: Into<String>>(&mut self, code: &str, len: usize, message: impl FnOnce() -> M) {
        let span = Span::new(self.at, self.at + len);
        self.keep(|| Diagnostic::new(code, span, message()));
        self.at += len;
    }

    fn keep(&mut self, diagnostic: impl FnOnce() -> Diagnostic) {
        if self.diagnostics.len() < MOST_MISTAKES {
            self.diagnostics.push(diagnostic());
        }
    }

    fn run(&mut self) {
        while let Some(first) = self.rest().chars().next() {
            let rest = self.rest();
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if first == '#' {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if first == '"' {
                self.quoted();
            } else if first.is_ascii_digit() || (first == '-' && starts_with_digit(rest, 1)) {
                self.number();
            } else if first.is_ascii_alphabetic() || first == '_' {
                self.word();
            } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                self.push(TokenKind::Symbol(symbol), symbol.len());
            } else {
                let run: usize = rest
                    .chars()
                    .take_while(|c| !c.is_whitespace() && !c.is_ascii())
                    .map(char::len_utf8)
                    .sum();
                let len = run.max(first.len_utf8());
                self.report("P001", len, || format!("unexpected `{}`", first.escape_debug()));
            }
        }
    }

    fn word(&mut self) {
        let bytes = self.rest().as_bytes();
        let mut len = 0;
        while let Some(byte) = bytes.get(len) {
            let inside = byte.is_ascii_alphanumeric() || *byte == b'_';
            // A dot joins words only if a word follows: `1..5` and `a.` are not joined.
            let dot = *byte == b'.'
                && bytes.get(len + 1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
            if !inside && !dot {
                break;
            }
            len += 1;
        }
        let word = self.rest().get(..len).unwrap_or_default().to_owned();
        self.push(TokenKind::Word(word), len);
    }

    fn number(&mut self) {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let sign = usize::from(bytes.first() == Some(&b'-'));
        let mut len = sign;
        while let Some(byte) = bytes.get(len) {
            let inside = byte.is_ascii_alphanumeric();
            let point = *byte == b'.' && starts_with_digit(rest, len + 1);
            // Times have colons, dashes and a sign of the zone inside: 2023-07-10T11:58:00+02:00
            let in_time = matches!(byte, b'-' | b':' | b'+')
                && starts_with_digit(rest, len + 1)
                && looks_like_date(rest);
            if !inside && !point && !in_time {
                break;
            }
            len += 1;
        }
        let text = rest.get(..len).unwrap_or_default();
        let digits = text.get(sign..).unwrap_or_default();
        let kind = if looks_like_date(rest) {
            DateTime::parse_from_rfc3339(text)
                .map(|time| TokenKind::Time(time.with_timezone(&Utc)))
                .map_err(|error| format!("`{text}` is not an RFC 3339 time: {error}"))
        } else if digits.bytes().all(|b| b.is_ascii_digit()) {
            text.parse().map(TokenKind::Int).map_err(|_| format!("`{text}` does not fit 64 bits"))
        } else if digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            text.parse().map(TokenKind::Decimal)
        } else if sign == 1 {
            Err(format!("`{text}` is negative: durations are not"))
        } else {
            parse_duration(text).map(TokenKind::Duration)
        };
        match kind {
            Ok(kind) => self.push(kind, len),
            // What is so long is no slip of the pen, and is not repeated whole.
            Err(_) if len > LONGEST_NUMBER => {
                let message = || format!("`{}` is no number, duration or time", shown(text));
                self.report("P004", len, message);
            }
            Err(message) => self.report("P004", len, || message),
        }
    }

    fn quoted(&mut self) {
        let rest = self.rest();
        let mut text = String::new();
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return self.push(TokenKind::Text(text), at + 1),
                '\n' => break,
                '\\' => {
                    let escaped = match chars.next() {
                        Some((_, '"')) => Some('"'),
                        Some((_, '\\')) => Some('\\'),
                        Some((_, 'n')) => Some('\n'),
                        Some((_, 'r')) => Some('\r'),
                        Some((_, 't')) => Some('\t'),
                        Some((_, 'u')) => {
                            let digits: String = chars
                                .by_ref()
                                .map(|(_, c)| c)
                                .skip_while(|c| *c == '{')
                                .take_while(|c| *c != '}' && *c != '"')
                                .take(8)
                                .collect();
                            u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
                        }
                        _ => None,
                    };
                    let Some(escaped) = escaped else {
                        let span = Span::new(self.at + at, self.at + at + 1);
                        self.keep(|| {
                            Diagnostic::new("P003", span, "unknown escape").help(
                                "there are \\\", \\\\, \\n, \\r, \\t and \\u{hexadecimal digits}",
                            )
                        });
                        continue;
                    };
                    text.push(escaped);
                }
                c => text.push(c),
            }
        }
        let len = rest.find('\n').unwrap_or(rest.len());
        self.report("P003", len, || "text without a closing quote");
    }
}

fn starts_with_digit(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

/// `dddd-dd-dd`: a date, hence a time.
fn looks_like_date(text: &str) -> bool {
    let mut bytes = text.bytes();
    "dddd-dd-dd".bytes().all(|pattern| {
        bytes.next().is_some_and(|byte| match pattern {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
    })
}
