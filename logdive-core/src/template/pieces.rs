//! The pieces of a masked text: delimiters, holes and words.

use super::words::HOLE;

/// A piece of a masked text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Delimiters and punctuation.
    Gap(&'a str),
    /// A number, an id, a time.
    Hole,
    /// A word.
    Word(&'a str),
}

/// Longest text in quotes that is one word, in bytes.
const QUOTED: usize = 64;

/// Cuts a masked text into pieces.
pub(super) fn pieces(form: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::with_capacity(form.len() / 2);
    let mut rest = form;
    while let Some(first) = rest.as_bytes().first() {
        let length = match *first {
            b'"' if is_value(&out) => quoted(rest, &mut out),
            first if is_delimiter(first) => {
                out.push(Piece::Gap(rest.get(..1).unwrap_or(rest)));
                1
            }
            b'.' if rest.starts_with("..") => {
                let length = rest.len() - rest.trim_start_matches('.').len();
                out.push(Piece::Gap(rest.get(..length).unwrap_or(rest)));
                length
            }
            _ => token(rest, &mut out),
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    calendar(&mut out);
    out
}

const DELIMITERS: [bool; 256] = {
    let mut all = [false; 256];
    let listed = b" =:,;()[]{}<>\"'|`\x7f";
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
    while at < listed.len() {
        all[listed[at] as usize] = true;
        at += 1;
    }
    let mut control = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
    while control < 0x20 {
        all[control] = true;
        control += 1;
    }
    all
};

fn is_delimiter(byte: u8) -> bool {
    DELIMITERS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether a value comes next: `key=` or `key: ` was in front.
fn is_value(before: &[Piece<'_>]) -> bool {
    matches!(before, [.., Piece::Gap("=" | ":")] | [.., Piece::Gap(":"), Piece::Gap(" ")])
}

/// A value in quotes, if it is a short one: one word, whatever is in it.
fn quoted<'a>(rest: &'a str, out: &mut Vec<Piece<'a>>) -> usize {
    let quote = rest.get(..1).unwrap_or(rest);
    out.push(Piece::Gap(quote));
    let inside = rest.get(1..).unwrap_or_default();
    match inside.find('"') {
        Some(end) if end > 0 && end <= QUOTED => {
            let text = inside.get(..end).unwrap_or_default();
            out.push(if text.contains(HOLE) { Piece::Hole } else { Piece::Word(text) });
            out.push(Piece::Gap(quote));
            end + 2
        }
        _ => 1,
    }
}

/// What ends at a delimiter.
fn token<'a>(rest: &'a str, out: &mut Vec<Piece<'a>>) -> usize {
    if let Some(length) = colon_hex(rest) {
        out.push(Piece::Hole);
        return length;
    }
    let length = token_end(rest);
    let text = rest.get(..length).unwrap_or(rest);
    if text.contains(HOLE) {
        let core = text.trim_end_matches(['.', '!', '?']);
        out.push(Piece::Hole);
        push_gap(text.get(core.len()..), out);
        return length;
    }
    let core = text.trim_start_matches(['-', '*', '+', '.', '!', '?', '~', '&', '^', '%']);
    let (before, _) = text.split_at_checked(text.len() - core.len()).unwrap_or((text, ""));
    let word = core.trim_end_matches(['.', '!', '?', '*', '~', '&', '^', '%']);
    if word.chars().any(|c| c.is_alphabetic() || c == '_') {
        push_gap(Some(before), out);
        out.push(Piece::Word(word));
        push_gap(core.get(word.len()..), out);
    } else {
        push_gap(Some(text), out);
    }
    length
}

fn push_gap<'a>(text: Option<&'a str>, out: &mut Vec<Piece<'a>>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        out.push(Piece::Gap(text));
    }
}

/// Where a token ends. A URL goes on behind its colon, and so does a Windows path.
fn token_end(rest: &str) -> usize {
    let mut in_url = false;
    for (at, byte) in rest.bytes().enumerate() {
        if byte != b'.' && !is_delimiter(byte) {
            continue;
        }
        let behind = rest.get(at + 1..).unwrap_or_default();
        match byte {
            b'.' if !behind.starts_with('.') => {}
            b'.' => return at.max(1),
            b':' if behind.starts_with("//") => in_url = true,
            b':' if behind.starts_with('\\') => {}
            b'=' | b':' | b';' | b'|' if in_url => {}
            _ => return at,
        }
    }
    rest.len()
}

/// The length of an IPv6 or hardware address: hexadecimal digits between colons, with a hole
/// among them.
fn colon_hex(rest: &str) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'#' || *byte == b':';
    let length = rest.bytes().take_while(is_part).count();
    if length < 3 {
        return None;
    }
    let text = rest.get(..length)?.trim_end_matches(':');
    let ends = rest.get(text.len()..)?.chars().next().is_none_or(|c| !c.is_alphanumeric());
    let is_one = text.matches(':').count() >= 2
        && text.contains(HOLE)
        && text.split(':').all(|part| part.len() <= 4);
    (is_one && ends).then_some(text.len())
}

/// Makes holes of names of months and days, of time zones and units that stand by a number.
fn calendar(pieces: &mut [Piece<'_>]) {
    // From behind: a day's name stands in front of a month's, and that in front of a number.
    for at in (0..pieces.len()).rev() {
        let Some(Piece::Word(word)) = pieces.get(at) else { continue };
        if word.len() <= LONGEST
            && number_at(pieces, at, 1)
            && (is_in(MONTHS, word) || is_in(DAYS, word))
        {
            set(pieces, at);
        }
    }
    for at in 0..pieces.len() {
        let Some(Piece::Word(word)) = pieces.get(at) else { continue };
        if word.len() <= LONGEST
            && number_at(pieces, at, -1)
            && (is_in(UNITS, word) || is_in(ZONES, word) || is_in(MONTHS, word))
        {
            set(pieces, at);
        }
    }
}

fn set(pieces: &mut [Piece<'_>], at: usize) {
    if let Some(piece) = pieces.get_mut(at) {
        *piece = Piece::Hole;
    }
}

fn is_in(list: &[&str], word: &str) -> bool {
    list.contains(&word)
}

/// Longest of the names below.
const LONGEST: usize = 4;

/// Whether a hole is next in a direction, perhaps behind a space.
fn number_at(pieces: &[Piece<'_>], at: usize, direction: isize) -> bool {
    let next = |at: usize| {
        let at = at.checked_add_signed(direction)?;
        pieces.get(at).map(|piece| (at, *piece))
    };
    match next(at) {
        Some((_, Piece::Hole)) => true,
        Some((at, Piece::Gap(" "))) => matches!(next(at), Some((_, Piece::Hole))),
        _ => false,
    }
}

const UNITS: &[&str] = &[
    "ns", "us", "µs", "ms", "s", "sec", "secs", "min", "mins", "h", "hr", "hrs", "B", "kB", "KB",
    "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB",
];

const ZONES: &[&str] = &[
    "AM", "PM", "am", "pm", "UTC", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT",
    "CET", "CEST", "WET", "WEST", "EET", "EEST", "BST", "IST", "JST", "KST", "AEST", "AEDT",
];

const MONTHS: &[&str] =
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec"];

const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
