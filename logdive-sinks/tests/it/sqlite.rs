//! The journal on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, Utc};
use logdive_core::case::{CaseId, Entry};
use logdive_core::port::{
    Begin, DeliveryLog, DeliveryOutcome, Draft, Journal, JournalError, Receipt,
};
use logdive_core::{
    Action, ActionClass, ActionKey, ActionName, ActionRequest, Actor, Audience, Conclusion,
    Coverage, Decision, DeliveryKey, Digest, EffectiveMode, Evidence, Facts, Mode, ModeSetting,
    OnStop, Outcome, PlaybookName, Provenance, Reversibility, Scope, Stage, StepEvidence, StepKind,
    StepName, Ticket, TicketId, TicketSeverity, TicketStatus, Times, Value, Window,
};
use logdive_sinks::SqliteJournal;
use rusqlite::Connection;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    fn open(&self) -> SqliteJournal {
        SqliteJournal::open(self.path()).unwrap()
    }

    fn raw(&self) -> Connection {
        let raw = Connection::open(self.path()).unwrap();
        raw.execute_batch(
            "DROP TRIGGER IF EXISTS journal_is_not_changed;
             DROP TRIGGER IF EXISTS journal_is_not_cut;",
        )
        .unwrap();
        raw
    }
}

fn at() -> DateTime<Utc> {
    "2026-07-10T12:00:00.123456789Z".parse().unwrap()
}

fn case(ordinal: u32) -> CaseId {
    CaseId::new(&TicketId::parse("demo:1").unwrap(), ordinal)
}

fn draft(case: Option<CaseId>, entry: Entry) -> Draft {
    Draft { at: at(), case, entry, fence: None }
}

fn closed(reason: &str) -> Entry {
    Entry::Closed { reason: reason.into() }
}

fn look_again(reason: &str) -> Entry {
    Entry::LookAgain { by: Actor::Automation, reason: reason.into() }
}

fn ticket() -> Box<Ticket> {
    Box::new(Ticket {
        id: TicketId::parse("demo:1").unwrap(),
        title: "throttled \u{1f525}".into(),
        body: "line\nline \u{0}".into(),
        url: Some("https://tickets.example/1".into()),
        severity: TicketSeverity::new(1),
        status: TicketStatus::New,
        vendor_status: "ALARM".into(),
        service: Some("ssm".into()),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        times: Times {
            started: Some(at()),
            detected: None,
            opened: at(),
            updated: None,
            resolved: None,
        },
        group_key: None,
        dedupe_key: "d".into(),
        audience: Audience::Public,
        truncated_members: 3,
        raw_digest: Digest::of("raw"),
        entities: vec![],
    })
}

fn every_kind() -> Vec<Entry> {
    let digest = Digest::of("x");
    let by = Actor::person("ana", "cli");
    let mode = EffectiveMode::new(Mode::Confirm, "ceiling");
    let arguments = [("key".to_owned(), Value::from("AKIA"))].into();
    let name = ActionName::parse("disable_key").unwrap();
    let request = ActionRequest { name: name.clone(), arguments };
    let of_case = case(0);
    let action_key = ActionKey::new(&of_case, "quota", &request, 0);
    let action = Action {
        key: action_key,
        name,
        arguments: request.arguments.clone(),
        target: "AKIA".into(),
        class: ActionClass::parse("iam").unwrap(),
        on_stop: OnStop::Abort,
        reversibility: Reversibility::Irreversible,
    };
    let decision = Decision {
        conclusion: Conclusion::Decided {
            rule: "quota".into(),
            decision: "disable".into(),
            because: "72 > 10".into(),
            actions: vec![request],
            mode: Mode::Suggest,
        },
        trace: vec![],
        rules: Some(digest),
        by: by.clone(),
        parent: None,
    };
    let evidence = Evidence {
        steps: vec![StepEvidence {
            matched: 72,
            cut: 62,
            ..StepEvidence::new(
                StepName::parse("denied").unwrap(),
                StepKind::Select,
                "denied requests".into(),
            )
        }],
        facts: Facts::new().with("denied.count", Value::from(72)),
        coverage: Coverage {
            window: Window::new(at(), at() + chrono::TimeDelta::minutes(30)).unwrap(),
            layers: [].into(),
            not_looked_at: vec![],
            skews: vec![],
        },
        provenance: Provenance {
            plan: "select".into(),
            plan_digest: digest,
            lake_version: Some(9),
            engine: "test".into(),
        },
    };
    let key = DeliveryKey::of(["k"]);
    let scope = Scope::Service("ssm".into());
    let reason = || "because \u{202e}".to_owned();
    vec![
        Entry::Seen { ticket: ticket(), playbook: PlaybookName::parse("quota").unwrap() },
        Entry::Unmatched { ticket: ticket(), reason: reason() },
        Entry::TicketChanged { ticket: ticket() },
        Entry::Planned { plan: digest, rules: digest, revision: digest, by: by.clone() },
        Entry::Found { evidence: Box::new(evidence) },
        Entry::DiveFailed { reason: reason() },
        Entry::Decided {
            decision: Box::new(decision),
            revision: digest,
            evidence: Some(digest),
            epoch: u64::MAX,
            mode: mode.clone(),
        },
        Entry::Proposed { actions: vec![action], decision: digest, mode },
        Entry::Posting { key, content: digest },
        Entry::Posted { key, receipt: Receipt::new("1") },
        Entry::PostFailed { key, reason: reason() },
        Entry::Approved { key: action_key, decision: digest, by: by.clone() },
        Entry::Rejected { key: action_key, by: by.clone(), reason: reason() },
        Entry::Refused { key: action_key, reason: reason() },
        Entry::Intended { key: action_key, epoch: 1, by: by.clone() },
        Entry::Finished { key: action_key, outcome: Outcome::InDoubt { check: reason() } },
        look_again("late data"),
        closed("resolved"),
        Entry::Stopped { scope: scope.clone(), by: by.clone(), reason: reason(), epoch: 2 },
        Entry::Reset { scope: scope.clone(), by: by.clone(), reason: reason(), epoch: 3 },
        Entry::ModeSet(ModeSetting {
            scope,
            stage: Some(Stage::Act),
            mode: Mode::Off,
            by,
            at: at(),
            reason: reason(),
        }),
    ]
}

