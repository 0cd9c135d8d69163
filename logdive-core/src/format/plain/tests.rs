use std::sync::Arc;

use proptest::prelude::*;

use super::Plain;
use crate::LayerName;
use crate::format::{Format, Origin, Parser, parse};
use crate::log::{LogBatchBuilder, LogRecord};

fn origin() -> Origin {
    // 2023-07-10T12:00:00Z
    Origin::new(LayerName::parse("app").unwrap(), "app.log", 1_688_990_400_000_000_000)
}

fn records(text: &[u8]) -> Vec<LogRecord> {
    let mut out = LogBatchBuilder::new();
    let format: Arc<dyn Format> = Arc::new(Plain::new());
    parse(&format, text, &origin(), &mut out);
    out.finish().records().collect()
}

/// How many lines each record of a text has.
fn lines(text: &str) -> Vec<usize> {
    let records = records(text.as_bytes());
    let bodies: Vec<_> = records.iter().map(|record| record.body.as_deref().unwrap()).collect();
    bodies.iter().map(|body| body.lines().filter(|line| !line.trim().is_empty()).count()).collect()
}

fn only(line: &str) -> LogRecord {
    let mut records = records(line.as_bytes());
    assert_eq!(records.len(), 1, "{line}");
    records.remove(0)
}

#[test]
fn levels_near_the_time() {
    for (line, text, number) in [
        // log4j, logback and Kafka.
        ("[2017-10-23 14:20:12,046] INFO Registered x (kafka.server.KafkaServer)", "INFO", 9),
        ("[2017-10-23T14:20:12,046][WARN ][logstash.x] slow", "WARN", 13),
        ("2015-10-18 18:01:47,978 FATAL [main] org.acme.X: gone", "FATAL", 21),
        (
            "2015-07-29 17:41:44,747 - ERROR  [QuorumPeer[myid=1]/0:0:0:0:2181:X@774] - x",
            "ERROR",
            17,
        ),
        ("2021-05-05 10:10:10.123  WARN 12345 --- [main] c.e.App : x", "WARN", 13),
        ("17/06/09 20:10:40 INFO executor.X: Registered", "INFO", 9),
        ("081109 203615 148 WARN dfs.X: y", "WARN", 13),
        ("14:20:12.046 [main] DEBUG c.e.X - y", "DEBUG", 5),
        ("Oct 25, 2016 2:49:34 PM org.x.Y log\nSEVERE: gone", "SEVERE", 17),
        ("DEBUG 2017-10-23 14:20:12 x", "DEBUG", 5),
        // PostgreSQL.
        ("2017-07-31 13:36:42.585 CEST [4974] LOG:  checkpoint starting: time", "LOG", 9),
        ("2017-07-31 13:36:42.585 CEST [4974] app@db ERROR:  no relation", "ERROR", 17),
        ("2017-07-31 13:36:42 UTC [4974]: [1-1] user=a,db=b FATAL:  no role", "FATAL", 21),
        ("2017-07-31 13:36:42 UTC [4974] PANIC:  could not write", "PANIC", 21),
        ("2017-07-31 13:36:42 UTC [4974] DEBUG5:  x", "DEBUG5", 8),
        // MySQL.
        ("2019-03-24T13:44:25.484123Z 0 [System] [MY-013169] [Server] x", "System", 9),
        ("2016-12-09T12:08:33.335060Z 0 [Warning] x", "Warning", 13),
        ("161209 14:18:50 [Note] Plugin", "Note", 9),
        // redis.
        ("4961:M 30 May 12:50:13.457 * x", "*", 10),
        ("4961:M 30 May 12:50:13.457 # x", "#", 13),
        ("30 May 10:03:19 - x", "-", 6),
        ("[2932] 31 May 04:32:08 . x", ".", 5),
        // Others.
        ("2016/10/25 14:49:34 [error] 54053#0: *1 open() failed", "error", 17),
        ("[Mon Dec 26 16:15:55.103522 2016] [core:notice] [pid 1] AH00094", "notice", 10),
        ("2016-09-28 04:30:30, Info                  CBS    Loaded", "Info", 9),
        ("03-17 16:13:38.811  1702  2395 D WindowManager: x", "D", 5),
        ("03-17 16:13:38.811 E/Tag( 1702): x", "E", 17),
        ("E0730 12:34:56.123456 1 f.go:12] x", "E", 17),
        (
            "- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.675872 R02-M1-N0-C:J12-U11 RAS KERNEL INFO x",
            "INFO",
            9,
        ),
        ("2021.03.04 12:34:56.789012 [ 1 ] {} <Information> Application: x", "Information", 9),
        ("Dec 13 11:35:28 web app[1]: error: x", "error", 17),
        ("[06:47:38 INF] x", "INF", 9),
        ("I, [2021-01-01T12:00:00.123456 #12]  WARN -- : x", "WARN", 13),
        ("2021-01-01T12:00:00Z\tinfo\tx", "info", 9),
        ("time=\"2021-01-01T12:00:00Z\" level=warning msg=x", "warning", 13),
        ("2021-01-01T12:00:00Z [app] warn: x", "warn", 13),
        ("\u{1b}[2m2021-01-01T12:00:00Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m app: x", "ERROR", 17),
        ("2021-01-01T12:00:00Z | error | x", "error", 17),
        // Without a time.
        ("ERROR:root:x", "ERROR", 17),
        ("ERROR: 1064  You have an error", "ERROR", 17),
        ("panic: runtime error", "panic", 21),
        ("warn: Acme.Hosting[0]", "warn", 13),
    ] {
        let record = only(line);
        let severity = record.severity.map(|severity| severity.number());
        assert_eq!(
            (record.severity_text.as_deref(), severity),
            (Some(text), Some(number)),
            "{line}"
        );
    }
}

