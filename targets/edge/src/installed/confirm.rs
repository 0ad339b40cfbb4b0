//! A version that has done what it should is confirmed, once it passes its health test.

use super::start::{ROOT, VERSION};
use super::{InstalledError, versions};
use lacewing_runtime::deploy::{Failure, State};
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// A health test that takes longer has failed.
const TIME_TO_TEST: Duration = Duration::from_secs(60);

/// Confirms the version `number`, which runs, if its health test succeeds.
///
/// # Errors
/// [`InstalledError::Unhealthy`] if it does not: then the version before is the current one.
pub fn confirm(root: &Path, number: u32) -> Result<(), InstalledError> {
    // Not held while the test runs.
    let record = versions(root)?.running(number)?;
    if record.state == State::Confirmed {
        return Ok(());
    }
    if let Some(health) = record.plan.health
        && let Err(what) = test(&health, root)
    {
        let now = versions(root)?.fail(number, Failure::Health)?;
        return Err(InstalledError::Unhealthy { health, what, number, now });
    }
    Ok(versions(root)?.confirm(number)?)
}

/// Runs a health test; says what came of it where it failed.
fn test(health: &str, root: &Path) -> Result<(), String> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", health]).current_dir(root).stdin(Stdio::null()).stdout(Stdio::null());
    // What the shell starts ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| format!("cannot be run ({error})"))?;
    let end = Instant::now() + TIME_TO_TEST;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("ended with {status}")),
            Err(error) => return Err(format!("cannot be waited for ({error})")),
            Ok(None) if Instant::now() > end => {
                kill(&child);
                let _ = child.kill().and_then(|()| child.wait());
                return Err(format!("took longer than {} s", TIME_TO_TEST.as_secs()));
            }
            Ok(None) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Kills what a process has started, where it leads a group.
fn kill(leader: &Child) {
    #[cfg(unix)]
    if let Some(group) = Pid::from_raw(leader.id().cast_signed()) {
        // It may be gone already.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Counts good steps of the version that was started, and confirms it after as many as its plan says. A
/// disk may take seconds and a health test longer, so a thread does that and no step waits.
pub struct Confirmation {
    root: PathBuf,
    number: u32,
    missing: u64,
    answer: Option<Receiver<Result<(), InstalledError>>>,
}

impl Confirmation {
    /// Of the version that `lacewing-edge start` has started.
    ///
    /// # Errors
    /// [`InstalledError::NotStarted`] if it did not; [`InstalledError::Deploy`] if another one runs by now.
    pub fn of_started() -> Result<Self, InstalledError> {
        let root = std::env::var_os(ROOT).map(PathBuf::from);
        let number = std::env::var(VERSION).ok().and_then(|number| number.parse().ok());
        let (Some(root), Some(number)) = (root, number) else {
            return Err(InstalledError::NotStarted);
        };
        let record = versions(&root)?.running(number)?;
        Ok(Self { root, number, missing: record.plan.good_steps.max(1), answer: None })
    }

    /// A step went well.
    ///
    /// # Errors
    /// What [`confirm`] answered meanwhile, once.
    pub fn step(&mut self) -> Result<(), InstalledError> {
        if let Some(answer) = &self.answer {
            return match answer.try_recv() {
                Ok(answer) => answer,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => Ok(()),
            };
        }
        self.missing -= 1;
        if self.missing > 0 {
            return Ok(());
        }
        let (sender, answer) = sync_channel(1);
        self.answer = Some(answer);
        let (root, number) = (self.root.clone(), self.number);
        // Nobody listens where acting has ended.
        let judge = move || sender.send(confirm(&root, number)).unwrap_or_default();
        let started = thread::Builder::new().spawn(judge);
        started.map(|_| ()).map_err(|source| InstalledError::Run { number, source })
    }

    /// Waits for a confirmation that is on its way.
    ///
    /// # Errors
    /// As of [`Confirmation::step`].
    pub fn end(self) -> Result<(), InstalledError> {
        self.answer.and_then(|answer| answer.recv().ok()).unwrap_or(Ok(()))
    }
}
