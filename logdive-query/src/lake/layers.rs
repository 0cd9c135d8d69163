//! Which layers a lake has lines of.

use std::io::{Error, ErrorKind};

use logdive_core::LayerName;

use super::{Lake, LakeError};

impl Lake {
    /// The layers that have lines at the newest version, by name. It is read from the footers of
    /// the files, each once.
    ///
    /// # Errors
    /// If the log or a file cannot be read: what lies in it is not known.
    pub async fn layers(&self) -> Result<Vec<LayerName>, LakeError> {
        let snapshot = self.refresh().await?;
        let files = snapshot.scan_files(None).into_iter().map(|file| file.path).collect();
        let (emitters, unreadable) = self.emitters().over(files).await;
        if let Some((path, why)) = unreadable.into_iter().next() {
            let source = Error::new(ErrorKind::InvalidData, why);
            return Err(LakeError::Io { what: "reading the footer", path, source });
        }
        Ok(emitters.layers().filter_map(|name| LayerName::parse(name).ok()).collect())
    }
}
