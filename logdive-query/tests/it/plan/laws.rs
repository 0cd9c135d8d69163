//! Laws of plans: what is written is read back; the digest tells apart what is looked for and
//! nothing else.

#![expect(clippy::indexing_slicing, reason = "places are drawn within bounds")]

use std::time::Duration;

use chrono::TimeDelta;
use logdive_core::{Anchor, Window, WindowSpec};
use logdive_query::{
    Baseline, Check, Compare, Context, DivePlan, Follow, Measures, Select, Templates,
};
use proptest::prelude::*;

use super::layers;
use crate::support::{hour, scale};

/// A plan as numbers: what is looked for, without how it is written.
#[derive(Debug, Clone, PartialEq)]
struct Sketch {
    /// Minutes; of a ticket if the first is set.
    around: (bool, u16, u16),
    pad: Option<(u16, u16)>,
    ids: Vec<u8>,
    steps: Vec<SketchStep>,
}

#[derive(Debug, Clone, PartialEq)]
enum SketchStep {
    Select { layers: u8, filter: u8, window: Option<u16>, ids: bool, newest: bool, most: u16 },
    Check { layers: u8, filter: u8, most: u16 },
    Follow { hops: u8, ids: u16, rows: u16 },
    Context { before: u8, after: u8, within: u8 },
    Templates { most: u16 },
    Compare { baselines: Vec<(bool, u16)>, fields: u8 },
    Measure { facts: Vec<u8> },
}

/// Each condition as it may be written, twice.
const FILTERS: [(&str, &str); 6] = [
    ("true", " true # all"),
    ("severity >= error", "(severity>=error)"),
    ("body contains \"a\\\"\\\\b\u{e9}\\n\"", "body   contains \"a\\\"\\\\b\\u{e9}\\n\""),
    ("error_code == \"X\" and not (event is absent)", "error_code==\"X\" && event is present"),
    ("error_code in {\"X\", \"Y\"}", "error_code in {\"X\",\"Y\",}"),
    ("body == \"'''\" or uid == \"\\u{1}\\u{7f}\"", "body == \"'''\"||uid == \"\u{1}\u{7f}\""),
];
const FACTS: [(&str, &str); 4] = [
    ("count(first)", "count( )"),
    ("count(where severity >= error)", "count(first where severity>=error)"),
    ("distinct(error_code)", "distinct(first.error_code)"),
    ("any(within 1m before started)", "any(first within 60s before ticket.started)"),
];
const FIELDS: [&str; 3] = ["error_code", "emitter", "service"];

fn minutes(count: u16) -> Duration {
    Duration::from_secs(60 * u64::from(count))
}

/// Builds the plan; `odd` writes the same differently.
fn build(sketch: &Sketch, odd: bool) -> DivePlan {
    let pick = |pair: (&'static str, &'static str)| if odd { pair.1 } else { pair.0 };
    let turned = |mut all: Vec<&'static str>| {
        if odd {
            all.reverse();
        }
        all
    };
    let scope = |bits: u8| match bits % 4 {
        0 => None,
        bits => Some(turned(
            [(1, "s3"), (2, "ssm")]
                .into_iter()
                .filter(|(bit, _)| bits & bit > 0)
                .map(|l| l.1)
                .collect(),
        )),
    };
    let (ticket, before, after) = sketch.around;
    let mut plan = if ticket {
        let spec = WindowSpec {
            anchor: Anchor::Detected,
            before: minutes(before),
            after: minutes(after) + Duration::from_nanos(1),
        };
        DivePlan::around_ticket(spec)
    } else {
        let shift = |by: u16| TimeDelta::seconds(i64::from(by)) + TimeDelta::nanoseconds(1);
        let (from, to) = (hour().from() - shift(before), hour().to() + shift(after));
        DivePlan::around(Window::new(from, to).unwrap())
    };
    if let Some((before, after)) = sketch.pad {
        plan = plan.pad("s3", minutes(before), minutes(after));
    }
    for id in &sketch.ids {
        plan = plan.id(["request", "access_key"][usize::from(id % 2)], format!("id \"{id}\"\n"));
    }
    plan = plan.select("first", Select::layers(["ssm", "s3"]));
    for (index, step) in sketch.steps.iter().enumerate() {
        let name = format!("step-{index}");
        plan = match step {
            SketchStep::Select { layers, filter, window, ids, newest, most } => {
                let mut select = scope(*layers).map_or_else(Select::all, Select::layers);
                select = select.filter(pick(FILTERS[usize::from(filter % 6)]));
                if let Some(length) = window {
                    select = select.on(WindowSpec::around(minutes(1 + length), minutes(*length)));
                }
                if *ids {
                    let kinds = turned(vec!["request", "trace"]);
                    select = select.ids(kinds);
                }
                let most = 1 + u64::from(*most);
                plan.select(name, if *newest { select.newest(most) } else { select.oldest(most) })
            }
            SketchStep::Check { layers, filter, most } => {
                let check = scope(*layers).map_or_else(Check::all, Check::layers);
                let check = check.filter(pick(FILTERS[usize::from(filter % 6)]));
                plan.check(name, check.oldest(1 + u64::from(*most)))
            }
            SketchStep::Follow { hops, ids, rows } => {
                let follow = Follow::from("first").ids(turned(vec!["request", "access_key"]));
                let follow =
                    follow.hops(1 + u64::from(hops % 20)).max_ids(1 + u64::from(ids % 9_999));
                plan.follow(name, follow.max_rows(1 + u64::from(*rows)))
            }
            SketchStep::Context { before, after, within } => {
                let context = Context::of("first").before(1 + u64::from(*before));
                let within = minutes(1 + u16::from(*within));
                plan.context(name, context.after(u64::from(*after)).within(within))
            }
            SketchStep::Templates { most } => {
                plan.templates(name, Templates::of("first").most(1 + u64::from(most % 9_999)))
            }
            SketchStep::Compare { baselines, fields } => {
                let mut baselines: Vec<Baseline> = baselines
                    .iter()
                    .map(|(ago, length)| {
                        let reach = minutes(2 * 1_440).saturating_add(minutes(*length));
                        if *ago { Baseline::Ago(reach) } else { Baseline::Before(reach) }
                    })
                    .collect();
                if odd {
                    baselines.reverse();
                    if baselines.is_empty() {
                        baselines.extend(Compare::DEFAULT);
                    }
                }
                let named = FIELDS.iter().enumerate();
                let named = named.filter(|(n, _)| fields & (1 << n) > 0).map(|(_, name)| *name);
                let compare = Compare::of("first").fields(turned(named.collect()));
                plan.compare(name, baselines.into_iter().fold(compare, Compare::against))
            }
            SketchStep::Measure { facts } => {
                let mut facts: Vec<(usize, u8)> = facts.iter().copied().enumerate().collect();
                if odd {
                    facts.reverse();
                }
                let measures = Measures::of("first").fact(format!("f{index}"), "count()");
                let measures = facts.into_iter().fold(measures, |all, (n, fact)| {
                    all.fact(format!("f{index}_{n}"), pick(FACTS[usize::from(fact % 4)]))
                });
                plan.measure(name, measures)
            }
        };
    }
    plan
}

