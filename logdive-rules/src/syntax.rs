//! The parser of a rule file: what was written, each part with its place, not yet checked.
//!
//! ```text
//! file := { schema | decisions | default | statement | rule }
//! schema := "schema" WORD VERSION "{" { entry } "}"
//! entry := TICKET_FIELD ":" type ["at" TEXT] [absence]
//!        | "evidence" WORD ":" "rows" "{" [ WORD ":" type { "," WORD ":" type } [","] ] "}"
//!        | "fact" WORD ":" type [absence]
//!        | "fact" WORD "=" measure
//! absence := "optional" | "or" "else" (constant | "{" "}")
//! type := "set" "of" one | "json" | one
//! one := "bool" | "int" [INT ".." INT] | "decimal" | "text" | "time" | "duration" | "ip" | "cidr"
//!      | "severity" | "enum" "{" member { "," member } [","] "}"
//! member := WORD | TEXT
//! decisions := "decisions" "{" WORD { "," WORD } [","] "}"
//! default := "default" WORD TEXT
//! statement := "cover" "when" expression | "never" "automatic" "when" expression
//! rule := "rule" TEXT VERSION { part } "{" { clause } "}"
//! part := "mode" MODE | "over" TEXT { "," TEXT } | "cap" INT "per" DURATION | "owner" TEXT
//!       | "review" "by" DATE
//! clause := "when" expression | "unless" expression
//!         | "decide" WORD ["because" TEXT]
//!         | "do" action { ";" action } [";"] | "no" "action"
//! action := (WORD | TEXT) "(" [ WORD ":" argument { "," WORD ":" argument } [","] ] ")"
//! argument := constant | FACT
//! ```
//!
//! Tokens, `expression` and `constant` are those of [`logdive_core::predicate::syntax`], `measure`
//! is that of [`logdive_core::measure::syntax`].
//!
//! The file is split into items, items into entries and clauses, before any of them is parsed: a
//! mistake in one part leaves the others as they are.

use chrono::NaiveDate;
use logdive_core::measure::syntax::MeasureExpr;
use logdive_core::port::Cap;
use logdive_core::predicate::syntax::{
    Cursor, Expr, Literal, Spanned, Token, TokenKind, tokens, without_followers,
};
use logdive_core::{Diagnostic, Span, ValueType};

use crate::diagnostics::{MISSING_ITEM, TOO_LARGE, TWICE, UNKNOWN_WORD};
use crate::limits;
use crate::statement::StatementKind;

pub(crate) mod part;
mod rule;
mod schema;
pub(crate) mod split;

pub(crate) use schema::{entry, one_type};
use split::ItemKind;

/// A rule file as it was written.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) schema: Option<SchemaNode>,
    pub(crate) decisions: Option<DecisionsNode>,
    pub(crate) default: Option<DefaultNode>,
    pub(crate) statements: Vec<StatementNode>,
    pub(crate) rules: Vec<RuleNode>,
}

/// `decisions { … }`
#[derive(Debug)]
pub(crate) struct DecisionsNode {
    /// The word `decisions`.
    pub(crate) span: Span,
    pub(crate) names: Vec<Spanned<String>>,
}

/// `schema NAME vN { … }`
#[derive(Debug)]
pub(crate) struct SchemaNode {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) entries: Vec<EntryNode>,
    /// Names whose entry could not be read: they are not reported as unknown again.
    pub(crate) broken: Vec<String>,
}

/// An entry of a schema.
#[derive(Debug)]
pub(crate) enum EntryNode {
    /// A ticket field, or a fact given by the caller.
    Typed {
        name: Spanned<String>,
        kind: TypeNode,
        /// A JSON pointer.
        at: Option<Spanned<String>>,
        absence: Absence,
    },
    Step {
        name: Spanned<String>,
        fields: Vec<(Spanned<String>, TypeNode)>,
    },
    Measured {
        name: Spanned<String>,
        measure: Box<MeasureExpr>,
    },
}

