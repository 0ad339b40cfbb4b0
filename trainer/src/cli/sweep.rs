//! `lacewing sweep`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand;

use super::{CliError, signals};
use crate::lab::files::FileError;
use crate::lab::progress::duration;
use crate::shell;
use crate::sweep::{self, Ended, Engine, Estimate, Standing, State, Sweep};

/// Variables in which engines tell a task its number.
const TASK_IDS: [&str; 2] = ["HQ_TASK_ID", "SLURM_ARRAY_TASK_ID"];

#[derive(clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Resolve and check every run of a grid, and estimate time and disk.
    Plan {
        /// The grid: see the comments of sweeps/quick.toml.
        grid: PathBuf,
        /// The sweep's folder [default: runs/GRID's name].
        #[arg(short, long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Do not train a moment of each kind of run, which is timed and shows what fails at once.
        #[arg(long)]
        no_estimate: bool,
    },
    /// Train all points on this machine; again: what is not done.
    Run {
        /// The sweep's folder.
        sweep: PathBuf,
        /// Points trained at a time [default: as many as there are cores].
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        jobs: Option<u32>,
    },
    /// Train one point, or go on with it; for engines and scripts.
    #[command(
        after_help = "Exit codes: 0 done, now or before; 1 failed; 75 being trained by another \
                            process; 130 interrupted, goes on when started again."
    )]
    Point {
        /// The sweep's folder.
        sweep: PathBuf,
        /// Number of the point [default: HQ_TASK_ID or SLURM_ARRAY_TASK_ID].
        number: Option<usize>,
        /// Stop at a checkpoint when standard input ends.
        #[arg(long, hide = true)]
        stop_with_stdin: bool,
    },
    /// Show how far the points are.
    Status {
        /// The sweep's folder.
        sweep: PathBuf,
        /// As JSON, a list of points.
        #[arg(long)]
        json: bool,
    },
    /// Hand the points that are not done over to HyperQueue or Slurm.
    Submit {
        /// The sweep's folder.
        sweep: PathBuf,
        /// Which.
        #[arg(long)]
        engine: Engine,
        /// Most points at a time (Slurm; HyperQueue trains as many as its workers have cores for).
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        jobs: Option<u32>,
        /// Only show what would be written and started.
        #[arg(long)]
        dry_run: bool,
        /// Further arguments for `hq submit` or `sbatch`, e.g. -- --time-limit=6h
        #[arg(last = true)]
        extra: Vec<String>,
    },
}

/// Does what the subcommand says.
pub fn run(args: Args) -> Result<(), CliError> {
    match args.command {
        Command::Plan { grid, out, no_estimate } => plan(&grid, out, no_estimate),
        Command::Run { sweep, jobs } => train_all(&Sweep::open(&sweep)?, jobs),
        Command::Point { sweep, number, stop_with_stdin } => {
            train_one(&Sweep::open(&sweep)?, number, stop_with_stdin)
        }
        Command::Status { sweep, json } => status(&Sweep::open(&sweep)?, json),
        Command::Submit { sweep, engine, jobs, dry_run, extra } => {
            submit(&Sweep::open(&sweep)?, engine, jobs, dry_run, &extra)
        }
    }
}

fn plan(grid: &Path, out: Option<PathBuf>, no_estimate: bool) -> Result<(), CliError> {
    let stem = grid.file_stem().unwrap_or_default();
    let root = out.unwrap_or_else(|| Path::new("runs").join(stem));
    let plan = sweep::plan(grid, &root)?;
    let estimate = match no_estimate {
        true => None,
        false => {
            tell!("timing a moment of each kind of run (--no-estimate leaves that out) ...");
            Some(sweep::estimate(&plan.sweep)?)
        }
    };
    plan.write()?;
    let points = plan.sweep.points();
    let steps: u64 = points.iter().map(|point| point.config.steps).sum();
    let mut notes = vec![format!("{steps} steps")];
    if plan.new < points.len() {
        notes.push(format!("{} new", plan.new));
    }
    if plan.merged > 0 {
        notes.push(format!("{} equal to another left out", plan.merged));
    }
    if plan.excluded > 0 {
        notes.push(format!("{} excluded", plan.excluded));
    }
    say!("{}: {}", counted(points.len()), notes.join(", "));
    let ends = [points.first(), points.last()];
    ends.into_iter().flatten().for_each(|point| say!("  {}", point.name));
    if let Some(estimate) = estimate {
        tell_estimate(&estimate);
    }
    let root = shell::path(&root);
    say!(
        "next: `lacewing sweep run {root}`, or on a cluster `lacewing sweep submit {root} --engine slurm` \
         (or hq)"
    );
    Ok(())
}

fn tell_estimate(estimate: &Estimate) {
    let jobs = cores();
    let time = |seconds| duration(Duration::from_secs_f64(seconds));
    say!(
        "time: about {} of one core (kinds of run timed: {}); with --jobs {jobs}, {}",
        time(estimate.core_seconds),
        estimate.kinds,
        time(estimate.wall_seconds(jobs)),
    );
    let megabytes = estimate.bytes as f64 / 1e6;
    match megabytes < 1000.0 {
        true => say!("disk: about {megabytes:.1} MB in the end"),
        false => say!("disk: about {:.2} GB in the end", megabytes / 1000.0),
    }
}

