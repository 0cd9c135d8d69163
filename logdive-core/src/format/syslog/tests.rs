//! Messages of all kinds.

use serde_json::{Value, json};

use super::Syslog;
use crate::format::laws::{prefixes_are_kept, read_all, read_one};
use crate::format::{Origin, parse};
use crate::log::{LogBatchBuilder, LogRecord, LogSeverity};

fn attributes(record: &LogRecord) -> Value {
    record.attributes.as_deref().map_or(json!({}), |text| serde_json::from_str(text).unwrap())
}

const RFC5424: &str = "<165>1 2003-10-11T22:14:15.003000001Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut=\"3\" eventSource=\"App\\\"lication\\]\\n\" ip=\"1\" ip=\"2\"][x@1] \u{feff}An application event";

#[test]
fn a_message_of_rfc_5424() {
    let record = read_one(Syslog::new(), RFC5424);
    assert_eq!(record.time_unix_nano, Some(1_065_910_455_003_000_001));
    assert_eq!(record.severity.map(|severity| severity.number()), Some(10));
    assert_eq!(record.severity_text.as_deref(), Some("notice"));
    assert_eq!(record.service.as_deref(), Some("evntslog"));
    assert_eq!(record.emitter.as_deref(), Some("mymachine.example.com"));
    assert_eq!(record.resource.as_deref(), Some(r#"{"host.name":"mymachine.example.com"}"#));
    assert_eq!(record.body.as_deref(), Some("An application event"));
    assert_eq!(record.raw.as_deref(), Some(RFC5424.as_bytes()));
    assert_eq!(
        attributes(&record),
        json!({
            "syslog.facility": "local4", "syslog.msgid": "ID47",
            "structured_data": {
                "exampleSDID@32473": {
                    "iut": "3", "eventSource": "App\"lication]\\n", "ip": ["1", "2"],
                },
                "x@1": {},
            },
        })
    );
}

#[test]
fn nil_values_and_short_headers() {
    let record = read_one(Syslog::new(), "<0>1 - - - - - -");
    assert_eq!(record.body.as_deref(), Some(""));
    assert_eq!(record.severity, Some(LogSeverity::FATAL));
    assert_eq!((record.time_unix_nano, record.emitter, record.service), (None, None, None));
    assert_eq!(record.parse_error, None);

    let record = read_one(Syslog::new(), "<34>1 2003-10-11T22:14:15Z host app");
    assert_eq!(record.service.as_deref(), Some("app"));
    assert_eq!(record.parse_error.as_deref(), Some("its header ends early"));

    let record =
        read_one(Syslog::new(), "<34>1 2003-10-11T22:14:15Z host app w-1 - [a b=\"c\" text");
    assert_eq!(record.body.as_deref(), Some("[a b=\"c\" text"));
    assert_eq!(record.parse_error.as_deref(), Some("its structured data does not end"));
    assert_eq!(attributes(&record)["syslog.procid"], "w-1");

    let record = read_one(Syslog::new(), "17 <34>1 2003-10-11T22:14:15Z host app 7 - text");
    assert_eq!((record.body.as_deref(), &record.parse_error), (Some("text"), &None));
    assert_eq!(attributes(&record)["process.pid"], 7);
}

/// Host, service, body and time of the day of a message.
fn check(text: &str, host: Option<&str>, service: Option<&str>, body: &str) -> LogRecord {
    let record = read_one(Syslog::new(), text);
    let found = (record.emitter.as_deref(), record.service.as_deref(), record.body.as_deref());
    assert_eq!(found, (host, service, Some(body)), "{text}");
    assert_eq!(record.parse_error, None, "{text}");
    record
}

#[test]
fn messages_as_the_world_writes_them() {
    let (host, app) = (Some("host"), Some("app"));
    for stamp in [
        "Oct 11 22:14:15",
        "Oct  1 22:14:15",
        "Oct 1 22:14:15.123",
        "Oct 11 22:14:15 2003",
        "Oct 11 2003 22:14:15 UTC",
        "2003-10-11T22:14:15.003+02:00",
        "2003-10-11T22:14:15.003",
    ] {
        for priority in ["", "<34>"] {
            let record = check(&format!("{priority}{stamp} host app[1]: a: b"), host, app, "a: b");
            assert!(record.time_unix_nano.is_some(), "{stamp}");
            assert_eq!(
                record.severity_text.as_deref(),
                Some("crit").filter(|_| !priority.is_empty())
            );
            check(&format!("{priority}{stamp} host app: b"), host, app, "b");
            check(&format!("{priority}{stamp} app: b"), None, app, "b");
            check(&format!("{priority}{stamp} host just words: b"), host, None, "just words: b");
            check(&format!("{priority}{stamp} host "), host, None, "");
            check(&format!("{priority}{stamp} host"), host, None, "");
            check(&format!("{priority}{stamp}"), None, None, "");
        }
        let repeated = "last message repeated 2 times";
        check(&format!("{stamp} host {repeated}"), host, None, repeated);
        check(&format!("{stamp} {repeated}"), None, None, repeated);
        check(&format!("{stamp} --- {repeated} ---"), None, None, &format!("--- {repeated} ---"));
    }
    check("<13>su: 'su root' failed", None, Some("su"), "'su root' failed");
    check("<13>anything", None, None, "anything");
    check("<13>", None, None, "");
    let haproxy = "10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} \"GET /index.html HTTP/1.1\"";
    let record = check(
        &format!("Feb  6 12:14:14 localhost haproxy[14389]: {haproxy}"),
        Some("localhost"),
        Some("haproxy"),
        haproxy,
    );
    assert_eq!(attributes(&record)["process.pid"], 14389);
}

#[test]
fn messages_of_cisco_devices() {
    for (text, host, name) in [
        ("<189>29: *Mar  1 18:46:11.158 EST: %SYS-5-CONFIG_I: x", None, "SYS-5-CONFIG_I"),
        ("<166>Oct 10 2011 10:30:54 fw : %ASA-6-302013: x", Some("fw"), "ASA-6-302013"),
        ("Oct 10 2011 10:30:54: %ASA-6-302013: x", None, "ASA-6-302013"),
        ("<166>%ASA-6-302013: x", None, "ASA-6-302013"),
        (
            "Mar  1 18:46:11 10.1.1.1 123: *Mar  1 18:46:09.1 UTC: %LINK-3-UPDOWN: x",
            Some("10.1.1.1"),
            "LINK-3-UPDOWN",
        ),
        (
            "Mar  1 18:46:11 sw: %SEC_LOGIN-SW1-5-LOGIN_SUCCESS: x",
            Some("sw"),
            "SEC_LOGIN-SW1-5-LOGIN_SUCCESS",
        ),
    ] {
        let record = check(text, host, None, &format!("%{name}: x"));
        assert_eq!(record.event.as_deref(), Some(name), "{text}");
        let severity = if name.starts_with("LINK") {
            "err"
        } else if name.starts_with("ASA") {
            "info"
        } else {
            "notice"
        };
        assert_eq!(record.severity_text.as_deref(), Some(severity), "{text}");
    }
    check("Mar  1 18:46:11 host app: 50% done", Some("host"), Some("app"), "50% done");
    check("Mar  1 18:46:11 host %x: y", Some("host"), None, "%x: y");
}

#[test]
fn levels_without_priority_are_those_of_plain_words() {
    let record =
        check("Oct 11 22:14:15 host sshd[1]: error: no", Some("host"), Some("sshd"), "error: no");
    assert_eq!(record.severity, Some(LogSeverity::ERROR));
    assert_eq!(record.severity_text.as_deref(), Some("error"));
    let record =
        check("Oct 11 22:14:15 host sshd[1]: Error in x", Some("host"), Some("sshd"), "Error in x");
    assert_eq!((record.severity, record.severity_text), (None, None));
}

#[test]
fn lines_that_begin_with_space_continue() {
    let text = "Dec 13 11:35:28 mac app[1]: a <\n\t\tb\n\n  c>\nDec 13 11:35:29 mac app[1]: d\n";
    let bodies: Vec<_> =
        read_all(Syslog::new(), text).into_iter().map(|record| record.body.unwrap()).collect();
    assert_eq!(bodies, ["a <\n\t\tb\n\n  c>", "d"]);
}

#[test]
fn the_origin_says_what_the_line_does_not() {
    let mut origin = Origin::new(crate::LayerName::parse("x").unwrap(), "x", 0);
    origin.emitter = Some("file".to_owned());
    origin.assumed.year = Some(2016);
    origin.assumed.offset = chrono::FixedOffset::west_opt(7200).unwrap();
    let mut out = LogBatchBuilder::new();
    let format: std::sync::Arc<dyn crate::format::Format> = std::sync::Arc::new(Syslog::new());
    parse(&format, b"Oct 11 22:14:15 app: x", &origin, &mut out);
    let record = out.finish().records().next().unwrap();
    assert_eq!(record.time_unix_nano, Some(1_476_231_255_000_000_000));
    assert_eq!(record.emitter.as_deref(), Some("file"));
    assert_eq!(attributes(&record), json!({"time_assumed": "year 2016, zone -02:00"}));
}

#[test]
fn a_day_that_is_none_keeps_the_row() {
    let record = read_one(Syslog::new(), "<34>Feb 30 22:14:15 host app: x");
    assert_eq!((record.time_unix_nano, record.body.as_deref()), (None, Some("x")));
    assert!(record.parse_error.unwrap().contains("no time"));
}

#[test]
fn other_lines_are_malformed() {
    for text in
        ["hello", "<192>x", "<>x", "Oct 11 22:14:15x y", "2016/10/25 14:49:34 [error] x", "1 x"]
    {
        let record = read_one(Syslog::new(), text);
        assert!(record.parse_error.unwrap().starts_with("not syslog"), "{text}");
        assert_eq!(record.raw.as_deref(), Some(text.as_bytes()));
    }
}

#[test]
fn prefixes_are_neither_lost_nor_wrong() {
    for text in [
        RFC5424,
        "<34>Oct 11 22:14:15 host app[17]: text",
        "<189>29: *Mar  1 18:46:11.158 EST: %SYS-5-CONFIG_I: x",
        "Dec 13 11:38:45 mac com.apple.launchd[1] (com.apple.x[2]): é",
    ] {
        prefixes_are_kept(Syslog::new(), text);
    }
}
