//! `tag[pid]:` in front of a message.

use super::super::cursor::Cursor;
use crate::log::LogSeverity;

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) process: Option<&'a str>,
    /// What launchd puts behind it, in parentheses.
    pub(super) job: Option<&'a str>,
}

/// A longer text in front of a colon is part of a message.
const LONGEST: usize = 160;

/// Takes a tag with its colon and one space, if there is one.
///
/// A name of several words counts only with a number in brackets and in capitals, as programs of
/// macOS have it: else it may be the message. So does a word that is a level.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>) -> Option<Tag<'a>> {
    let text = cursor.rest();
    let bytes = text.as_bytes();
    let window = bytes.get(..LONGEST).unwrap_or(bytes);
    let end = memchr::memchr_iter(b':', window).find(|colon| {
        let before = colon.checked_sub(1).and_then(|before| bytes.get(before));
        before == Some(&b']') || matches!(bytes.get(colon + 1), None | Some(b' ' | b'\t' | b'\n'))
    })?;
    let tag = Tag::of(text.get(..end)?)?;
    cursor.take(end + 1);
    cursor.eat(" ");
    Some(tag)
}

impl<'a> Tag<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if let Some((front, job)) = text.strip_suffix(')').and_then(|text| text.split_once(" (")) {
            return Self::of(front).map(|tag| Self { job: Some(job), ..tag });
        }
        let (name, process) = match text.strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
            Some((name, process)) => (name, Some(process)),
            None => (text, None),
        };
        let of_words = name.contains([' ', '\t', '\n']);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_name = if of_words {
            let is_capital =
                |word: &str| word.starts_with(|first: char| first.is_uppercase() || first == '(');
            process.is_some_and(is_number)
                && name.split(' ').count() <= 6
                && name.split(' ').all(is_capital)
        } else {
            name.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
                && !name.starts_with(['%', '[', '<', '"', '\'', '{'])
                && !name.contains(['"', '='])
                && process.is_none_or(|process| !process.contains(' ') && !process.is_empty())
                && (process.is_some() || LogSeverity::from_level(name).is_none())
        };
        is_name.then_some(Self { name, process, job: None })
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursor, Tag, read};

    #[test]
    fn tags_of_all_kinds() {
        for (text, name, process, job, rest) in [
            ("sshd[17]: hi", "sshd", Some("17"), None, "hi"),
            ("sudo:  vagrant : TTY", "sudo", None, None, " vagrant : TTY"),
            ("su:", "su", None, None, ""),
            ("/usr/sbin/cron[1]:(root) CMD", "/usr/sbin/cron", Some("1"), None, "(root) CMD"),
            ("postfix/smtpd[1]: x: y", "postfix/smtpd", Some("1"), None, "x: y"),
            ("sshd(pam_unix)[1]: x", "sshd(pam_unix)", Some("1"), None, "x"),
            ("dhclient(eth0): x", "dhclient(eth0)", None, None, "x"),
            ("Foo::Bar[a-1]: x", "Foo::Bar", Some("a-1"), None, "x"),
            ("Google Chrome[8]: objc[8]: x", "Google Chrome", Some("8"), None, "objc[8]: x"),
            ("a.launchd[1] (b[2]): x", "a.launchd", Some("1"), Some("b[2]"), "x"),
        ] {
            let mut cursor = Cursor::new(text);
            assert_eq!(read(&mut cursor), Some(Tag { name, process, job }), "{text}");
            assert_eq!(cursor.rest(), rest, "{text}");
        }
    }

    #[test]
    fn what_is_rather_a_message_is_no_tag() {
        for text in [
            "",
            ":",
            "last message repeated: twice",
            "error in module x[3]: blah",
            "ERROR: no",
            "10.1.1.1:8080 connected",
            "12: x",
            "http://host/ is down",
            "%SYS-5-CONFIG_I: x",
            "\"a\": 1",
            "[12]: x",
            "x[]: y",
        ] {
            assert_eq!(read(&mut Cursor::new(text)), None, "{text}");
        }
    }
}
