//! What the engine is handed.

use std::time::Duration;

use logdive_core::{
    Anchor, Digest, Entity, EntityKind, Found, Layer, Layers, Ticket, TicketId, TicketStatus,
    Times, Window, WindowSpec,
};

use super::{CheckedPlan, Looks};
use crate::plan::{Check, Compare, Context, DivePlan, Follow, Measures, Select, Templates};

const MINUTE: Duration = Duration::from_secs(60);

fn hour() -> Window {
    let at = |text: &str| text.parse().unwrap();
    Window::new(at("2023-07-10T11:30:00Z"), at("2023-07-10T12:30:00Z")).unwrap()
}

fn layers() -> Layers {
    let layer = |name| Layer::new(name).unwrap();
    [layer("front"), layer("hsm"), layer("deploys").changes(), layer("flags").changes()]
        .into_iter()
        .collect()
}

fn checked(plan: &DivePlan) -> CheckedPlan {
    CheckedPlan::of(plan, &layers()).unwrap()
}

fn ticket() -> Ticket {
    let entity = |kind, value: &str| Entity {
        kind,
        value: value.to_owned(),
        found: Found::Field("x".to_owned()),
    };
    Ticket {
        id: TicketId::parse("x:1").unwrap(),
        title: String::new(),
        body: String::new(),
        url: None,
        severity: None,
        status: TicketStatus::New,
        vendor_status: String::new(),
        service: None,
        labels: std::collections::BTreeMap::new(),
        times: Times::opened(hour().to()),
        group_key: None,
        dedupe_key: String::new(),
        audience: logdive_core::Audience::Internal,
        truncated_members: 0,
        raw_digest: Digest::of("x"),
        entities: vec![
            entity(EntityKind::RequestId, "r-1"),
            entity(EntityKind::Host, "h-1"),
            entity(EntityKind::Host, " "),
        ],
    }
}

#[test]
fn changes_are_looked_at_unless_a_step_does() {
    let times = || Times::opened(hour().from());
    let of_ticket = || {
        let after = hour().length();
        DivePlan::around_ticket(WindowSpec {
            anchor: Anchor::Opened,
            before: Duration::ZERO,
            after,
        })
    };
    let without = DivePlan::around(hour()).select("errors", Select::all());
    assert_eq!(checked(&without).steps.len(), 1, "no ticket, no timeline");
    let plan = of_ticket().select("errors", Select::all());
    let plan = checked(&plan);
    let [_, changes] = plan.steps.as_slice() else { panic!("{:?}", plan.steps) };
    assert_eq!(changes.name.as_str(), "changes");
    assert!(matches!(changes.looks, Looks::Changes));
    let names: Vec<&str> = changes.layers.iter().map(|layer| layer.name().as_str()).collect();
    assert_eq!(names, ["deploys", "flags"]);
    assert!(
        plan.text.ends_with(
            "\nchanges: all lines of deploys, flags, from 2h earlier, the newest 200 shown"
        ),
        "{}",
        plan.text
    );
    // They begin two hours earlier; nothing else does.
    let windows = plan.windows(Some(&times())).unwrap();
    assert_eq!(windows[0], hour());
    assert_eq!(windows[1].length(), 180 * MINUTE);
    assert_eq!(windows[1].to(), hour().to());

    let taken = of_ticket().select("changes", Select::layers(["front", "flags"]));
    assert_eq!(checked(&taken).steps[1].name.as_str(), "changes-2");
    for plan in [
        of_ticket().select("rollouts", Select::layers(["deploys"]).oldest(5)),
        of_ticket().check("calm", Check::layers(["deploys", "flags"])),
    ] {
        assert_eq!(checked(&plan).steps.len(), 1);
    }
}

#[test]
fn steps_that_read_another_have_its_layers_and_window() {
    let spec = WindowSpec::around(MINUTE, MINUTE);
    let plan = DivePlan::around(hour())
        .select("errors", Select::layers(["front"]).filter("severity>=error").on(spec))
        .follow("related", Follow::from("errors").ids(["trace", "request"]))
        .context("around", Context::of("errors"))
        .templates("kinds", Templates::of("related"))
        .compare("before", Compare::of("errors").fields(["service", "emitter"]))
        .measure("numbers", Measures::of("errors").fact("errors", "count( )"))
        .check("hsm", Check::layers(["hsm"]));
    let plan = checked(&plan);
    for index in [2, 4, 5] {
        let step = &plan.steps[index];
        assert_eq!((step.layers.len(), step.window), (1, Some(spec)), "{}", step.name);
        assert_eq!(step.show.most, 0);
        assert!(!step.looks.has_lines());
    }
    assert_eq!((plan.steps[3].layers.len(), plan.steps[3].window), (4, None));
    let Looks::Compare { of: 0, baselines, fields } = &plan.steps[4].looks else { panic!() };
    assert_eq!(baselines.len(), 3);
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    assert_eq!(names, ["emitter", "service"]);
    let measures: Vec<String> = plan.measures().map(ToString::to_string).collect();
    assert_eq!(measures, ["count(errors)"]);
    let measure = plan.measures().next().unwrap().clone();
    assert_eq!(plan.measure(&measure), Ok(0));
    let step = logdive_core::StepName::parse("kinds").unwrap();
    let error = plan.measure(&logdive_core::Measure { step, ..measure }).unwrap_err();
    assert!(error.to_string().contains("no lines of its own"), "{error}");
}

#[test]
fn padding_makes_a_layer_longer() {
    let plan = DivePlan::around(hour()).pad("hsm", 5 * MINUTE, MINUTE);
    let plan = checked(&plan.select("all", Select::layers(["front", "hsm"])));
    let window =
        |layer: &str| plan.window_in(&logdive_core::LayerName::parse(layer).unwrap(), hour());
    assert_eq!(window("front"), hour());
    assert_eq!(window("hsm").length(), 66 * MINUTE);
    assert_eq!(window("hsm").from(), hour().from() - chrono::TimeDelta::minutes(5));
}

#[test]
fn a_plan_for_a_ticket_has_its_times_and_ids() {
    let ticket = ticket();
    let plan = DivePlan::for_ticket(&ticket).select("its", Select::all().ids(["request"]));
    assert!(!plan.needs_ticket());
    let plan = checked(&plan);
    let windows = plan.windows(None).unwrap();
    assert_eq!(windows[0].to(), hour().to() + chrono::TimeDelta::minutes(5));
    assert_eq!(windows[0].length(), 20 * MINUTE);
    let ids: Vec<String> = plan.ids.iter().map(|(kind, id)| format!("{kind}={id}")).collect();
    assert_eq!(ids, ["host=h-1", "request=r-1", "request_id=r-1"]);
    // The times of a ticket that the dive is run for come first.
    let later = Times::opened(hour().to() + chrono::TimeDelta::hours(1));
    let moved = plan.windows(Some(&later)).unwrap();
    assert_eq!(moved[0].from(), windows[0].from() + chrono::TimeDelta::hours(1));

    let reusable = DivePlan::around_ticket(WindowSpec::around(MINUTE, MINUTE));
    let reusable = reusable.select("all", Select::all());
    assert!(reusable.needs_ticket());
    assert!(checked(&reusable).windows(None).is_err());
    let plan = checked(&reusable);
    assert_eq!(plan.windows(Some(&later)).unwrap()[0].length(), 2 * MINUTE);
}
