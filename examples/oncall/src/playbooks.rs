//! The demo's playbooks: which tickets, which dive, which rules, how far.

use std::time::Duration;

use logdive_core::{Mode, Playbook, Predicate, TicketFields, WindowSpec};
use logdive_query::{DivePlan, Diver, Follow, Select};
use logdive_rules::RuleSet;

use crate::error::{Context as _, Failure};

const S3_RULES: (&str, &str) =
    ("s3-client-errors.rules", include_str!("../rules/s3-client-errors.rules"));
const SSM_RULES: (&str, &str) =
    ("ssm-throttling.rules", include_str!("../rules/ssm-throttling.rules"));

/// Where a key's way is followed.
const SERVICES: [&str; 7] = ["ec2", "iam", "kms", "s3", "secretsmanager", "ssm", "sts"];

const MINUTE: Duration = Duration::from_secs(60);

const S3_WHEN: &str =
    r#"ticket.labels.namespace == "CloudTrail/Errors" and ticket.service == "s3""#;
const SSM_WHEN: &str =
    r#"ticket.labels.namespace == "CloudTrail/Errors" and ticket.service == "ssm""#;

/// Each playbook's condition, in their order.
pub(crate) fn conditions() -> Result<Vec<(String, Predicate)>, Failure> {
    let named = [("s3-client-errors", S3_WHEN), ("ssm-throttling", SSM_WHEN)];
    let parsed = named.map(|(name, when)| {
        let parsed = Predicate::parse(when, &TicketFields::default()).map_err(|found| {
            let drawn: String = found.iter().map(|found| found.render(name, when)).collect();
            Failure::new(drawn.trim_end())
        });
        Ok((name.to_owned(), parsed?))
    });
    parsed.into_iter().collect()
}

/// All playbooks over what the diver looks at.
pub(crate) fn all(diver: &Diver) -> Result<Vec<Playbook>, Failure> {
    Ok(vec![s3_client_errors(diver)?, ssm_throttling(diver)?])
}

fn rules((name, text): (&str, &str)) -> Result<RuleSet, Failure> {
    RuleSet::parse(text).map_err(|errors| Failure::new(errors.render(name, text)))
}

fn s3_client_errors(diver: &Diver) -> Result<Playbook, Failure> {
    let plan = DivePlan::around_ticket(WindowSpec::around(5 * MINUTE, MINUTE / 2))
        .select("errors", Select::layers(["s3"]).filter("error_code is present").oldest(20))
        .select("writes", Select::layers(["s3"]).filter("read_only == false").oldest(10));
    let look = diver.bind(&plan).context("the plan of playbook `s3-client-errors`")?;
    Playbook::builder("s3-client-errors")
        .when(S3_WHEN)
        .look(look)
        .decide(rules(S3_RULES)?)
        .highest(Mode::Automatic)
        .build()
        .context("playbook `s3-client-errors`")
}

fn ssm_throttling(diver: &Diver) -> Result<Playbook, Failure> {
    let plan = DivePlan::around_ticket(WindowSpec::around(5 * MINUTE, MINUTE / 2))
        .select(
            "throttles",
            Select::layers(["ssm"]).filter(r#"error_code == "ThrottlingException""#).oldest(40),
        )
        .follow(
            "by_key",
            Follow::from("throttles").layers(SERVICES).ids(["access_key"]).hops(1).newest(8),
        )
        .select(
            "reads",
            Select::layers(["secretsmanager"]).filter(r#"event == "GetSecretValue""#).oldest(20),
        )
        .follow(
            "resources",
            Follow::from("reads").layers(["kms"]).ids(["resource"]).hops(1).oldest(8),
        );
    let look = diver.bind(&plan).context("the plan of playbook `ssm-throttling`")?;
    Playbook::builder("ssm-throttling")
        .when(SSM_WHEN)
        .look(look)
        .decide(rules(SSM_RULES)?)
        .highest(Mode::Confirm)
        .build()
        .context("playbook `ssm-throttling`")
}
