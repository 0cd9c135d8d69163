//! What was read: the stream's offsets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use logdive_core::Digest;
use object_store::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::walk::End;

/// The version of what is written.
const VERSION: u64 = 1;
/// Hexadecimal digits of one object: of its key, and of its tag or size.
const KEY_DIGITS: usize = 24;
const TAG_DIGITS: usize = 8;

/// What was read, and what could not be.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// Folders whose time ended by then are not looked at any more.
    pub(super) closed: Option<DateTime<Utc>>,
    read: BTreeMap<End, Objects>,
    /// Objects that could not be read, by key.
    pub(super) failed: BTreeMap<String, Failed>,
    /// Objects that were read in part: how many of their rows are kept.
    pub(super) partial: BTreeMap<String, u64>,
}

/// An object that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failed {
    /// Since when, in seconds since 1970.
    pub(super) since: i64,
    /// How often it was tried.
    pub(super) tries: u32,
}

/// The objects of one time, each by the digest of its key.
#[derive(Debug, Clone, Default)]
struct Objects {
    tags: HashMap<u128, u32>,
    /// The same as it is written: this is copied for each push, a map would be written anew.
    text: String,
}

/// What is known of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    New,
    Read,
    /// It was read, and is another now.
    Changed,
}

fn hex<T>(text: &str, parse: fn(&str, u32) -> Result<T, std::num::ParseIntError>) -> Option<T> {
    parse(text, 16).ok()
}

/// An object's key and its tag (its size where there is none), each by the beginning of a digest:
/// 96 bits tell keys apart, 32 tell that an object changed.
fn identity(object: &ObjectMeta) -> (u128, u32) {
    let key = Digest::of(object.location.as_ref());
    let tag = match &object.e_tag {
        Some(tag) => Digest::of(tag),
        None => Digest::of(object.size.to_le_bytes()),
    };
    let key = key.as_bytes().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let tag = tag.as_bytes().first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    (key >> 32, tag)
}

impl Objects {
    fn insert(&mut self, key: u128, tag: u32) {
        if self.tags.insert(key, tag).is_none() {
            // Writing to a text never fails.
            let _ = write!(self.text, "{key:0KEY_DIGITS$x}{tag:0TAG_DIGITS$x}");
        } else {
            self.rewrite();
        }
    }

    fn rewrite(&mut self) {
        let mut sorted: Vec<_> = self.tags.iter().collect();
        sorted.sort_unstable();
        self.text.clear();
        for (key, tag) in sorted {
            let _ = write!(self.text, "{key:0KEY_DIGITS$x}{tag:0TAG_DIGITS$x}");
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut objects = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (object, more) = rest.split_at_checked(KEY_DIGITS + TAG_DIGITS)?;
            let (key, tag) = object.split_at_checked(KEY_DIGITS)?;
            objects.insert(hex(key, u128::from_str_radix)?, hex(tag, u32::from_str_radix)?);
            rest = more;
        }
        Some(objects)
    }
}

impl State {
    /// What a stream's offsets say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn from_offsets(offsets: Option<&Json>) -> Result<Self, String> {
        let Some(offsets) = offsets.filter(|offsets| !offsets.is_null()) else {
            return Ok(Self::default());
        };
        let state = offsets.get("deliveries").ok_or("they have no `deliveries`")?;
        match state.get("version").and_then(Json::as_u64) {
            Some(VERSION) => {}
            Some(newer) => return Err(format!("version {newer} is newer than {VERSION}")),
            None => return Err("they have no version".to_owned()),
        }
        let written: Written = Written::deserialize(state).map_err(|error| error.to_string())?;
        let mut read = BTreeMap::new();
        for (end, objects) in written.read {
            let end = match end.as_str() {
                "undated" => End::Never,
                time => End::At(time.parse().map_err(|_| format!("`{time}` is no time"))?),
            };
            let objects =
                Objects::parse(&objects).ok_or_else(|| "its objects are cut".to_owned())?;
            read.insert(end, objects);
        }
        let (closed, failed, partial) = (written.closed, written.failed, written.partial);
        Ok(Self { closed, read, failed, partial })
    }

    /// The stream's offsets.
    pub(super) fn offsets(&self) -> Json {
        let name = |end: &End| match end {
            End::At(time) => time.to_rfc3339_opts(SecondsFormat::Secs, true),
            End::Never => "undated".to_owned(),
        };
        let read: serde_json::Map<String, Json> = self
            .read
            .iter()
            .map(|(end, objects)| (name(end), Json::String(objects.text.clone())))
            .collect();
        json!({"deliveries": {
            "version": VERSION,
            "closed": self.closed,
            "read": read,
            "failed": self.failed,
            "partial": self.partial,
        }})
    }

    pub(super) fn known(&self, end: End, object: &ObjectMeta) -> Known {
        let (key, tag) = identity(object);
        match self.read.get(&end).and_then(|objects| objects.tags.get(&key)) {
            None => Known::New,
            Some(known) if *known == tag => Known::Read,
            Some(_) => Known::Changed,
        }
    }

    /// Remembers an object as read.
    pub(super) fn insert(&mut self, end: End, object: &ObjectMeta) {
        let (key, tag) = identity(object);
        self.failed.remove(object.location.as_ref());
        self.partial.remove(object.location.as_ref());
        if !self.is_closed(end) {
            self.read.entry(end).or_default().insert(key, tag);
        }
    }

    pub(super) fn is_closed(&self, end: End) -> bool {
        matches!((end, self.closed), (End::At(end), Some(closed)) if end <= closed)
    }

    /// Closes folders whose time ended by then, and forgets what is in them; says whether
    /// something was forgotten.
    pub(super) fn close(&mut self, until: DateTime<Utc>) -> bool {
        if self.closed.is_none_or(|closed| closed < until) {
            self.closed = Some(until);
        }
        let before = self.read.len();
        self.read.retain(|end, _| *end > End::At(until));
        self.read.len() < before
    }

    /// Forgets undated objects that are not there any more.
    pub(super) fn keep_undated<'a>(&mut self, there: impl Iterator<Item = &'a ObjectMeta>) -> bool {
        let Some(objects) = self.read.get_mut(&End::Never) else { return false };
        let there: BTreeSet<u128> = there.map(|object| identity(object).0).collect();
        let before = objects.tags.len();
        objects.tags.retain(|key, _| there.contains(key));
        let forgot = objects.tags.len() < before;
        if forgot {
            objects.rewrite();
        }
        forgot
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.read.values().map(|objects| objects.tags.len()).sum()
    }
}

