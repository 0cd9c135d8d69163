//! `logdive playbook …`, and playbooks in files.
//!
//! | file | subject |
//! |---|---|
//! | `file` | the file of playbooks: its form, with places |
//! | `mistake` | what is wrong, with file and line |
//! | `load` | from an entry to a playbook: condition, plan, rules |
//! | `check`, `matching` | the commands |
//! | `last_good` | the files that were last in force |
//! | `in_force` | what the loop uses |

use std::process::ExitCode;

use crate::args::{Args, PlaybookCommand};
use crate::error::Failure;
use crate::output::Output;

mod check;
mod file;
mod in_force;
mod last_good;
mod load;
mod matching;
mod mistake;

pub(crate) use in_force::{InForce, in_force};

/// The file of playbooks in a folder.
pub(crate) const FILE: &str = "playbooks.toml";

pub(crate) async fn run(
    args: &Args,
    command: &PlaybookCommand,
    output: &Output,
) -> Result<ExitCode, Failure> {
    match command {
        PlaybookCommand::Check(asked) => check::run(args, asked, output).await,
        PlaybookCommand::Match(asked) => matching::run(args, asked, output),
        PlaybookCommand::Confirm { playbook } => in_force::confirm(args, playbook, output).await,
    }
}