#[tokio::test]
async fn every_entry_is_read_as_it_was_written() {
    let place = Place::new();
    let journal = place.open();
    let mut rows = Vec::new();
    for entry in every_kind() {
        let row = journal.append(draft(Some(case(1)), entry.clone())).await.unwrap();
        assert_eq!((&row.entry, row.at), (&entry, at()));
        rows.push(row);
    }
    drop(journal);
    let journal = place.open();
    assert_eq!(journal.since(0).await.unwrap(), rows);
    assert_eq!(journal.since(5).await.unwrap(), rows[5..]);
    assert_eq!(journal.since(rows.len() as u64).await.unwrap(), []);
    assert_eq!(journal.since(999).await.unwrap(), []);
    let verified = journal.verify().await.unwrap();
    assert_eq!((verified.rows, verified.head), (rows.len() as u64, rows.last().unwrap().hash));
    let seqs: Vec<u64> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=rows.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn open_cases_are_those_without_an_end() {
    let place = Place::new();
    let journal = place.open();
    for (n, entry) in [
        (2, look_again("a")),
        (1, look_again("b")),
        (3, look_again("c")),
        (1, closed("done")),
        (4, Entry::Unmatched { ticket: ticket(), reason: "none".into() }),
        (2, look_again("d")),
    ] {
        journal.append(draft(Some(case(n)), entry)).await.unwrap();
    }
    journal.append(draft(None, look_again("of no case"))).await.unwrap();
    assert_eq!(journal.open_cases().await.unwrap(), [case(2), case(3)]);
}

#[tokio::test]
async fn any_change_to_any_row_is_found_and_named() {
    const CHANGES: [&str; 7] = [
        "UPDATE journal SET entry = replace(entry, 'reason', 'reasom') WHERE seq = ?1",
        "UPDATE journal SET entry = entry || ' ' WHERE seq = ?1",
        "UPDATE journal SET at = '2026-07-10T12:00:00.123456788+00:00' WHERE seq = ?1",
        "UPDATE journal SET case_id = 'c-00000000' WHERE seq = ?1",
        "UPDATE journal SET hash = substr(hash, 2) || substr(hash, 1, 1) WHERE seq = ?1",
        "UPDATE journal SET ends_case = 1 - ends_case WHERE seq = ?1",
        "DELETE FROM journal WHERE seq = ?1",
    ];
    const ROWS: u64 = 4;
    let place = Place::new();
    let journal = place.open();
    for n in 0..ROWS {
        journal.append(draft(Some(case(1)), look_again(&n.to_string()))).await.unwrap();
    }
    // One file, with everything in it.
    drop(journal);
    let raw = place.raw();
    raw.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(raw);
    let whole = fs::read(place.path()).unwrap();
    for change in CHANGES {
        for seq in 1..=ROWS {
            let place = Place::new();
            fs::write(place.path(), &whole).unwrap();
            let journal = place.open();
            assert_eq!(journal.verify().await.unwrap().rows, ROWS);
            let changed = place.raw().execute(change, [i64::try_from(seq).unwrap()]).unwrap();
            assert_eq!(changed, 1);
            let error = journal.verify().await.unwrap_err();
            let JournalError::Corrupt { seq: named, .. } = error else { panic!("{error}") };
            assert_eq!(named, seq, "{change}");
            assert!(journal.since(0).await.is_err(), "{change} {seq}");
        }
    }
}

#[tokio::test]
async fn rows_cut_off_at_the_end_are_missed() {
    let place = Place::new();
    let journal = place.open();
    for n in 0..3 {
        journal.append(draft(None, look_again(&n.to_string()))).await.unwrap();
    }
    place.raw().execute("DELETE FROM journal WHERE seq > 1", []).unwrap();
    let error = journal.append(draft(None, look_again("x"))).await.unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { seq: 2, .. }), "{error}");
    drop(journal);
    let error = SqliteJournal::open(place.path()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 2 of the journal is damaged: it is missing; the journal had 3 rows"
    );
}