fn counted(points: usize) -> String {
    format!("{points} point{}", if points == 1 { "" } else { "s" })
}

fn train_all(sweep: &Sweep, jobs: Option<u32>) -> Result<(), CliError> {
    let jobs = jobs.map_or_else(cores, |jobs| jobs as usize);
    let root = shell::path(sweep.root());
    let program = program()?;
    let report = sweep::run(sweep, jobs, &program, &signals::stop())?;
    let of = sweep.points().len();
    for point in &report.failed {
        let log = sweep.log(point);
        tell!("failed: {}; its log is {}", point.name, log.display());
    }
    if report.stopped {
        return Err(CliError::Interrupted(format!(
            "stopped with {} of {of} points done; continue with `lacewing sweep run {root}`",
            report.done
        )));
    }
    if !report.failed.is_empty() {
        return Err(CliError::Failed(format!(
            "{} of {of} points failed, those named above; `lacewing sweep run {root}` tries them again, \
             and `lacewing sweep status {root}` says why",
            report.failed.len()
        )));
    }
    let done = if of == 1 { "the point is".into() } else { format!("all {of} points are") };
    say!("{done} done; see `lacewing sweep status {root}`");
    Ok(())
}

fn train_one(sweep: &Sweep, number: Option<usize>, stop_with_stdin: bool) -> Result<(), CliError> {
    let point = sweep.point(number.map_or_else(task_id, Ok)?)?;
    let stop = signals::stop();
    if stop_with_stdin {
        stop_when_stdin_ends(Arc::clone(&stop));
    }
    let name = &point.name;
    match sweep::train(sweep, point, &stop)? {
        Ended::Already => say!("point {name} was done before"),
        Ended::Finished(summary) => say!("point {name}: return {:.1}", summary.final_return),
        Ended::Interrupted { step } => {
            return Err(CliError::Interrupted(format!(
                "point {name} stopped at step {step}; it goes on with `lacewing sweep point {} {}`",
                shell::path(sweep.root()),
                point.number
            )));
        }
    }
    Ok(())
}

/// The number that the engine gave this task.
fn task_id() -> Result<usize, CliError> {
    let given = TASK_IDS.iter().find_map(|name| {
        let value = std::env::var(name).ok()?;
        (!value.trim().is_empty()).then_some((name, value))
    });
    let Some((name, value)) = given else {
        return Err(CliError::Usage(format!(
            "which point? Give its number, as `lacewing sweep status` shows it, or set {}",
            TASK_IDS.join(" or ")
        )));
    };
    value
        .trim()
        .parse()
        .map_err(|_| CliError::Usage(format!("{name} is `{value}`, which is no number of a point")))
}

/// Sets the flag when whoever holds the other end of standard input is gone.
fn stop_when_stdin_ends(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        // What comes is of no interest, nor why nothing comes any more.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}

fn status(sweep: &Sweep, json: bool) -> Result<(), CliError> {
    let all: Vec<_> = sweep.points().iter().map(|point| sweep::standing(sweep, point)).collect();
    if json {
        // There is nothing in it that JSON has not.
        say!("{}", serde_json::to_string_pretty(&all).unwrap_or_default());
        return Ok(());
    }
    let width = all.iter().map(|one| one.name.len()).max().unwrap_or(0);
    say!("{:width$}  {:8} {:>19} {:>10}", "point", "state", "steps", "return");
    for one in &all {
        let steps = format!("{}/{}", one.step, one.steps);
        let last = one.last_return.map_or_else(|| "-".into(), |mean| format!("{mean:.1}"));
        say!("{:width$}  {:8} {steps:>19} {last:>10}", one.name, one.state.name());
    }
    let failed = |one: &&Standing<'_>| one.state == State::Failed;
    for one in all.iter().filter(failed) {
        let error = one.error.as_deref().unwrap_or_default();
        say!("{} failed: {error}", one.name);
    }
    let states = [State::Done, State::Running, State::Failed, State::Stopped, State::Waiting];
    let counts = states.map(|state| {
        format!("{} {}", all.iter().filter(|one| one.state == state).count(), state.name())
    });
    say!("{}: {}", counted(all.len()), counts.join(", "));
    Ok(())
}

fn submit(
    sweep: &Sweep,
    engine: Engine,
    jobs: Option<u32>,
    dry_run: bool,
    extra: &[String],
) -> Result<(), CliError> {
    let root = shell::path(sweep.root());
    if jobs.is_some() && engine == Engine::Hq {
        return Err(CliError::Usage(
            "--jobs is for Slurm: HyperQueue trains as many as its workers have cores for".into(),
        ));
    }
    let jobs = jobs.map(|jobs| jobs as usize);
    let Some(submission) = sweep::submission(sweep, engine, &program()?, jobs, extra)? else {
        say!("all points of {root} are done: there is nothing to submit");
        return Ok(());
    };
    if dry_run && let Some((path, text)) = &submission.script {
        say!("{}:\n{text}", path.display());
    }
    say!("{}", submission.shown());
    if !dry_run {
        submission.start(sweep)?;
        say!("submitted; `lacewing sweep status {root}` says how far it is");
    }
    Ok(())
}

/// This very program: points are processes of it.
fn program() -> Result<PathBuf, CliError> {
    std::env::current_exe()
        .map_err(|source| FileError::read(Path::new("/proc/self/exe"), source).into())
}

/// Cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
