#![doc = include_str!("../README.md")]

mod destination;
mod error;
#[cfg(feature = "exec")]
mod exec;
mod fit;
pub mod limits;
mod outbox;
mod render;
mod secret;
#[cfg(feature = "sqlite")]
mod sqlite;
mod wrapper;

#[cfg(feature = "console")]
pub use destination::Console;
#[cfg(feature = "github")]
pub use destination::GithubIssues;
#[cfg(feature = "file")]
pub use destination::MarkdownFile;
pub use error::SetupError;
#[cfg(feature = "exec")]
pub use exec::{ExecActuator, ExecCommand};
pub use fit::{Fitted, fit};
pub use outbox::{IntoLog, Outbox, OutboxBuilder};
pub use render::{Format, render, visible};
pub use secret::Secret;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteJournal, Verified};
pub use wrapper::{Retry, RetryPolicy, Timeout, Wrapper, wrap};
