//! `lacewing-edge finetune`: go on learning where the policy runs.

mod agreed;
mod guard;
mod live;
mod need;
mod progress;
mod report;
mod robot;
mod session;
mod signals;
mod spill;
mod state;

use crate::EdgeError;
use crate::driver::{self, Driver};
use crate::telemetry::{Log, Metrics, RING_BYTES, Telemetry};
use crate::trust;
use agreed::Agreed;
use clap::Args;
use lacewing_formats::artifact::{
    AlignedBytes, PolicyView, destination, may_be_named, write_atomically,
};
use lacewing_runtime::act::{Interface, Policy};
use lacewing_runtime::guard::{Gate, GradientRules, Sensor, know};
use lacewing_runtime::learn::session::{Buffers, Position};
use lacewing_runtime::learn::{
    Adapt, AnyAgent, Arena, Rejections, Replay, ReplayShape, ReplayValues, Resume, Training,
    TuningTopology, observation_range,
};
use live::When;
use need::Need;
use progress::Progress;
use report::Report;
use robot::{Robot, Troubles};
use session::{Kept, judge};
use state::{Kind, Saves};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Of a step: beyond, learning is from a handful of transitions over and over.
const MOST_UPDATES: i64 = 100;
/// Of an evaluation, each of which is kept for its mean.
const MOST_EPISODES: u64 = 1_000_000;

/// Options of `finetune`.
#[derive(Args)]
pub struct Options {
    /// Policy file with a resume section
    policy: PathBuf,
    /// Command that runs the environment and speaks JSON lines (see the manual of `lacewing env serve`)
    #[arg(long)]
    env_command: String,
    /// Seconds that the environment may take for an answer
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    answer_timeout: Duration,
    /// Where to keep the best policy so far, from the start on
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
    /// Environment steps to learn from
    #[arg(long, default_value_t = 5000)]
    steps: u64,
    /// Steps that only fill the replay, before the first update
    #[arg(long, default_value_t = 500)]
    warm_up: u64,
    /// Updates for each step, as far as there is time for them (the update-to-data ratio): more learn more of
    /// as many steps; for TD3, SAC and DQN
    #[arg(
        long, value_name = "UPDATES", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=MOST_UPDATES)
    )]
    updates_per_step: u32,
    /// Transitions the replay keeps
    #[arg(
        long, default_value_t = 10_000,
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..)
    )]
    replay: usize,
    /// As what the replay keeps observations and actions: f32, f16, or u8, which needs limits in the
    /// policy's contract or a normaliser
    #[arg(long, default_value_t)]
    replay_values: ReplayValues,
    /// Keep the replay in a file of this folder instead of memory; what is in it is gone afterwards, as
    /// without (see --state)
    #[arg(long, value_name = "DIR")]
    replay_in: Option<PathBuf>,
    /// Draw transitions half as often for every so many that came after them [default: all as often]
    #[arg(long, value_name = "TRANSITIONS", value_parser = clap::value_parser!(u32).range(1..))]
    replay_half_life: Option<u32>,
    /// Standard deviation of TD3's exploration noise, actions being in [-1, 1] [default: the training
    /// run's]
    #[arg(long)]
    noise: Option<f32>,
    /// What becomes of the links: frozen, as-trained (SET without an end goes on, all else keeps its
    /// links), set or rigl (both from now on)
    #[arg(long, default_value = "frozen")]
    topology: TuningTopology,
    /// What learns: all, actor (the critics stay as they are), output-layer or biases (of the policy, and
    /// the critics), or imitate (the policy, from the teacher's actions that the driver sends)
    #[arg(long, default_value = "all", value_name = "WHAT")]
    adapt: Adapt,
    /// Updates that only the critics make, before the policy moves
    #[arg(long, value_name = "UPDATES", default_value_t = 0)]
    critics_first: u64,
    /// How much the policy is pulled towards what it was, 0 to some 0.4 (1/α of TD3+BC); for TD3 and SAC
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0)]
    stay_near: f32,
    /// Episodes of each evaluation
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=MOST_EPISODES))]
    episodes: u64,
    /// Environment steps between evaluations, each at the end of an episode
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    evaluate_every: u64,
    /// When to learn
    #[arg(long, value_enum, default_value_t = When::LockStep)]
    learning: When,
    /// Cores to act and to learn on, with --learning thread
    #[arg(long, value_name = "ACT,LEARN", value_parser = two_cores)]
    cores: Option<[usize; 2]>,
    /// Take as little memory as can be: tiles of 16 samples, moments of 16 and 8 bits, no copies of what can
    /// be worked out (see lacewing inspect --budget --lean)
    #[arg(long)]
    lean: bool,
    #[command(flatten)]
    guard: guard::GuardOptions,
    /// Refuse to start if learning needs more bytes than this
    #[arg(long)]
    memory: Option<usize>,
    /// Decides everything random here and the environment's resets
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Folder in which the session is saved, so that the same command goes on after a kill or a power
    /// cut, from the newest save that is whole
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Steps of learning between saves, each at the end of an episode, or within one that lasts for as
    /// long again; there is one after each new best policy too
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    save_every: u64,
    /// File to which records of what goes on are appended: see lacewing-edge log
    #[arg(long)]
    log: Option<PathBuf>,
    /// Most bytes of the log, the older half of which is in the file beside it that ends with .old
    #[arg(long, default_value_t = 4 << 20, value_parser = clap::value_parser!(u64).range(4096..))]
    log_bytes: u64,
    /// Address and port at which Prometheus may ask for /metrics, such as 127.0.0.1:9100
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
}

