//! What is gathered from the lines of a step in one scan of each table they lie in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::Result as EngineResult;
use datafusion::logical_expr::{Expr, in_list, lit};
use datafusion::physical_plan::PhysicalExpr;
use logdive_core::log::Column;
use logdive_core::measure::Tally;
use logdive_core::{Field, IdKind, Layer, LogRecord, Predicate, Window};

use crate::engine::{Engine, Halt};
use crate::lower::{Lowering, balanced, column, in_window};
use crate::plan::Shown;
use crate::scan::{Compiler, Consumer, Scan, array, keep, truths};

mod emitters;
mod ids;
mod shapes;
mod tally;
mod top;
mod values;

pub(crate) use ids::{Id, Ids};
pub(crate) use shapes::{ShapeLines, Shapes};
pub(crate) use tally::Asked;
pub(crate) use top::line_order;

use emitters::Emitting;
use tally::Tallies;
use top::Top;
use values::Values;

/// The lines of one layer that belong to a step.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) layer: Layer,
    pub(crate) table: Arc<dyn TableProvider>,
    pub(crate) window: Window,
    pub(crate) predicate: Predicate,
}

impl Part {
    /// Whether a line belongs to the step.
    fn truth(&self) -> Expr {
        Lowering::new(&self.layer).truth(&self.predicate)
    }

    /// Whether a line may belong to the step and cannot be tested; `None` if every line can be.
    fn doubt(&self) -> Option<Expr> {
        let lowering = Lowering::new(&self.layer);
        let unavailable = lowering.any_unavailable(&self.predicate)?;
        Some(self.truth().is_null().and(unavailable))
    }

    /// Lines that belong to the step, and those that may.
    fn filter(&self) -> Option<Expr> {
        if self.predicate == Predicate::always() {
            return None;
        }
        Some(match self.doubt() {
            Some(doubt) => self.truth().is_true().or(doubt),
            None => self.truth(),
        })
    }
}

/// What is wanted of the lines.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wants<'a> {
    /// Lines to show.
    pub(crate) show: Option<Shown>,
    /// Their shapes, with counts and examples.
    pub(crate) shapes: bool,
    /// Who wrote them.
    pub(crate) emitters: bool,
    /// The ids of these kinds in them.
    pub(crate) ids: &'a [IdKind],
    /// The values of these fields.
    pub(crate) fields: &'a [Field],
    /// Measures over them.
    pub(crate) measures: &'a [Asked<'a>],
}

/// What was gathered.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// How many lines there are, by layer.
    pub(crate) lines: BTreeMap<String, u64>,
    /// How many may belong to the step and could not be tested.
    pub(crate) untested: u64,
    /// The lines to show, oldest first.
    pub(crate) shown: Vec<LogRecord>,
    pub(crate) shapes: Shapes,
    /// Lines by layer and emitter.
    pub(crate) emitters: BTreeMap<(String, Option<String>), u64>,
    pub(crate) ids: Ids,
    /// Lines by layer, field and value.
    pub(crate) values: BTreeMap<(String, usize, String), u64>,
    pub(crate) tallies: Vec<Tally>,
}

impl Gathered {
    /// How many lines there are.
    pub(crate) fn matched(&self) -> u64 {
        self.lines.values().sum()
    }
}

/// Gathers from the lines of parts: one scan for each table.
pub(crate) async fn gather(
    engine: &Engine,
    parts: &[Part],
    wants: &Wants<'_>,
) -> Result<Gathered, Halt> {
    let reading = by_table(parts).into_iter().map(|parts| read(engine, parts, wants));
    let mut whole: Option<Gather> = None;
    for part in futures_util::future::join_all(reading).await {
        let part = part?;
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => whole.join(part)?,
        }
    }
    match whole {
        Some(whole) => whole.finish(),
        None => {
            let tallies = vec![Tally::default(); wants.measures.len()];
            Ok(Gathered { tallies, ..Gathered::default() })
        }
    }
}