#[test]
fn what_is_no_level() {
    for line in [
        "2021-01-01T12:00:00Z connection error while reading",
        "2021-01-01T12:00:00Z GET /error?note=1 ok",
        "2021-01-01T12:00:00Z the log is full",
        "2021-01-01T12:00:00Z [log] written",
        "2021-01-01T12:00:00Z Log file opened",
        "2021-01-01T12:00:00Z I am here",
        "5092:signal-handler (1496141844) Received SIGINT",
        "Dec 10 06:55:46 LabSZ sshd[24200]: Invalid user webmaster from 173.234.31.186",
        "10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1",
        "nothing at all",
        "",
        "2021-01-01T12:00:00Z",
    ] {
        if let Some(record) = records(line.as_bytes()).first() {
            assert_eq!((record.severity, record.severity_text.as_deref()), (None, None), "{line}");
        }
    }
    // It belongs to the message in front of it.
    let statement = only("2017-07-31 13:36:42 UTC [4974] STATEMENT:  SELECT 1");
    assert_eq!((statement.severity, statement.severity_text.as_deref()), (None, Some("STATEMENT")));
}

#[test]
fn what_was_assumed_is_noted() {
    let record = only("Jul 10 11:58:13 web app: x");
    assert_eq!(record.time_unix_nano, Some(1_688_990_293_000_000_000));
    let noted = r#"{"time_assumed":"year 2023, zone +00:00"}"#;
    assert_eq!(record.attributes.as_deref(), Some(noted));
    assert_eq!(only("2023-07-10T11:58:13Z x").attributes, None);
    let none = only("2023-02-30T11:58:13Z x");
    assert_eq!(none.time_unix_nano, None);
    let error = "its time is no time of the years 1678 to 2261";
    assert_eq!(none.parse_error.as_deref(), Some(error));
}

#[test]
fn ids_near_at_hand() {
    let trace = "000102030405060708090a0b0c0d0e0f";
    let span = "0001020304050607";
    for (line, request, traced, spanned) in [
        ("x request_id=7f3a-1 y", Some("7f3a-1"), false, false),
        ("x req_id: 7f3a, y", Some("7f3a"), false, false),
        ("START RequestId: 8f5-a Version: $LATEST", Some("8f5-a"), false, false),
        ("x {\"requestId\":\"7f3a\",\"a\":1}", Some("7f3a"), false, false),
        ("x X-Request-ID: 7f3a", Some("7f3a"), false, false),
        ("x correlation-id=[7f3a] y", Some("7f3a"), false, false),
        ("INFO nova.x [req-38101a0b-2096 113d - -] y", Some("req-38101a0b-2096"), false, false),
        ("x traceID=000102030405060708090a0b0c0d0e0f y", None, true, false),
        ("x trace_id=000102030405060708090a0b0c0d0e0f span_id=0001020304050607", None, true, true),
        ("x request_id=- y", None, false, false),
        ("x request_id= y=1", Some("y=1"), false, false),
        ("x user_id=7 valid: yes a=[req-] id=1", None, false, false),
        ("x trace_id=7 span_id=zz", None, false, false),
        ("x id=", None, false, false),
        ("=:[", None, false, false),
    ] {
        let timed = format!("2023-07-10T11:58:13Z {line}");
        for line in [line, timed.as_str()] {
            let record = only(line);
            assert_eq!(record.request_id.as_deref(), request, "{line}");
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let found: Option<String> = record.trace_id.as_ref().map(|id| hex(id));
            assert_eq!(found.as_deref(), traced.then_some(trace), "{line}");
            let found: Option<String> = record.span_id.as_ref().map(|id| hex(id));
            assert_eq!(found.as_deref(), spanned.then_some(span), "{line}");
        }
    }
}

