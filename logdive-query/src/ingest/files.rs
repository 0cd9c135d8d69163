//! Files: read once, or followed as they grow and are rotated.
//!
//! - `walk`: from what was asked for to the files that are there.
//! - `rotation`: which known content a new file holds; `family`, `print` and `peek` serve it.
//! - `watch`: what to read next, and where all files stand; `tail` reads one, `entry` is what is
//!   kept of it.
//! - `disk`: what is asked of the disk; `source`: the rounds, and the way into the lake.

mod disk;
mod entry;
mod error;
mod family;
mod index;
mod limits;
mod peek;
mod print;
mod progress;
mod rotation;
mod source;
mod tail;
mod text;
mod walk;
mod watch;

pub use error::FileSourceError;
pub use limits::FileLimits;
pub use progress::FileProgress;
pub(super) use source::stream_name;
pub use source::{FileSource, FileSourceBuilder};
pub(super) use tail::{elapsed, nanos};