/// Parts that lie in one table are read together.
pub(crate) fn by_table(parts: &[Part]) -> Vec<Vec<&Part>> {
    let mut tables: Vec<Vec<&Part>> = Vec::new();
    for part in parts {
        let same = |other: &&mut Vec<&Part>| {
            other.first().is_some_and(|first| Arc::ptr_eq(&first.table, &part.table))
        };
        match tables.iter_mut().find(same) {
            Some(table) => table.push(part),
            None => tables.push(vec![part]),
        }
    }
    tables
}

async fn read(engine: &Engine, parts: Vec<&Part>, wants: &Wants<'_>) -> Result<Gather, Halt> {
    let Some(first) = parts.first() else { return Ok(Gather::default()) };
    let wide = wants.show.is_some() && parts.iter().any(|p| p.predicate == Predicate::always());
    // All columns of all lines cost much more than those that count: the lines to show are read
    // by themselves when it is known how old they are.
    let counted = Wants { show: if wide { None } else { wants.show }, ..wants.clone() };
    let mut columns = columns(&parts, &counted);
    if let (true, Some(show)) = (wide, wants.show) {
        columns.insert(Column::Ts);
        let scan = Scan { table: Arc::clone(&first.table), columns, filters: filters(&parts) };
        let make = |compiler: &Compiler<'_>| Gather::new(&parts, &counted, Some(show), compiler);
        let mut gather = scan.feed(engine, make).await?;
        gather.top = shown_alone(engine, &parts, show, gather.cutoff.take()).await?;
        return Ok(gather);
    }
    let scan = Scan { table: Arc::clone(&first.table), columns, filters: filters(&parts) };
    scan.feed(engine, |compiler| Gather::new(&parts, &counted, None, compiler)).await
}

/// Reads the lines to show, all columns, from where they begin.
async fn shown_alone(
    engine: &Engine,
    parts: &[&Part],
    show: Shown,
    cutoff: Option<top::Cutoff>,
) -> Result<Option<Top>, Halt> {
    let Some(first) = parts.first() else { return Ok(None) };
    let mut filters = filters(parts);
    if let Some(limit) = cutoff.and_then(top::Cutoff::filter) {
        filters.insert(0, limit);
    }
    let wants = Wants { show: Some(show), ..Wants::default() };
    let columns = columns(parts, &wants);
    let scan = Scan { table: Arc::clone(&first.table), columns, filters };
    let gather = scan.feed(engine, |compiler| Gather::new(parts, &wants, None, compiler)).await?;
    Ok(gather.top)
}

fn columns(parts: &[&Part], wants: &Wants<'_>) -> BTreeSet<Column> {
    let mut columns = BTreeSet::from([Column::Ts, Column::Layer]);
    if wants.show.is_some() {
        columns.extend(Column::ALL);
        return columns;
    }
    if wants.shapes {
        columns.extend(shapes::COLUMNS);
    }
    if wants.emitters {
        columns.insert(Column::Emitter);
    }
    for part in parts {
        let lowering = Lowering::new(&part.layer);
        let mut read = |field: &Field| columns.extend(lowering.reads(field));
        wants.ids.iter().flat_map(|kind| part.layer.id_fields(kind)).for_each(&mut read);
        wants.fields.iter().for_each(&mut read);
        part.predicate.fields().into_iter().for_each(&mut read);
        for Asked { measure, .. } in wants.measures {
            measure.function.field().into_iter().for_each(&mut read);
            measure.filter.fields().into_iter().for_each(&mut read);
        }
    }
    if wants.measures.iter().any(|asked| tally::needs_order(asked.measure)) {
        columns.extend(tally::ORDER);
    }
    columns
}

