//! `lacewing finetune`.

use std::path::{Path, PathBuf};

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{Contract, Provenance};
use lacewing_runtime::learn::{
    Adapt, ReplayValues, Resume, Score, Shipped, TuningTopology, observation_range,
};

use super::CliError;
use super::eval::{EPISODES, env_id, note_limits};
use crate::engine::{Engine, Normaliser};
use crate::env::{self, Shift};
use crate::lab::error::TrainError;
use crate::lab::finetune::{self, Follow, Tuned, Tuning};
use crate::lab::policy::Facts;
use crate::lab::seeds::FRESH_SEED;
use crate::lab::teacher::Teacher;
use crate::lab::{contract, deployed, files, policy};
use crate::shell;

/// Of a step: beyond, learning is from a handful of transitions over and over.
const MOST_UPDATES: i64 = 100;

#[derive(clap::Args)]
pub struct Args {
    /// Policy file with a resume section, or a run's folder.
    policy: PathBuf,
    /// How the dynamics change, e.g. gear=0.5,mass=1.3; "" if they do not.
    #[arg(long)]
    shift: String,
    /// Environment [default: the one it was trained in].
    #[arg(long)]
    env: Option<String>,
    /// Environment steps to learn from.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Steps that only fill the replay, before the first update.
    #[arg(long, default_value_t = 500)]
    warm_up: u64,
    /// Updates after each step (the update-to-data ratio): more take more time, and learn more of as many
    /// steps; for TD3, SAC and DQN.
    #[arg(
        long, value_name = "UPDATES", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=MOST_UPDATES)
    )]
    updates_per_step: u32,
    /// Transitions the replay keeps.
    #[arg(long, default_value_t = 20_000)]
    replay: usize,
    /// As what the replay keeps observations and actions: f32, f16, or u8, which needs limits in the
    /// policy's contract or a normaliser.
    #[arg(long, default_value_t)]
    replay_values: ReplayValues,
    /// Draw transitions half as often for every so many that came after them [default: all as often].
    #[arg(long, value_name = "TRANSITIONS", value_parser = clap::value_parser!(u32).range(1..))]
    replay_half_life: Option<u32>,
    /// Adam's step size [default: the training run's].
    #[arg(long)]
    learning_rate: Option<f32>,
    /// Standard deviation of TD3's exploration noise, actions being in [-1, 1] [default: the training
    /// run's].
    #[arg(long)]
    noise: Option<f32>,
    /// What becomes of the links: as-trained (SET without an end goes on, all else keeps its links),
    /// frozen, set or rigl (both from now on).
    #[arg(long, default_value = "as-trained")]
    topology: TuningTopology,
    /// What learns: all, actor (the critics stay as they are), output-layer or biases (of the policy, and
    /// the critics), or imitate (the policy, from --teacher).
    #[arg(long, default_value = "all", value_name = "WHAT")]
    adapt: Adapt,
    /// Policy file whose actions are learned, in the states that the policy itself comes to (DAgger); for
    /// TD3 and SAC.
    #[arg(long, value_name = "POLICY")]
    teacher: Option<PathBuf>,
    /// Updates that only the critics make, before the policy moves.
    #[arg(long, value_name = "UPDATES", default_value_t = 0)]
    critics_first: u64,
    /// How much the policy is pulled towards what it was, 0 to some 0.4 (1/α of TD3+BC); for TD3 and SAC.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0)]
    stay_near: f32,
    /// Take as little memory as can be: tiles of 16 samples, moments of 16 and 8 bits, no copies of what can
    /// be worked out (see lacewing inspect --budget --lean).
    #[arg(long)]
    lean: bool,
    /// Episodes of each evaluation.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(EPISODES))]
    episodes: u32,
    /// Environment steps between evaluations.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    evaluate_every: u64,
    /// Decides everything random.
    #[arg(long, default_value_t = FRESH_SEED)]
    seed: u64,
    /// Where to write the tuned policy [default: beside the policy, as NAME-tuned.lace].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
}

