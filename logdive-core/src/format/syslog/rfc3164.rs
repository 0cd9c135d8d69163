//! `Oct 11 22:14:15 host tag[pid]: message`, and what else is written so.

use super::super::cursor::Cursor;
use super::super::time::{Civil, clock, iso, month, number, zone};
use super::{Message, cisco, tag};
use crate::log::LogSeverity;

/// Reads a message behind its priority: whatever it is, it is one.
pub(super) fn after_priority(mut cursor: Cursor<'_>) -> Message<'_> {
    // `29: *Mar  1 18:46:11.158 EST: %SYS-5-CONFIG_I: …`: a sequence number.
    let mut ahead = cursor;
    if !ahead.digits().is_empty() && ahead.eat(": ") {
        cursor = ahead;
    }
    cisco::unsynchronised(&mut cursor);
    match without_priority(cursor) {
        Some(message) => message,
        None => {
            let mut message = Message::default();
            message.read_text(cursor);
            message
        }
    }
}

/// Reads a message that begins with its time; `None` if it does not.
pub(super) fn without_priority(mut cursor: Cursor<'_>) -> Option<Message<'_>> {
    let (time, len) = stamp(cursor.rest())?;
    cursor.take(len);
    if !matches!(cursor.first(), None | Some(b' ' | b':' | b'\n')) {
        return None;
    }
    let mut message = Message { time: Some(time), ..Message::default() };
    message.mnemonic = cisco::mnemonic(&mut cursor);
    if message.mnemonic.is_none() {
        cursor.spaces();
        message.host = host(&mut cursor);
    }
    message.read_text(cursor);
    Some(message)
}

impl<'a> Message<'a> {
    /// Reads what follows the host.
    fn read_text(&mut self, mut cursor: Cursor<'a>) {
        self.mnemonic = self.mnemonic.or_else(|| cisco::mnemonic(&mut cursor));
        if self.mnemonic.is_none()
            && let Some(tag) = tag::read(&mut cursor)
        {
            (self.app, self.process, self.job) = (Some(tag.name), tag.process, tag.job);
        }
        self.body = cursor.rest();
    }
}

/// Takes the host and the space behind it, unless the next word is a tag or belongs to the
/// message already.
fn host<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    let word = ahead.word();
    let behind = ahead.rest().trim_start_matches([' ', ':']);
    // Cisco puts a colon behind the host.
    let host = match word.strip_suffix(':') {
        Some(host) if behind.starts_with('%') => host,
        Some(_) => return None,
        None => word,
    };
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"._-:%/".contains(&byte);
    let is_host = host.bytes().all(is_part)
        && host.bytes().any(|byte| byte.is_ascii_alphanumeric())
        && LogSeverity::from_level(host).is_none()
        && !(matches!(host, "last" | "message") && cursor.rest().contains("repeated "));
    if !is_host {
        return None;
    }
    ahead.eat(" ");
    *cursor = ahead;
    Some(host)
}

/// A time at the beginning of a text, and how long it is: `Oct 11 22:14:15`, `Oct  1 2011
/// 10:30:54.123 UTC`, `Oct 1 10:30:54 2011`, or as RFC 3339 with or without zone.
pub(super) fn stamp(text: &str) -> Option<(Civil, usize)> {
    let bytes = text.as_bytes();
    if bytes.first()?.is_ascii_digit() {
        let separators = (bytes.get(4), bytes.get(10));
        return iso(text).filter(|_| separators == (Some(&b'-'), Some(&b'T')));
    }
    let month = month(bytes, 0)?;
    let mut at = 3;
    while at < 5 && bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    let digits = if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) { 2 } else { 1 };
    let day = number(bytes, at, digits)?;
    at += digits;
    let space = |at: usize| bytes.get(at) == Some(&b' ');
    if !space(3) || !space(at) {
        return None;
    }
    at += 1;
    let year_at = |at: usize| {
        let year = number(bytes, at, 4).filter(|year| (1970..=2200).contains(year))?;
        i32::try_from(year).ok()
    };
    let mut year = year_at(at).filter(|_| space(at + 4));
    if year.is_some() {
        at += 5;
    }
    let (civil, end) = clock(bytes, at)?;
    let (offset, mut end) = zone(bytes, end);
    if year.is_none()
        && space(end)
        && let Some(found) = year_at(end + 1)
        && matches!(bytes.get(end + 5), None | Some(b' ' | b':'))
    {
        year = Some(found);
        end += 5;
    }
    Some((Civil { year, month, day, offset, ..civil }, end))
}