/// Learning episodes start from seeds this far from those of the evaluations.
const LEARNING_SEEDS: u64 = 1 << 32;

impl Options {
    /// What learns.
    fn adapt(&self) -> Adapt {
        Adapt { policy_after: self.critics_first, stay_near: self.stay_near, ..self.adapt }
    }

    /// Updates of all steps from a replay.
    fn updates(&self) -> u64 {
        let learned = self.steps.saturating_sub(self.warm_up);
        learned.saturating_mul(self.updates_per_step.into())
    }
}

/// A length of time on the command line.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|seconds| !seconds.is_zero()).ok_or_else(|| "give seconds, more than 0".into())
}

/// Two numbers on the command line.
fn two_cores(text: &str) -> Result<[usize; 2], String> {
    let numbers = text
        .split_once(',')
        .and_then(|(act, learn)| Some([act.trim().parse().ok()?, learn.trim().parse().ok()?]));
    numbers.ok_or_else(|| "give the numbers of two cores, such as 2,3".into())
}

/// Learns from the environment and tells how it goes. The output file holds the best policy
/// evaluated so far, the one it started from included: learning goes through bad spells, and a
/// device may lose its power at any step. Whatever can be refused is before the first action.
///
/// # Errors
/// [`EdgeError`]; the output file is then as good as it was, or absent if no action was sent yet.
pub fn run(options: &Options, trust: &trust::Options) -> Result<(), EdgeError> {
    if options.noise.is_some_and(|noise| !(noise.is_finite() && noise >= 0.0)) {
        return Err(EdgeError::Noise);
    }
    if !may_be_named(&options.out) {
        return Err(EdgeError::Misnamed { path: options.out.clone() });
    }
    let kind = match options.learning {
        When::LockStep => Kind::Episodes,
        When::Slack | When::Thread => Kind::Live,
    };
    if kind == Kind::Episodes && options.guard.has_window() {
        return Err(EdgeError::NotLive { option: "--guard-window", learning: "slack or thread" });
    }
    if options.learning != When::Thread && options.cores.is_some() {
        return Err(EdgeError::NotLive { option: "--cores", learning: "thread" });
    }
    let bytes = trust.read(&options.policy)?;
    let agreed = Agreed::new(options, kind, &bytes);
    let mut saves = match &options.state {
        Some(folder) => Some(Saves::open(folder, kind, agreed, options.save_every)?),
        None => None,
    };
    let goes_on = match (&mut saves, kind) {
        (None, _) => false,
        (Some(saves), Kind::Episodes) => saves.newest::<Progress>()?.is_some(),
        (Some(saves), Kind::Live) => saves.newest::<Position>()?.is_some(),
    };
    if destination(&options.out)?.exists() && !options.force && !goes_on {
        return Err(EdgeError::Exists { path: options.out.clone() });
    }
    let view = crate::parse(&bytes, &options.policy)?;
    let policy = Policy::new(view.clone())?;
    let path = || options.policy.clone();
    let resume = Resume::of(&view)
        .map_err(|source| EdgeError::OtherResume { path: path(), source })?
        .ok_or_else(|| EdgeError::NoResume { path: path() })?;
    let mut settings = *resume.settings();
    if options.noise.is_some_and(|noise| !settings.set_exploration_noise(noise)) {
        return Err(EdgeError::Noise);
    }
    let mut scratch = vec![0.0; policy.scratch_len()];
    policy.check_probes(&mut vec![0.0; policy.actions()], &mut scratch)?;
    let safe = options.guard.safe_action(&policy)?;
    live::cores(options)?;
    // What is learned from the present policy's steps only is learned from all of them at once.
    let iteration = settings.iteration();
    match iteration {
        Some(needed) if options.steps < needed as u64 => return Err(EdgeError::Steps { needed }),
        Some(_) if options.updates_per_step > 1 => return Err(EdgeError::UpdatesPerStep),
        None if options.steps <= options.warm_up => {
            return Err(EdgeError::WarmUp { steps: options.steps, warm_up: options.warm_up });
        }
        None if options.updates() <= options.critics_first => {
            return Err(EdgeError::CriticsFirst {
                updates: options.updates(),
                critics_first: options.critics_first,
            });
        }
        _ => {}
    }
    let training = resume.tuning(options.topology, options.adapt());
    let training = Training { lean: options.lean, ..training };
    let transitions = iteration.unwrap_or(options.replay);
    let kept =
        ReplayShape::new(resume.shape(), settings.kind(), options.replay_values, transitions);
    let need = Need::of((&resume, bytes.len()), &training, kept, kind == Kind::Live)
        .and_spill(options.replay_in.as_deref());
    let need = need.and_saving(if options.state.is_some() { state::PIECE } else { 0 });
    tell(format_args!("{need}"));
    need.check(options.memory)?;
    let (mut memory, mut replay) = need.allocate()?;
    let mut agent = resume.restore(settings, training, &mut memory)?;
    agent.seed_exploration(options.seed);
    agent.guard_gradients(GradientRules::default());
    let arena = &mut Arena::new(replay.blocks());
    let mut replay = Replay::compact(arena, kept, |number| observation_range(&view, number))?;
    replay.set_half_life(options.replay_half_life.map(|transitions| transitions as f32));
    // A session that goes on has them in its save.
    let mut buffers = Buffers {
        observation: &mut vec![0.0; policy.observations()],
        next_observation: &mut vec![0.0; policy.observations()],
        action: &mut vec![0.0; policy.actions()],
    };
    let shipped = resume.begin(options.adapt, &mut replay, &mut buffers)?;
    if shipped > 0 {
        tell(format_args!("the replay begins with {shipped} transitions from the policy file"));
    }

    let mut records = vec![0; RING_BYTES];
    let telemetry = Telemetry::new(
        &mut records,
        options.log.as_deref().map(|path| Log::open(path, options.log_bytes)).transpose()?,
        options.metrics.map(|at| Metrics::serve(at, settings.losses())).transpose()?,
    );
    let report = Report::new(telemetry, agreed.policy(), goes_on);
    report.describe(&need, &agent);
    let stop = signals::stop(saves.is_some() || kind == Kind::Live);
    let driver = Driver::spawn(&options.env_command, options.answer_timeout)?;
    let mut signals = vec![0.0; Interface::numbers(&view)];
    let mut interface = Interface::new(&view, &mut signals)?;
    for note in driver::fit(&view, driver.spec(), &mut interface)? {
        tell(format_args!("{note}"));
    }
    if !goes_on {
        // A folder that cannot be written to is found now.
        save(&agent, &view, 0, &options.out)?;
    }
    let mut sensors = vec![Sensor::default(); interface.sensors()];
    know(&view, &mut sensors);
    let gate = Gate::new(&mut sensors, options.guard.sensors(), &safe);
    let mut robot = Robot::new(driver, gate, interface, options.adapt.imitate);
    let (learner, kept) = ((agent, replay), (saves, &*stop, report));
    let tuned = match kind {
        Kind::Episodes => tune(options, &view, &policy, &mut robot, learner, kept),
        Kind::Live => live::run(options, &view, &policy, &mut robot, learner, kept),
    };
    tuned
        .map_err(|source| EdgeError::Stopped { source: Box::new(source), out: options.out.clone() })
}