#[test]
fn records_of_timed_text() {
    for (text, expected) in [
        // A stack trace of Java.
        (
            "[2017-10-23 14:20:12,046] ERROR x (kafka.X)\n\
             java.lang.RuntimeException: a\n\
             \tat kafka.X.y(X.scala:1)\n\
             Caused by: java.io.IOException: b\n\
             \t... 12 more\n\
             [2017-10-23 14:20:13,046] INFO y (kafka.X)\n",
            vec![5, 1],
        ),
        // A statement of PostgreSQL, and what belongs to a message in lines of its own.
        (
            "2017-07-31 13:36:44.104 CEST [49] a@b LOG:  duration: 37.118 ms  statement: SELECT a,\n\
             \t       b\n\
             FROM c\n\
             2017-07-31 13:36:45.104 CEST [49] a@b ERROR:  x\n\
             2017-07-31 13:36:45.104 CEST [49] a@b STATEMENT:  SELECT 1\n",
            vec![3, 1, 1],
        ),
        // redis with its banner.
        (
            "4961:M 30 May 12:50:13.457 * Increased\n                _._\n           _.-``__ ''-._\n\n\
             4961:M 30 May 12:50:13.463 # Server started\n\
             4961:signal-handler (1496141561) Received SIGINT\n\
             4961:M 30 May 12:52:41.448 # User requested shutdown...\n",
            vec![3, 1, 1, 1],
        ),
        // Times inside of a record that is indented, or of another kind.
        (
            "2017-07-31 13:36:44Z a\n  2017-07-31 13:36:44Z b\n12:00:01 c\n1546896321 d\n2017-07-31 13:36:44Z e",
            vec![4, 1],
        ),
        (
            "  2017-07-31 13:36:44Z a\n  2017-07-31 13:36:44Z b\n    2017-07-31 13:36:44Z c",
            vec![1, 2],
        ),
        ("12:00:01 c\n12:00:02 c\n1546896321 d\n\n12:00:01 c", vec![1, 2, 1]),
        ("1546896321 d\n1546896322 d\n03-17 16:13:38.811 x", vec![1, 2]),
        // Two forms in one file.
        (
            "161209 13:08:33 a\n2016-12-09T12:08:33.335060Z b\nVersion: '5.7.10'\n161209 13:08:33 c",
            vec![1, 2, 1],
        ),
        // The beginning of a file inside of a record.
        ("\tat a.b(C)\n\tat a.b(C)\n2017-07-31 13:36:44Z a", vec![1, 1, 1]),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
}

#[test]
fn records_of_text_without_times() {
    for (text, expected) in [
        ("a\nb\n\nc\n", vec![1, 1, 1]),
        ("a\n  b\n\tc\nd", vec![3, 1]),
        (
            "java.lang.RuntimeException: a\n\tat x.Y.z(Y.java:1)\nSuppressed: b\n\tat c\nCaused by: d\n... 12 more\ndone",
            vec![6, 1],
        ),
        ("Error: a\nat x (file.js:1:2)\nat noon they eat", vec![2, 1]),
        (
            "x: a\n   at A.B()\n--- End of inner exception stack trace ---\n   at C.D()\ny",
            vec![4, 1],
        ),
        (
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nValueError: a\n\n\
             During handling of the above exception, another exception occurred:\n\n\
             Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\n    g()\nKeyError\n\
             Traceback (most recent call last):\n  File \"b.py\", line 1, in <module>\nacme.Odd: b\nnext: line\n",
            vec![9, 3, 1],
        ),
        (
            "ERROR:root:a\nTraceback (most recent call last):\n  File \"a.py\"\nacme.OddError: b\nINFO:root:c",
            vec![4, 1],
        ),
        ("a\n  b\nnote: c", vec![2, 1]),
        (
            "panic: a\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1 +0x1d\ncreated by main.g\n\t/a.go:2 +0x1\nexit status 2\nnext",
            vec![7, 1],
        ),
        ("starting\ngoroutine 1 [running]:\nnext", vec![2, 1]),
        ("{\n  \"a\": [\n  1\n  ]\n}\nnext\n", vec![5, 1]),
        ("thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run with\nnext", vec![3, 1]),
        (
            "PHP Fatal error:  Uncaught x\nStack trace:\n#0 {main}\n  thrown in a.php\nnext",
            vec![4, 1],
        ),
        ("  a\n  b\n    c\n  d\ne", vec![1, 2, 1, 1]),
    ] {
        assert_eq!(lines(text), expected, "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    let found = records(b"2023-07-10T11:58:13Z INFO a\xff\0b\n\0\0\n");
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].raw.as_deref(),
        Some(b"2023-07-10T11:58:13Z INFO a\xff\0b\n\0\0".as_slice())
    );
    assert_eq!(found[0].time_unix_nano, Some(1_688_990_293_000_000_000));
    assert!(found[0].parse_error.as_deref().unwrap().starts_with("not UTF-8"));
}

/// Lines of which logs are made.
fn line() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "2017-10-23 14:20:12,046 INFO a request_id=7",
        "  2017-10-23 14:20:12,046 INFO a",
        "4961:M 30 May 12:50:13.457 * a",
        "03-17 16:13:38.811  1702  2395 D W: a",
        "1546896321 a",
        "12:00:00 a",
        "java.lang.RuntimeException: a",
        "\tat x.Y.z(Y.java:1)",
        "Caused by: b",
        "Traceback (most recent call last):",
        "  File \"a.py\", line 1",
        "ValueError: a",
        "panic: a",
        "goroutine 1 [running]:",
        "}",
        "",
        " ",
        "\u{fffd}",
        "a",
    ])
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        lines in prop::collection::vec(line(), 0..20),
        noise in prop::collection::vec(any::<u8>(), 0..60),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut bytes = lines.join("\n").into_bytes();
        bytes.extend_from_slice(&noise);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut parser = Parser::new(Arc::new(Plain::new()), origin());
        let mut out = LogBatchBuilder::new();
        for pair in cuts.windows(2) {
            parser.feed(&bytes[pair[0]..pair[1]], &mut out);
        }
        parser.finish(&mut out);
        let split: Vec<_> = out.finish().records().collect();
        let whole = records(&bytes);
        prop_assert_eq!(&split, &whole);
        // Every line that is not blank is in one record, in order.
        let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let blank = |line: &&[u8]| !line.iter().all(u8::is_ascii_whitespace);
            let strip = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            bytes.split(|byte| *byte == b'\n').filter(blank).map(strip).collect()
        };
        let kept = |record: &LogRecord| -> Vec<u8> {
            record.raw.clone().unwrap_or_else(|| record.body.clone().unwrap().into_bytes())
        };
        let all: Vec<_> = split.iter().flat_map(|record| lines(&kept(record))).collect();
        prop_assert_eq!(all, lines(&bytes));
    }

    #[test]
    fn a_trace_stays_with_its_head(
        frames in prop::collection::vec("[\tat ]{1,4}[a-z.]{1,9}\\([A-Z][a-z]{1,5}\\.java:[0-9]{1,3}\\)", 1..8),
        heads in 1_usize..5,
    ) {
        let trace = frames.iter().map(|frame| format!("\tat {frame}\n")).collect::<String>();
        let record = format!(
            "[2017-10-23 14:20:12,046] ERROR a (kafka.X)\njava.lang.X: b\n{trace}Caused by: java.lang.Y\n{trace}"
        );
        let found = lines(&record.repeat(heads));
        prop_assert_eq!(found, vec![3 + 2 * frames.len(); heads]);
        let untimed = format!("java.lang.X: b\n{trace}Caused by: java.lang.Y\n{trace}");
        prop_assert_eq!(lines(&untimed.repeat(heads)), vec![2 + 2 * frames.len(); heads]);
    }

    #[test]
    fn every_line_with_a_time_is_a_record(seconds in prop::collection::vec(0_u32..60, 1..30)) {
        let text: String =
            seconds.iter().map(|second| format!("2017-10-23 14:20:{second:02} a {second}\n")).collect();
        let found = records(text.as_bytes());
        prop_assert_eq!(found.len(), seconds.len());
        prop_assert!(found.iter().all(|record| record.time_unix_nano.is_some()));
    }
}
