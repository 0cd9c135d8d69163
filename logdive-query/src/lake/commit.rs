//! Commit files: sealed when they are written, checked before the log is opened.
//!
//! deltalake reads an empty newest commit as one without actions, and one that was cut behind a
//! line as whole. Our commits carry, in their first line, how many lines follow and their SHA-256.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use logdive_core::Digest;
use serde_json::{Value as Json, json};

use super::LakeError;
use super::durable::Disk;

/// A commit file that was set aside because it is torn.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quarantined {
    /// The version it was.
    pub version: u64,
    /// What is wrong with it.
    pub why: String,
    /// Where it is now.
    pub moved_to: PathBuf,
}

/// Writes actions as a sealed commit file. `info` is put into `commitInfo`, `seal` into its
/// `logdive` object.
pub(crate) fn sealed(actions: &[Json], mut info: Json, mut seal: Json) -> Bytes {
    let lines: String = actions.iter().map(|action| format!("{action}\n")).collect();
    if let Some(seal) = seal.as_object_mut() {
        seal.insert("actions".into(), json!(actions.len()));
        seal.insert("sha256".into(), json!(Digest::of(&lines)));
    }
    if let Some(info) = info.as_object_mut() {
        info.insert("logdive".into(), seal);
    }
    Bytes::from(format!("{}\n{lines}", json!({ "commitInfo": info })))
}

/// What is wrong with a commit file, if anything is.
///
/// A commit that we wrote is whole if its seal fits. Of one that somebody else wrote it is only
/// known that it is not empty and that each line is JSON.
fn damage(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Some("it is not text".into()) };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if text.trim().is_empty() {
        return Some("it is empty".into());
    }
    let Ok(first) = serde_json::from_str::<Json>(first) else {
        return Some("its first line is cut".into());
    };
    let Some(seal) = first.pointer("/commitInfo/logdive") else {
        let cut = rest.lines().any(|line| serde_json::from_str::<Json>(line).is_err());
        return cut.then(|| "one of its lines is cut".into());
    };
    let lines = rest.lines().count();
    if seal["actions"].as_u64() != Some(lines as u64) {
        return Some(format!("it has {lines} actions and was written with {}", seal["actions"]));
    }
    let digest = Digest::of(rest);
    (seal["sha256"].as_str() != Some(&digest.to_string()))
        .then(|| "its lines are not those that were written".into())
}

/// Where the commit of a version is.
pub(crate) fn path(root: &Path, version: u64) -> PathBuf {
    root.join("_delta_log").join(format!("{version:020}.json"))
}

/// The commit files of a log, by version, highest first.
fn commits(log: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut commits = Vec::new();
    for entry in fs::read_dir(log)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let version = name
            .strip_suffix(".json")
            .filter(|digits| digits.len() == 20)
            .and_then(|digits| digits.parse().ok());
        if let Some(version) = version {
            commits.push((version, path));
        }
    }
    commits.sort_unstable_by(|a, b| b.cmp(a));
    Ok(commits)
}

/// Checks the newest commits above a version that was seen whole, and sets torn ones aside.
///
/// # Errors
/// If a file cannot be read or moved.
pub(crate) fn check_newest(
    disk: &Disk,
    root: &Path,
    seen: Option<u64>,
) -> Result<Vec<Quarantined>, LakeError> {
    let log = root.join("_delta_log");
    let mut quarantined = Vec::new();
    for (version, path) in commits(&log).map_err(LakeError::io("listing", &log))? {
        if seen.is_some_and(|seen| version <= seen) {
            break;
        }
        let bytes = match disk.step(|| fs::read(&path)) {
            Ok(bytes) => bytes,
            // Another reader set it aside just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(LakeError::io("reading", &path)(error)),
        };
        let Some(why) = damage(&bytes) else { break };
        let aside = root.join("_quarantine");
        let moved_to = aside.join(format!("{version:020}-{}.json", Digest::of(&bytes).short()));
        disk.create_dir(&aside).map_err(LakeError::io("creating", &aside))?;
        match disk.step(|| fs::rename(&path, &moved_to)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(LakeError::io("setting aside a torn commit", &path)(error)),
        }
        disk.sync_dir(&log)
            .and_then(|()| disk.sync_dir(&aside))
            .map_err(LakeError::io("syncing", &log))?;
        quarantined.push(Quarantined { version, why, moved_to });
    }
    Ok(quarantined)
}

