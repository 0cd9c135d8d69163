//! Ids behind known keys in a text.

use memchr::memchr3_iter;

/// How far into a record ids are looked for.
const LOOKED_AT: usize = 4 * 1024;

/// Longest request id.
const LONGEST: usize = 128;

/// The ids of a text, the first of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ids<'a> {
    pub(super) request: Option<&'a str>,
    pub(super) trace: Option<&'a str>,
    pub(super) span: Option<&'a str>,
}

/// Looks for `request_id=…`, `traceId: …`, `"spanId":"…"` and their like behind the time, and for
/// OpenStack's `[req-…]`.
pub(super) fn find(text: &str, from: usize) -> Ids<'_> {
    let mut ids = Ids::default();
    let bytes = text.as_bytes();
    let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let Some(rest) = bytes.get(from..) else { return ids };
    for at in memchr3_iter(b'=', b':', b'[', rest) {
        let at = from + at;
        if bytes.get(at) == Some(&b'[') {
            if ids.request.is_none() && bytes.get(at + 1..at + 5) == Some(b"req-") {
                ids.request = value(text, at + 1).filter(|id| id.len() > 4);
            }
            continue;
        }
        let Some(kind) = key(bytes, at) else { continue };
        let slot = match kind {
            Kind::Request => &mut ids.request,
            Kind::Trace => &mut ids.trace,
            Kind::Span => &mut ids.span,
        };
        if slot.is_none() {
            *slot = value(text, at + 1);
        }
    }
    ids
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Request,
    Trace,
    Span,
}

/// What the key in front of `=` or `:` is of.
fn key(bytes: &[u8], end: usize) -> Option<Kind> {
    let quoted = usize::from(matches!(bytes.get(end.checked_sub(1)?)?, b'"' | b'\''));
    let end = end - quoted;
    // All keys end so; most text does not.
    if !matches!(bytes.get(end.checked_sub(2)?..end)?, [b'i' | b'I', b'd' | b'D']) {
        return None;
    }
    let front = bytes.get(..end)?;
    let len = front
        .iter()
        .rev()
        .take(20)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        .count();
    let mut word = [0; 20];
    let mut letters = 0;
    for byte in front.get(end - len..)? {
        if byte.is_ascii_alphanumeric() {
            *word.get_mut(letters)? = byte.to_ascii_lowercase();
            letters += 1;
        }
    }
    match word.get(..letters)? {
        b"requestid" | b"reqid" | b"xrequestid" | b"correlationid" | b"xcorrelationid"
        | b"awsrequestid" => Some(Kind::Request),
        b"traceid" | b"oteltraceid" | b"ddtraceid" => Some(Kind::Trace),
        b"spanid" | b"otelspanid" => Some(Kind::Span),
        _ => None,
    }
}

/// The word behind a key, without quotes; `None` if it says that there is none.
fn value(text: &str, at: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let at = at + usize::from(bytes.get(at) == Some(&b' '));
    let at = at + usize::from(matches!(bytes.get(at), Some(b'"' | b'\'' | b'[')));
    let rest = bytes.get(at..)?;
    let len = rest
        .iter()
        .take(LONGEST + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+@~=".contains(byte))
        .count();
    let value = text.get(at..at + len)?.trim_end_matches(['.', ':']);
    let none = matches!(value, "" | "-" | "null" | "nil" | "None" | "none" | "undefined");
    (!none && len <= LONGEST).then_some(value)
}