/// What an entry says of its being absent.
#[derive(Debug)]
pub(crate) enum Absence {
    /// It must be there.
    Required,
    Optional,
    /// A constant is read.
    Default(Spanned<Literal>),
    /// The empty set is read.
    Empty(Span),
}

/// A type as it was written.
#[derive(Debug)]
pub(crate) struct TypeNode {
    pub(crate) kind: ValueType,
    pub(crate) range: Option<(i64, i64)>,
    /// It was `json`.
    pub(crate) json: bool,
    /// Where it stands.
    pub(crate) span: Span,
}

/// `default NAME "…"`
#[derive(Debug)]
pub(crate) struct DefaultNode {
    pub(crate) decision: Spanned<String>,
    pub(crate) because: String,
}

/// `cover when …`, `never automatic when …`
#[derive(Debug)]
pub(crate) struct StatementNode {
    pub(crate) kind: StatementKind,
    pub(crate) when: Expr,
}

/// A rule as it was written. What could not be read is missing.
#[derive(Debug)]
pub(crate) struct RuleNode {
    /// The word `rule` and the name.
    pub(crate) span: Span,
    pub(crate) name: Spanned<String>,
    pub(crate) version: Option<u32>,
    pub(crate) mode: Option<Spanned<String>>,
    pub(crate) over: Vec<Spanned<String>>,
    pub(crate) cap: Option<Cap>,
    pub(crate) owner: Option<Spanned<String>>,
    pub(crate) review_by: Option<NaiveDate>,
    pub(crate) when: Option<Expr>,
    pub(crate) unless: Option<Expr>,
    pub(crate) decide: Option<DecideNode>,
    pub(crate) effect: Option<EffectNode>,
    /// Something in it could not be read, and was reported.
    pub(crate) broken: bool,
}

/// `decide NAME because "…"`
#[derive(Debug)]
pub(crate) struct DecideNode {
    pub(crate) decision: Spanned<String>,
    pub(crate) because: Option<Spanned<String>>,
}

/// `do …`, `no action`
#[derive(Debug)]
pub(crate) enum EffectNode {
    Actions(Vec<CallNode>),
    NoAction,
}

/// `action(parameter: argument)`
#[derive(Debug)]
pub(crate) struct CallNode {
    pub(crate) name: Spanned<String>,
    pub(crate) arguments: Vec<(Spanned<String>, Spanned<Literal>)>,
}

/// Parses a file unless it is too long.
pub(crate) fn parse_within_limits(text: &str) -> (File, Vec<Diagnostic>) {
    if text.len() <= limits::FILE {
        return parse(text);
    }
    let message = format!("longer than {} bytes", limits::FILE);
    let diagnostic = Diagnostic::new(TOO_LARGE, Span::default(), message);
    (File::default(), vec![diagnostic.help("split it by playbook")])
}

