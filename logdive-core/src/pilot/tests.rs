//! The loop's laws, over every seam in memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::{Driven, Pilot, PilotError};
use crate::case::{ActionStatus, Case, CaseId, Entry, Wait};
use crate::log::{LogBatch, LogRecord};
use crate::memory::{
    FnDecide, ManualClock, MemoryActuator, MemoryEvidence, MemoryJournal, MemoryPost,
};
use crate::port::{ActionNeed, Journal as _, Needs, Row};
use crate::{
    ActionClass, ActionKey, ActionName, ActionRequest, ActionSpec, Actor, Audience, Conclusion,
    Decision, Digest, Function, Layer, LayerName, Measure, Mode, OnStop, Outcome, Playbook,
    Predicate, Reversibility, Scope, StepName, StopLatch, Ticket, TicketId, TicketStatus, Times,
    Value, ValueType, WindowSpec,
};

/// Everything in memory is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("memory never waits")
}

fn at(minute: u32) -> chrono::DateTime<chrono::Utc> {
    format!("2023-07-10T12:{minute:02}:00Z").parse().unwrap()
}

fn ana() -> Actor {
    Actor::person("ana", "cli")
}

fn ticket(title: &str) -> Ticket {
    Ticket {
        id: TicketId::new("test", "1").unwrap(),
        title: title.into(),
        body: String::new(),
        url: None,
        severity: None,
        status: TicketStatus::New,
        vendor_status: "firing".into(),
        service: Some("front".into()),
        labels: BTreeMap::new(),
        times: Times::opened(at(0)),
        group_key: None,
        dedupe_key: title.into(),
        audience: Audience::Internal,
        truncated_members: 0,
        raw_digest: Digest::of(title),
        entities: Vec::new(),
    }
}

fn spec() -> ActionSpec {
    ActionSpec {
        name: ActionName::parse("drain").unwrap(),
        about: "takes a host out".into(),
        parameters: BTreeMap::from([("host".into(), ValueType::Text)]),
        target: "host".into(),
        class: ActionClass::parse("drain").unwrap(),
        on_stop: OnStop::Abort,
        reversibility: Reversibility::UndoneBy { action: ActionName::parse("fill").unwrap() },
    }
}

fn request() -> ActionRequest {
    ActionRequest {
        name: spec().name,
        arguments: BTreeMap::from([("host".into(), Value::from("h-1"))]),
    }
}

/// What outlives a pilot.
struct World {
    journal: MemoryJournal,
    post: MemoryPost,
    actuator: MemoryActuator,
    latch: StopLatch,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        Self {
            journal: MemoryJournal::new(),
            post: MemoryPost::new(),
            actuator: MemoryActuator::new(vec![spec()]),
            latch: StopLatch::in_memory(),
            clock: ManualClock::at(at(0)),
        }
    }

    fn pilot(&self, mode: Mode) -> Pilot {
        Pilot::builder()
            .playbook(playbook(mode))
            .post_to(self.post.clone())
            .actuator(self.actuator.clone())
            .journal(self.journal.clone())
            .stop(self.latch.clone())
            .clock(self.clock.clone())
            .ceiling(Mode::Automatic)
            .build()
            .unwrap()
    }

    fn rows(&self) -> Vec<Row> {
        now(self.journal.since(0)).unwrap()
    }
}

fn playbook(mode: Mode) -> Playbook {
    let layer = Layer::new("front").unwrap().lateness(Duration::ZERO);
    let line = |minute: i64| LogRecord {
        time_unix_nano: at(0).timestamp_nanos_opt().map(|t| t + minute * 60_000_000_000),
        body: Some("boom".into()),
        ..LogRecord::new(LayerName::parse("front").unwrap(), 0)
    };
    let lines: LogBatch = [-1, 0, 5].into_iter().map(line).collect();
    let minute = Duration::from_secs(60);
    let look = MemoryEvidence::new(layer, lines, WindowSpec::around(2 * minute, 2 * minute))
        .step(StepName::parse("errors").unwrap(), Predicate::always());
    let needs = Needs {
        measures: vec![Measure {
            name: "count".into(),
            step: StepName::parse("errors").unwrap(),
            function: Function::Count,
            filter: Predicate::always(),
            window: None,
        }],
        actions: vec![ActionNeed {
            name: spec().name,
            arguments: BTreeMap::from([("host".into(), ValueType::Text)]),
            rule: "drain it".into(),
        }],
        digest: Digest::of("rules"),
    };
    let decide = FnDecide::new(needs, move |_, facts| {
        assert_eq!(facts.read("count").known(), Some(&Value::Int(2)));
        Decision {
            conclusion: Conclusion::Decided {
                rule: "drain it".into(),
                decision: "drain".into(),
                because: "two errors".into(),
                actions: vec![request()],
                mode,
            },
            trace: Vec::new(),
            rules: Some(Digest::of("rules")),
            by: Actor::Automation,
            parent: None,
        }
    });
    Playbook::builder("front")
        .when("ticket.service == \"front\"")
        .look(look)
        .decide(decide)
        .highest(Mode::Automatic)
        .build()
        .unwrap()
}

