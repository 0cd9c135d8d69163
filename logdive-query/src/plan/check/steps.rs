//! Steps against layers and the steps before them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use logdive_core::predicate::FieldTypes as _;
use logdive_core::{
    Field, FieldName, IdKind, Layer, LayerName, Layers, LayersFields, StepName, WindowSpec,
    did_you_mean, format_duration,
};

use super::{Baseline, CheckedStep, Looks, Padding, caps, given, text};
use crate::plan::error::short;
use crate::plan::step::{Check, Compare, Context, Follow, Measures, Select, Templates};
use crate::plan::{Around, DivePlan, Kind, PlanError, Scope, Shown, Step, limits};

/// Checks one step after the other.
pub(super) struct Checker<'a> {
    pub(super) plan: &'a DivePlan,
    pub(super) layers: &'a Layers,
    pub(super) padding: &'a BTreeMap<LayerName, Padding>,
    /// How many measures there were.
    pub(super) measures: usize,
}

/// What comes of a step, beside its name.
struct Found {
    /// The step as it was read, for its words.
    kind: Kind,
    layers: Vec<Layer>,
    window: Option<WindowSpec>,
    show: Shown,
    looks: Looks,
}

/// Nothing of the lines themselves is shown.
const NONE_SHOWN: Shown = Shown::newest(0);