/// Learns, and compares what came of it with what there was.
fn tune(
    options: &Options,
    view: &PolicyView<'_>,
    policy: &Policy<'_>,
    robot: &mut Robot<'_>,
    (mut agent, mut replay): (AnyAgent<'_>, Replay<'_>),
    (mut saves, stop, report): (Option<Saves>, &AtomicBool, Report<'_>),
) -> Result<(), EdgeError> {
    let judged = (options.episodes, options.seed);
    let progress = match saves.as_mut().map(Saves::newest::<Progress>).transpose()?.flatten() {
        Some(mut saved) => {
            let mut progress = *saved.progress();
            saved.restore(progress.step, &mut agent, &mut replay)?;
            progress.begin_anew(&mut agent, &mut replay, &options.out);
            progress
        }
        None => Progress::new(judge(policy, robot, judged)?),
    };
    let frozen = progress.frozen;
    tell(format_args!("before: {frozen} (mean return of {} episodes)", options.episodes));
    let rejections = Rejections::default();
    let mut kept = Kept { progress, saves, stop, report, rejections };
    let learned =
        session::learn(options, view, policy, robot, (&mut agent, &mut replay), &mut kept);
    if let Err(error) = learned {
        tell_guarded(robot);
        return Err(error);
    }
    let rejected = kept.rejections.total();

    let bytes = AlignedBytes::read(&options.out)?;
    let tuned = Policy::new(crate::parse(&bytes, &options.out)?)?;
    let score = judge(&tuned, robot, judged)?;
    tell(format_args!("after: {score}, frozen policy: {frozen} (same episodes)"));
    let lost = robot.troubles().lost;
    if lost > 0 {
        tell(format_args!("dropped: {lost} answers that could not be used"));
    }
    if rejected > 0 {
        tell(format_args!("left out: {rejected} updates whose gradients were far too long"));
    }
    tell_guarded(robot);
    tell(format_args!("saved {}", options.out.display()));
    Ok(())
}

/// Says what was done about bad sensors, if anything was, and whether there was nothing to learn from.
fn tell_guarded(robot: &Robot<'_>) {
    if robot.is_untaught() {
        tell(format_args!(
            "no step had an action of a teacher, so nothing was learned: the driver sends \"teacher\" with its \
             answers"
        ));
    }
    let Troubles { skipped, sensors: counts, .. } = robot.troubles();
    if skipped > 0 {
        tell(format_args!("guarded: {skipped} steps not learned from: {counts}"));
    }
}

/// Writes the learner's policy, after so many steps of fine-tuning, to `out`: all of it or nothing.
///
/// # Errors
/// [`EdgeError`].
fn save(
    agent: &AnyAgent<'_>,
    before: &PolicyView<'_>,
    steps: u64,
    out: &Path,
) -> Result<(), EdgeError> {
    let program = concat!("lacewing-edge ", env!("CARGO_PKG_VERSION"));
    Ok(write_atomically(out, &agent.tuned(before, steps, program)?)?)
}

/// Writes a line of progress. Learning goes on where nobody reads it.
fn tell(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