/// What lines of parts of one table must meet; the time first, by which most is left out.
fn filters(parts: &[&Part]) -> Vec<Expr> {
    let hull = parts.iter().map(|part| part.window).reduce(|a, b| a.hull(&b));
    let Some(hull) = hull else { return Vec::new() };
    let mut filters = vec![in_window(&hull)];
    // Layers that are asked the same are asked together.
    let mut groups: Vec<(Window, Option<Expr>, Vec<&str>)> = Vec::new();
    for part in parts {
        let filter = part.filter();
        let name = part.layer.name().as_str();
        let same = |(window, of_group, _): &&mut (Window, Option<Expr>, Vec<&str>)| {
            *window == part.window && *of_group == filter
        };
        match groups.iter_mut().find(same) {
            Some((.., names)) => names.push(name),
            None => groups.push((part.window, filter, vec![name])),
        }
    }
    let named = |names: &[&str]| match names {
        [name] => column(Column::Layer).eq(lit(*name)),
        names => {
            in_list(column(Column::Layer), names.iter().map(|name| lit(*name)).collect(), false)
        }
    };
    let one = groups.len() == 1;
    let mut terms = Vec::with_capacity(groups.len());
    for (window, filter, names) in groups {
        let mut all = Vec::new();
        if window != hull {
            all.push(in_window(&window));
        }
        all.push(named(&names));
        all.extend(filter);
        match one {
            true => filters.extend(all),
            false => terms.push(balanced(all, true)),
        }
    }
    if !terms.is_empty() {
        filters.push(balanced(terms, false));
    }
    filters
}

/// An expression that is the same for some layers.
#[derive(Debug, Clone)]
pub(crate) struct Variant<T> {
    /// The layers, by their places among the parts.
    layers: Vec<bool>,
    what: T,
}

impl<T> Variant<T> {
    /// Rows of these layers.
    fn rows(&self, rows: &RecordBatch, layers: &[usize]) -> EngineResult<RecordBatch> {
        if self.layers.iter().all(|of| *of) {
            return Ok(rows.clone());
        }
        keep(rows, &self.mask(layers))
    }

    fn mask(&self, layers: &[usize]) -> BooleanArray {
        layers.iter().map(|at| Some(self.layers.get(*at).copied().unwrap_or(false))).collect()
    }
}

/// Makes an expression for each layer, once for those that have it in common.
pub(crate) fn variants<K: PartialEq, T>(
    parts: &[&Part],
    key: impl Fn(&Part) -> Option<K>,
    compile: impl Fn(&K) -> EngineResult<T>,
) -> EngineResult<Vec<Variant<T>>> {
    let mut found: Vec<(K, Vec<bool>)> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let Some(key) = key(part) else { continue };
        let place = match found.iter().position(|(other, _)| *other == key) {
            Some(place) => place,
            None => {
                found.push((key, vec![false; parts.len()]));
                found.len() - 1
            }
        };
        if let Some(of) = found.get_mut(place).and_then(|(_, layers)| layers.get_mut(at)) {
            *of = true;
        }
    }
    found.into_iter().map(|(key, layers)| Ok(Variant { what: compile(&key)?, layers })).collect()
}

/// What takes the rows.
#[derive(Debug, Default)]
struct Gather {
    /// The layers' names, and whether their texts may be shown.
    layers: Arc<Vec<(String, bool)>>,
    /// Which of the rows belong to the step, where some only may.
    tests: Vec<Variant<Arc<dyn PhysicalExpr>>>,
    lines: Vec<u64>,
    untested: u64,
    shapes: Option<shapes::ShapeCounts>,
    emitting: Option<Emitting>,
    top: Option<Top>,
    /// How old the lines to show are, if they are read by themselves.
    cutoff: Option<top::Cutoff>,
    ids: Option<ids::IdCounts>,
    values: Option<Values>,
    tallies: Option<Tallies>,
}

