//! Where files of somebody else are: a store, and paths in it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use thiserror::Error;
use url::Url;

/// How long a store may take to answer when a diver is built.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An address that leads nowhere.
#[derive(Debug, Error)]
pub(crate) enum PlaceError {
    #[error("`{0}` is no address that is known here: {help}", help = known())]
    Address(String),
    #[error("there is nothing at `{}`", .0.display())]
    Nothing(PathBuf),
    #[cfg(feature = "s3")]
    #[error("`{address}` cannot be opened")]
    Store { address: String, source: object_store::Error },
    #[error("`{path}` cannot be written as a path in a store")]
    Path { path: String, source: object_store::path::Error },
    #[error("`{0}` and `{1}` are in two stores: make a layer of each")]
    TwoStores(String, String),
}

const fn known() -> &'static str {
    if cfg!(feature = "s3") {
        "give a path, `file://…`, `s3://…`, or the store itself with `with_store`"
    } else {
        "give a path, `file://…`, or the store itself with `with_store` (`s3://…` needs the \
         feature `s3`)"
    }
}

/// A store and paths in it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) roots: Vec<Location>,
    /// The directory or file on the local disk.
    pub(crate) local: Option<PathBuf>,
    /// The address as it was given.
    shown: String,
    /// Which store it is; places of one can be joined.
    store_name: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("address", &self.shown).finish_non_exhaustive()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Place {
    /// A place by its address.
    pub(crate) fn parse(address: &str) -> Result<Self, PlaceError> {
        let Some((scheme, _)) = address.split_once("://") else {
            return Self::local(Path::new(address), address);
        };
        let unknown = || PlaceError::Address(address.to_owned());
        let url = Url::parse(address).map_err(|_| unknown())?;
        match scheme {
            "file" => {
                let path = url.to_file_path().map_err(|()| unknown())?;
                Self::local(&path, address)
            }
            #[cfg(feature = "s3")]
            "s3" | "s3a" => Self::s3(&url, address),
            _ => Err(unknown()),
        }
    }

    fn local(path: &Path, address: &str) -> Result<Self, PlaceError> {
        let full = std::fs::canonicalize(path).map_err(|_| PlaceError::Nothing(path.to_owned()))?;
        let root = Location::from_absolute_path(&full)
            .map_err(|source| PlaceError::Path { path: address.to_owned(), source })?;
        Ok(Self {
            store: Arc::new(LocalFileSystem::new()),
            roots: vec![root],
            local: Some(full),
            shown: address.to_owned(),
            store_name: "file".to_owned(),
        })
    }

    /// A bucket; who asks, and from where, is taken from the environment as AWS's tools do.
    #[cfg(feature = "s3")]
    fn s3(url: &Url, address: &str) -> Result<Self, PlaceError> {
        let failed = |source| PlaceError::Store { address: address.to_owned(), source };
        let bucket = url.host_str().unwrap_or_default();
        let store = object_store::aws::AmazonS3Builder::from_env()
            .with_url(format!("s3://{bucket}"))
            .build()
            .map_err(failed)?;
        let root = Location::from_url_path(url.path())
            .map_err(|source| PlaceError::Path { path: address.to_owned(), source })?;
        Ok(Self {
            store: Arc::new(store),
            roots: vec![root],
            local: None,
            shown: address.to_owned(),
            store_name: format!("s3://{bucket}"),
        })
    }

    /// A prefix in a store that somebody brings.
    pub(crate) fn in_store(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, PlaceError> {
        let root = Location::parse(prefix.trim_matches('/'))
            .map_err(|source| PlaceError::Path { path: prefix.to_owned(), source })?;
        let shown = format!("{store}/{root}");
        let store_name = store.to_string();
        Ok(Self { store, roots: vec![root], local: None, shown, store_name })
    }

    /// Both places together.
    pub(crate) fn join(mut self, other: Self) -> Result<Self, PlaceError> {
        if self.store_name != other.store_name {
            return Err(PlaceError::TwoStores(self.shown, other.shown));
        }
        self.roots.extend(other.roots);
        self.local = None;
        self.shown = format!("{}, {}", self.shown, other.shown);
        Ok(self)
    }

    /// The objects at a root: the one that it names, else all below it.
    pub(crate) async fn list(&self, root: &Location) -> object_store::Result<Vec<ObjectMeta>> {
        use futures_util::TryStreamExt as _;
        let alone = if root.as_ref().is_empty() { None } else { Some(self.store.head(root).await) };
        if let Some(Ok(found)) = alone {
            return Ok(vec![found]);
        }
        let found: Vec<ObjectMeta> = self.store.list(Some(root)).try_collect().await?;
        match alone {
            Some(Err(error)) if found.is_empty() && !is_missing(&error) => Err(error),
            _ => Ok(found),
        }
    }
}

const fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
}