fn a_step() -> impl Strategy<Value = SketchStep> {
    prop_oneof![
        (0_u8..4, 0_u8..6, prop::option::of(0_u16..60), any::<bool>(), any::<bool>(), any::<u16>())
            .prop_map(|(layers, filter, window, ids, newest, most)| SketchStep::Select {
                layers,
                filter,
                window,
                ids,
                newest,
                most
            }),
        (0_u8..4, 0_u8..6, any::<u16>()).prop_map(|(layers, filter, most)| SketchStep::Check {
            layers,
            filter,
            most
        }),
        (0_u8..20, 0_u16..9_999, any::<u16>()).prop_map(|(hops, ids, rows)| SketchStep::Follow {
            hops,
            ids,
            rows
        }),
        (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(before, after, within)| SketchStep::Context { before, after, within }),
        (0_u16..9_999).prop_map(|most| SketchStep::Templates { most }),
        (prop::collection::btree_set((any::<bool>(), 0_u16..9_999), 0..5), 0_u8..8).prop_map(
            |(baselines, fields)| SketchStep::Compare {
                baselines: baselines.into_iter().collect(),
                fields
            }
        ),
        prop::collection::vec(0_u8..4, 0..4).prop_map(|facts| SketchStep::Measure { facts }),
    ]
}

fn a_sketch() -> impl Strategy<Value = Sketch> {
    let around = (any::<bool>(), 0_u16..600, 0_u16..600);
    let pad = prop::option::of((0_u16..60, 0_u16..60));
    let ids = prop::collection::btree_set(any::<u8>(), 0..4);
    let steps = prop::collection::vec(a_step(), 0..8);
    (around, pad, ids, steps).prop_map(|(around, pad, ids, steps)| Sketch {
        around,
        pad,
        ids: ids.into_iter().collect(),
        steps,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64 * scale()))]

    #[test]
    fn what_is_written_is_read_back(sketch in a_sketch(), odd in any::<bool>()) {
        let plan = build(&sketch, odd);
        let toml = plan.to_toml();
        prop_assert_eq!(&DivePlan::from_toml(&toml).unwrap(), &plan, "{}", toml);
        let json = plan.to_json();
        prop_assert_eq!(&DivePlan::from_json(&json).unwrap(), &plan, "{}", json);
        // Other parsers read what we write as we do.
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&serde_json::from_value::<DivePlan>(value).unwrap(), &plan);
        let digest = plan.digest(&layers()).unwrap();
        prop_assert_eq!(DivePlan::from_toml(&toml).unwrap().digest(&layers()), Ok(digest));
    }

    #[test]
    fn the_digest_does_not_depend_on_how_it_is_written(sketch in a_sketch()) {
        let digest = |odd| build(&sketch, odd).digest(&layers()).unwrap();
        prop_assert_eq!(digest(false), digest(true));
    }

    #[test]
    fn the_digest_depends_on_what_is_looked_for(one in a_sketch(), other in a_step(), at in any::<prop::sample::Index>()) {
        let digest = |sketch: &Sketch| build(sketch, false).digest(&layers()).unwrap();
        let of_one = digest(&one);
        let mut more = one.clone();
        more.steps.push(other.clone());
        prop_assert_ne!(of_one, digest(&more));
        let mut padded = one.clone();
        padded.pad = Some(padded.pad.map_or((1, 1), |(before, after)| (before + 1, after)));
        prop_assert_ne!(of_one, digest(&padded));
        let mut moved = one.clone();
        moved.around.1 += 1;
        prop_assert_ne!(of_one, digest(&moved));
        if !one.steps.is_empty() {
            let mut changed = one.clone();
            let at = at.index(one.steps.len());
            changed.steps[at] = other;
            // Layers 0 and 4, and what else a sketch may say twice, are the same plan.
            if build(&changed, false) != build(&one, false) {
                prop_assert_ne!(of_one, digest(&changed));
            }
        }
    }
}