fn case_id() -> CaseId {
    CaseId::new(&ticket("x").id, 0)
}

#[test]
fn automatic_goes_all_the_way_once() {
    let world = World::new();
    let pilot = world.pilot(Mode::Automatic);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    let case = now(pilot.finish(&case)).unwrap();
    assert_eq!(case.ended(), Some("every action is done or refused by a person"));
    assert_eq!(world.actuator.performed().len(), 1);
    let again = now(pilot.accept(ticket("a"))).unwrap();
    assert_eq!(now(pilot.finish(&again)).unwrap().id(), case.id(), "a second delivery is the same");
    assert_eq!(world.actuator.performed().len(), 1);
    assert_eq!(world.post.documents().len(), 1, "one living comment");
}

#[test]
fn confirm_waits_for_a_person() {
    let world = World::new();
    let pilot = world.pilot(Mode::Confirm);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    let case = now(pilot.finish(&case)).unwrap();
    assert_eq!(pilot.waits_for(&case), Some(Wait::Approval));
    assert!(world.actuator.performed().is_empty());
    let refused = now(pilot.approve(case.id(), None, &Actor::Automation)).unwrap_err();
    assert!(matches!(refused, PilotError::NotAllowed { .. }));
    now(pilot.approve(case.id(), None, &ana())).unwrap();
    let Driven::Here(case) = now(pilot.carry_on(case.id())).unwrap() else { panic!("free lease") };
    assert!(case.ended().is_some());
    assert_eq!(world.actuator.performed().len(), 1);
    let over = now(pilot.approve(case.id(), None, &ana())).unwrap_err();
    assert!(over.to_string().contains("is over"), "{over}");
}

#[test]
fn a_stop_holds_automation_and_not_people() {
    let world = World::new();
    let pilot = world.pilot(Mode::Automatic);
    now(pilot.stop(Scope::Global, &ana(), "drill")).unwrap();
    let case = now(pilot.accept(ticket("a"))).unwrap();
    let case = now(pilot.finish(&case)).unwrap();
    assert_eq!(case.packets(), 1, "evidence is still written");
    assert!(world.actuator.performed().is_empty());
    assert!(now(pilot.run()).unwrap()[0].is_ok());
    assert!(world.actuator.performed().is_empty());
    now(pilot.approve(case.id(), None, &ana())).unwrap();
    now(pilot.finish(&case)).unwrap();
    assert_eq!(world.actuator.performed().len(), 1);
}

#[test]
fn a_stop_in_the_journal_holds_without_the_latch() {
    let world = World::new();
    now(world.pilot(Mode::Automatic).stop(Scope::Global, &ana(), "drill")).unwrap();
    let lost = World { latch: StopLatch::in_memory(), ..world };
    let pilot = lost.pilot(Mode::Automatic);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    now(pilot.finish(&case)).unwrap();
    assert!(lost.actuator.performed().is_empty());
}

#[test]
fn a_reset_leads_to_suggest_and_a_named_act_to_automatic() {
    let world = World::new();
    let pilot = world.pilot(Mode::Automatic);
    now(pilot.stop(Scope::Global, &ana(), "")).unwrap();
    now(pilot.reset(&Scope::Global, &ana(), "drill is over")).unwrap();
    let case = now(pilot.accept(ticket("a"))).unwrap();
    let case = now(pilot.finish(&case)).unwrap();
    assert_eq!(case.decision().unwrap().mode.mode, Mode::Suggest);
    assert!(world.actuator.performed().is_empty());
    for stage in [crate::Stage::Decide, crate::Stage::Act] {
        now(pilot.set_mode(Scope::Global, Some(stage), Mode::Automatic, &ana(), "proved")).unwrap();
    }
    now(pilot.look_again(case.id(), &Actor::Automation, "mode raised")).unwrap();
    now(pilot.finish(&case)).unwrap();
    assert_eq!(world.actuator.performed().len(), 1);
}

