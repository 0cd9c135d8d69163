//! What destinations take at most, each with its source and the day it was looked up.

use logdive_core::port::{LimitUnit, SizeLimit};

/// The body of a comment on a GitHub issue or pull request.
///
/// The API answers 422 `body is too long (maximum is 65536 characters)`. Source: that message, as
/// reported in mshick/add-pr-comment#93; 2026-11-22.
pub const GITHUB_COMMENT: SizeLimit = SizeLimit { max: 65_536, unit: LimitUnit::Chars };

/// How much of any answer is read, in bytes: what is behind it is not needed, and a hostile or
/// broken server must not fill the memory.
pub const ANSWER_BYTES: usize = 1024 * 1024;
