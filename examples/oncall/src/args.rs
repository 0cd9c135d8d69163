//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use chrono::FixedOffset;
use clap::{Parser, Subcommand};
use logdive_core::format::TimeAssumption;
use logdive_core::{Actor, IdKind, LayerName, Mode, Scope, parse_duration};

mod playbook;
mod rules;

pub(crate) use playbook::{PlaybookCheck, PlaybookCommand, PlaybookMatch};
pub(crate) use rules::{
    RulesBacktest, RulesCheck, RulesCommand, RulesDiff, RulesEval, RulesExplain, RulesFmt,
    RulesTest,
};

/// From a ticket to the logs that matter, a decision and an action; a person can always stop it.
///
/// Without a command: `demo`. Exit code 0: done; 1: failed, and standard error says what and what
/// to do; 2: the command line is wrong.
#[derive(Debug, Parser)]
#[command(name = "logdive", version)]
pub(crate) struct Args {
    /// The folder that holds lake, journal and tickets.
    #[arg(long, global = true, default_value = "./logdive-demo")]
    pub(crate) dir: PathBuf,
    /// Print JSON on standard output instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Who you are, for the record; without it, the user's name.
    #[arg(long = "as", global = true, value_name = "NAME")]
    name: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Args {
    /// The person at the terminal.
    pub(crate) fn actor(&self) -> Actor {
        let name = self
            .name
            .clone()
            .or_else(|| std::env::var("USER").ok())
            .filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| "somebody".to_owned());
        Actor::person(name, "cli")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play a real incident offline, start to end, in `--dir`.
    Demo,
    /// Parse logs and put them into a lake, each line once.
    Ingest(Ingest),
    /// Show what a format makes of logs, to try it; writes nothing.
    Parse(Parse),
    /// Show what logs say: their lines folded into templates, most frequent first; writes nothing.
    ///
    /// With `--json`: an object for each record, with `line` (of the file, from 1, where the
    /// record begins), `template_id` and `template`.
    Templates(Templates),
    /// Look at the layers of a team.
    #[command(subcommand)]
    Layers(LayersCommand),
    /// Look at a lake.
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Dive for a case or an alarm's file, decide, and write the packet into the ticket.
    ///
    /// With `--plan` or `--id`, or for a ticket that no playbook takes, it dives without deciding
    /// anything and prints what it found; `--post` writes that into the ticket.
    Query(Query),
    /// Find log lines: a dive without a ticket.
    ///
    /// Exit code 0: it looked, whether or not there were lines; whether the answer is complete is
    /// said below the lines and in `complete` of `--json`. 1: it could not look. 2: the command
    /// line is wrong.
    Find(Find),
    /// Check or explain a plan; nothing is read but its file and the layers' names.
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Check, test, explain and compare decision rules; nothing is read but files.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Check playbooks, or say which takes a ticket.
    #[command(subcommand)]
    Playbook(PlaybookCommand),
    /// List the cases.
    Cases,
    /// Approve the actions of a case that wait, and carry them out.
    Approve {
        /// The case.
        case: String,
    },
    /// Refuse the actions of a case that wait.
    Reject {
        /// The case.
        case: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Stop what automation may start.
    Stop {
        /// For what: `global`, or `service:NAME`, `playbook:NAME`, `rule:NAME`, `ticket:ID`, …
        #[arg(default_value = "global", value_parser = parse_scope)]
        scope: Scope,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let modes be raised again after a stop; raises none itself.
    Reset {
        /// For what.
        #[arg(default_value = "global", value_parser = parse_scope)]
        scope: Scope,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show what is stopped and which modes are set; needs neither journal nor lake.
    Status,
    /// Set how far automation may go.
    #[command(subcommand)]
    Mode(ModeCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModeCommand {
    /// Set the mode of a scope, for deciding and acting.
    Set {
        /// For what.
        #[arg(value_parser = parse_scope)]
        scope: Scope,
        /// `off`, `shadow`, `suggest`, `confirm` or `automatic`.
        #[arg(value_parser = parse_mode)]
        mode: Mode,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Query {
    /// A case (`c-1a2b3c4d`), or a file with an alarm as SNS or Alertmanager delivers it.
    pub(crate) what: String,
    /// Dive by this plan (docs/plans.md) instead of a playbook's.
    #[arg(long)]
    pub(crate) plan: Option<PathBuf>,
    /// When it started, instead of what the ticket says: RFC 3339, `-30m` from now, or local time
    /// with `--tz`.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) at: Option<String>,
    /// An id to look for, beside those the ticket names: `request=4f1c…`.
    #[arg(long = "id", value_name = "NAME=VALUE", value_parser = parse_id)]
    pub(crate) ids: Vec<(IdKind, String)>,
    /// The service it is about, instead of what the ticket says.
    #[arg(long)]
    pub(crate) service: Option<String>,
    /// Write what a dive without a decision found into the ticket.
    #[arg(long)]
    pub(crate) post: bool,
    /// The zone of times that have none, as `+02:00`.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) tz: Option<FixedOffset>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Find {
    /// From when: RFC 3339, `-30m` from now, or local time (`2023-07-10T11:58`, `11:58`) with
    /// `--tz`.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) from: String,
    /// Until when, exclusive.
    #[arg(long, default_value = "now", allow_hyphen_values = true)]
    pub(crate) to: String,
    /// Only in this layer; may be given several times.
    #[arg(long = "layer", value_parser = parse_layer)]
    pub(crate) layers: Vec<LayerName>,
    /// Only lines that meet this: `severity >= error and body contains "timed out"`.
    #[arg(long = "where", default_value = "true", value_name = "PREDICATE")]
    pub(crate) filter: String,
    /// The newest so many lines.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u64,
    /// The zone of times that have none, as `+02:00`.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) tz: Option<FixedOffset>,
    /// A lake's folder, with all layers that are in it; without it, the demo's.
    #[arg(long, conflicts_with = "config")]
    pub(crate) lake: Option<PathBuf>,
    /// The file of layers (docs/operating.md shows one).
    #[arg(long = "layers", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Check a plan against layers. Fails if it does not fit.
    Check(PlanFile),
    /// Explain in words what a plan looks for.
    Explain(PlanFile),
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanFile {
    /// The plan, TOML or JSON.
    pub(crate) file: PathBuf,
    /// The file of layers; without it, the layers of the demo.
    #[arg(long = "layers", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Ingest {
    /// The lake's folder; made if it is not there.
    #[arg(long)]
    pub(crate) lake: PathBuf,
    /// The layer of lines that do not say theirs.
    #[arg(long, value_parser = parse_layer)]
    pub(crate) layer: LayerName,
    /// The format, or `auto` to guess it for each file.
    #[arg(long, default_value = "auto")]
    pub(crate) format: String,
    /// Go on: read what is written to the files, through rotations, until interrupted.
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) assume: Assume,
    /// Files, folders, or patterns in quotes (`'/var/log/*.log'`); `-` is standard input.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// What to assume of times that do not say it.
#[derive(Debug, clap::Args)]
pub(crate) struct Assume {
    /// The zone of times that have none, as `+02:00`; UTC unless it is given.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub(crate) tz: Option<FixedOffset>,
    /// The year of times that have none; unless it is given, the newest that is not in the future.
    #[arg(long)]
    pub(crate) year: Option<i32>,
}

impl Assume {
    pub(crate) fn times(&self) -> TimeAssumption {
        let mut assumed = TimeAssumption::default();
        if let Some(offset) = self.tz {
            assumed.offset = offset;
        }
        assumed.year = self.year;
        assumed
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Parse {
    /// The format, or `auto` to guess it.
    #[arg(long, default_value = "auto")]
    pub(crate) format: String,
    /// The layer of lines that do not say theirs.
    #[arg(long, default_value = "any", value_parser = parse_layer)]
    pub(crate) layer: LayerName,
    #[command(flatten)]
    pub(crate) assume: Assume,
    /// A file, gzip and zstd too; `-` is standard input.
    pub(crate) path: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Templates {
    /// The format; `auto` guesses it, and takes each line of other text as a record. A record may
    /// have several lines if the format says so (`plain` keeps stack traces together).
    #[arg(long, default_value = "auto")]
    pub(crate) format: String,
    /// Show so many templates; 0 shows all. `--json` is not cut.
    #[arg(long, default_value_t = 40)]
    pub(crate) limit: usize,
    /// A file, gzip and zstd too; `-` is standard input.
    pub(crate) path: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LayersCommand {
    /// Ask each layer of a file: is it there, how new is it, what do its lines look like. Fails if
    /// one does not answer.
    Check(LayersCheck),
}

#[derive(Debug, clap::Args)]
pub(crate) struct LayersCheck {
    /// The file of layers (docs/operating.md shows one).
    #[arg(long, default_value = "layers.toml")]
    pub(crate) config: PathBuf,
    /// How far back to look for the newest line.
    #[arg(long, default_value = "1h", value_parser = parse_duration)]
    pub(crate) last: Duration,
    /// How long a layer may take to answer.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Show version, size, times, layers and streams.
    Info {
        /// The lake's folder.
        lake: PathBuf,
    },
    /// Read every file and compare it with what the lake says of it. Fails if something is wrong.
    Verify {
        /// The lake's folder.
        lake: PathBuf,
    },
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).map_err(|error| error.to_string())
}

fn parse_layer(text: &str) -> Result<LayerName, String> {
    LayerName::parse(text).map_err(|error| error.to_string())
}

fn parse_id(text: &str) -> Result<(IdKind, String), String> {
    let (kind, id) = text.split_once('=').ok_or("write NAME=VALUE, as `request=4f1c…`")?;
    if id.is_empty() {
        return Err("the id is empty".to_owned());
    }
    let kind = IdKind::parse(kind).map_err(|error| error.to_string())?;
    Ok((kind, id.to_owned()))
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    Mode::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
        format!("there are: {}", names.join(", "))
    })
}