#[test]
fn an_old_decision_is_not_carried_out() {
    let world = World::new();
    let pilot = world.pilot(Mode::Confirm);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    let case = now(pilot.finish(&case)).unwrap();
    world.clock.set(at(0) + chrono::TimeDelta::hours(25));
    now(pilot.approve(case.id(), None, &ana())).unwrap();
    let case = now(pilot.finish(&case)).unwrap();
    assert!(world.actuator.performed().is_empty());
    let (_, status) = case.actions().next().unwrap();
    assert!(matches!(status, ActionStatus::Refused(why) if why.contains("look again")));
}

#[test]
fn a_changed_ticket_is_decided_anew_and_a_resolved_one_expires() {
    let world = World::new();
    let pilot = world.pilot(Mode::Confirm);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    now(pilot.finish(&case)).unwrap();
    let changed = now(pilot.accept(ticket("b"))).unwrap();
    assert_eq!(changed.id(), case.id());
    let case = now(pilot.finish(&changed)).unwrap();
    assert_eq!(case.decision().unwrap().revision, ticket("b").revision());
    let resolved = Ticket { status: TicketStatus::Resolved, ..ticket("b") };
    let case = now(pilot.accept(resolved)).unwrap();
    assert_eq!(case.ended(), Some("the ticket was resolved"));
    assert_eq!(case.actions().count(), 0);
    let back = now(pilot.accept(ticket("c"))).unwrap();
    assert_ne!(back.id(), case.id(), "a ticket that comes back has a new case");
}

#[test]
fn a_ticket_that_meets_no_playbook_is_recorded_with_the_reason() {
    let world = World::new();
    let pilot = world.pilot(Mode::Confirm);
    let other = Ticket { service: Some("back".into()), ..ticket("a") };
    let case = now(pilot.accept(other)).unwrap();
    assert!(case.ended().unwrap().contains("does not hold"));
    let nameless = Ticket { service: None, id: TicketId::new("test", "2").unwrap(), ..ticket("a") };
    let case = now(pilot.accept(nameless)).unwrap();
    assert!(case.ended().unwrap().contains("ticket.service"));
}

#[test]
fn an_intent_without_an_end_and_without_a_trace_is_in_doubt() {
    let world = World::new();
    let pilot = world.pilot(Mode::Automatic);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    // Seen, Planned, Found, Decided, Proposed, Posting, Posted, Intended; Finished fails.
    world.journal.fail_after(Some(7));
    assert!(now(pilot.finish(&case)).is_err());
    assert_eq!(world.actuator.performed().len(), 1);
    let forgetful = World { actuator: MemoryActuator::new(vec![spec()]), ..world };
    forgetful.journal.fail_after(None);
    let case = now(forgetful.pilot(Mode::Automatic).finish(&case)).unwrap();
    let (_, status) = case.actions().next().unwrap();
    assert!(matches!(status, ActionStatus::Finished(Outcome::InDoubt { .. })), "{status:?}");
    assert!(forgetful.actuator.performed().is_empty(), "it is not begun again");
}

/// A crash after any append and a resume reach the same end.
#[test]
fn a_crash_after_any_append_reaches_the_same_end() {
    let whole = World::new();
    let pilot = whole.pilot(Mode::Automatic);
    let case = now(pilot.accept(ticket("a"))).unwrap();
    let end = now(pilot.finish(&case)).unwrap();
    let appends = whole.rows().len() as u64;
    for crash in 0..appends {
        let world = World::new();
        world.journal.fail_after(Some(crash));
        let pilot = world.pilot(Mode::Automatic);
        let died = match now(pilot.accept(ticket("a"))) {
            Ok(case) => now(pilot.finish(&case)).err(),
            Err(error) => Some(error),
        };
        assert!(died.is_some(), "crash after {crash}");
        drop(pilot);
        world.journal.fail_after(None);
        let pilot = world.pilot(Mode::Automatic);
        let case = now(pilot.accept(ticket("a"))).unwrap();
        let case = now(pilot.finish(&case)).unwrap();
        assert_eq!(case.ended(), end.ended(), "crash after {crash}");
        assert_eq!(
            case.actions().collect::<Vec<_>>(),
            end.actions().collect::<Vec<_>>(),
            "crash after {crash}"
        );
        assert_eq!(world.actuator.performed(), whole.actuator.performed(), "crash after {crash}");
        let (ours, theirs) = (world.post.documents(), whole.post.documents());
        assert_eq!(ours[0].last(), theirs[0].last(), "crash after {crash}");
    }
}

#[test]
fn two_pilots_do_not_drive_at_once() {
    let world = World::new();
    let first = world.pilot(Mode::Confirm);
    let second = world.pilot(Mode::Confirm);
    let case = now(first.accept(ticket("a"))).unwrap();
    now(first.finish(&case)).unwrap();
    now(second.approve(case.id(), None, &ana())).unwrap();
    let driven = now(second.carry_on(case.id())).unwrap();
    assert!(matches!(driven, Driven::Elsewhere(_)));
    now(first.run()).unwrap();
    assert_eq!(world.actuator.performed().len(), 1, "the running pilot carries it on");
}

