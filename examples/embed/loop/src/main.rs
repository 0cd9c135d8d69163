//! The whole loop in a service of one's own: an alarm in, its logs into the ticket, a rule, and an
//! action that waits for one approval.

use std::collections::BTreeMap;
use std::time::Duration;

use logdive_core::intake::{self, SnsCertificates};
use logdive_core::{
    ActionClass, ActionName, ActionSpec, Mode, OnStop, Pilot, Playbook, Reversibility, StopLatch,
    ValueType, WindowSpec,
};
use logdive_query::{DivePlan, Diver, ExecLayer, Select};
use logdive_rules::RuleSet;
use logdive_sinks::{Console, ExecActuator, ExecCommand, Outbox, SqliteJournal};

const RULES: &str = r#"
schema front v1 {
  evidence errors : rows {}
  fact errors_seen = count(errors)
}
decisions { restart, human }
default human "no rule applies"
rule "many errors" v1 mode confirm {
  when   errors_seen >= 100
  decide restart because "{errors_seen} errors in five minutes"
  do     restart(unit: "front")
}
"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let minute = Duration::from_secs(60);
    let logs = ExecLayer::new(["journalctl", "-o", "json", "--since", "{from}", "--until", "{to}"]);
    let diver = Diver::builder().layer("front", logs).build().await?;
    let plan = DivePlan::around_ticket(WindowSpec::around(5 * minute, minute))
        .select("errors", Select::layers(["front"]).filter("severity >= error").newest(50));
    let playbook = Playbook::builder("front-errors")
        .when("ticket.severity >= 2")
        .look(diver.bind(&plan)?)
        .decide(RuleSet::parse(RULES)?)
        .highest(Mode::Confirm)
        .build()?;
    let journal = SqliteJournal::open("logdive.db")?;
    let restart = ActionSpec {
        name: ActionName::parse("restart")?,
        about: "restarts a unit".to_owned(),
        parameters: BTreeMap::from([("unit".to_owned(), ValueType::Text)]),
        target: "unit".to_owned(),
        class: ActionClass::parse("restart")?,
        on_stop: OnStop::FinishStep { max: 30 * Duration::from_secs(1) },
        reversibility: Reversibility::Irreversible,
    };
    let command = ExecCommand::new(["systemctl", "restart", "--", "{unit}"]);
    let pilot = Pilot::builder()
        .playbook(playbook)
        .post_to(Outbox::to(Console::stdout()).journal(journal.clone()).build()?)
        .actuator(ExecActuator::new().action(restart, command)?)
        .journal(journal)
        .stop(StopLatch::file("logdive.stop")?)
        .ceiling(Mode::Confirm)
        .build()?;
    let certificates = SnsCertificates::trusting_channel("only our queue calls this program");
    let body = std::fs::read(std::env::args().nth(1).ok_or("usage: embed-loop ALARM.json")?)?;
    let case = pilot.accept(intake::sns(&body, &certificates)?).await?;
    pilot.finish(&case).await?;
    Ok(())
}
