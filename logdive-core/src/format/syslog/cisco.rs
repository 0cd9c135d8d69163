//! `%FACILITY-SEVERITY-MNEMONIC: text`, and what Cisco devices put in front of it.

use super::super::cursor::Cursor;
use super::rfc3164::stamp;

/// What a message is called by the device that sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mnemonic<'a> {
    /// `SYS-5-CONFIG_I`.
    pub(super) name: &'a str,
    /// As syslog numbers it.
    pub(super) severity: u8,
}

impl<'a> Mnemonic<'a> {
    /// The one that a text begins with.
    fn of(text: &'a str) -> Option<Self> {
        let (name, _) = text.strip_prefix('%')?.split_once(':')?;
        let is_name =
            |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.len() > 80 || !name.bytes().all(is_name) {
            return None;
        }
        // `%SEC_LOGIN-SW1-5-LOGIN_SUCCESS` has a part more.
        let (_, rest) = name.split_once('-')?;
        let (severity, _) = rest
            .split('-')
            .zip(rest.split('-').skip(1))
            .find(|(part, next)| matches!(part.as_bytes(), [b'0'..=b'7']) && !next.is_empty())?;
        Some(Self { name, severity: severity.parse().ok()? })
    }
}

/// Steps up to a mnemonic over what may stand in front of it: a colon, a sequence number, the
/// device's own time and zone. Nothing is taken if there is none.
pub(super) fn mnemonic<'a>(cursor: &mut Cursor<'a>) -> Option<Mnemonic<'a>> {
    // Most lines have none: look before reading.
    let begin = cursor.rest().as_bytes();
    memchr::memchr(b'%', begin.get(..96).unwrap_or(begin))?;
    let mut ahead = *cursor;
    // Each is there once at most.
    for _ in 0..6 {
        ahead.spaces();
        if ahead.eat(":") {
            continue;
        }
        if let Some(mnemonic) = Mnemonic::of(ahead.rest()) {
            *cursor = ahead;
            return Some(mnemonic);
        }
        let mut word = ahead;
        let number = word.digits();
        if !number.is_empty() && word.eat(": ") {
            ahead = word;
            continue;
        }
        unsynchronised(&mut ahead);
        if let Some((_, len)) = stamp(ahead.rest()) {
            ahead.take(len);
        }
        // ` EST:`
        ahead.spaces();
        let mut zone = ahead;
        let name = zone.until(b':').unwrap_or_default();
        let is_zone = matches!(name, "UTC" | "MSK") || (name.len() <= 4 && name.ends_with('T'));
        if is_zone && name.bytes().all(|byte| byte.is_ascii_uppercase()) {
            ahead = zone;
        }
    }
    None
}

/// The marks of a clock that is not synchronised.
pub(super) fn unsynchronised(cursor: &mut Cursor<'_>) {
    if !cursor.eat("*") {
        cursor.eat(".");
    }
}
