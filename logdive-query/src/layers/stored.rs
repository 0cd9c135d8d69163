//! Parquet files of somebody else, on any object store, as the lines of a layer: which of them a
//! dive reads, what their footers say, and what became of each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::Schema;
use chrono::TimeDelta;
use datafusion::common::{Result as EngineResult, plan_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;
use logdive_core::{Layer, LayerCoverage, Reason, ReasonKind};
use object_store::ObjectStore;
use object_store::path::Path as Location;

use super::mapping::Mapping;
use super::memory::coverage_of;
use super::span::{AROUND, Span};
use super::{Ask, Lost, Opened, unread};
use crate::emitters::Emitters;
use crate::engine::{Halt, LayerStore};

mod apart;
pub(crate) mod footer;
mod group;
mod survey;

use self::footer::Footer;
use self::group::Group;

/// So many files are remembered from dive to dive; footers of logs are small.
const REMEMBERED: usize = 10_000;

/// A file that may be read.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) location: Location,
    pub(crate) bytes: u64,
    /// What changes when the file does.
    pub(crate) identity: String,
    /// The times that it holds by what is known before it is opened.
    pub(crate) times: Option<Span>,
    /// Values of all its rows, by column.
    pub(crate) values: Vec<(String, ScalarValue)>,
}

/// What is known of a file that was opened once.
#[derive(Debug)]
struct Known {
    footer: Arc<Footer>,
    /// Who wrote it, and rows without a time; once asked.
    writers: Mutex<Option<Writers>>,
}

/// Who wrote a file.
#[derive(Debug, Clone, Default)]
struct Writers {
    /// Each emitter with its newest time in microseconds.
    newest: Vec<(Option<String>, i64)>,
    timeless: u64,
}

/// A file that was opened.
#[derive(Debug, Clone)]
struct OpenFile {
    candidate: Candidate,
    known: Arc<Known>,
    /// Its times by all that is known.
    times: Option<Span>,
}

/// A layer's files over its dives.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) layer: Layer,
    pub(crate) mapping: Mapping,
    /// What lines say they were read from.
    pub(crate) format: &'static str,
    known: Mutex<HashMap<(Location, String), Arc<Known>>>,
}

/// What became of a dive's files before lines are read.
#[derive(Debug, Default)]
struct Found {
    files: Vec<OpenFile>,
    /// Files that cannot be read, and why.
    failed: Vec<(Candidate, Reason)>,
    /// What else is not as it should be.
    doubts: Vec<Reason>,
}

impl Stored {
    pub(crate) fn new(layer: Layer, mapping: Mapping, format: &'static str) -> Self {
        Self { layer, mapping, format, known: Mutex::default() }
    }

    /// Pins files for a dive. `failed` is what went wrong before.
    pub(crate) async fn open(
        &self,
        ask: &Ask<'_>,
        store: Arc<dyn ObjectStore>,
        candidates: Vec<Candidate>,
        failed: Vec<Reason>,
    ) -> Opened {
        let store = match ask.engine.store_over(self.layer.name(), store) {
            Ok(store) => store,
            Err(error) => return Opened::failed_with(error),
        };
        let bytes = Arc::clone(&store.bytes);
        let lost = Lost::new(ask.engine.meter());
        let opened = self.pinned(ask, &store, candidates, failed, &lost).await;
        match opened {
            Ok(opened) => opened,
            Err(Halt::Limit(limit)) => Opened { bytes, ..Opened::stopped_by(limit) },
            Err(Halt::Failed(reason)) => Opened { bytes, ..Opened::failed(reason) },
        }
    }