/// The commits that were ever set aside.
pub(crate) fn set_aside(root: &Path) -> Result<Vec<Quarantined>, LakeError> {
    let aside = root.join("_quarantine");
    let entries = match fs::read_dir(&aside) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LakeError::io("listing", &aside)(error)),
    };
    let mut quarantined = Vec::new();
    for entry in entries {
        let moved_to = entry.map_err(LakeError::io("listing", &aside))?.path();
        let name = moved_to.file_name().unwrap_or_default().to_string_lossy();
        let version = name.split_once('-').and_then(|(version, _)| version.parse().ok());
        if let Some(version) = version {
            let bytes = fs::read(&moved_to).map_err(LakeError::io("reading", &moved_to))?;
            let why = damage(&bytes).unwrap_or_else(|| "it is whole".into());
            quarantined.push(Quarantined { version, why, moved_to });
        }
    }
    quarantined.sort_unstable_by(|a, b| (a.version, &a.moved_to).cmp(&(b.version, &b.moved_to)));
    Ok(quarantined)
}

/// What all commits together say.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Versions whose commit is damaged, and how.
    pub(crate) damaged: Vec<(u64, String)>,
    /// The streams that our commits name.
    pub(crate) streams: BTreeSet<String>,
}

/// Reads all commits.
pub(crate) fn survey(root: &Path) -> Result<Survey, LakeError> {
    let log = root.join("_delta_log");
    let Survey { mut damaged, mut streams } = Survey::default();
    for (version, path) in commits(&log).map_err(LakeError::io("listing", &log))? {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // Cleaned up behind a checkpoint just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                damaged.push((version, format!("it cannot be read: {error}")));
                continue;
            }
        };
        damaged.extend(damage(&bytes).map(|why| (version, why)));
        let text = String::from_utf8_lossy(&bytes);
        // Other tools have `txn` actions of their own.
        let info: Option<Json> =
            text.lines().next().and_then(|line| serde_json::from_str(line).ok());
        if info.is_none_or(|info| info.pointer("/commitInfo/logdive").is_none()) {
            continue;
        }
        for line in text.lines() {
            let action: Option<Json> = serde_json::from_str(line).ok();
            let stream = action.as_ref().and_then(|action| action.pointer("/txn/appId")?.as_str());
            streams.extend(stream.map(str::to_owned));
        }
    }
    damaged.reverse();
    Ok(Survey { damaged, streams })
}

/// Finds a protocol above ours in the log, to say why the log cannot be opened.
pub(crate) fn newer_protocol(root: &Path, reader: u64, writer: u64) -> Option<String> {
    let commits = commits(&root.join("_delta_log")).ok()?;
    commits.iter().find_map(|(_, path)| {
        fs::read_to_string(path).ok()?.lines().find_map(|line| {
            let action: Json = serde_json::from_str(line).ok()?;
            let protocol = action.get("protocol")?;
            let version = |name| protocol.get(name).and_then(Json::as_u64).unwrap_or_default();
            let (found_reader, found_writer) =
                (version("minReaderVersion"), version("minWriterVersion"));
            (found_reader > reader || found_writer > writer)
                .then(|| format!("Delta protocol {found_reader}/{found_writer}"))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{damage, sealed};

    #[test]
    fn every_cut_of_a_sealed_commit_is_seen() {
        let actions = [json!({"txn": {"appId": "a", "version": 1}}), json!({"add": {"path": "é"}})];
        let bytes = sealed(&actions, json!({"timestamp": 1}), json!({"format": 1}));
        assert_eq!(damage(&bytes), None);
        for cut in 0..bytes.len() {
            assert!(damage(&bytes[..cut]).is_some(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[at] ^= 1;
            // A flip inside of our own info line changes nothing that is read from it.
            if at > bytes.iter().position(|byte| *byte == b'\n').unwrap() {
                assert!(damage(&changed).is_some(), "flip at {at}");
            }
        }
    }

    #[test]
    fn foreign_commits_pass_unless_visibly_cut() {
        assert_eq!(damage(b"{\"commitInfo\":{}}\n{\"add\":{}}"), None);
        assert!(damage(b"{\"commitInfo\":{}}\n{\"add\":").is_some());
        assert!(damage(b"").is_some());
        assert!(damage(b"\xff").is_some());
    }
}
