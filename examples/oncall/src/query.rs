//! `logdive query`: from a ticket to its logs; the very functions that the bot calls.

use std::path::Path;

use chrono::{DateTime, Utc};
use logdive_core::port::Delivery;
use logdive_core::{CaseId, DeliveryKey, Digest, Ticket};
use logdive_query::{Compare, DivePlan, Select, Templates};
use logdive_sinks::{MarkdownFile, Outbox};
use serde_json::json;

use crate::args::{Args, Query};
use crate::bot::Bot;
use crate::commands::{open, report};
use crate::demo::invocation;
use crate::error::{Context as _, Failure};
use crate::home::Home;
use crate::output::{Output, case_json};
use crate::{alarms, evidence, plan, record, when};

pub(crate) async fn run(args: &Args, asked: &Query, output: &Output) -> Result<(), Failure> {
    let (home, bot) = open(args).await?;
    let pilot = &bot.pilot;
    pilot.cases().await.context("reading the journal")?;
    let what = asked.what.as_str();
    let dive = Dive { args, asked, home: &home, bot: &bot, output };
    // What the ticket alone would not say is looked for without a case.
    let apart = asked.plan.is_some() || !asked.ids.is_empty();
    if Path::new(what).exists() {
        let body = std::fs::read(what).context(format!("reading `{what}`"))?;
        let ticket = dive.overridden(alarms::ticket(what, &body)?)?;
        if apart {
            return dive.without_case(&ticket).await;
        }
        let case = pilot.accept(ticket.clone()).await.context("recording the ticket")?;
        report(&bot, case.id(), output).await?;
        if case.playbook().is_none() {
            return dive.without_case(&ticket).await;
        }
        return Ok(());
    }
    let id = CaseId::parse(what).map_err(|error| {
        Failure::new(format!("`{what}` is neither a file nor a case: {error}"))
            .help("`logdive cases` lists the cases there are")
    })?;
    let case = pilot.case(&id).context(format!("looking for case {id}"))?;
    if apart || asked.at.is_some() || asked.service.is_some() || asked.post {
        let ticket = dive.overridden(case.ticket().clone())?;
        return dive.without_case(&ticket).await;
    }
    if let Some(why) = case.ended() {
        output.text(format!("case {id} is over ({why}); its last packet:\n"));
        output.document(&pilot.packet(&case));
        output.value(&case_json(&case));
        return Ok(());
    }
    let again = pilot.look_again(&id, &args.actor(), "asked by command").await;
    again.context(format!("asking case {id} to be looked at again"))?;
    report(&bot, &id, output).await
}

/// A dive that decides nothing.
struct Dive<'a> {
    args: &'a Args,
    asked: &'a Query,
    home: &'a Home,
    bot: &'a Bot,
    output: &'a Output,
}

impl Dive<'_> {
    /// The ticket with what the options say instead.
    fn overridden(&self, mut ticket: Ticket) -> Result<Ticket, Failure> {
        if let Some(at) = &self.asked.at {
            let now = self.home.clock()?;
            let at: DateTime<Utc> = when::parse(at, now, self.asked.tz)
                .map_err(|why| Failure::new(format!("`--at`: {why}")))?;
            ticket.times.started = Some(at);
            ticket.times.detected = Some(at);
        }
        if let Some(service) = &self.asked.service {
            ticket.service = Some(service.clone());
        }
        Ok(ticket)
    }

    async fn without_case(&self, ticket: &Ticket) -> Result<(), Failure> {
        let plan = match &self.asked.plan {
            Some(path) => plan::read(path)?.ticket(ticket),
            None => self.usual(ticket),
        };
        let plan = self
            .asked
            .ids
            .iter()
            .fold(plan, |plan, (kind, id)| plan.id(kind.as_str(), id.as_str()));
        plan.validate(self.bot.diver.layers()).map_err(|error| {
            let name = self.asked.plan.as_deref().map_or("the plan".into(), Path::to_string_lossy);
            Failure::new(error.render(&name).trim_end())
        })?;
        let dive = self.bot.diver.dive(&plan).times(ticket.times);
        let found = dive.run().await.context("diving for the ticket")?;
        let document = evidence::document(ticket, &found, &self.command());
        self.output.document(&document);
        let mut posted = None;
        if self.asked.post {
            let tickets =
                MarkdownFile::in_folder(self.home.tickets()).context("the tickets' folder")?;
            let target = ticket.id.to_string();
            let path = tickets.path(&target).display().to_string();
            let outbox = Outbox::to(tickets).build().context("making the outbox")?;
            let plan = found.provenance.plan_digest.to_string();
            let key = DeliveryKey::of(["dive", &target, &plan]);
            let delivery = Delivery::comment(target, key, document);
            outbox.send(delivery).await.context("writing into the ticket")?;
            self.output.text(format!("written into {path}"));
            posted = Some(path);
        }
        self.output.value(&json!({
            "ticket": ticket.id,
            "complete": found.coverage().is_complete(),
            "steps": found.steps.iter().map(|step| json!({
                "name": step.name, "kind": step.kind, "matched": step.matched,
                "rows": step.rows.iter().map(record::to_json).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "facts": found.facts,
            "plan": found.provenance.plan_digest,
            "digest": Digest::to_string(&found.digest()),
            "posted": posted,
        }));
        Ok(())
    }

    /// What is looked for without a plan: what the ticket names, errors, and how they differ from
    /// before.
    fn usual(&self, ticket: &Ticket) -> DivePlan {
        let plan = DivePlan::for_ticket(ticket);
        let asked = self.asked.ids.iter().map(|(kind, _)| kind.as_str().to_owned());
        let named = ticket.entities.iter().map(|entity| entity.kind.name().to_owned());
        let layers = self.bot.diver.layers();
        let known = |kind: &String| {
            layers.iter().any(|layer| layer.id_kinds().any(|known| known.as_str() == kind))
        };
        let mut kinds: Vec<String> = asked.chain(named).filter(known).collect();
        kinds.sort();
        kinds.dedup();
        let plan = if kinds.is_empty() {
            plan
        } else {
            plan.select("named", Select::all().ids(kinds).oldest(100))
        };
        plan.select("errors", Select::all().filter("severity >= error"))
            .templates("kinds", Templates::of("errors"))
            .compare("before", Compare::of("errors"))
    }

    fn command(&self) -> String {
        let mut command = format!("{} query {}", invocation(self.args), self.asked.what);
        if let Some(plan) = &self.asked.plan {
            command.extend([format!(" --plan {}", plan.display())]);
        }
        if let Some(at) = &self.asked.at {
            command.extend([format!(" --at {at}")]);
        }
        for (kind, id) in &self.asked.ids {
            command.extend([format!(" --id {kind}={id}")]);
        }
        if let Some(service) = &self.asked.service {
            command.extend([format!(" --service {service}")]);
        }
        command
    }
}
