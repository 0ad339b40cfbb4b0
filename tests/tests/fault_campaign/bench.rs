//! One run: the robot acts and learns under its guards, while something goes wrong.

use super::faults::{Clock, Fault, Sensors, flip};
use super::memory;
use super::world::{ACTIONS, ACTUATOR, OBSERVATIONS, Random, World};
use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::{Interface, Policy};
use lacewing_runtime::guard::{
    Event, Gate, GradientRules, Judge, JudgeRules, Sensor, SensorRules, Switch, know,
};
use lacewing_runtime::learn::{
    Actor, AnyAgent, Arena, Block, Explorer, Keeper, LearnError, Replay, ReplayShape, ReplayValues,
    Resume, Transition, Tuner,
};
use lacewing_tests::learner::written;
use lacewing_tests::saved::Saved;

/// Steps of the judge's window.
pub const WINDOW: u32 = 250;
const TRANSITIONS: usize = 2000;
/// Learns from here on.
pub const WARM_UP: u64 = 200;
/// Steps between two copies of the policy, so that a spoiled one acts for a while.
const PUBLISH_EVERY: u64 = 1000;

/// Which guards are on: one that is off is a fault of ours.
#[derive(Clone, Copy, Debug)]
pub struct Guards {
    /// Whether anything is learned that could need them.
    pub learning: bool,
    pub sensors: bool,
    pub gradients: bool,
    pub judge: bool,
    pub limits: bool,
}

impl Guards {
    pub const ALL: Self =
        Self { learning: true, sensors: true, gradients: true, judge: true, limits: true };
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Came {
    /// Of every step.
    pub rewards: Vec<f64>,
    /// Commands that were sent, and those of them that were within the actuators' limits.
    pub sent: u64,
    pub within: u64,
    /// Breaches of sensors, and steps with held values and with the safe action.
    pub breaches: u64,
    pub held: u64,
    pub safe: u64,
    /// Steps that were not learned from.
    pub skipped: u64,
    pub updates: u64,
    pub rejected: u64,
    pub roll_backs: u64,
    /// Commands of the policy for what no sensor can have said.
    pub fooled: u64,
    /// What the frozen policy has a step, and how much less is too little, as it was measured last.
    pub measured: Option<(f64, f64)>,
}

/// What is at work in a run.
struct Run<'m> {
    guards: Guards,
    keeper: Keeper<'m>,
    acting: Actor<'m>,
    tuner: Tuner<'m>,
    /// For what goes wrong with learning; the robot and its sensors have random numbers of their own.
    random: Random,
    came: Came,
}

/// Runs for `steps` steps; an error is what a program would end with.
pub fn run(
    file: &[u8],
    (fault, seed, steps): (Fault, u64, u64),
    guards: Guards,
) -> Result<Came, String> {
    let view = PolicyView::parse(file).map_err(|error| error.to_string())?;
    let policy = Policy::new(view.clone()).map_err(|error| error.to_string())?;
    let resume = Resume::parse(view.resume().unwrap()).unwrap();
    let (settings, training, shape) = (*resume.settings(), *resume.training(), resume.shape());
    let mut memory = vec![Block::ZERO; AnyAgent::blocks(shape, &settings, &training)];
    let mut agent = resume.restore(settings, training, &mut memory).unwrap();
    if guards.gradients {
        agent.guard_gradients(GradientRules::default());
    }
    let copies =
        Actor::blocks(shape, &settings, &training) + Keeper::blocks(shape, &settings, &training);
    let mut memory = vec![Block::ZERO; copies];
    let mut arena = Arena::new(&mut memory);
    let rules = JudgeRules { window: WINDOW, pause: WINDOW, ..JudgeRules::default() };
    let judge = Judge::new(rules).unwrap();
    let kept = ReplayShape::new(shape, settings.kind(), ReplayValues::F32, TRANSITIONS);
    let mut stored = vec![Block::ZERO; kept.blocks()];
    let data = Replay::compact(&mut Arena::new(&mut stored), kept, |_| None).unwrap();
    let mut run = Run {
        guards,
        keeper: Keeper::new(&mut arena, &agent, judge).unwrap(),
        acting: Actor::new(&mut arena, &agent).unwrap(),
        tuner: Tuner::new(agent, data, 0, WARM_UP),
        random: Random::new(!seed),
        came: Came::default(),
    };

    let mut known = [Sensor::default(); OBSERVATIONS];
    know(&view, &mut known);
    let safe = [0.0; ACTIONS];
    let mut gate = Gate::new(&mut known, SensorRules::default(), &safe);
    let mut signals = vec![0.0; Interface::numbers(&view)];
    let mut interface = Interface::new(&view, &mut signals).unwrap();
    interface.narrow(&[-ACTUATOR; ACTIONS], &[ACTUATOR; ACTIONS]).unwrap();
    let mut noise = [0.0; ACTIONS];
    let mut explorer = Explorer::new(&mut noise, seed);
    let (mut world, mut spoil, mut clock) = (World::new(), Sensors::new(fault), Clock::new(fault));
    let random = &mut Random::new(seed);
    let (mut observation, mut begins, mut fooled) = (world.sensors, true, false);
    gate.begin(&mut world.sensors.clone()).unwrap();

    for step in 1..=steps {
        if matches!(fault, Fault::Stored | Fault::Critic) && run.is_spoiled() {
            run.tuner = memory::spoiled(run.tuner, fault, &mut run.random);
        }
        run.publish(step, fault);
        let mut action = [0.0; ACTIONS];
        if run.acting.explore(step, &observation, &mut explorer, &mut action).is_err() {
            action = safe;
            let event = run.keeper.judge.no_number(step);
            run.obey(event)?;
        }
        let mut command = action;
        policy.scale_action(&mut command);
        if guards.sensors {
            gate.send(&mut command);
        }
        if guards.limits {
            interface.command(&mut command).map_err(|error| error.to_string())?;
        }
        run.came.sent += 1;
        let within = |number: &f32| (-ACTUATOR..=ACTUATOR).contains(number);
        run.came.within += u64::from(command.iter().all(within));
        run.came.fooled += u64::from(fooled && !gate.is_shut());
        let reward = world.step(random, &command);
        run.came.rewards.push(reward);
        if fault == Fault::Lost && random.happens(0.01) {
            begins = true;
            continue;
        }
        let mut raw = world.sensors;
        spoil.spoil(random, &mut raw);
        let learnable = match guards.sensors {
            true => gate.observe(&mut raw).map_err(|error| error.to_string())?,
            false => true,
        };
        let told = match fault {
            Fault::Reward if random.happens(0.01) => {
                [1e6, -1e6, 1e3, -1e3, -30.0, 30.0][random.below(6)]
            }
            _ => reward,
        };
        let saturated = command.iter().filter(|number| number.abs() >= ACTUATOR).count();
        let event = run.keeper.judge.step(step, told, saturated as f64 / ACTIONS as f64);
        run.obey(event)?;
        // A run may end while it is measured anew.
        run.came.measured = run.keeper.judge.measured().or(run.came.measured);

        fooled = raw.iter().any(|value| !(-2.0..=2.0).contains(value));
        let before = core::mem::replace(&mut observation, raw);
        let mut numbers = (before, action, told as f32, raw);
        if fault == Fault::Replay && run.random.happens(0.02) {
            match run.random.below(3) {
                0 => numbers.0[0] = flip(&mut run.random, numbers.0[0]),
                1 => numbers.1[0] = flip(&mut run.random, numbers.1[0]),
                _ => numbers.2 = flip(&mut run.random, numbers.2),
            }
        }
        let wanted = learnable && (!guards.judge || run.keeper.judge.is_plausible(told));
        let heard = !(fault == Fault::Drop && run.random.happens(0.3));
        if !(wanted && heard && run.tuner.takes()) {
            (begins, run.came.skipped) = (true, run.came.skipped + 1);
        } else {
            let (observation, action, reward, next_observation) =
                (&numbers.0[..], &numbers.1[..], numbers.2, &numbers.3[..]);
            let (terminated, truncated) = (false, false);
            let transition =
                Transition { observation, action, reward, next_observation, terminated, truncated };
            begins = run.tuner.take(transition, begins).is_err();
            run.came.skipped += u64::from(begins);
        }
        run.learn(step, &mut clock)?;
    }
    let counts = gate.counts();
    Ok(Came {
        breaches: counts.breaches.iter().sum(),
        held: counts.held,
        safe: counts.safe,
        ..run.came
    })
}

