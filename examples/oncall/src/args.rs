//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use logdive_core::{Actor, LayerName, Mode, Scope};

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
    /// Parse log files and append them to a lake, each file once.
    Ingest(Ingest),
    /// Dive for a case or an alarm's file, decide, and write the packet into the ticket.
    Query {
        /// A case (`c-1a2b3c4d`), or a file with an alarm as SNS or Alertmanager delivers it.
        what: String,
    },
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
pub(crate) struct Ingest {
    /// The lake's folder; made if it is not there.
    #[arg(long)]
    pub(crate) lake: PathBuf,
    /// The layer of lines that do not say theirs.
    #[arg(long, value_parser = parse_layer)]
    pub(crate) layer: LayerName,
    /// `cloudtrail` or `json`.
    #[arg(long, default_value = "json", value_parser = ["cloudtrail", "json"])]
    pub(crate) format: String,
    /// The files, in the order they are to be read.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).map_err(|error| error.to_string())
}

fn parse_layer(text: &str) -> Result<LayerName, String> {
    LayerName::parse(text).map_err(|error| error.to_string())
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    Mode::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
        format!("there are: {}", names.join(", "))
    })
}