impl Gather {
    fn new(
        parts: &[&Part],
        wants: &Wants<'_>,
        cutoff: Option<Shown>,
        compiler: &Compiler<'_>,
    ) -> Result<Self, Halt> {
        let name =
            |part: &&Part| (part.layer.name().as_str().to_owned(), !part.layer.is_restricted());
        let layers: Arc<Vec<(String, bool)>> = Arc::new(parts.iter().map(name).collect());
        let tests = variants(
            parts,
            |part| part.doubt().map(|_| part.truth()),
            |truth| compiler.compile(truth.clone()),
        )?;
        let ids = (!wants.ids.is_empty())
            .then(|| ids::IdCounts::new(parts, wants.ids, compiler))
            .transpose()?;
        let values = (!wants.fields.is_empty())
            .then(|| Values::new(parts, wants.fields, compiler))
            .transpose()?;
        let tallies = (!wants.measures.is_empty())
            .then(|| Tallies::new(parts, wants.measures, compiler))
            .transpose()?;
        Ok(Self {
            lines: vec![0; layers.len()],
            tests,
            untested: 0,
            shapes: wants.shapes.then(shapes::ShapeCounts::default),
            emitting: wants.emitters.then(Emitting::default),
            top: wants.show.map(Top::new),
            cutoff: cutoff.map(top::Cutoff::new),
            ids,
            values,
            tallies,
            layers,
        })
    }

    /// The place of each row's layer among the parts.
    fn places(&self, rows: &RecordBatch) -> EngineResult<Vec<usize>> {
        let names = array(rows, Column::Layer)?.as_string::<i32>();
        let mut places = Vec::with_capacity(rows.num_rows());
        let mut last = 0;
        for row in 0..rows.num_rows() {
            let name = names.value(row);
            let is = |at: usize| self.layers.get(at).is_some_and(|(layer, _)| layer == name);
            if !is(last) {
                last = (0..self.layers.len()).find(|at| is(*at)).unwrap_or(usize::MAX);
            }
            places.push(last);
        }
        Ok(places)
    }

    /// Leaves out rows that only may belong to the step, and counts them.
    fn tested(&mut self, rows: &RecordBatch) -> EngineResult<RecordBatch> {
        if self.tests.is_empty() {
            return Ok(rows.clone());
        }
        let places = self.places(rows)?;
        let mut belongs = vec![true; rows.num_rows()];
        for test in &self.tests {
            let truths = truths(&test.what, rows)?;
            for (row, belongs) in belongs.iter_mut().enumerate() {
                let place = places.get(row).copied().unwrap_or(usize::MAX);
                if test.layers.get(place).copied().unwrap_or(false) {
                    *belongs = truths.value(row);
                }
            }
        }
        self.untested += belongs.iter().filter(|belongs| !**belongs).count() as u64;
        keep(rows, &BooleanArray::from(belongs))
    }

    fn finish(self) -> Result<Gathered, Halt> {
        let name =
            |at: usize| self.layers.get(at).map(|(name, _)| name.clone()).unwrap_or_default();
        let lines = self.lines.iter().enumerate().map(|(at, lines)| (name(at), *lines));
        Ok(Gathered {
            lines: lines.collect(),
            untested: self.untested,
            shown: self.top.map(Top::finish).unwrap_or_default(),
            shapes: self.shapes.map(|shapes| shapes.finish(&self.layers)).unwrap_or_default(),
            emitters: self.emitting.map(|e| e.finish(&self.layers)).unwrap_or_default(),
            ids: self.ids.map(|ids| ids.finish(&self.layers)).unwrap_or_default(),
            values: self.values.map(|values| values.finish(&self.layers)).unwrap_or_default(),
            tallies: self.tallies.map(Tallies::finish).unwrap_or_default(),
        })
    }

