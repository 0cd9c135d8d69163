//! Places that documents go to.

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "github")]
mod github;
#[cfg(feature = "file")]
mod markdown_file;

#[cfg(feature = "console")]
pub use console::Console;
#[cfg(feature = "github")]
pub use github::GithubIssues;
#[cfg(feature = "file")]
pub use markdown_file::MarkdownFile;
