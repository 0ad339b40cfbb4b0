//! The process of a driver, and the time it takes to answer.

use super::{DriverError, Request, answer};
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// What a process has to end after its input did.
const TIME_TO_END: Duration = Duration::from_secs(2);
/// Lines that may lie unread; the driver waits after these.
const UNREAD: usize = 8;
/// Longer than the line of the longest observation.
pub const LONGEST: u64 = 1 << 22;

/// The process group of the driver that runs, of which a program has one at most; 0 is none.
static GROUP: AtomicI32 = AtomicI32::new(0);

/// When a line came, and its bytes.
type Line = (Instant, Vec<u8>);

pub(super) struct Process {
    child: Child,
    /// Taken on drop: the end of its input is what ends the process.
    requests: Option<ChildStdin>,
    answers: Receiver<io::Result<Line>>,
    /// A line that has come and was not read yet.
    next: Option<io::Result<Line>>,
    /// When the last line that was read came.
    came: Instant,
    patience: Duration,
    /// Requests that were sent.
    sent: u64,
    /// Whether a line that is no answer has been told about.
    told: bool,
}

impl Process {
    pub fn spawn(command: &str, patience: Duration) -> Result<Self, DriverError> {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What the shell starts ends with it. Ctrl-C reaches the driver no more, so that a session can end
        // in good order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut child = shell.spawn().map_err(DriverError::Start)?;
        GROUP.store(child.id().cast_signed(), Ordering::Relaxed);
        let output = child.stdout.take().ok_or(DriverError::Ended)?;
        // Reading from a pipe has no time-out, waiting for a thread that reads has.
        let (sender, answers) = sync_channel(UNREAD);
        thread::spawn(move || forward(output, &sender));
        Ok(Self {
            requests: child.stdin.take(),
            child,
            answers,
            next: None,
            came: Instant::now(),
            patience,
            sent: 0,
            told: false,
        })
    }

    /// The answer to a request.
    pub fn ask<A: DeserializeOwned>(&mut self, request: &Request<'_>) -> Result<A, DriverError> {
        let sent = self.send(request)?;
        self.answer_to(sent)
    }

    /// Sends a request; what came of that is for [`Process::answer_to`]. What came before is no answer to it:
    /// were it taken for one, every later answer would be to the request before.
    pub fn send(&mut self, request: &Request<'_>) -> Result<io::Result<()>, DriverError> {
        while self.has_answered()
            && let Some(Ok((_, line))) = self.next.take_if(|next| next.is_ok())
        {
            self.pass_over(&String::from_utf8_lossy(&line));
        }
        let requests = self.requests.as_mut().ok_or(DriverError::Ended)?;
        let mut line = serde_json::to_vec(request).map_err(|e| DriverError::Pipe(e.into()))?;
        line.push(b'\n');
        self.sent += 1;
        Ok(requests.write_all(&line).and_then(|()| requests.flush()))
    }

    /// The answer to a request that was sent.
    pub fn answer_to<A: DeserializeOwned>(
        &mut self,
        sent: io::Result<()>,
    ) -> Result<A, DriverError> {
        // Its last words, if there are any, say more than that it is gone.
        let answer = self.answer();
        if matches!(answer, Err(DriverError::Ended)) {
            sent.map_err(DriverError::Pipe)?;
        }
        answer
    }

    /// Whether a line has come; it may still be none of JSON.
    pub fn has_answered(&mut self) -> bool {
        if self.next.is_none() {
            self.next = match self.answers.try_recv() {
                Ok(line) => Some(line),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return true,
            };
        }
        self.next.is_some()
    }

    /// The announcement; what is no JSON is none.
    pub fn announcement<A: DeserializeOwned>(&mut self) -> Result<A, DriverError> {
        self.object(|_, error| error.is_syntax())
    }

    /// When the last answer came.
    pub fn came(&self) -> Instant {
        self.came
    }

    /// The next answer, which may be damaged; what is not meant as one is none.
    fn answer<A: DeserializeOwned>(&mut self) -> Result<A, DriverError> {
        self.object(|line, _| !answer::is_meant(line))
    }

    /// The next object that can be read, or cannot and is not `foreign` either.
    fn object<A: DeserializeOwned>(
        &mut self,
        foreign: impl Fn(&str, &serde_json::Error) -> bool,
    ) -> Result<A, DriverError> {
        let start = Instant::now();
        loop {
            let left = self.patience.saturating_sub(start.elapsed());
            let next = self.next.take().map_or_else(|| self.answers.recv_timeout(left), Ok);
            let (came, line) = match next {
                Ok(line) => line.map_err(DriverError::Pipe)?,
                Err(RecvTimeoutError::Disconnected) => return Err(DriverError::Ended),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(DriverError::Silent { seconds: self.patience.as_secs_f64() });
                }
            };
            if line.len() as u64 == LONGEST {
                return Err(DriverError::Long { limit: LONGEST });
            }
            self.came = came;
            let line = String::from_utf8_lossy(&line);
            if line.trim_start().starts_with('{') && !answer::is_late(&line, self.sent) {
                match answer::read(&line) {
                    Err(DriverError::Answer { source, .. }) if foreign(&line, &source) => {}
                    answer => return answer,
                }
            }
            self.pass_over(&line);
        }
    }

    fn pass_over(&mut self, line: &str) {
        if !self.told && !line.trim().is_empty() {
            self.told = true;
            crate::warn(format_args!(
                "passing over what the environment writes beside its answers, such as \
                 `{}`: its standard output is for answers, let it log to standard error",
                answer::printable(line)
            ));
        }
    }
}

/// Kills the driver that runs, if one does, with all that it has started.
pub fn kill() {
    // It may be gone already.
    #[cfg(unix)]
    if let Some(group) = Pid::from_raw(GROUP.load(Ordering::Relaxed)) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Sends the lines of `output` on until it ends or nobody listens.
fn forward(output: ChildStdout, lines: &SyncSender<io::Result<Line>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = output.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        let goes_on = matches!(read, Ok(bytes) if bytes > 0);
        if matches!(read, Ok(0))
            || lines.send(read.map(|_| (Instant::now(), line))).is_err()
            || !goes_on
        {
            return;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.requests.take();
        // It may be gone already, and nothing is left to tell about it. A driver that does not end
        // with its input must not keep an error from being told.
        let end = Instant::now() + TIME_TO_END;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() > end {
                kill();
                let _ = self.child.kill().and_then(|()| self.child.wait());
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        GROUP.store(0, Ordering::Relaxed);
    }
}
