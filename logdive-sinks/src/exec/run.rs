//! Running one command to its end, whatever that is.

use std::process::Stdio;
use std::time::Duration;

use logdive_core::stop::Permit;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until};

use super::command::Checked;
use super::template::quoted;
use crate::visible;

/// How often the permit is asked while a command runs.
const POLL: Duration = Duration::from_millis(20);
/// How long output is waited for once the command has ended: what it started may keep it open.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How much of the output is kept, in bytes; the rest is read and dropped.
const OUTPUT: usize = 64 * 1024;
/// How much of a line is shown, in characters.
const SHOWN: usize = 300;
/// Kept of the environment if little is to be kept.
const MINIMAL_ENV: &[&str] = &["PATH", "HOME", "LANG"];

/// What a stop does to a command.
#[derive(Clone, Copy)]
pub(super) enum Stop<'a> {
    /// Nobody can stop it.
    Never,
    /// It is ended.
    AtOnce(&'a Permit),
    /// It may go on for so long.
    After(&'a Permit, Duration),
    /// It goes on; the permit only tells how far it is.
    Ignored(&'a Permit),
}

/// One run of a command.
pub(super) struct Run<'a> {
    pub(super) argv: &'a [String],
    pub(super) command: &'a Checked,
    pub(super) stop: Stop<'a>,
}

/// Why a command did not come to its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Stopped,
    Timeout,
    /// Somebody else killed it, or it cannot be told what became of it.
    Killed,
}

pub(super) struct Ended {
    /// Its exit code, if it came to its own end.
    pub(super) code: Option<i32>,
    pub(super) said: Said,
    cut: Cut,
}

impl Ended {
    /// Why it did not come to its own end.
    pub(super) fn cut_off(&self, argv: &[String], command: &Checked) -> String {
        let name = program(argv);
        match self.cut {
            Cut::Stopped => format!("{name} was killed by a stop"),
            Cut::Timeout => {
                format!("{name} did not end within {:?} and was killed", command.timeout)
            }
            Cut::Killed => format!("{name} was killed from outside"),
        }
    }
}

/// What a command wrote: the first line of each.
pub(super) struct Said {
    out: String,
    err: String,
}

impl Said {
    pub(super) fn proof(&self, argv: &[String], code: i32) -> String {
        with_line(format!("{} exited with {code}", program(argv)), &self.out)
    }

    pub(super) fn reason(&self, argv: &[String], code: i32) -> String {
        let line = if self.err.is_empty() { &self.out } else { &self.err };
        with_line(format!("{} exited with {code}", program(argv)), line)
    }
}

fn with_line(text: String, line: &str) -> String {
    if line.is_empty() { text } else { format!("{text}: {line}") }
}

fn program(argv: &[String]) -> String {
    format!("`{}`", visible(argv.first().map_or("", String::as_str)))
}

impl Run<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// If it could not be started: nothing was done.
    pub(super) async fn go(self) -> Result<Ended, String> {
        let mut child = self.spawn()?;
        let pid = child.id();
        self.progress(format!("{} runs", self.named(pid)));
        let (out, err) = (child.stdout.take(), child.stderr.take());
        // Read while it runs, so that a full pipe never holds it up.
        let out = tokio::spawn(first_line(out));
        let err = tokio::spawn(first_line(err));
        // Also if nobody waits for it any more: what runs on unseen could not be stopped.
        let mut group = Group::of(pid);
        let (code, cut) = self.wait(&mut child).await;
        if code.is_some() || cut == Cut::Killed {
            group.leave();
        } else {
            drop(group);
            // It has ended already, or is ended now.
            let _ = child.kill().await;
        }
        let said = Said { out: self.words(out).await, err: self.words(err).await };
        Ok(Ended { code, said, cut })
    }

    fn spawn(&self) -> Result<Child, String> {
        let Some((name, arguments)) = self.argv.split_first() else {
            return Err("there is no command".to_owned());
        };
        let mut command = Command::new(name);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if self.command.minimal_env {
            command.env_clear();
            for name in MINIMAL_ENV {
                if let Some(value) = std::env::var_os(name) {
                    command.env(name, value);
                }
            }
        }
        for (name, value) in &self.command.env {
            command.env(name, value.expose());
        }
        // A group of its own, so that what it starts can be ended with it.
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|error| {
            format!("cannot start {}: {error}; nothing was done", program(self.argv))
        })
    }

    fn named(&self, pid: Option<u32>) -> String {
        let pid = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
        format!("{}{pid}", visible(&quoted(self.argv)))
    }

    fn progress(&self, text: String) {
        match self.stop {
            Stop::Never => {}
            Stop::AtOnce(permit) | Stop::After(permit, _) | Stop::Ignored(permit) => {
                permit.progress(text);
            }
        }
    }

    /// Its exit code, or why there is none.
    async fn wait(&self, child: &mut Child) -> (Option<i32>, Cut) {
        let now = Instant::now();
        let end = now.checked_add(self.command.timeout);
        let mut stop_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                status = child.wait() => {
                    return (status.ok().and_then(|status| status.code()), Cut::Killed);
                }
                () = at(end) => return (None, Cut::Timeout),
                () = at(stop_at) => return (None, Cut::Stopped),
                () = sleep(POLL), if stop_at.is_none() => match self.stop {
                    Stop::AtOnce(permit) if !permit.is_valid() => return (None, Cut::Stopped),
                    Stop::After(permit, max) if !permit.is_valid() => {
                        self.progress("stopped; finishing the step it is in".to_owned());
                        stop_at = Instant::now().checked_add(max);
                    }
                    _ => {}
                },
            }
        }
    }

    async fn words(&self, mut line: tokio::task::JoinHandle<String>) -> String {
        tokio::select! {
            said = &mut line => {
                let said = self.command.redacted(&said.unwrap_or_default());
                visible(said.trim()).chars().take(SHOWN).collect()
            }
            () = sleep(LAST_WORDS) => {
                line.abort();
                String::new()
            }
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The first line of the output that is not empty; the rest is read and dropped.
async fn first_line(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = vec![0; 8 * 1024];
    while let Ok(count) = pipe.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        let room = OUTPUT.saturating_sub(kept.len());
        kept.extend(buffer.iter().take(count.min(room)));
    }
    let text = String::from_utf8_lossy(&kept);
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// What a command started, killed when this is dropped.
struct Group {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(pid: Option<u32>) -> Self {
        let id = pid.and_then(|pid| i32::try_from(pid).ok());
        Self { id: id.and_then(rustix::process::Pid::from_raw) }
    }

    /// Its first process has ended and its number may be another's soon.
    const fn leave(&mut self) {
        self.id = None;
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // If there is no such group any more, there is nothing to kill.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(not(unix))]
impl Group {
    const fn of(_: Option<u32>) -> Self {
        Self {}
    }

    const fn leave(&mut self) {}
}