#[derive(Deserialize)]
struct Written {
    closed: Option<DateTime<Utc>>,
    read: BTreeMap<String, String>,
    failed: BTreeMap<String, Failed>,
    partial: BTreeMap<String, u64>,
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use object_store::ObjectMeta;
    use object_store::path::Path;
    use proptest::prelude::*;
    use serde_json::json;

    use super::{End, Failed, Known, State};

    fn object(key: &str, tag: Option<&str>) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(key),
            last_modified: DateTime::UNIX_EPOCH,
            size: 7,
            e_tag: tag.map(str::to_owned),
            version: None,
        }
    }

    fn day(day: i64) -> End {
        End::At(DateTime::from_timestamp(day * 86_400, 0).unwrap())
    }

    #[test]
    fn closed_folders_are_forgotten() {
        let mut state = State::default();
        state.insert(day(1), &object("a", Some("1")));
        state.insert(day(2), &object("b", None));
        state.insert(End::Never, &object("c", None));
        assert!(state.close(DateTime::from_timestamp(86_400, 0).unwrap()));
        assert!(!state.close(DateTime::from_timestamp(0, 0).unwrap()), "never back");
        assert!(state.is_closed(day(1)) && !state.is_closed(day(2)));
        assert_eq!(state.remembered(), 2);
        state.insert(day(1), &object("late", None));
        assert_eq!(state.remembered(), 2, "nothing is remembered of a closed folder");
        assert!(state.keep_undated([object("d", None)].iter()));
        assert_eq!(state.remembered(), 1);
    }

    #[test]
    fn an_object_that_changed_is_known() {
        let mut state = State::default();
        state.insert(day(1), &object("a", Some("1")));
        assert_eq!(state.known(day(1), &object("a", Some("1"))), Known::Read);
        assert_eq!(state.known(day(1), &object("a", Some("2"))), Known::Changed);
        assert_eq!(state.known(day(2), &object("a", Some("1"))), Known::New);
        state.insert(day(1), &object("a", Some("2")));
        assert_eq!(state.known(day(1), &object("a", Some("2"))), Known::Read);
        assert_eq!(state.remembered(), 1);
    }

    #[test]
    fn other_offsets_are_refused() {
        let whole = State::default().offsets();
        assert!(State::from_offsets(Some(&whole)).is_ok());
        for offsets in [
            json!({"files": {}}),
            json!({"deliveries": {"version": 2}}),
            json!({"deliveries": {"version": 1}}),
            json!({"deliveries": {"version": 1, "closed": null, "failed": {}, "partial": {},
                "read": {"undated": "0"}}}),
            json!({"deliveries": {"version": 1, "closed": null, "failed": {}, "partial": {},
                "read": {"monday": ""}}}),
        ] {
            assert!(State::from_offsets(Some(&offsets)).is_err(), "{offsets}");
        }
    }

    proptest! {
        #[test]
        fn offsets_round_trip(
            objects in prop::collection::vec((0_i64..4, "[a-z]{1,3}", prop::option::of("[a-z]")), 0..30),
            failed in prop::collection::btree_map("[a-z/]{1,5}", (any::<i64>(), any::<u32>()), 0..3),
        ) {
            let mut state = State::default();
            let end = |n: i64| if n == 0 { End::Never } else { day(n) };
            for (n, key, tag) in &objects {
                state.insert(end(*n), &object(key, tag.as_deref()));
            }
            for (key, (since, tries)) in failed {
                state.failed.insert(key.clone(), Failed { since, tries });
                state.partial.insert(key, 7);
            }
            let again = State::from_offsets(Some(&state.offsets())).unwrap();
            prop_assert_eq!(again.offsets(), state.offsets());
            for (n, key, tag) in &objects {
                let object = object(key, tag.as_deref());
                prop_assert_eq!(again.known(end(*n), &object), state.known(end(*n), &object));
            }
        }
    }
}