    async fn pinned(
        &self,
        ask: &Ask<'_>,
        store: &LayerStore,
        candidates: Vec<Candidate>,
        mut failed: Vec<Reason>,
        lost: &Arc<Lost>,
    ) -> Result<Opened, Halt> {
        let unlisted = failed.len();
        let window = Span::of(&ask.window);
        let late = self.layer.declared_lateness().unwrap_or_default();
        let around = window.wider(AROUND, AROUND.saturating_add(late));
        let (near, far): (Vec<Candidate>, Vec<Candidate>) = candidates
            .into_iter()
            .partition(|file| file.times.is_none_or(|times| times.meets(&around)));
        let in_window = |file: &Candidate| file.times.is_none_or(|times| times.meets(&window));
        let planned = near.iter().filter(|file| in_window(file)).count();
        let found = self.opened(ask, store, near).await?;
        // Those around the window had to be read, too, if only to know who writes.
        let beside = found.failed.iter().filter(|(file, _)| !in_window(file)).count();
        let (planned, unreadable) = (planned + beside, found.failed.len());
        failed.extend(found.failed.into_iter().map(|(_, reason)| reason));
        failed.extend(found.doubts);
        let unknown = !failed.is_empty();
        let near: Vec<OpenFile> = found
            .files
            .into_iter()
            .filter(|file| file.times.is_none_or(|times| times.meets(&around)))
            .collect();
        let mut coverage = LayerCoverage {
            planned: (planned + unlisted) as u64,
            read: planned.saturating_sub(unreadable) as u64,
            failed,
            ..LayerCoverage::default()
        };
        let mut emitters = Emitters::default();
        let mut timeless = 0;
        for writers in self.writers(ask, store, lost, &near).await? {
            timeless += writers.timeless;
            for (emitter, newest) in writers.newest {
                emitters.add(self.layer.name().as_str(), emitter.as_deref(), newest);
            }
        }
        if !self.mapping.names_emitters() {
            self.look_further(ask, store, far, window.to, &mut emitters).await?;
        }
        if timeless > 0 {
            let time = near.first().map(|file| self.mapping.time_column(file.schema()));
            let name = time.and_then(Result::ok).map(|time| time.name().to_owned());
            let name = name.unwrap_or_default();
            let detail = format!("{timeless} lines have no readable time in `{name}`");
            coverage.failed.push(Reason::new(ReasonKind::IllTyped, detail));
        }
        let (of_lines, names) = coverage_of(&emitters, &self.layer);
        coverage.newest = of_lines.newest;
        // What unreadable files say of emitters is unknown, so their lowest is too.
        coverage.watermark = of_lines.watermark.filter(|_| !unknown);
        let wanted: Vec<OpenFile> = near
            .into_iter()
            .filter(|file| file.times.is_none_or(|times| times.meets(&window)))
            .collect();
        let most = ask.engine.budget().rows;
        let rows: u64 = wanted.iter().map(|file| self.rows(file, &window)).sum();
        let table = if rows > most {
            coverage.read = 0;
            coverage.stopped_by =
                Some(format!("the row budget of {most} rows: the files have {rows}"));
            super::memory::table(Vec::new())
        } else {
            let groups = self.groups(wanted, &mut coverage);
            match self.lines(ask, store, lost, groups)? {
                Some(lines) => Arc::new(ViewTable::new(lines, None)),
                None => super::memory::table(Vec::new()),
            }
        };
        let bytes = Arc::clone(&store.bytes);
        Ok(Opened { table, coverage, emitters: names, bytes, sharers: 1, lost: Arc::clone(lost) })
    }

    /// Opens files: what cannot be read, or does not fit, is named.
    async fn opened(
        &self,
        ask: &Ask<'_>,
        store: &LayerStore,
        files: Vec<Candidate>,
    ) -> Result<Found, Halt> {
        let mut found = Found::default();
        let mut unknown = Vec::new();
        for file in files {
            match self.remembered(&file) {
                Some(known) => self.admit(file, known, &mut found),
                None => unknown.push(file),
            }
        }
        let footers = footer::read_all(&store.store, unknown, ask.engine);
        let footers = match tokio::time::timeout(ask.engine.time_left(), footers).await {
            Ok(footers) => footers?,
            Err(_) => return Err(ask.engine.out_of_time()),
        };
        for (file, footer) in footers {
            match footer {
                Ok(footer) => {
                    let known =
                        Arc::new(Known { footer: Arc::new(footer), writers: Mutex::default() });
                    self.remember(&file, &known);
                    self.admit(file, known, &mut found);
                }
                Err(why) => {
                    let reason = unread(file.location.as_ref(), &why);
                    found.failed.push((file, reason));
                }
            }
        }
        found.files.sort_by(|a, b| a.candidate.location.cmp(&b.candidate.location));
        Ok(found)
    }

    fn remembered(&self, file: &Candidate) -> Option<Arc<Known>> {
        let key = (file.location.clone(), file.identity.clone());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    fn remember(&self, file: &Candidate, known: &Arc<Known>) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert((file.location.clone(), file.identity.clone()), Arc::clone(known));
    }