    /// The same layers in the same order: places can be joined as they are. Tables of their own
    /// have layers of their own, whose places are put behind.
    fn place_behind(&mut self, other: &Self) -> Vec<usize> {
        if self.layers == other.layers {
            return (0..other.layers.len()).collect();
        }
        let mut layers = self.layers.as_ref().clone();
        let mut places = Vec::with_capacity(other.layers.len());
        for layer in other.layers.iter() {
            let known = layers.iter().position(|known| known == layer);
            places.push(known.unwrap_or_else(|| {
                layers.push(layer.clone());
                layers.len() - 1
            }));
        }
        self.lines.resize(layers.len(), 0);
        self.layers = Arc::new(layers);
        places
    }
}

impl Consumer for Gather {
    fn fresh(&self) -> Self {
        Self {
            layers: Arc::clone(&self.layers),
            tests: self.tests.clone(),
            lines: vec![0; self.layers.len()],
            untested: 0,
            shapes: self.shapes.as_ref().map(|_| shapes::ShapeCounts::default()),
            emitting: self.emitting.as_ref().map(|_| Emitting::default()),
            top: self.top.as_ref().map(Top::fresh),
            cutoff: self.cutoff.as_ref().map(top::Cutoff::fresh),
            ids: self.ids.as_ref().map(ids::IdCounts::fresh),
            values: self.values.as_ref().map(Values::fresh),
            tallies: self.tallies.as_ref().map(Tallies::fresh),
        }
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<(), Halt> {
        let rows = self.tested(rows)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let places = self.places(&rows)?;
        for place in &places {
            if let Some(lines) = self.lines.get_mut(*place) {
                *lines += 1;
            }
        }
        if let Some(shapes) = &mut self.shapes {
            shapes.take(&rows, &places, &self.layers)?;
        }
        if let Some(emitting) = &mut self.emitting {
            emitting.take(&rows, &places)?;
        }
        if let Some(top) = &mut self.top {
            top.take(&rows, &places, &self.layers)?;
        }
        if let Some(cutoff) = &mut self.cutoff {
            cutoff.take(array(&rows, Column::Ts)?, &places, &self.layers);
        }
        if let Some(ids) = &mut self.ids {
            ids.take(&rows, &places)?;
        }
        if let Some(values) = &mut self.values {
            values.take(&rows, &places)?;
        }
        if let Some(tallies) = &mut self.tallies {
            tallies.take(&rows, &places)?;
        }
        Ok(())
    }

    fn join(&mut self, other: Self) -> Result<(), Halt> {
        let places = self.place_behind(&other);
        for (lines, place) in other.lines.iter().zip(&places) {
            if let Some(own) = self.lines.get_mut(*place) {
                *own += lines;
            }
        }
        self.untested += other.untested;
        if let (Some(own), Some(other)) = (&mut self.shapes, other.shapes) {
            own.join(other, &places);
        }
        if let (Some(own), Some(other)) = (&mut self.emitting, other.emitting) {
            own.join(other, &places);
        }
        match (&mut self.top, other.top) {
            (Some(own), Some(other)) => own.join(other),
            (own @ None, Some(other)) => *own = Some(other),
            _ => {}
        }
        if let (Some(own), Some(other)) = (&mut self.cutoff, other.cutoff) {
            own.join(other);
        }
        if let (Some(own), Some(other)) = (&mut self.ids, other.ids) {
            own.join(other, &places);
        }
        if let (Some(own), Some(other)) = (&mut self.values, other.values) {
            own.join(other, &places);
        }
        if let (Some(own), Some(other)) = (&mut self.tallies, other.tallies) {
            own.join(other);
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.shapes.as_ref().map_or(0, shapes::ShapeCounts::held)
            + self.top.as_ref().map_or(0, Top::held)
            + self.ids.as_ref().map_or(0, ids::IdCounts::held)
            + self.values.as_ref().map_or(0, Values::held)
            + self.tallies.as_ref().map_or(0, Tallies::held)
    }
}

/// The columns of texts.
fn texts(array: &ArrayRef) -> Option<&arrow::array::StringArray> {
    array.as_string_opt::<i32>()
}