impl Run<'_> {
    fn learns(&self) -> bool {
        self.guards.learning && (self.keeper.judge.learns() || !self.guards.judge)
    }

    /// Whether it is time to spoil what the learner has.
    fn is_spoiled(&mut self) -> bool {
        self.learns() && self.tuner.takes() && self.random.happens(0.004)
    }

    /// Lets what was learned act, and spoils it if it is time to.
    fn publish(&mut self, step: u64, fault: Fault) {
        if !self.learns() {
            return;
        }
        if step.is_multiple_of(PUBLISH_EVERY) && self.tuner.takes() {
            self.acting.publish(self.tuner.agent()).unwrap();
        }
        if matches!(fault, Fault::Actor | Fault::Learner) && self.random.happens(0.004) {
            self.flip();
            if fault == Fault::Learner {
                self.tuner.roll_back(&self.acting).unwrap();
            }
        }
    }

    /// What acts are the learner's weights, but for one bit.
    fn flip(&mut self) {
        let agent = self.tuner.agent();
        let mut saved = Saved::read(&written(|sink| agent.save(sink)));
        let layer = self.random.below(saved.online[0].len());
        let weights = &mut saved.online[0][layer].links.weights;
        let weight = self.random.below(weights.len());
        weights[weight] = flip(&mut self.random, weights[weight]);
        let (settings, training) = (agent.settings(), *agent.training());
        let mut memory = vec![Block::ZERO; AnyAgent::blocks(agent.shape(), &settings, &training)];
        let bytes = saved.write();
        // A learner that was saved with such a weight is refused.
        if let Ok(flipped) =
            Resume::parse(&bytes).and_then(|resume| resume.restore(settings, training, &mut memory))
        {
            self.acting.publish(&flipped).unwrap();
        }
    }

    fn learn(&mut self, step: u64, clock: &mut Clock) -> Result<(), String> {
        let deadline = clock.now(&mut self.random).saturating_add(clock.slack());
        let (tuner, random) = (&mut self.tuner, &mut self.random);
        let learned = tuner.learn(&mut || clock.now(random) < deadline);
        let event = match learned {
            Ok(None) => None,
            Ok(Some(losses)) => {
                self.came.updates += 1;
                let loss = losses.get(0).map_or(0.0, f64::from);
                self.keeper.judge.update(step, loss)
            }
            Err(LearnError::Rejected | LearnError::Diverged) => {
                self.came.rejected += 1;
                self.keeper.judge.rejected(step)
            }
            Err(error) => return Err(error.to_string()),
        };
        self.obey(event)
    }

    fn obey(&mut self, event: Option<Event>) -> Result<(), String> {
        let Some(event) = event.filter(|_| self.guards.judge) else { return Ok(()) };
        self.came.roll_backs += u64::from(matches!(event.switch, Switch::RolledBack { .. }));
        let goes_back = self.keeper.obey(&event, &mut self.acting);
        if goes_back.map_err(|error| error.to_string())? {
            self.tuner.roll_back(&self.acting).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
