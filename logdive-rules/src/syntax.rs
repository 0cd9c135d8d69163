//! The parser of a rule file: what was written, each part with its place, not yet checked.
//!
//! ```text
//! file := { schema | decisions | default | rule }
//! schema := "schema" WORD VERSION "{" { entry } "}"
//! entry := TICKET_FIELD ":" type ["optional"]
//!        | "evidence" WORD ":" "rows" "{" [ WORD ":" type { "," WORD ":" type } [","] ] "}"
//!        | "fact" WORD ":" type ["optional"]
//!        | "fact" WORD "=" measure
//! type := "bool" | "int" [INT ".." INT] | "decimal" | "text" | "time" | "duration" | "ip"
//!       | "severity" | "enum" "{" member { "," member } [","] "}"
//! member := WORD | TEXT
//! decisions := "decisions" "{" WORD { "," WORD } [","] "}"
//! default := "default" WORD TEXT
//! rule := "rule" TEXT VERSION "mode" MODE ["over" TEXT { "," TEXT }] "{" { clause } "}"
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

use logdive_core::measure::syntax::MeasureExpr;
use logdive_core::predicate::syntax::{Cursor, Expr, Literal, Spanned, Token, TokenKind, tokens};
use logdive_core::{Diagnostic, Span, ValueType};

use crate::diagnostics::{MISSING_ITEM, TWICE};

mod part;
mod rule;
mod schema;
mod split;

use split::ItemKind;

/// A rule file as it was written.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) schema: Option<SchemaNode>,
    pub(crate) decisions: Option<Vec<Spanned<String>>>,
    pub(crate) default: Option<DefaultNode>,
    pub(crate) rules: Vec<RuleNode>,
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
        optional: bool,
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

/// A type as it was written.
#[derive(Debug)]
pub(crate) struct TypeNode {
    pub(crate) kind: ValueType,
    pub(crate) range: Option<(i64, i64)>,
}

/// `default NAME "…"`
#[derive(Debug)]
pub(crate) struct DefaultNode {
    pub(crate) decision: Spanned<String>,
    pub(crate) because: String,
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

/// Parses a file; gives what could be read, and all that is wrong.
pub(crate) fn parse(text: &str) -> (File, Vec<Diagnostic>) {
    let (tokens, mut diagnostics) = tokens(text);
    let mut file = File::default();
    let mut seen = Vec::new();
    for item in split::items(&tokens, &mut diagnostics) {
        let single = item.kind != ItemKind::Rule;
        if single && seen.contains(&item.kind) {
            let word = item.kind.word();
            let diagnostic = Diagnostic::new(TWICE, item.span(), format!("a second `{word}`"));
            diagnostics.push(diagnostic.help("a file has one of it: join them"));
            continue;
        }
        seen.push(item.kind);
        match item.kind {
            ItemKind::Schema => file.schema = schema::schema(&item, &mut diagnostics),
            ItemKind::Decisions => {
                file.decisions = keep(schema::decisions(&item), &mut diagnostics);
            }
            ItemKind::Default => file.default = keep(rule::default(&item), &mut diagnostics),
            ItemKind::Rule => file.rules.extend(rule::rule(&item, &mut diagnostics)),
        }
    }
    for (kind, example) in [
        (ItemKind::Schema, "schema NAME v1 { … }"),
        (ItemKind::Decisions, "decisions { NAME, … }"),
        (ItemKind::Default, "default NAME \"why no rule applies\""),
    ] {
        if !seen.contains(&kind) {
            let end = Span::new(text.len(), text.len());
            let message = format!("the file has no `{}`", kind.word());
            let help = format!("write `{example}`");
            diagnostics.push(Diagnostic::new(MISSING_ITEM, end, message).help(help));
        }
    }
    (file, diagnostics)
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
    Err(Diagnostic::new(VERSION, span, format!("{what} has no version"))
        .help("write `v1`, and raise it when the meaning changes: decisions are recorded with it"))
}