#[tokio::test]
async fn rows_are_only_added() {
    let place = Place::new();
    place.open().append(draft(None, look_again("x"))).await.unwrap();
    let raw = Connection::open(place.path()).unwrap();
    for change in ["UPDATE journal SET at = ''", "DELETE FROM journal"] {
        assert!(raw.execute(change, []).unwrap_err().to_string().contains("only added to"));
    }
}

const APPENDS: u32 = 20;

async fn append_many(journal: &SqliteJournal, name: &str) {
    for n in 0..APPENDS {
        let entry = look_again(&format!("{name} {n}"));
        journal.append(draft(Some(case(1)), entry)).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "run by `processes_and_handles_append_to_one_chain`, as a process of its own"]
async fn appends_in_a_process_of_its_own() {
    let path = std::env::var_os("LOGDIVE_TEST_JOURNAL").unwrap();
    append_many(&SqliteJournal::open(Path::new(&path)).unwrap(), "process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_and_handles_append_to_one_chain() {
    let place = Place::new();
    let child = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::appends_in_a_process_of_its_own", "--ignored", "--quiet"])
            .env("LOGDIVE_TEST_JOURNAL", place.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    // Two processes that race for making it, and two handles of this one.
    let mut children = [child(), child()];
    let (a, b) = (place.open(), place.open());
    tokio::join!(append_many(&a, "a"), append_many(&b, "b"));
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let rows = a.since(0).await.unwrap();
    assert_eq!(rows.len(), 4 * APPENDS as usize);
    assert_eq!(b.verify().await.unwrap().rows, 4 * u64::from(APPENDS));
}

#[tokio::test]
async fn one_drives_and_an_older_lease_is_over() {
    let place = Place::new();
    let (ours, theirs) = (place.open(), place.open());
    let lease = ours.lease("bot on host-1").await.unwrap();
    let error = theirs.lease("bot on host-2").await.unwrap_err();
    assert_eq!(error.to_string(), "`bot on host-1` holds the lease");
    // Whoever does not drive may append.
    theirs.append(draft(None, look_again("a command"))).await.unwrap();
    let fenced = |fence| Draft { fence: Some(fence), ..draft(None, look_again("x")) };
    ours.append(fenced(lease.fence)).await.unwrap();
    let old = lease.fence;
    drop(lease);
    let lease = theirs.lease("bot on host-2").await.unwrap();
    assert!(lease.fence > old);
    theirs.append(fenced(lease.fence)).await.unwrap();
    for journal in [&ours, &theirs] {
        let error = journal.append(fenced(old)).await.unwrap_err();
        assert!(matches!(error, JournalError::Fenced { fence } if fence == old), "{error}");
    }
    assert_eq!(ours.verify().await.unwrap().rows, 3);
    // It rises over restarts too.
    drop((ours, theirs));
    let before = lease.fence;
    drop(lease);
    assert!(place.open().lease("bot").await.unwrap().fence > before);
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let place = Place::new();
    let journal = place.open();
    journal.append(draft(None, look_again("before"))).await.unwrap();
    // As a crash leaves it: the file and its log, without a close.
    let crashed = Place::new();
    for name in ["journal.db", "journal.db-wal"] {
        fs::copy(place.folder.path().join(name), crashed.folder.path().join(name)).unwrap();
    }
    // And a transaction that had begun is undone.
    let raw = crashed.raw();
    raw.execute_batch("BEGIN IMMEDIATE; UPDATE head SET seq = 99;").unwrap();
    drop(raw);
    let reopened = crashed.open();
    assert_eq!(reopened.verify().await.unwrap().rows, 1);
    reopened.append(draft(None, look_again("after"))).await.unwrap();
    assert_eq!(reopened.since(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_commit_survives_a_power_cut_by_its_settings() {
    let place = Place::new();
    let journal = place.open();
    journal.append(draft(None, look_again("x"))).await.unwrap();
    let raw = Connection::open(place.path()).unwrap();
    let mode: String = raw.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let names = ["journal.db", "journal.db-wal", "journal.db-shm"];
        for path in names.map(|name| place.folder.path().join(name)) {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).unwrap();
        place.open();
        assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_is_no_journal_is_an_error_and_stays_as_it_is() {
    let place = Place::new();
    place.open().append(draft(None, look_again("x"))).await.unwrap();
    let whole = fs::read(place.path()).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 4 * 3;
    for byte in &mut flipped[middle..middle + 4_096] {
        *byte ^= 0xff;
    }
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("empty", vec![], "the file is empty"),
        ("text", b"not a journal at all, but long enough".to_vec(), "no journal"),
        ("short", b"SQLite".to_vec(), "no journal"),
        ("cut", whole[..whole.len() / 2].to_vec(), ""),
        ("flipped", flipped, ""),
    ];
    for (name, bytes, why) in cases {
        let place = Place::new();
        fs::write(place.path(), &bytes).unwrap();
        let error = SqliteJournal::open(place.path()).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(error.to_string().contains("journal"), "{name}: {error}");
        assert!(cause.contains(why), "{name}: {error}: {cause}");
        assert_eq!(fs::read(place.path()).unwrap(), bytes, "{name}");
    }
    let foreign = Place::new();
    Connection::open(foreign.path()).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = SqliteJournal::open(foreign.path()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("something else"), "{cause}");
}

#[tokio::test]
async fn a_newer_format_says_what_it_needs() {
    let place = Place::new();
    drop(place.open());
    place.raw().execute_batch("PRAGMA user_version = 2").unwrap();
    let error = SqliteJournal::open(place.path()).unwrap_err();
    let JournalError::Version(why) = error else { panic!("{error}") };
    assert!(why.ends_with("needs the logdive that wrote it, or a newer one"), "{why}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = SqliteJournal::open(folder.path().join("none/journal.db")).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.ends_with("none` is not there; make it first"), "{cause}");
    assert!(SqliteJournal::open("/").is_err());
    // Nothing is left beside a new journal but its own files.
    drop(SqliteJournal::open(folder.path().join("journal.db")).unwrap());
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["journal.db"]);
}

#[tokio::test]
async fn deliveries_are_remembered() {
    let place = Place::new();
    let (key, sink, target) = (DeliveryKey::of(["k"]), "github:acme/ops", "issues/42");
    let (one, two) = (Digest::of("one"), Digest::of("two"));
    let receipt = Receipt::new("1000");
    let begin = async |content| place.open().begin(&key, sink, target, content).await.unwrap();
    let end = async |outcome| place.open().end(&key, sink, &outcome).await.unwrap();

    assert!(place.open().end(&key, sink, &DeliveryOutcome::NotApplied).await.is_err());
    assert_eq!(begin(one).await, Begin::Fresh);
    // The process died.
    assert_eq!(begin(one).await, Begin::Resume(None));
    end(DeliveryOutcome::NotApplied).await;
    assert_eq!(begin(one).await, Begin::Fresh);
    end(DeliveryOutcome::NoAnswer).await;
    assert_eq!(begin(one).await, Begin::Resume(None));
    end(DeliveryOutcome::Delivered(receipt.clone())).await;
    assert_eq!(begin(one).await, Begin::Done(receipt.clone()));
    assert_eq!(DeliveryLog::open(&place.open()).await.unwrap(), []);
    assert_eq!(begin(two).await, Begin::Update(receipt.clone()));
    let open = DeliveryLog::open(&place.open()).await.unwrap();
    assert_eq!((open[0].key, &*open[0].sink, &*open[0].target), (key, sink, target));
    assert_eq!(begin(two).await, Begin::Resume(Some(receipt.clone())));
    end(DeliveryOutcome::Dead("rejected".into())).await;
    // The older content is there still, and the newer one may be tried again.
    assert_eq!(begin(one).await, Begin::Done(receipt.clone()));
    assert_eq!(begin(two).await, Begin::Update(receipt));
    // Another sink knows nothing of it, and a key has one place.
    let journal = place.open();
    assert_eq!(journal.begin(&key, "file", target, one).await.unwrap(), Begin::Fresh);
    let error = journal.begin(&key, sink, "issues/43", one).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("belongs to `issues/42`"), "{cause}");
}