impl Checker<'_> {
    pub(super) fn step(
        &mut self,
        step: &Step,
        before: &[CheckedStep],
    ) -> Result<CheckedStep, PlanError> {
        let name = StepName::parse(&step.name)
            .map_err(|source| PlanError::Name { step: step.name.clone(), source })?;
        if before.iter().any(|other| other.name == name) {
            return Err(PlanError::Twice(step.name.clone()));
        }
        let one = One { name: &step.name, before };
        let found = match &step.kind {
            Kind::Select(select) => self.select(&one, select)?,
            Kind::Check(check) => self.check(&one, check)?,
            Kind::Follow(follow) => self.follow(&one, follow)?,
            Kind::Context(context) => self.context(&one, context)?,
            Kind::Templates(templates) => self.templates(&one, templates)?,
            Kind::Compare(compare) => self.compare(&one, compare)?,
            Kind::Measure(measures) => self.measure(&one, measures)?,
        };
        let Found { kind, layers, window, show, looks } = found;
        let about = Step { name: step.name.clone(), kind }.to_string();
        Ok(CheckedStep { name, about, layers, window, show, looks })
    }

    fn select(&self, one: &One<'_>, select: &Select) -> Result<Found, PlanError> {
        one.shown(select.show)?;
        let layers = self.looked_at(one, &select.scope, select.window.as_ref())?;
        let predicate = text::predicate(one.name, &select.filter, &layers)?;
        let ids = one.ids(&select.ids, &[(&layers, "none of its layers")])?;
        let kind = Kind::Select(Select { filter: predicate.to_string(), ..select.clone() });
        let (window, show) = (select.window, select.show);
        Ok(Found { kind, layers, window, show, looks: Looks::Select { predicate, ids } })
    }

    fn check(&self, one: &One<'_>, check: &Check) -> Result<Found, PlanError> {
        one.shown(check.show)?;
        let layers = self.looked_at(one, &check.scope, check.window.as_ref())?;
        let predicate = text::predicate(one.name, &check.filter, &layers)?;
        let kind = Kind::Check(Check { filter: predicate.to_string(), ..check.clone() });
        let (window, show) = (check.window, check.show);
        Ok(Found { kind, layers, window, show, looks: Looks::Check(predicate) })
    }

    fn follow(&self, one: &One<'_>, follow: &Follow) -> Result<Found, PlanError> {
        one.shown(follow.show)?;
        one.some("hops", follow.hops, limits::HOPS, "HOPS", "ids tie lines in a few hops")?;
        let way_out = "follow from fewer lines, or fewer kinds of ids";
        one.some("max_ids", follow.max_ids, limits::IDS, "IDS", way_out)?;
        one.some("max_rows", follow.max_rows, limits::ROWS, "ROWS", way_out)?;
        let layers = self.looked_at(one, &follow.scope, follow.window.as_ref())?;
        let (from, source) = one.reads("follows", &follow.from, |_| None)?;
        one.some("ids", follow.ids.len() as u64, u64::MAX, "", "")?;
        let sides = [
            (source.layers.as_slice(), "no layer of the step it follows"),
            (layers.as_slice(), "none of its layers"),
        ];
        let ids = one.ids(&follow.ids, &sides.map(|(layers, side)| (layers, side)))?;
        let looks = Looks::Follow {
            from,
            ids,
            hops: follow.hops,
            max_ids: follow.max_ids,
            max_rows: follow.max_rows,
        };
        let (window, show) = (follow.window, follow.show);
        Ok(Found { kind: Kind::Follow(follow.clone()), layers, window, show, looks })
    }

    fn context(&self, one: &One<'_>, context: &Context) -> Result<Found, PlanError> {
        let way_out = "select the emitter's lines in a step of their own";
        let (before, after, within) = (context.before, context.after, context.within);
        for (cap, lines) in [("before", before), ("after", after)] {
            let most = limits::CONTEXT_LINES;
            caps::at_most(&one.of(), cap, lines, most, "CONTEXT_LINES", way_out)?;
        }
        one.some("before and after", before + after, u64::MAX, "", "")?;
        if within.is_zero() || within > limits::CONTEXT_WITHIN {
            return Err(PlanError::Window {
                of: format!("the context of step `{}`", one.name),
                why: format!(
                    "`within` is {}, it must be above 0s and at most {}: {way_out} \
                     (`limits::CONTEXT_WITHIN`)",
                    format_duration(within),
                    format_duration(limits::CONTEXT_WITHIN)
                ),
            });
        }
        let (of, read) = one.reads("is around the lines of", &context.of, |_| None)?;
        let looks = Looks::Context { of, before, after, within };
        Ok(read.derived(Kind::Context(context.clone()), looks))
    }

    fn templates(&self, one: &One<'_>, templates: &Templates) -> Result<Found, PlanError> {
        let way_out = "select fewer lines";
        one.some("most", templates.most, limits::TEMPLATES, "TEMPLATES", way_out)?;
        let (of, read) = one.reads("folds the lines of", &templates.of, |_| None)?;
        let looks = Looks::Templates { of, most: templates.most };
        Ok(read.derived(Kind::Templates(templates.clone()), looks))
    }

    fn compare(&self, one: &One<'_>, compare: &Compare) -> Result<Found, PlanError> {
        let count = compare.baselines.len() as u64;
        let way_out = "compare with the few that are alike";
        let most = limits::BASELINES as u64;
        caps::at_most(&one.of(), "baselines", count, most, "BASELINES", way_out)?;
        let way_out = "name those that tell causes apart";
        let count = compare.fields.len() as u64;
        caps::at_most(&one.of(), "fields", count, limits::FIELDS as u64, "FIELDS", way_out)?;
        let (of, read) = one.reads("compares", &compare.of, |looks| match looks {
            Looks::Follow { .. } => Some(
                "which follows ids, and those of today are not in earlier lines: compare a select",
            ),
            _ => None,
        })?;
        let length = self.length(read);
        let baselines: BTreeSet<Baseline> = compare.baselines().iter().copied().collect();
        for baseline in &baselines {
            reaches(one, *baseline, length)?;
        }
        let baselines: Vec<Baseline> = baselines.into_iter().collect();
        let fields = one.fields(&compare.fields, &read.layers)?;
        let kind = Kind::Compare(Compare {
            of: compare.of.clone(),
            baselines: baselines.clone(),
            fields: fields.iter().map(ToString::to_string).collect(),
        });
        Ok(read.derived(kind, Looks::Compare { of, baselines, fields }))
    }

    fn measure(&mut self, one: &One<'_>, asked: &Measures) -> Result<Found, PlanError> {
        let way_out = "measure in several steps";
        let count = asked.facts.len() as u64;
        one.some("facts", count, limits::STEP_MEASURES as u64, "STEP_MEASURES", way_out)?;
        self.measures += asked.facts.len();
        let (all, most) = (self.measures as u64, limits::MEASURES as u64);
        let way_out = "make several plans of it";
        caps::at_most(&one.of(), "facts of the plan", all, most, "MEASURES", way_out)?;
        if let Some(name) = &asked.twice {
            let why = format!("step `{}` has two facts of this name", one.name);
            return Err(PlanError::Measure { measure: name.clone(), why });
        }
        let (of, read) = one.reads("measures", &asked.of, |_| None)?;
        let mut measures = Vec::with_capacity(asked.facts.len());
        let mut facts = BTreeMap::new();
        for (name, text) in &asked.facts {
            one.fact(name)?;
            let measure = text::measure(one.name, name, text, &read.name, &read.layers)?;
            if let Some(window) = &measure.window {
                let of = format!("measure `{name}`");
                caps::window(&of, window.before.saturating_add(window.after))?;
            }
            facts.insert(name.clone(), measure.to_string());
            measures.push(measure);
        }
        let kind = Kind::Measure(Measures { of: asked.of.clone(), facts, twice: None });
        Ok(read.derived(kind, Looks::Measure { of, measures }))
    }

    /// The layers of a scope, once the step's window is known to be bounded.
    fn looked_at(
        &self,
        one: &One<'_>,
        scope: &Scope,
        window: Option<&WindowSpec>,
    ) -> Result<Vec<Layer>, PlanError> {
        if let Some(spec) = window {
            let length = spec.before.saturating_add(spec.after);
            if length.is_zero() {
                let why = "it is empty: say how long before or after it lasts".to_owned();
                return Err(PlanError::Window { of: one.of(), why });
            }
            let padding = self.padding.values().map(|p| p.before.saturating_add(p.after)).max();
            caps::window(&one.of(), length.saturating_add(padding.unwrap_or_default()))?;
        }
        let unknown = |layer: &str| given::unknown_layer(&one.of(), layer, self.layers);
        match scope {
            Scope::All if self.layers.is_empty() => Err(unknown("*")),
            Scope::All => Ok(self.layers.iter().cloned().collect()),
            Scope::Layers(names) if names.is_empty() => Err(unknown("")),
            Scope::Layers(names) => {
                // Each once, in the order of their names: the order of mention changes nothing.
                let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
                names
                    .into_iter()
                    .map(|name| {
                        let found = self.layers.iter().find(|l| l.name().as_str() == name);
                        found.cloned().ok_or_else(|| unknown(name))
                    })
                    .collect()
            }
        }
    }

    /// How long a step's window is in the layer that is looked at longest.
    fn length(&self, step: &CheckedStep) -> Duration {
        let own = match (&step.window, &self.plan.around) {
            (Some(spec), _) | (None, Around::Ticket(spec)) => {
                spec.before.saturating_add(spec.after)
            }
            (None, Around::Window(window)) => window.length(),
        };
        let padding = step.layers.iter().filter_map(|layer| self.padding.get(layer.name()));
        let padding = padding.map(|p| p.before.saturating_add(p.after)).max();
        own.saturating_add(padding.unwrap_or_default())
    }
}