/// Fine-tunes and keeps the best policy in a file.
pub fn run(args: &Args) -> Result<(), CliError> {
    let out = args.out.clone().map_or_else(|| beside(&args.policy), Ok)?;
    files::check_policy_output(&out, args.force)?;
    let bytes = policy::read(&args.policy)?;
    let view = policy::parse(&bytes, &args.policy)?;
    let resume = resume_of(&view, &args.policy)?;
    let usage = |problem: &str| Err(CliError::Usage(problem.into()));
    let mut settings = *resume.settings();
    if let Some(rate) = args.learning_rate {
        if !(rate.is_finite() && rate > 0.0) {
            return usage("--learning-rate must be above 0");
        }
        settings.set_learning_rate(rate);
    }
    if let Some(noise) = args.noise {
        if !(noise.is_finite() && noise >= 0.0) {
            return usage("--noise must be at least 0");
        }
        if !settings.set_exploration_noise(noise) {
            return usage("--noise is for TD3: this policy's algorithm explores by itself");
        }
    }
    let mut adapt = args.adapt;
    match (&args.teacher, adapt.imitate) {
        (None, true) => return usage("--adapt imitate takes a --teacher"),
        (Some(_), false) if adapt != Adapt::default() => {
            return usage("with a --teacher it is the policy that learns: leave out --adapt");
        }
        (Some(_), _) => adapt = Adapt::IMITATE,
        (None, false) => {}
    }
    if args.replay == 0 {
        return usage("--replay must hold at least one transition");
    }
    let tuning = Tuning {
        steps: args.steps,
        warm_up: args.warm_up,
        updates_per_step: args.updates_per_step,
        replay: args.replay,
        replay_values: args.replay_values,
        half_life: args.replay_half_life,
        settings,
        topology: args.topology,
        adapt: Adapt { policy_after: args.critics_first, stay_near: args.stay_near, ..adapt },
        lean: args.lean,
        episodes: args.episodes,
        evaluate_every: args.evaluate_every,
        seed: args.seed,
    };
    if let Some(iteration) = settings.iteration().filter(|&steps| args.steps < steps as u64) {
        return usage(&format!(
            "--steps must be at least {iteration}: this policy's algorithm learns from so many at once"
        ));
    }
    if settings.iteration().is_some() && args.updates_per_step > 1 {
        return usage(
            "--updates-per-step is for algorithms that learn from a replay: this policy's learns from its \
             present steps once",
        );
    }
    if settings.iteration().is_none() && args.warm_up >= args.steps {
        return usage(&format!(
            "of --steps {} nothing is learned from, since --warm-up {} only fills the replay: give more \
             --steps or a shorter --warm-up",
            args.steps, args.warm_up
        ));
    }
    let updates = (args.steps - args.warm_up.min(args.steps)) * u64::from(args.updates_per_step);
    if settings.iteration().is_none() && args.critics_first >= updates {
        return usage(&format!(
            "of {updates} updates the first {} are the critics' alone (--critics-first), so that the policy learns \
             nothing: raise --steps or lower --critics-first",
            args.critics_first
        ));
    }
    let id = env_id(args.env.as_deref(), &view)?;
    let shift = args.shift.parse()?;
    let taught = args.teacher.as_ref().map(|path| policy::read(path)).transpose()?;
    let taught = taught.as_deref().zip(args.teacher.as_deref());
    let taught = taught.map(|(bytes, path)| policy::parse(bytes, path)).transpose()?;
    note_limits(&view);
    tune(&view, &resume, (id, &shift), &tuning, taught, &out)?;
    say!("policy: {}", out.display());
    Ok(())
}

/// The policy's resume section.
pub fn resume_of<'a>(view: &PolicyView<'a>, path: &Path) -> Result<Resume<'a>, CliError> {
    let told = |problem: &str| {
        let (shown, typed) = (path.display(), shell::path(path));
        format!("{shown}: {problem}, or give it fresh critics: `lacewing adopt {typed} --out NEW`")
    };
    match Resume::of(view) {
        Ok(Some(resume)) => Ok(resume),
        Ok(None) => Err(CliError::Usage(told(
            "no resume section to learn on from; take policy.lace of the run's folder",
        ))),
        Err(error) => Err(CliError::Failed(told(&error.to_string()))),
    }
}

