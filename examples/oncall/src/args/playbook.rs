//! `logdive playbook …`

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum PlaybookCommand {
    /// Check playbooks: conditions, plans, rules, and that they fit one another.
    ///
    /// Exit code 0: all can be used; 1: standard output says all that is wrong, with file and
    /// line.
    Check(PlaybookCheck),
    /// Say which playbook takes a ticket, and why the others do not.
    Match(PlaybookMatch),
    /// Put a playbook in force though most of its rules are gone.
    Confirm {
        /// The playbook.
        playbook: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlaybookCheck {
    /// The file of playbooks; without it, `playbooks.toml` in `--dir`.
    pub(crate) file: Option<PathBuf>,
    /// The file of layers; without it, the layers of the demo.
    #[arg(long = "layers", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlaybookMatch {
    /// A logdive ticket as JSON, or an alarm as SNS or Alertmanager delivers it; `-` is standard
    /// input.
    pub(crate) ticket: PathBuf,
    /// The file of playbooks; without it, `playbooks.toml` in `--dir`, or else the demo's.
    #[arg(long, value_name = "FILE")]
    pub(crate) playbooks: Option<PathBuf>,
}
