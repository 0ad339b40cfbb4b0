//! A policy that goes on learning, one step of the robot at a time.

use lacewing_formats::artifact::{AlignedBytes, PolicyView, write_atomically};
use lacewing_runtime::act::{Interface, Policy};
use lacewing_runtime::guard::GradientRules;
use lacewing_runtime::learn::session::Buffers;
use lacewing_runtime::learn::{
    Adapt, AnyAgent, Arena, Block, Budget, Learner as _, Losses, Rejections, Replay, ReplayShape,
    ReplayValues, Resume, Settings, Training, Transition, TuningTopology, observation_range,
};
use self_cell::{MutBorrow, self_cell};
use std::error::Error;
use std::path::Path;

/// How to learn on.
pub struct Options {
    pub seed: u64,
    /// Steps before the first update.
    pub warm_up: u64,
    /// Updates after each, where learning is from a replay.
    pub updates_per_step: u32,
    /// Transitions to keep, and as what.
    pub replay: usize,
    pub replay_values: ReplayValues,
    pub topology: TuningTopology,
    pub adapt: Adapt,
    pub lean: bool,
    pub noise: Option<f32>,
}

/// Memory that a learner borrows.
struct Memory {
    bytes: AlignedBytes,
    learner: Vec<Block>,
    replay: Vec<Block>,
    signals: Vec<f32>,
}

/// What borrows it.
struct Learning<'m> {
    policy: Policy<'m>,
    interface: Interface<'m>,
    agent: AnyAgent<'m>,
    replay: Replay<'m>,
    warm_up: u64,
    updates_per_step: u32,
    imitates: bool,
    /// What was seen last, and what was done then, as the learner has it.
    observation: Vec<f32>,
    action: Vec<f32>,
    next: Vec<f32>,
    command: Vec<f32>,
    /// Whether there is an observation to act on, and an action to learn from.
    seen: bool,
    acted: bool,
    steps: u64,
    rejections: Rejections,
}

self_cell! {
    struct Whole {
        owner: MutBorrow<Memory>,
        #[not_covariant]
        dependent: Learning,
    }
}

/// A policy that goes on learning. Its numbers are in the driver's units, as those of `lacewing-edge act`.
pub struct Learner {
    whole: Whole,
    budget: Budget,
}

type Failed = Box<dyn Error + Send + Sync>;

impl Learner {
    /// Goes on from a policy file with a resume section.
    pub fn new(bytes: AlignedBytes, options: &Options) -> Result<Self, Failed> {
        let view = PolicyView::parse(&bytes)?;
        let resume = resume_of(&view)?;
        let (settings, training) = (settings(&resume, options)?, training(&resume, options));
        let kept = kept(&resume, &settings, options);
        let replay = kept.blocks() * Block::BYTES;
        let budget = Budget { replay, ..AnyAgent::budget(resume.shape(), &settings, &training) };
        let memory = MutBorrow::new(Memory {
            learner: vec![Block::ZERO; budget.learner() / Block::BYTES],
            replay: vec![Block::ZERO; kept.blocks()],
            signals: vec![0.0; Interface::numbers(&view)],
            bytes: AlignedBytes::from(&bytes[..]),
        });
        let whole = Whole::try_new(memory, |memory| {
            let Memory { bytes, learner, replay, signals } = memory.borrow_mut();
            let view = PolicyView::parse(bytes)?;
            let resume = resume_of(&view)?;
            let mut agent = resume.restore(settings, training, learner)?;
            agent.seed_exploration(options.seed);
            agent.guard_gradients(GradientRules::default());
            let range = |number| observation_range(&view, number);
            let mut replay = Replay::compact(&mut Arena::new(replay), kept, range)?;
            let interface = Interface::new(&view, signals)?;
            let policy = Policy::new(view)?;
            let numbers = || vec![0.0; policy.observations()];
            let (mut observation, mut next) = (numbers(), numbers());
            let mut action = vec![0.0; policy.actions()];
            let mut buffers = Buffers {
                observation: &mut observation,
                next_observation: &mut next,
                action: &mut action,
            };
            resume.begin(options.adapt, &mut replay, &mut buffers)?;
            Ok::<_, Failed>(Learning {
                action,
                command: vec![0.0; policy.actions()],
                policy,
                interface,
                agent,
                replay,
                warm_up: options.warm_up,
                updates_per_step: options.updates_per_step,
                imitates: options.adapt.imitate,
                observation,
                next,
                seen: false,
                acted: false,
                steps: 0,
                rejections: Rejections::default(),
            })
        })?;
        Ok(Self { whole, budget })
    }

    /// Memory that it takes, by what it is for.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Steps learned from, updates made in all, and updates that were rejected.
    pub fn counts(&self) -> [u64; 3] {
        self.whole.with_dependent(|_, it| [it.steps, it.agent.updates(), it.rejections.total()])
    }