/// Parses a file; gives what could be read, and all that is wrong.
fn parse(text: &str) -> (File, Vec<Diagnostic>) {
    let (tokens, lexed) = tokens(text);
    let mut diagnostics = Vec::new();
    let mut file = File::default();
    let mut seen: Vec<(ItemKind, Span)> = Vec::new();
    for item in split::items(&tokens, &mut diagnostics) {
        if item.kind.stands_once() {
            if let Some((_, first)) = seen.iter().find(|(kind, _)| *kind == item.kind) {
                let word = item.kind.word();
                let diagnostic = Diagnostic::new(TWICE, item.span(), format!("a second `{word}`"));
                let diagnostic = diagnostic.label(*first, "the first is here");
                diagnostics.push(diagnostic.help("a file has one of it: join them"));
                continue;
            }
            seen.push((item.kind, item.span()));
        }
        match item.kind {
            ItemKind::Schema => file.schema = schema::schema(&item, &mut diagnostics),
            ItemKind::Decisions => {
                file.decisions = keep(schema::decisions(&item), &mut diagnostics);
            }
            ItemKind::Default => file.default = keep(rule::default(&item), &mut diagnostics),
            ItemKind::Cover | ItemKind::Never => {
                file.statements.extend(keep(rule::statement(&item), &mut diagnostics));
            }
            ItemKind::Rule => file.rules.extend(rule::rule(&item, &mut diagnostics)),
        }
    }
    for (kind, example) in [
        (ItemKind::Schema, "schema NAME v1 { … }"),
        (ItemKind::Decisions, "decisions { NAME, … }"),
        (ItemKind::Default, "default NAME \"why no rule applies\""),
    ] {
        if !seen.iter().any(|(found, _)| *found == kind) {
            let end = Span::new(text.len(), text.len());
            let message = format!("the file has no `{}`", kind.word());
            let help = format!("write `{example}`");
            diagnostics.push(Diagnostic::new(MISSING_ITEM, end, message).help(help));
        }
    }
    // A rule in which something is no token is not asked for what it lacks.
    let mut end = text.len();
    for rule in file.rules.iter_mut().rev() {
        let next = lexed.partition_point(|lexed| lexed.span.start < rule.span.start);
        rule.broken |= lexed.get(next).is_some_and(|lexed| lexed.span.start < end);
        end = rule.span.start;
    }
    without_followers(text, &lexed, &mut diagnostics);
    without_stray_braces(text, &mut diagnostics);
    diagnostics.extend(lexed);
    (file, diagnostics)
}

/// Takes away what is said of a `}` that is too many only because what stands before it on its
/// line could not be read.
fn without_stray_braces(text: &str, diagnostics: &mut Vec<Diagnostic>) {
    /// A line may be the whole file.
    const FAR: usize = 1_000;
    let is_brace = |diagnostic: &Diagnostic| {
        diagnostic.code == UNKNOWN_WORD && text.get(diagnostic.span.range()) == Some("}")
    };
    let mut others: Vec<usize> =
        diagnostics.iter().filter(|found| !is_brace(found)).map(|found| found.span.start).collect();
    others.sort_unstable();
    diagnostics.retain(|found| {
        let at = found.span.start;
        let before = others.partition_point(|other| *other < at).checked_sub(1);
        let before = before.and_then(|last| others.get(last)).filter(|other| at - **other <= FAR);
        let follows = before.is_some_and(|other| {
            text.get(*other..at).is_some_and(|between| !between.contains('\n'))
        });
        !(is_brace(found) && follows)
    });
}

fn keep<T>(result: Result<T, Diagnostic>, diagnostics: &mut Vec<Diagnostic>) -> Option<T> {
    result.map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
}

fn is_symbol(token: Option<&Token>, symbol: &str) -> bool {
    matches!(token, Some(Token { kind: TokenKind::Symbol(found), .. }) if *found == symbol)
}

fn word_of(token: Option<&Token>) -> Option<&str> {
    match token {
        Some(Token { kind: TokenKind::Word(word), .. }) => Some(word),
        _ => None,
    }
}

const fn is_text(token: Option<&Token>) -> bool {
    matches!(token, Some(Token { kind: TokenKind::Text(_), .. }))
}

/// Reads `v1`, `v2`, …
fn version(cursor: &mut Cursor<'_>, what: &str) -> Result<u32, Diagnostic> {
    use crate::diagnostics::VERSION;
    let number = word_of(cursor.peek())
        .and_then(|word| word.strip_prefix('v'))
        .filter(|digits| !digits.starts_with('0'))
        .and_then(|digits| digits.parse().ok());
    if let Some(number) = number {
        cursor.advance();
        return Ok(number);
    }
    let behind = Span::new(cursor.previous().end, cursor.previous().end);
    let span = match word_of(cursor.peek()) {
        Some(word) if word.starts_with('v') => cursor.span(),
        _ => behind,
    };
    let first = if span == behind { " v1" } else { "v1" };
    Err(Diagnostic::new(VERSION, span, format!("{what} has no version"))
        .help("write `v1`, and raise it when the meaning changes: decisions are recorded with it")
        .suggestion(first))
}
