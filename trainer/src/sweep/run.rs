//! Training all points on this machine, some at a time.
//!
//! Each point is a process of its own: one that crashes takes no other with it. Each holds the reading
//! end of a pipe; when this process ends, however it does, the pipe closes and they stop at a checkpoint.

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::point::record_failure;
use super::{Point, State, Sweep, SweepError, standing};
use crate::lab::files::{self, FileError};
use crate::lab::folder::RunFolder;
use crate::lab::progress::Progress;

/// Exit code of `lacewing sweep point` where another process trains the point (`EX_TEMPFAIL`).
pub const BUSY: u8 = 75;
/// Exit code of an interrupted one, as of any interrupted program.
pub const INTERRUPTED: u8 = 130;

const LOOK_EVERY: Duration = Duration::from_millis(100);
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// How long to leave a point alone that another process trains.
const BUSY_FOR: Duration = Duration::from_secs(1);

/// How the points of a sweep are.
pub struct Report<'s> {
    /// Trained to their end, now or before.
    pub done: usize,
    /// Those that failed.
    pub failed: Vec<&'s Point>,
    /// It was asked to stop.
    pub stopped: bool,
}

/// A point being trained. Closing the child's standard input stops it.
struct Worker<'s> {
    point: &'s Point,
    child: Child,
}

/// Points to train, being trained and trained.
struct Pool<'s> {
    sweep: &'s Sweep,
    program: &'s Path,
    /// Points to train, and from when on.
    queue: VecDeque<(&'s Point, Instant)>,
    workers: Vec<Worker<'s>>,
    report: Report<'s>,
    /// Steps of the points that are not being trained; those of failed ones count as done, since there
    /// is nothing to wait for.
    settled: u64,
}

/// Trains every point that is not done, `jobs` at a time, by processes of `program`. Setting `stop`
/// makes them save checkpoints and ends it.
///
/// # Errors
/// [`SweepError`] if a process cannot be started; those that run are stopped then.
pub fn run<'s>(
    sweep: &'s Sweep,
    jobs: usize,
    program: &'s Path,
    stop: &AtomicBool,
) -> Result<Report<'s>, SweepError> {
    let mut pool = Pool::new(sweep, program);
    let total = sweep.points().iter().map(|point| point.config.steps).sum();
    let mut shown = pool.settled;
    let mut bar = Progress::new("sweep", shown, total);
    let mut counted: Option<Instant> = None;
    while pool.is_busy() {
        if !pool.report.stopped && stop.load(Ordering::Relaxed) {
            bar.say(
                "stopping: each run finishes its episode and saves a checkpoint; press Ctrl-C again \
                 to end at once",
            );
            pool.stop();
        }
        pool.fill(jobs)?;
        pool.reap(&bar)?;
        if counted.is_none_or(|when| when.elapsed() >= COUNT_EVERY) {
            counted = Some(Instant::now());
            // A run that goes on from a checkpoint steps back: the bar waits for it.
            shown = shown.max(pool.steps());
            bar.status(pool.describe());
            bar.step(shown);
        }
        sleep(LOOK_EVERY);
    }
    bar.finish();
    Ok(pool.report)
}

impl<'s> Pool<'s> {
    fn new(sweep: &'s Sweep, program: &'s Path) -> Self {
        let report = Report { done: 0, failed: Vec::new(), stopped: false };
        let (queue, workers) = (VecDeque::new(), Vec::new());
        let mut pool = Self { sweep, program, queue, workers, report, settled: 0 };
        for point in sweep.points() {
            let standing = standing(sweep, point);
            pool.settled += standing.step;
            match standing.state {
                State::Done => pool.report.done += 1,
                _ => pool.queue.push_back((point, Instant::now())),
            }
        }
        pool
    }

    fn is_busy(&self) -> bool {
        !self.workers.is_empty() || !(self.queue.is_empty() || self.report.stopped)
    }

    fn stop(&mut self) {
        self.report.stopped = true;
        self.workers.iter_mut().for_each(|worker| drop(worker.child.stdin.take()));
    }