    fn admit(&self, candidate: Candidate, known: Arc<Known>, found: &mut Found) {
        let schema = group::whole_schema(&known.footer.schema, &candidate.values);
        if let Err(misfit) = self.mapping.fit(&schema) {
            let reason = unread(candidate.location.as_ref(), &misfit.to_string());
            found.failed.push((candidate, reason));
            return;
        }
        let time = self.mapping.time_column(&schema).ok();
        let inside = time.and_then(|time| known.footer.times(&time));
        if let (Some(claimed), Some(inside)) = (candidate.times, inside)
            && !claimed.holds(&inside)
        {
            // Files that were left out may hold lines of the window just so.
            let detail = format!(
                "`{}` has lines from {}, beyond {}: what says so cannot be pruned by",
                candidate.location,
                inside.shown(),
                claimed.shown(),
            );
            found.doubts.push(Reason::new(ReasonKind::Failed, detail));
        }
        let times = inside.or(candidate.times);
        found.files.push(OpenFile { candidate, known, times });
    }

    /// How many rows of a file may be in a window.
    fn rows(&self, file: &OpenFile, window: &Span) -> u64 {
        match self.mapping.time_column(file.schema()) {
            Ok(time) => file.known.footer.rows_in(&time, window),
            Err(_) => file.known.footer.rows(),
        }
    }

    /// Files by their columns. What there are too many kinds of is named.
    fn groups(&self, files: Vec<OpenFile>, coverage: &mut LayerCoverage) -> Vec<Group> {
        let (groups, over) = group::grouped(files);
        for file in over {
            coverage.read = coverage.read.saturating_sub(1);
            let why = format!("the layer's files have more than {} kinds of columns", group::MOST);
            coverage.failed.push(unread(file.candidate.location.as_ref(), &why));
        }
        groups
    }

    fn lines(
        &self,
        ask: &Ask<'_>,
        store: &LayerStore,
        lost: &Arc<Lost>,
        groups: Vec<Group>,
    ) -> EngineResult<Option<LogicalPlan>> {
        let mut plans = Vec::new();
        for group in groups {
            let table = Arc::new(group.table(store, lost));
            let schema = Arc::clone(group.schema());
            let scan = LogicalPlanBuilder::scan("files", provider_as_source(table), None)?;
            let name = self.layer.name();
            let lines =
                self.mapping.lines(scan, name, &schema, self.format, &Span::of(&ask.window))?;
            plans.push(lines.build()?);
        }
        match plans.is_empty() {
            true => Ok(None),
            false => union(plans).map(Some),
        }
    }

    /// A layer without emitters is one: any later line says that it is alive. Files behind the
    /// window are asked, newest first, until one does.
    async fn look_further(
        &self,
        ask: &Ask<'_>,
        store: &LayerStore,
        far: Vec<Candidate>,
        end: i64,
        emitters: &mut Emitters,
    ) -> Result<(), Halt> {
        let Some(lateness) = self.layer.declared_lateness() else { return Ok(()) };
        let late = TimeDelta::from_std(lateness).unwrap_or(TimeDelta::MAX);
        let needed = end.saturating_add(late.num_microseconds().unwrap_or(i64::MAX));
        let name = self.layer.name().as_str();
        let mut behind: Vec<Candidate> =
            far.into_iter().filter(|file| file.times.is_some_and(|t| t.to > needed)).collect();
        behind.sort_by_key(|file| file.times.map(|times| times.from));
        while emitters.newest_of(name).is_none_or(|newest| newest <= needed) {
            let Some(file) = behind.pop() else { break };
            // One that cannot be read is no file of this window.
            let found = self.opened(ask, store, vec![file]).await?;
            for times in found.files.iter().filter_map(|file| file.times) {
                emitters.add(name, None, times.to);
            }
        }
        Ok(())
    }
}

impl OpenFile {
    fn schema(&self) -> &Schema {
        &self.known.footer.schema
    }
}

/// Joins plans of one schema.
fn union(plans: Vec<LogicalPlan>) -> EngineResult<LogicalPlan> {
    let mut plans = plans.into_iter();
    let Some(first) = plans.next() else { return plan_err!("there are no files") };
    plans.try_fold(LogicalPlanBuilder::from(first), |all, plan| all.union(plan))?.build()
}