    /// Names of the losses.
    pub fn losses(&self) -> &'static [&'static str] {
        self.whole.with_dependent(|_, it| it.agent.settings().losses())
    }

    /// An episode begins with this observation.
    pub fn reset(&mut self, observation: &[f32]) -> Result<(), Failed> {
        self.whole.with_dependent_mut(|_, it| it.reset(observation))
    }

    /// The action on what was seen last; `explore` where it is to be learned from.
    pub fn act(&mut self, explore: bool) -> Result<Vec<f32>, Failed> {
        self.whole.with_dependent_mut(|_, it| it.act(explore).map(<[f32]>::to_vec))
    }

    /// What followed the last action; the losses of the last update that was due, if one was.
    pub fn learn(
        &mut self,
        observation: &[f32],
        outcome: (f32, bool, bool),
        teacher: Option<&[f32]>,
    ) -> Result<Option<Losses>, Failed> {
        self.whole.with_dependent_mut(|_, it| it.learn(observation, outcome, teacher))
    }

    /// Writes the policy, with what it takes to go on from there.
    pub fn save(&self, out: &Path) -> Result<(), Failed> {
        let program = concat!("lacewing for Python ", env!("CARGO_PKG_VERSION"));
        let bytes = self
            .whole
            .with_dependent(|_, it| it.agent.tuned(it.policy.view(), it.steps, program))?;
        Ok(write_atomically(out, &bytes)?)
    }
}

impl Learning<'_> {
    fn reset(&mut self, observation: &[f32]) -> Result<(), Failed> {
        (self.seen, self.acted) = (false, false);
        self.interface.reset();
        self.observation.copy_from_slice(self.interface.observe(observation)?);
        // What is stored next does not follow what was stored before.
        self.replay.cut();
        self.agent.begin_episode();
        self.agent.observe(&self.observation);
        self.seen = true;
        Ok(())
    }

    fn act(&mut self, explore: bool) -> Result<&[f32], Failed> {
        if !self.seen {
            return Err("call reset with the first observation before act".into());
        }
        match explore {
            true => self.agent.explore(self.steps, &self.observation, &mut self.action)?,
            false => self.agent.act(&self.observation, &mut self.action)?,
        }
        self.command.copy_from_slice(&self.action);
        self.policy.scale_action(&mut self.command);
        self.interface.command(&mut self.command)?;
        self.acted = true;
        Ok(&self.command)
    }

    fn learn(
        &mut self,
        observation: &[f32],
        (reward, terminated, truncated): (f32, bool, bool),
        teacher: Option<&[f32]>,
    ) -> Result<Option<Losses>, Failed> {
        if !std::mem::take(&mut self.acted) {
            return Err("call act before learn: it learns from what followed an action".into());
        }
        let taught = match (self.imitates, teacher) {
            (true, Some(teacher)) => {
                let mut teacher = teacher.to_vec();
                self.interface.action_of(&mut teacher)?;
                self.policy.unscale_action(&mut teacher);
                self.action.copy_from_slice(&teacher);
                true
            }
            (true, None) => false,
            (false, Some(_)) => return Err("a teacher is for adapt=\"imitate\"".into()),
            (false, None) => true,
        };
        match self.interface.observe(observation) {
            Ok(seen) => self.next.copy_from_slice(seen),
            Err(error) => {
                // Nobody knows what followed: it acts on what it saw last.
                self.replay.cut();
                return Err(error.into());
            }
        }
        let transition = Transition {
            observation: &self.observation,
            action: &self.action,
            reward,
            next_observation: &self.next,
            terminated,
            truncated,
        };
        let ends = terminated || truncated;
        let stored = if taught { self.replay.push(transition) } else { Ok(()) };
        if taught && stored.is_ok() {
            self.agent.observe(&self.next);
            self.agent.reward(reward, ends);
        } else {
            self.replay.cut();
        }
        std::mem::swap(&mut self.observation, &mut self.next);
        (self.seen, self.steps) = (!ends, self.steps + 1);
        stored?;
        let mut last = None;
        if self.steps > self.warm_up && !self.replay.is_empty() {
            let due = self.agent.updates_due(self.steps, &self.replay);
            for _ in 0..self.updates_per_step * due {
                match self.agent.update(&mut self.replay) {
                    Ok(losses) => {
                        self.rejections.made();
                        last = Some(losses);
                    }
                    Err(error) => self.rejections.failed(error)?,
                }
            }
        }
        Ok(last)
    }
}

fn resume_of<'a>(view: &PolicyView<'a>) -> Result<Resume<'a>, Failed> {
    let found = Resume::of(view)?;
    found.ok_or_else(|| {
        "the policy has no resume section to learn on from: take policy.lace of the run's folder".into()
    })
}

fn settings(resume: &Resume<'_>, options: &Options) -> Result<Settings, Failed> {
    let mut settings = *resume.settings();
    match options.noise {
        _ if options.updates_per_step == 0 => Err("updates_per_step is 1 or more".into()),
        _ if options.updates_per_step > 1 && settings.iteration().is_some() => Err(
            "updates_per_step is for algorithms that learn from a replay: this policy's learns from its \
             present steps once"
                .into(),
        ),
        Some(noise) if !(noise.is_finite() && noise >= 0.0) => Err("noise is 0 or more".into()),
        Some(noise) if !settings.set_exploration_noise(noise) => {
            Err("noise is for TD3: other algorithms explore by themselves".into())
        }
        _ => Ok(settings),
    }
}

fn training(resume: &Resume<'_>, options: &Options) -> Training {
    Training { lean: options.lean, ..resume.tuning(options.topology, options.adapt) }
}

fn kept(resume: &Resume<'_>, settings: &Settings, options: &Options) -> ReplayShape {
    // What learns from its present policy's steps only has as many as an iteration takes.
    let transitions = settings.iteration().unwrap_or(options.replay);
    ReplayShape::new(resume.shape(), settings.kind(), options.replay_values, transitions)
}
