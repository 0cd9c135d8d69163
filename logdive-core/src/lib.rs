#![doc = include_str!("../README.md")]

mod action;
mod actor;
pub mod case;
pub mod compare;
mod coverage;
mod decision;
mod diagnostic;
mod digest;
mod document;
pub mod entities;
mod evidence;
mod fact;
mod field;
pub mod format;
pub mod intake;
mod layer;
pub mod log;
pub mod measure;
pub mod memory;
mod mode;
mod name;
pub mod packet;
pub mod pilot;
mod playbook;
pub mod port;
pub mod predicate;
pub mod stop;
pub mod template;
#[cfg(any(test, feature = "testkit"))]
#[expect(clippy::panic, reason = "a conformance suite panics with what does not hold")]
pub mod testkit;
mod ticket;
mod truth;
mod value;
mod window;

pub use action::{Action, ActionKey, ActionRequest, ActionSpec, OnStop, Outcome, Reversibility};
pub use actor::{Actor, AnyPerson, Authority, Verb};
pub use case::{ActionStatus, Case, CaseId};
pub use coverage::{Cost, Coverage, LayerCoverage, Skew};
pub use decision::{Conclusion, Decision, MissingFact, RuleTrace, TermTrace};
pub use diagnostic::{
    Diagnostic, Fixed, Label, Level, Located, LocatedByte, LocatedFix, LocatedLabel, LocatedSpan,
    Place, Span, TextLines, apply_fixes, did_you_mean, nearest,
};
pub use digest::Digest;
pub use document::{Block, BlockKind, DeliveryKey, Document, Inline, Line, Priority};
pub use entities::{Entity, EntityKind, Found};
pub use evidence::{
    ContextGroup, ContextLine, Evidence, Finding, Novelty, Provenance, RateRatio, StepEvidence,
    StepKind, Subject, Template, TemplateId, TemplateIdError,
};
pub use fact::{Fact, Facts, Reason, ReasonKind};
pub use field::{Field, FieldName};
pub use layer::{
    FieldPath, Layer, LayerError, LayerField, Layers, LayersFields, RowReader, Unit, gather, walk,
};
pub use log::{LogBatch, LogBatchBuilder, LogRecord, LogSeverity};
pub use measure::{Function, Measure};
pub use mode::{EffectiveMode, Mode, ModeSetting, Modes, Scope, Stage};
pub use name::{ActionClass, ActionName, IdKind, LayerName, NameError, PlaybookName, StepName};
pub use pilot::Pilot;
pub use playbook::{Playbook, PlaybookBuilder, PlaybookError};
pub use predicate::{Comparison, Pattern, Phrase, Predicate, Quantifier, TextTest};
pub use stop::StopLatch;
pub use ticket::{Audience, Ticket, TicketFields, TicketId, TicketSeverity, TicketStatus, Times};
pub use truth::Truth;
pub use value::{Decimal, Value, ValueSet, ValueType, format_duration, parse_duration};
pub use window::{Anchor, Window, WindowError, WindowSpec, distance};