/// What anybody may do, in any order.
#[derive(Debug, Clone)]
enum Op {
    Accept(u8),
    Resolve,
    Run,
    Approve,
    Reject,
    LookAgain,
    Stop,
    Reset,
    Raise,
    Minutes(i64),
    Crash(u64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..3_u8).prop_map(Op::Accept),
        1 => Just(Op::Resolve),
        4 => Just(Op::Run),
        2 => Just(Op::Approve),
        1 => Just(Op::Reject),
        1 => Just(Op::LookAgain),
        2 => Just(Op::Stop),
        2 => Just(Op::Reset),
        1 => Just(Op::Raise),
        1 => (0..90_i64).prop_map(Op::Minutes),
        2 => (0..9_u64).prop_map(Op::Crash),
    ]
}

fn run_op(world: &World, pilot: &Pilot, op: &Op) {
    // Whatever an operation answers, the laws must hold of what it left behind.
    let case = case_id();
    match op {
        Op::Accept(n) => drop(now(pilot.accept(ticket(&format!("title {n}"))))),
        Op::Resolve => {
            let resolved = Ticket { status: TicketStatus::Resolved, ..ticket("title 0") };
            drop(now(pilot.accept(resolved)));
        }
        Op::Run => drop(now(pilot.run())),
        Op::Approve => drop(now(pilot.approve(&case, None, &ana()))),
        Op::Reject => drop(now(pilot.reject(&case, None, &ana(), "no"))),
        Op::LookAgain => drop(now(pilot.look_again(&case, &ana(), "again"))),
        Op::Stop => drop(now(pilot.stop(Scope::Global, &ana(), ""))),
        Op::Reset => drop(now(pilot.reset(&Scope::Global, &ana(), "over"))),
        Op::Raise => {
            for stage in [crate::Stage::Decide, crate::Stage::Act] {
                let by = ana();
                drop(now(pilot.set_mode(
                    Scope::Global,
                    Some(stage),
                    Mode::Automatic,
                    &by,
                    "proved",
                )));
            }
        }
        Op::Minutes(minutes) => {
            let time = crate::port::Clock::now(&world.clock) + chrono::TimeDelta::minutes(*minutes);
            world.clock.set(time);
        }
        Op::Crash(_) => {}
    }
}

fn check_laws(world: &World) {
    let rows = world.rows();
    let cases = Case::replay(&rows).unwrap();
    // Replay equals state.
    let pilot = world.pilot(Mode::Automatic);
    let state: BTreeMap<_, _> =
        now(pilot.cases()).unwrap().into_iter().map(|case| (case.id().clone(), case)).collect();
    assert_eq!(cases, state);
    // No effect without an intent before it, and none twice.
    let mut intended: Vec<ActionKey> = Vec::new();
    let mut stopped = false;
    for row in &rows {
        match &row.entry {
            Entry::Stopped { .. } => stopped = true,
            Entry::Reset { .. } => stopped = false,
            Entry::Intended { key, by, .. } => {
                assert!(by.is_person() || !stopped, "automation began after a stop");
                intended.push(*key);
            }
            _ => {}
        }
    }
    let performed: Vec<ActionKey> =
        world.actuator.performed().iter().map(|action| action.key).collect();
    for key in &performed {
        assert!(intended.contains(key), "an effect without an intent");
    }
    let mut unique = performed.clone();
    unique.sort_unstable();
    unique.dedup();
    // Each case of the ticket may act once.
    assert!(performed.len() <= cases.len().max(1), "{} effects", performed.len());
    assert_eq!(unique.len(), performed.len(), "an effect was begun twice");
}

fn cases() -> u32 {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok());
    100 * scale.unwrap_or(1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn the_laws_hold_whatever_people_do_and_whenever_it_crashes(
        ops in prop::collection::vec(op(), 1..25)
    ) {
        let world = World::new();
        let mut pilot = world.pilot(Mode::Automatic);
        let mut dying = false;
        for op in &ops {
            if let Op::Crash(after) = op {
                world.journal.fail_after(Some(*after));
                dying = true;
                continue;
            }
            run_op(&world, &pilot, op);
            if dying {
                drop(pilot);
                world.journal.fail_after(None);
                pilot = world.pilot(Mode::Automatic);
                dying = false;
            }
        }
        drop(pilot);
        world.journal.fail_after(None);
        check_laws(&world);
    }
}