impl CheckedStep {
    /// A step that reads this one's lines.
    fn derived(&self, kind: Kind, looks: Looks) -> Found {
        let (layers, window) = (self.layers.clone(), self.window);
        Found { kind, layers, window, show: NONE_SHOWN, looks }
    }
}

/// The step at hand, for what it may read and for messages.
struct One<'a> {
    name: &'a str,
    before: &'a [CheckedStep],
}

impl One<'_> {
    fn of(&self) -> String {
        format!("step `{}`", self.name)
    }

    fn some(
        &self,
        cap: &'static str,
        value: u64,
        most: u64,
        limit: &str,
        way_out: &str,
    ) -> Result<(), PlanError> {
        caps::some(&self.of(), cap, value, most, limit, way_out)
    }

    fn shown(&self, show: Shown) -> Result<(), PlanError> {
        let way_out = "what is shown is a sample: counts and measures are over all lines";
        self.some("shown", show.most, limits::SHOWN, "SHOWN", way_out)
    }

    /// The step that this one reads, and its place.
    fn reads(
        &self,
        reads: &'static str,
        from: &str,
        unfit: impl Fn(&Looks) -> Option<&'static str>,
    ) -> Result<(usize, &CheckedStep), PlanError> {
        let found = self.before.iter().enumerate().find(|(_, step)| step.name.as_str() == from);
        let step = self.name.to_owned();
        let Some((index, read)) = found else {
            let readable = self.before.iter().filter(|step| step.looks.has_lines());
            let known: Vec<String> = readable.map(|step| step.name.to_string()).collect();
            let near = did_you_mean(from, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(PlanError::UnknownStep { step, reads, from: from.to_owned(), near, known });
        };
        let no_lines = "which has no lines of its own: name a select, follow or check";
        let why = if read.looks.has_lines() { unfit(&read.looks) } else { Some(no_lines) };
        match why {
            Some(why) => Err(PlanError::UnfitStep { step, reads, from: from.to_owned(), why }),
            None => Ok((index, read)),
        }
    }

    /// Kinds of ids that each side has.
    fn ids(
        &self,
        ids: &[String],
        sides: &[(&[Layer], &'static str)],
    ) -> Result<Vec<IdKind>, PlanError> {
        let (count, most) = (ids.len() as u64, limits::ID_KINDS as u64);
        let way_out = "name the kinds that tie lines together";
        caps::at_most(&self.of(), "ids", count, most, "ID_KINDS", way_out)?;
        let mut kinds = BTreeSet::new();
        for id in ids {
            let kind = IdKind::parse(id)
                .map_err(|source| PlanError::Name { step: self.name.to_owned(), source })?;
            let has = |layers: &[Layer]| layers.iter().any(|l| l.id_fields(&kind).next().is_some());
            if let Some((layers, side)) = sides.iter().find(|(layers, _)| !has(layers)) {
                let known = layers.iter().flat_map(|layer| layer.id_kinds().map(IdKind::as_str));
                return Err(PlanError::UnknownId {
                    step: self.name.to_owned(),
                    id: id.clone(),
                    side,
                    near: did_you_mean(id, known).map(str::to_owned),
                });
            }
            kinds.insert(kind);
        }
        Ok(kinds.into_iter().collect())
    }

    /// Fields whose values can be compared, each once, in the order of their names.
    fn fields(&self, names: &[String], layers: &[Layer]) -> Result<Vec<Field>, PlanError> {
        let types = LayersFields::new(layers);
        let mut fields = BTreeMap::new();
        for name in names {
            let field = Field::parse(name).ok().filter(|field| types.field_type(field).is_some());
            let Some(field) = field else {
                let known = types.names();
                let near = did_you_mean(name, known.iter().map(String::as_str));
                return Err(PlanError::UnknownField {
                    step: self.name.to_owned(),
                    field: name.clone(),
                    near: near.map(str::to_owned),
                    known,
                });
            };
            fields.insert(name.clone(), field);
        }
        Ok(fields.into_values().collect())
    }

    /// A name that a fact can have, new in the plan.
    fn fact(&self, name: &str) -> Result<(), PlanError> {
        let fail = |why: String| PlanError::Measure { measure: name.to_owned(), why };
        let plain = FieldName::parse(name).is_ok() && !name.contains('.');
        if !plain {
            let why = "a fact is one word of letters, digits and `_`, not a word of the grammar";
            return Err(fail(format!("step `{}`: {why}", self.name)));
        }
        let taken = self.before.iter().find(|step| match &step.looks {
            Looks::Measure { measures, .. } => measures.iter().any(|known| known.name == name),
            _ => false,
        });
        match taken {
            None => Ok(()),
            Some(other) => Err(fail(format!(
                "step `{}` has a fact of this name, and so has step `{}`",
                other.name,
                short(self.name)
            ))),
        }
    }
}

/// A baseline that does not overlap what is compared with it, and does not reach too far back.
fn reaches(one: &One<'_>, baseline: Baseline, length: Duration) -> Result<(), PlanError> {
    let (reach, least) = match baseline {
        Baseline::Ago(ago) => (ago, length),
        Baseline::Before(before) => (before, Duration::from_nanos(1)),
    };
    let why = if reach < least {
        format!(
            "it overlaps the window, which is {} long: go back at least as far, or take the time \
             `before` it",
            format_duration(length)
        )
    } else if reach > limits::BASELINE_REACH {
        format!(
            "it reaches back further than {}: take a nearer one (`limits::BASELINE_REACH`)",
            format_duration(limits::BASELINE_REACH)
        )
    } else {
        return Ok(());
    };
    let why = if reach.is_zero() { "it is empty: say how long it is".to_owned() } else { why };
    Err(PlanError::Baseline { step: one.name.to_owned(), baseline: baseline.to_string(), why })
}
