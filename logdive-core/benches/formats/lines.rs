//! Lines to read: made from a counter, the same on every run; CloudTrail is real.

#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "it stops where its own input is not as it made it"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// About how many bytes of each.
const BYTES: usize = 8 << 20;

/// All inputs, by the name of their format.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("json", json()),
        ("cloudtrail", cloudtrail()),
        ("otlp-proto", otlp()),
        ("clf", clf()),
        ("syslog", syslog()),
        ("logfmt", logfmt()),
        ("plain", plain()),
    ]
}

/// A number that looks random and is the same on every run (SplitMix64).
fn noise(seed: usize) -> u64 {
    let mut z = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn pick<'a>(seed: usize, words: &[&'a str]) -> &'a str {
    words[(noise(seed) % words.len() as u64) as usize]
}

fn lines(mut line: impl FnMut(usize, &mut String)) -> Vec<u8> {
    let mut text = String::with_capacity(BYTES + 4096);
    let mut n = 0;
    while text.len() < BYTES {
        line(n, &mut text);
        text.push('\n');
        n += 1;
    }
    text.into_bytes()
}

const PATHS: [&str; 5] = ["/cart", "/checkout", "/items/17", "/login", "/health"];

pub(crate) fn json() -> Vec<u8> {
    lines(|n, out| {
        let _ = write!(
            out,
            r#"{{"time":"2023-07-10T11:{:02}:{:02}.{:03}Z","level":"{}","msg":"{} {} answered {} in {} ms","service":"front","host":"front-{}","request_id":"{:016x}","trace_id":"{:016x}{:016x}","user":{{"id":{},"plan":"{}"}},"bytes":{}}}"#,
            n / 60 % 60,
            n % 60,
            n % 1000,
            pick(n, &["INFO", "INFO", "INFO", "WARN", "ERROR"]),
            pick(n + 1, &["GET", "POST"]),
            pick(n + 2, &PATHS),
            200 + noise(n) % 300,
            noise(n) % 900,
            noise(n) % 12,
            noise(n + 3),
            noise(n + 4),
            noise(n + 5),
            noise(n) % 100_000,
            pick(n, &["free", "team"]),
            noise(n + 6) % 90_000,
        );
    })
}

fn clf() -> Vec<u8> {
    lines(|n, out| {
        let _ = write!(
            out,
            r#"203.0.113.{} - - [10/Jul/2023:11:{:02}:{:02} +0000] "{} {} HTTP/1.1" {} {} "https://shop.example{}" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36""#,
            noise(n) % 250,
            n / 60 % 60,
            n % 60,
            pick(n + 1, &["GET", "POST"]),
            pick(n + 2, &PATHS),
            pick(n, &["200", "200", "304", "404", "502"]),
            noise(n + 6) % 90_000,
            pick(n + 3, &PATHS),
        );
    })
}

fn syslog() -> Vec<u8> {
    lines(|n, out| {
        let _ = write!(
            out,
            "<{}>1 2023-07-10T11:{:02}:{:02}.{:06}Z web-{} {} {} ID{} [meta seq=\"{n}\"] connection {} from 10.0.{}.{} port {} closed after {} ms",
            8 * (noise(n) % 20) + noise(n + 1) % 8,
            n / 60 % 60,
            n % 60,
            n % 1_000_000,
            noise(n) % 12,
            pick(n, &["sshd", "nginx", "kernel", "cron"]),
            noise(n) % 30_000,
            noise(n) % 90,
            noise(n + 2) % 100_000,
            noise(n) % 250,
            noise(n + 3) % 250,
            noise(n + 4) % 60_000,
            noise(n + 5) % 900,
        );
    })
}

fn logfmt() -> Vec<u8> {
    lines(|n, out| {
        let _ = write!(
            out,
            r#"ts=2023-07-10T11:{:02}:{:02}.{:03}Z level={} caller=engine.go:{} msg="query {} done" org={} duration={}ms bytes={} request_id={:016x}"#,
            n / 60 % 60,
            n % 60,
            n % 1000,
            pick(n, &["info", "info", "warn", "error"]),
            noise(n) % 900,
            pick(n + 1, &["range", "instant", "series"]),
            noise(n) % 40,
            noise(n + 1) % 900,
            noise(n + 2) % 1_000_000,
            noise(n + 3),
        );
    })
}

fn plain() -> Vec<u8> {
    lines(|n, out| {
        let _ = write!(
            out,
            "[2023-07-10 11:{:02}:{:02},{:03}] {} [Partition {}-{}] rolled segment {} in {} ms, high watermark {} (kafka.log.LocalLog)",
            n / 60 % 60,
            n % 60,
            n % 1000,
            pick(n, &["INFO", "INFO", "WARN", "ERROR"]),
            pick(n + 1, &["orders", "carts"]),
            noise(n) % 24,
            noise(n + 1) % 1_000_000,
            noise(n + 2) % 90,
            noise(n + 3) % 1_000_000_000,
        );
    })
}

/// Requests of a hundred records, one after the other, as a collector sends them.
fn otlp() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut n = 0;
    while bytes.len() < BYTES {
        let records: Vec<u8> = (n..n + 100).flat_map(|n| field(2, &otlp_record(n))).collect();
        n += 100;
        let resource = field(
            1,
            &[attribute(1, "service.name", "front"), attribute(1, "host.name", "front-7")].concat(),
        );
        let scope = field(1, &field(1, b"logger"));
        bytes.extend(field(1, &[resource, field(2, &[scope, records].concat())].concat()));
    }
    bytes
}

fn otlp_record(n: usize) -> Vec<u8> {
    let time = 1_688_990_000_000_000_000_u64 + n as u64 * 1_000_003;
    let body = format!(
        "{} {} answered {} in {} ms",
        pick(n + 1, &["GET", "POST"]),
        pick(n + 2, &PATHS),
        200 + noise(n) % 300,
        noise(n) % 900
    );
    let mut out = vec![1 << 3 | 1];
    out.extend(time.to_le_bytes());
    out.push(11 << 3 | 1);
    out.extend((time + 1_000).to_le_bytes());
    out.extend([2 << 3, 9]);
    out.extend(field(3, b"INFO"));
    out.extend(field(5, &field(1, body.as_bytes())));
    out.extend(attribute(6, "http.route", pick(n, &PATHS)));
    out.extend(attribute(6, "user.id", &format!("u{}", noise(n) % 100_000)));
    out.extend(attribute(6, "http.request.id", &format!("{:016x}", noise(n + 3))));
    out.extend(field(9, &[noise(n + 4).to_le_bytes(), noise(n + 5).to_le_bytes()].concat()));
    out.extend(field(10, &noise(n + 6).to_le_bytes()));
    out
}

fn attribute(number: u8, key: &str, value: &str) -> Vec<u8> {
    let value = field(2, &field(1, value.as_bytes()));
    field(number, &[field(1, key.as_bytes()), value].concat())
}

/// A field of protobuf with a length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(bytes);
    out
}

/// Real delivery files, over and over.
fn cloudtrail() -> Vec<u8> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/oncall/fixtures/cloudtrail");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the fixtures")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let once: Vec<u8> = paths.iter().flat_map(|path| fs::read(path).expect("a file")).collect();
    once.iter().copied().cycle().take(once.len() * BYTES.div_ceil(once.len())).collect()
}
