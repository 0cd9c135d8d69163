//! The lexer.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};

use crate::diagnostic::shown;
use crate::value::parse_duration;
use crate::{Decimal, Diagnostic, Span, Value};

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
    /// A date alone: `2027-05-01`.
    Date(NaiveDate),
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
            Self::Date(date) => format!("`{date}`"),
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
            } else if let Some(len) = foreign_text(rest) {
                self.foreign_text(len);
            } else if rest.starts_with("//") {
                let span = Span::new(self.at, self.at + 2);
                self.keep(|| {
                    Diagnostic::new("P001", span, "unexpected `//`")
                        .help("a comment begins with `#`")
                        .suggestion("#")
                });
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if first.is_ascii_digit() || (first == '-' && starts_with_digit(rest, 1)) {
                self.number();
            } else if first.is_ascii_alphabetic() || first == '_' {
                self.word();
            } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                self.push(TokenKind::Symbol(symbol), symbol.len());
            } else {
                self.stray(first);
            }
        }
    }

    /// A text in the quotes of another language is read as one, so that it is one mistake.
    fn foreign_text(&mut self, len: usize) {
        let span = Span::new(self.at, self.at + len);
        let inner = self.rest().get(1..len - 1).unwrap_or_default().to_owned();
        let quote = if self.rest().starts_with('`') { '`' } else { '\'' };
        self.keep(|| {
            Diagnostic::new("P001", span, format!("unexpected `{quote}`"))
                .help("a text stands in double quotes")
                .suggestion(Value::from(inner.as_str()).to_string())
        });
        self.push(TokenKind::Text(inner), len);
    }

    /// What is no token: a run of it is one mistake.
    fn stray(&mut self, first: char) {
        let rest = self.rest();
        let run: usize = match first {
            '.' | '@' | '$' | '-' | '/' => {
                let name = |b: &u8| b.is_ascii_alphanumeric() || b"_.@$-/".contains(b);
                rest.bytes().take_while(name).count()
            }
            first if first.is_ascii() => 1,
            _ => {
                let foreign = |c: &char| !c.is_whitespace() && !c.is_ascii();
                rest.chars().take_while(foreign).map(char::len_utf8).sum()
            }
        };
        let len = run.max(first.len_utf8());
        let span = Span::new(self.at, self.at + len);
        let in_name = len > 1;
        self.keep(|| {
            let message = format!("unexpected `{}`", first.escape_debug());
            let diagnostic = Diagnostic::new("P001", span, message);
            match first {
                '\'' | '`' => diagnostic.help("a text stands in double quotes"),
                '&' => diagnostic.suggestion("and"),
                '|' => diagnostic.suggestion("or"),
                '.' | '@' | '$' | '-' | '/' if in_name => diagnostic.help(
                    "names are words joined by dots; rules say with `at` where a field with \
                     another name stands",
                ),
                '+' | '-' | '*' | '/' => {
                    diagnostic.help("there is no arithmetic: let a measure or a fact compute it")
                }
                '~' => diagnostic.help("a regular expression is tested with `matches \"…\"`"),
                _ => diagnostic.help("remove it, or put the text it belongs to in double quotes"),
            }
        });
        match first {
            // What was meant is plain: reading goes on with it.
            '&' => self.push(TokenKind::Symbol("&&"), len),
            '|' => self.push(TokenKind::Symbol("||"), len),
            _ => self.at += len,
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
        let date = (len == DATE.len() && looks_like_date(rest)).then(|| text.parse());
        let kind = if let Some(date) = date {
            date.map(TokenKind::Date).map_err(|_| format!("`{text}` is no day of the calendar"))
        } else if looks_like_date(rest) {
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
            Err(message) => {
                let span = Span::new(self.at, self.at + len);
                let help = "numbers are `12` and `0.5`, durations `250ms`, `15m` or `1h30m`, \
                            times `2027-05-01T12:00:00Z`, days `2027-05-01`";
                self.keep(|| Diagnostic::new("P004", span, message).help(help));
                self.at += len;
            }
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
        let span = Span::new(self.at, self.at + len);
        self.keep(|| {
            Diagnostic::new("P003", span, "text without a closing quote")
                .help("a text ends on its line, with `\"`; a quote inside is `\\\"`")
        });
        // It is a text all the same: what follows on the next line is read as what it is.
        self.push(TokenKind::Text(text), len);
    }
}

/// How long a text in single quotes or backticks is that begins here, if it ends soon.
fn foreign_text(rest: &str) -> Option<usize> {
    const LONGEST: usize = 256;
    let quote = rest.bytes().next().filter(|byte| matches!(byte, b'\'' | b'`'))?;
    let inner = rest.as_bytes().get(1..)?.iter().take(LONGEST);
    let end = inner.take_while(|byte| **byte != b'\n').position(|byte| *byte == quote)?;
    Some(end + 2)
}

/// Takes away what only follows from a text that could not be split into tokens: what was read as
/// wrong on the same line.
///
/// `lexed` are the mistakes of [`tokens`], `found` those of a parser.
pub fn without_followers(text: &str, lexed: &[Diagnostic], found: &mut Vec<Diagnostic>) {
    /// Farther than this nothing follows: a line may be the whole file.
    const FAR: usize = 1_000;
    let same_line = |from: usize, to: usize| {
        to - from <= FAR && !text.get(from..to).unwrap_or_default().contains('\n')
    };
    found.retain(|diagnostic| {
        if !matches!(diagnostic.code.as_str(), "P002" | "R001" | "R002") {
            return true;
        }
        let at = diagnostic.span.start;
        let next = lexed.partition_point(|lexed| lexed.span.start <= at);
        let before = next.checked_sub(1).and_then(|last| lexed.get(last));
        let behind = before.is_some_and(|lexed| same_line(lexed.span.start, at));
        let ahead = lexed.get(next).is_some_and(|lexed| same_line(at, lexed.span.start));
        // A brace lost with the rest of a line was lost with its text only.
        let opened = diagnostic.code == "R002";
        let text_lost = |lexed: &Diagnostic| !opened || lexed.code == "P003";
        !(behind && before.is_some_and(text_lost)
            || ahead && lexed.get(next).is_some_and(text_lost))
    });
}

fn starts_with_digit(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_digit)
}

/// How a date is written, and how a time begins.
const DATE: &str = "dddd-dd-dd";

/// Whether a date begins here, hence a date or a time.
fn looks_like_date(text: &str) -> bool {
    let mut bytes = text.bytes();
    DATE.bytes().all(|pattern| {
        bytes.next().is_some_and(|byte| match pattern {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
    })
}