    /// Starts points until there are `jobs`.
    fn fill(&mut self, jobs: usize) -> Result<(), SweepError> {
        while !self.report.stopped && self.workers.len() < jobs {
            let due = self.queue.iter().position(|(_, when)| *when <= Instant::now());
            let Some((point, _)) = due.and_then(|at| self.queue.remove(at)) else { break };
            if RunFolder::is_held(&self.sweep.folder(point)) {
                self.later(point);
                continue;
            }
            let child = start(self.sweep, point, self.program)?;
            self.settled -= standing(self.sweep, point).step;
            self.workers.push(Worker { point, child });
        }
        Ok(())
    }

    fn later(&mut self, point: &'s Point) {
        self.queue.push_back((point, Instant::now() + BUSY_FOR));
    }

    /// Takes note of the points that have ended.
    fn reap(&mut self, bar: &Progress) -> Result<(), SweepError> {
        for mut worker in std::mem::take(&mut self.workers) {
            let ended =
                worker.child.try_wait().map_err(|source| FileError::read(self.program, source))?;
            match ended {
                Some(status) => self.ended(worker.point, status, bar),
                None => self.workers.push(worker),
            }
        }
        Ok(())
    }

    fn ended(&mut self, point: &'s Point, status: ExitStatus, bar: &Progress) {
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        self.settled += match code {
            Some(0 | BUSY | INTERRUPTED) => standing(self.sweep, point).step,
            _ => point.config.steps,
        };
        match code {
            Some(0) => {
                self.report.done += 1;
                let last = standing(self.sweep, point).last_return.unwrap_or(f64::NAN);
                bar.say(&format!("point {} is done: return {last:.1}", point.name));
            }
            // Someone else has it, or stopped it: its turn comes again.
            Some(BUSY | INTERRUPTED) => self.later(point),
            _ => {
                let reason = reason(self.sweep, point, status);
                bar.say(&format!("point {} failed: {reason}", point.name));
                self.report.failed.push(point);
            }
        }
    }

    fn steps(&self) -> u64 {
        let running = self.workers.iter().map(|worker| standing(self.sweep, worker.point).step);
        self.settled + running.sum::<u64>()
    }

    fn describe(&self) -> String {
        let (done, of) = (self.report.done, self.sweep.points().len());
        let mut text = format!("{done} of {of} points done, {} running", self.workers.len());
        let failed = self.report.failed.len();
        let elsewhere = self.queue.iter().filter(|(_, when)| *when > Instant::now()).count();
        for (count, what) in [(elsewhere, "held by another process"), (failed, "failed")] {
            if count > 0 {
                text += &format!(", {count} {what}");
            }
        }
        text
    }
}

fn start(sweep: &Sweep, point: &Point, program: &Path) -> Result<Child, SweepError> {
    files::create_folder(&sweep.folder(point))?;
    let path = sweep.log(point);
    let log = File::options().append(true).create(true).open(&path);
    let logs = log.and_then(|log| Ok((log.try_clone()?, log)));
    let (out, err) = logs.map_err(|source| FileError::write(&path, source))?;
    let mut command = Command::new(program);
    command.args(["sweep", "point", "--stop-with-stdin"]).arg(sweep.root());
    command.arg(point.number.to_string()).stdin(Stdio::piped()).stdout(out).stderr(err);
    // Ctrl-C is for this process, which stops its children by their pipes.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(|source| SweepError::Start {
        program: program.display().to_string(),
        source,
        remedy: "what was trained so far is kept; try again",
    })
}

/// Why a point failed.
fn reason(sweep: &Sweep, point: &Point, status: ExitStatus) -> String {
    // What ends by itself has left word.
    if let Some(error) = standing(sweep, point).error {
        return error;
    }
    let error = match status.code() {
        Some(_) => format!("its process ended with {status}; see its log"),
        None => format!("{status}: killed from outside, or for want of memory (try fewer --jobs)"),
    };
    record_failure(sweep, point, &error);
    error
}
