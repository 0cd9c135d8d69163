//! `logdive`: the reference bot and one-command tool, one composition of the libraries. It uses
//! nothing that is not public.

mod alarms;
mod args;
mod bot;
mod check;
mod commands;
mod config;
mod demo;
mod error;
mod evidence;
mod files;
mod find;
mod fixtures;
mod home;
mod ingest;
mod layers;
mod logs;
mod output;
mod plan;
mod playbook;
mod playbooks;
mod query;
mod record;
mod rules;
mod source;
mod templates;
mod tool;
mod when;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command, LakeCommand, LayersCommand, PlanCommand};
use error::Failure;
use output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.json);
    match run(&args, &output).await {
        Ok(code) => code,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

/// The exit code says what a command's help says; a failure is always 1.
async fn run(args: &Args, output: &Output) -> Result<ExitCode, Failure> {
    let done = match args.command.as_ref().unwrap_or(&Command::Demo) {
        Command::Demo => demo::run(args, output).await,
        Command::Ingest(ingest) => logs::ingest(ingest, output).await,
        Command::Parse(parse) => logs::parse(parse, output),
        Command::Templates(args) => templates::run(args, output),
        Command::Layers(LayersCommand::Check(check)) => check::run(check, output).await,
        Command::Lake(LakeCommand::Info { lake }) => logs::info(lake, output).await,
        Command::Lake(LakeCommand::Verify { lake }) => logs::verify(lake, output).await,
        Command::Query(asked) => query::run(args, asked, output).await,
        Command::Find(asked) => find::run(args, asked, output).await,
        Command::Plan(PlanCommand::Check(file)) => plan::check(file, output).await,
        Command::Plan(PlanCommand::Explain(file)) => plan::explain(file, output).await,
        Command::Rules(command) => return rules::run(command, output),
        Command::Playbook(command) => return playbook::run(args, command, output).await,
        Command::Cases => commands::cases(args, output).await,
        Command::Approve { case } => commands::approve(args, case, output).await,
        Command::Reject { case, reason } => commands::reject(args, case, reason, output).await,
        Command::Stop { scope, reason } => commands::stop(args, scope, reason, output).await,
        Command::Reset { scope, reason } => commands::reset(args, scope, reason, output).await,
        Command::Status => commands::status(args, output).await,
        Command::Mode(mode) => commands::mode(args, mode, output).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}