/// Fine-tunes and tells how it goes. `out` holds the best policy from the first evaluation on, so
/// that an interrupt loses nothing.
pub fn tune(
    view: &PolicyView<'_>,
    resume: &Resume<'_>,
    (id, shift): (&str, &Shift),
    tuning: &Tuning,
    teacher: Option<PolicyView<'_>>,
    out: &Path,
) -> Result<Tuned, CliError> {
    let mut env = env::make(id, shift)?;
    let mut eval_env = env::make(id, shift)?;
    let (budget, kept) = (finetune::budget(resume, tuning), tuning.kept(resume));
    let (transitions, each) = (kept.transitions, kept.transition_bytes());
    say!("memory: {budget} (replay of {transitions} transitions, {each} bytes each)");
    let familiar = &mut *env::make(id, &Shift::default())?;
    let before = deployed::evaluate(view.clone(), familiar, tuning.episodes, tuning.seed)?;
    say!("unchanged dynamics: return {before}");
    let mut teacher = match teacher {
        Some(view) => {
            let score =
                deployed::evaluate(view.clone(), &mut *eval_env, tuning.episodes, tuning.seed)?;
            say!("teacher: return {score}");
            Some(Teacher::new(view)?)
        }
        None => None,
    };
    say!("the best policy so far goes to {}", out.display());
    let shifted = contract::shifted(view.contract(), &shift.to_string())?;
    let agreed = Contract::parse(&shifted)?;
    let shipped = resume.shipped().copied();
    if let Some(shipped) = &shipped {
        say!("{} transitions travel with the policy", shipped.count());
    }
    let range = |number| observation_range(view, number);
    let mut keep = Keep { before: view, contract: agreed, shipped, out };
    let tuned = finetune::run(
        resume,
        &range,
        &mut *env,
        &mut *eval_env,
        tuning,
        teacher.as_mut(),
        &mut keep,
    )?;
    let dynamics = describe(shift);
    say!("{dynamics}, frozen policy: return {}", tuned.frozen);
    say!("{dynamics}, tuned policy:  return {} (same episodes)", tuned.tuned);
    if tuned.rejected > 0 {
        say!("left out: {} updates whose gradients were far too long", tuned.rejected);
    }
    if tuned.step == 0 {
        say!("nothing better than the frozen policy was found: try more --steps");
    }
    Ok(tuned)
}

/// How the dynamics have changed, in words where they have not.
pub fn describe(shift: &Shift) -> String {
    let text = shift.to_string();
    if text.is_empty() { "unchanged dynamics".into() } else { text }
}

/// Keeps the best policy in a file.
struct Keep<'a> {
    before: &'a PolicyView<'a>,
    contract: Contract<'a>,
    /// Transitions that go on travelling.
    shipped: Option<Shipped<'a>>,
    out: &'a Path,
}

impl Follow for Keep<'_> {
    fn evaluated(&mut self, step: u64, score: Score) {
        tell!("step {step}: return {score}");
    }

    fn best(&mut self, step: u64, engine: &dyn Engine, resume: &[u8]) -> Result<(), TrainError> {
        let facts = policy::facts(self.before);
        let from = facts.provenance;
        let provenance = Provenance {
            program: policy::PROGRAM,
            steps: from.steps + step,
            // A file's evaluation is of the unchanged environment; this policy was not played there.
            evaluation: None,
            ..from
        };
        let normaliser = engine.normaliser();
        let normaliser = normaliser.as_ref().map(Normaliser::view);
        let contract = Some(self.contract);
        let shipped = self.shipped.map_or(&[][..], |shipped| shipped.bytes());
        let resume = &[resume, shipped].concat();
        let facts = Facts { normaliser, provenance, contract, resume: Some(resume), ..facts };
        let observations = policy::recorded_observations(self.before);
        let bytes = policy::to_bytes(&engine.policy()?, &facts, &observations, Encoding::PLAIN)?;
        Ok(files::write_atomic(self.out, &bytes)?)
    }
}

/// `DIR/policy-tuned.lace` for `DIR` and `DIR/policy.lace`.
fn beside(policy: &Path) -> Result<PathBuf, CliError> {
    if policy.is_dir() {
        return Ok(policy.join("policy-tuned.lace"));
    }
    if policy.exists() && !policy.is_file() {
        let shown = policy.display();
        return Err(CliError::Usage(format!(
            "{shown} is no file to write beside: name one with --out"
        )));
    }
    let mut name = policy.file_stem().unwrap_or_default().to_os_string();
    name.push("-tuned.lace");
    Ok(policy.with_file_name(name))
}
