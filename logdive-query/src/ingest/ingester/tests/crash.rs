//! Any interleaving of pushes, commits, failures and crashes keeps every line once.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    Push {
        stream: usize,
        rows: u64,
    },
    /// The newest push of each stream is waited for.
    Wait,
    /// So many steps from now the disk fails, so often.
    Fault(Fault),
    /// Lets the writer go on a little.
    Yield(usize),
    /// The process dies: nothing more is done from some step on.
    Crash {
        steps: u64,
        how: How,
    },
    /// It is ended and started again.
    Restart,
}

const STREAMS: [&str; 3] = ["a", "A", "é/.."];

fn event() -> impl Strategy<Value = Event> {
    let how = prop_oneof![Just(How::Undone), Just(How::Done), Just(How::Short)];
    let error = prop_oneof![Just(ENOSPC), Just(EIO)];
    let fault = (0..40_u64, 1..6_u64, how.clone(), error)
        .prop_map(|(first, count, how, error)| Event::Fault(Fault { first, count, how, error }));
    prop_oneof![
        6 => (0..STREAMS.len(), 0..5_u64).prop_map(|(stream, rows)| Event::Push { stream, rows }),
        2 => Just(Event::Wait),
        2 => fault,
        2 => (1..30_usize).prop_map(Event::Yield),
        2 => (0..60_u64, how).prop_map(|(steps, how)| Event::Crash { steps, how }),
        1 => Just(Event::Restart),
    ]
}

/// A process that writes, until it ends or dies.
async fn live(
    dir: &Path,
    events: &mut std::vec::IntoIter<Event>,
    acknowledged: &mut BTreeMap<usize, u64>,
) -> bool {
    let disk = Disk::default();
    let lake = open(dir, &disk).await;
    let limits = IngestLimits { commit_bytes: 6_000, ..IngestLimits::default() };
    let ingester = Ingester::start(lake.writer().await.unwrap(), limits);
    let mut sources = Vec::new();
    for (number, name) in STREAMS.into_iter().enumerate() {
        let stream = ingester.stream(name).await.unwrap();
        let at = standing(&stream);
        // What was acknowledged is there whatever happened since.
        assert!(at >= acknowledged.get(&number).copied().unwrap_or(0), "{name} stands at {at}");
        sources.push((stream, at, None));
    }
    for event in events {
        match event {
            Event::Push { stream, rows } => {
                let (stream, at, newest) = &mut sources[stream];
                let receipt = push(stream, at, rows).await.unwrap();
                *newest = Some((receipt, *at));
            }
            Event::Wait => {
                for (number, (_, _, newest)) in sources.iter_mut().enumerate() {
                    if let Some((receipt, at)) = newest.take() {
                        receipt.durable().await.unwrap();
                        acknowledged.insert(number, at);
                    }
                }
            }
            Event::Fault(fault) => disk.faults.set(Some(fault)),
            Event::Yield(times) => {
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
            }
            Event::Crash { steps, how } => {
                disk.faults.set(Some(Fault { first: steps, count: u64::MAX, how, error: EIO }));
                for (stream, at, _) in &mut sources {
                    // It waits once the disk is dead.
                    let pushed = tokio::select! {
                        biased;
                        pushed = push(stream, at, 3) => pushed.is_ok(),
                        () = tokio::task::yield_now() => false,
                    };
                    for _ in 0..usize::from(pushed) * 20 {
                        tokio::task::yield_now().await;
                    }
                }
                return false;
            }
            Event::Restart => {
                disk.faults.set(None);
                ingester.close().await.unwrap();
                for (number, (_, at, _)) in sources.iter().enumerate() {
                    acknowledged.insert(number, *at);
                }
                return false;
            }
        }
    }
    disk.faults.set(None);
    ingester.close().await.unwrap();
    for (number, (_, at, _)) in sources.iter().enumerate() {
        acknowledged.insert(number, *at);
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16 * scale()) })]

    #[test]
    fn every_line_is_there_once(events in vec(event(), 1..30)) {
        let dir = tempfile::tempdir().unwrap();
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime().block_on(create(dir.path()));
        let mut acknowledged = BTreeMap::new();
        let mut events = events.into_iter();
        // Each life has a runtime of its own, and dies with it.
        while !runtime().block_on(live(dir.path(), &mut events, &mut acknowledged)) {}
        runtime().block_on(async {
            let lake = open(dir.path(), &Disk::default()).await;
            let expected = sorted(
                STREAMS.iter().enumerate().map(|(number, name)| bodies(name, acknowledged[&number])),
            );
            assert_eq!(lines(&lake), expected);
            let report = lake.verify(|_| ()).await.unwrap();
            assert_eq!(report.problems, []);
        });
    }
}
