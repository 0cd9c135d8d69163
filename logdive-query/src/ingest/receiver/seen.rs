//! Which bodies came, to know one that a client sends again.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use logdive_core::Digest;
use serde_json::{Value as Json, json};
use tokio::sync::watch;

/// The version of what is written with the offsets.
const VERSION: u64 = 1;

/// Whether a body became durable; `None` while it is not known.
pub(super) type Fate = watch::Receiver<Option<bool>>;

#[derive(Debug)]
struct Entry {
    /// The first 16 bytes of the body's digest.
    body: u128,
    /// When it came, in seconds since 1970.
    at: i64,
    /// `None` if it is durable.
    fate: Option<Fate>,
}

/// The newest bodies.
#[derive(Debug)]
pub(super) struct Seen {
    entries: VecDeque<Entry>,
    most: usize,
    seconds: i64,
}

/// What is known of a body.
#[derive(Debug)]
pub(super) enum Known {
    /// It is new.
    No,
    /// It is durable.
    Durable,
    /// It is on its way.
    Pending(Fate),
}

fn short(digest: Digest) -> u128 {
    digest.as_bytes().first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
}

impl Seen {
    /// Those that a stream's offsets name.
    ///
    /// # Errors
    /// What is wrong with the offsets.
    pub(super) fn from_offsets(offsets: Option<&Json>) -> Result<Self, String> {
        let mut seen = Self { entries: VecDeque::new(), most: usize::MAX, seconds: i64::MAX };
        let Some(offsets) = offsets.filter(|offsets| !offsets.is_null()) else {
            return Ok(seen);
        };
        let receiver = offsets.get("otlp").ok_or("they have no `otlp`")?;
        match receiver.get("version").and_then(Json::as_u64) {
            Some(VERSION) => {}
            Some(newer) => return Err(format!("version {newer} is newer than {VERSION}")),
            None => return Err("they have no version".to_owned()),
        }
        let bodies = receiver.get("bodies").and_then(Json::as_str).ok_or("they have no bodies")?;
        for entry in bodies.split_ascii_whitespace() {
            let parsed = entry.split_once(':').and_then(|(at, body)| {
                Some((at.parse().ok()?, u128::from_str_radix(body, 16).ok()?))
            });
            let (at, body) = parsed.ok_or_else(|| format!("`{entry}` is no body"))?;
            seen.entries.push_back(Entry { body, at, fate: None });
        }
        Ok(seen)
    }

    /// Sets how many are remembered, and for how long.
    pub(super) fn limit(&mut self, most: usize, age: Duration) {
        self.most = most;
        self.seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    }

    /// What is known of a body.
    pub(super) fn find(&self, body: Digest, now: i64) -> Known {
        let (body, oldest) = (short(body), now.saturating_sub(self.seconds));
        match self.entries.iter().rev().find(|entry| entry.body == body && entry.at >= oldest) {
            None => Known::No,
            Some(Entry { fate: None, .. }) => Known::Durable,
            Some(Entry { fate: Some(fate), .. }) => Known::Pending(fate.clone()),
        }
    }

    /// Remembers a body that is on its way.
    pub(super) fn insert(&mut self, body: Digest, at: i64, fate: Fate) {
        self.entries.push_back(Entry { body: short(body), at, fate: Some(fate) });
    }

    /// What became of a body: remembered for good, or forgotten.
    pub(super) fn settle(&mut self, body: Digest, durable: bool) {
        let body = short(body);
        let place = self.entries.iter().rposition(|e| e.body == body && e.fate.is_some());
        let Some(place) = place else { return };
        if durable {
            if let Some(entry) = self.entries.get_mut(place) {
                entry.fate = None;
            }
        } else {
            self.entries.remove(place);
        }
    }

    /// Forgets the oldest that are beyond the limits.
    pub(super) fn forget(&mut self, now: i64) {
        let oldest = now.saturating_sub(self.seconds);
        while self
            .entries
            .front()
            .is_some_and(|first| self.entries.len() > self.most || first.at < oldest)
        {
            self.entries.pop_front();
        }
    }

    /// The stream's offsets: those that are remembered, and one more that goes with them.
    pub(super) fn offsets(&self, with: Option<(Digest, i64)>) -> Json {
        let known = self.entries.iter().map(|entry| (entry.at, entry.body));
        let more = with.map(|(body, at)| (at, short(body)));
        let mut bodies = String::with_capacity((self.entries.len() + 1) * 45);
        for (at, body) in known.chain(more) {
            let space = if bodies.is_empty() { "" } else { " " };
            // Writing to a text never fails.
            let _ = write!(bodies, "{space}{at}:{body:032x}");
        }
        json!({"otlp": {"version": VERSION, "bodies": bodies}})
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use logdive_core::Digest;
    use proptest::prelude::*;
    use serde_json::json;
    use tokio::sync::watch;

    use super::{Known, Seen};

    fn seen(most: usize, seconds: u64) -> Seen {
        let mut seen = Seen::from_offsets(None).unwrap();
        seen.limit(most, Duration::from_secs(seconds));
        seen
    }

    #[test]
    fn a_body_is_pending_then_durable_or_forgotten() {
        let mut seen = seen(10, 60);
        let (_sender, fate) = watch::channel(None);
        let (one, two) = (Digest::of("1"), Digest::of("2"));
        seen.insert(one, 100, fate.clone());
        seen.insert(two, 100, fate);
        assert!(matches!(seen.find(one, 100), Known::Pending(_)));
        seen.settle(one, true);
        seen.settle(two, false);
        assert!(matches!(seen.find(one, 160), Known::Durable));
        assert!(matches!(seen.find(one, 161), Known::No), "it is too old");
        assert!(matches!(seen.find(two, 100), Known::No), "it may be sent again");
    }

    #[test]
    fn other_offsets_are_refused() {
        for offsets in [
            json!({}),
            json!({"otlp": {}}),
            json!({"otlp": {"version": 2, "bodies": ""}}),
            json!({"otlp": {"version": 1, "bodies": "7"}}),
            json!({"otlp": {"version": 1, "bodies": "7:xyz"}}),
        ] {
            assert!(Seen::from_offsets(Some(&offsets)).is_err(), "{offsets}");
        }
    }

    proptest! {
        #[test]
        fn offsets_remember_the_newest(
            bodies in prop::collection::vec((0_i64..100, any::<u8>()), 0..40),
            most in 0_usize..20,
        ) {
            let mut first = seen(most, 1_000);
            let (_sender, fate) = watch::channel(None);
            let mut times: Vec<i64> = bodies.iter().map(|body| body.0).collect();
            times.sort_unstable();
            for (at, (_, body)) in times.iter().zip(&bodies) {
                first.insert(Digest::of([*body]), *at, fate.clone());
                first.settle(Digest::of([*body]), true);
                first.forget(*at);
            }
            let mut second = Seen::from_offsets(Some(&first.offsets(None))).unwrap();
            second.limit(most, Duration::from_secs(1_000));
            prop_assert!(second.entries.len() <= most);
            for body in 0..=u8::MAX {
                let newest = bodies.iter().rev().take(most).any(|(_, known)| *known == body);
                let found = matches!(second.find(Digest::of([body]), 100), Known::Durable);
                prop_assert_eq!(found, newest, "{}", body);
            }
        }
    }
}
