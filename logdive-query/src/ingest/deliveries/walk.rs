//! Which folders to list.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::Layout;
use super::dates::period;

/// Requests to list that are under way at once.
const AT_ONCE: usize = 16;
/// Deepest folder that is looked into.
const DEPTH: usize = 32;

/// When a folder's time ends; `None` for folders without a date, which come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    At(DateTime<Utc>),
    Never,
}

impl End {
    /// That of a folder.
    pub(super) fn of(folder: &Path, layout: Layout) -> Self {
        period(folder, layout.leaf()).map_or(Self::Never, |period| Self::At(period.end))
    }
}

/// What is to be read of one time.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Folders to be listed whole.
    pub(super) folders: Vec<Path>,
    /// Objects that were found on the way to them.
    pub(super) objects: Vec<ObjectMeta>,
}

/// The folders under a prefix whose time ends after `closed`, by that end.
pub(super) async fn groups(
    store: &Arc<dyn ObjectStore>,
    prefix: &Path,
    layout: Layout,
    closed: Option<DateTime<Utc>>,
) -> object_store::Result<BTreeMap<End, Group>> {
    let mut groups: BTreeMap<End, Group> = BTreeMap::new();
    let mut level = vec![prefix.clone()];
    while !level.is_empty() {
        let mut within = Vec::new();
        for folder in level {
            match period(&folder, layout.leaf()) {
                Some(period) if closed.is_some_and(|closed| period.end <= closed) => {}
                Some(period) if period.parts >= layout.leaf() => {
                    groups.entry(End::At(period.end)).or_default().folders.push(folder);
                }
                _ if folder.parts_count() - prefix.parts_count() > DEPTH => {}
                _ if layout.enters(&folder) => within.push(folder),
                _ => {}
            }
        }
        let lists = stream::iter(within).map(|folder| async move {
            let list = store.list_with_delimiter(Some(&folder)).await?;
            Ok::<_, object_store::Error>((folder, list))
        });
        let mut lists = lists.buffered(AT_ONCE);
        level = Vec::new();
        while let Some((folder, list)) = lists.try_next().await? {
            level.extend(list.common_prefixes);
            if layout.takes_all() && !list.objects.is_empty() {
                groups.entry(End::of(&folder, layout)).or_default().objects.extend(list.objects);
            }
        }
    }
    Ok(groups)
}
