//! Keep, freeze or roll back: what a robot's running return says of the policy that learns on it.

use super::baseline::Baseline;
use super::event::{Acting, Event, Switch, Why};
use super::missing::Missing;

mod rules;

pub use rules::{JudgeRules, RulesError};

/// Deviations of a window's mean below which the frozen policy itself hardly ever is (see [`Cusum`](super::Cusum)).
const DEVIATIONS: f64 = 4.0;
/// Of the way from the frozen policy's share of actions at limits to all of them, how much is too much.
const SATURATED: f64 = 0.5;
/// How much of the return that may be missing may be so with too many actions at limits.
const SATURATED_LOSS: f64 = 0.5;
/// How much of it may be missing where a policy is kept as good.
const GOOD_LOSS: f64 = 0.1;
/// How many times its level the critics' loss may be.
const TD_RATIO: f64 = 10.0;
/// Updates over which the level of the critics' loss is averaged, and its present value.
const TD_LEVEL: f64 = 1000.0;
const TD_PRESENT: f64 = 50.0;
/// Rejected updates in a row after which nothing good is to be expected.
const REJECTED: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Measuring,
    Learning,
    /// Steps left.
    Paused(u64),
    Ended,
}

/// Judges a policy that learns by its running return, since a robot has no episodes to be evaluated on.
///
/// At first the frozen policy acts and is measured ([`Baseline`]). From then on the return that is missing
/// is summed up ([`Missing`]): where a window's mean is more than a margin below the frozen policy's, a
/// roll-back has come by its end at the latest, sooner where it is worse. The margin is `loss` of the
/// frozen policy's return or, if that is more, four deviations of its windows' means: less cannot be told
/// from noise, and [`Judge::telling_window`] says how long a window would have to be. What is missing for longer is
/// told over four windows and sixteen.
///
/// Rewards within an episode differ by where it stands (a pendulum swings up first), so where there are
/// episodes it decides at their ends, by what each brought as a whole, and sums up a window less an
/// episode, so that the window is kept all the same. Where a window is too short for that it decides at any step, and
/// at a fall by the episode as a whole.
///
/// The last good actor acts after a roll-back; if return is missing with that too (which takes up to
/// another window to tell), or none was ever good, the factory's; if even that has lost, robot or
/// surroundings changed, and it is measured anew. A
/// policy whose critics' loss leaves its level pauses as it is. Actions at limits alone are no fault (a
/// weak motor needs more of it), but where return is missing too, half of the loss is enough.
///
/// What it says is an [`Event`]: whoever runs the loop obeys it and logs it.
#[derive(Clone, Debug)]
pub struct Judge {
    rules: JudgeRules,
    state: State,
    acting: Acting,
    baseline: Baseline,
    margin: f64,
    missing: Missing,
    /// As it was when the present episode began.
    before: Missing,
    /// Rewards and steps of that.
    episode: (f64, u64),
    /// Whether it began with that, and not amid an episode.
    whole: bool,
    /// Rewards of the present window, and their number.
    total: f64,
    steps: u64,
    /// Best mean of a good window.
    best: f64,
    has_good: bool,
    /// Share of actions at limits, over a window or so.
    saturation: f64,
    roll_backs: u32,
    td_level: f64,
    td_present: f64,
    updates: u32,
    rejected: u32,
}

impl Judge {
    /// A judge that has seen nothing.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn new(rules: JudgeRules) -> Result<Self, RulesError> {
        rules.check()?;
        let missing = rules.missing(0.0, 0.0);
        Ok(Self {
            rules,
            state: State::Measuring,
            acting: Acting::Factory,
            baseline: Baseline::new(rules.length(), rules.windows),
            margin: 0.0,
            missing,
            before: missing,
            episode: (0.0, 0),
            whole: true,
            total: 0.0,
            steps: 0,
            best: 0.0,
            has_good: false,
            saturation: 0.0,
            roll_backs: 0,
            td_level: 0.0,
            td_present: 0.0,
            updates: 0,
            rejected: 0,
        })
    }

    /// Which actor acts.
    pub fn acting(&self) -> Acting {
        self.acting
    }

    /// Whether the actor learns, and what it learned is published. Critics may learn all the time.
    pub fn learns(&self) -> bool {
        self.state == State::Learning
    }

    /// Roll-backs so far.
    pub fn roll_backs(&self) -> u32 {
        self.roll_backs
    }

    /// What the frozen policy has a step, and how much less is too little; none before it is measured.
    pub fn measured(&self) -> Option<(f64, f64)> {
        (self.state != State::Measuring).then(|| (self.baseline.mean(), self.margin))
    }

    /// Steps of a window in which the loss that is allowed could be told from noise, if the present one
    /// is too short.
    pub fn telling_window(&self) -> Option<u64> {
        let (mean, margin) = self.measured()?;
        let wanted = self.rules.loss * mean.abs();
        let times = margin / wanted;
        let length = libm::ceil(f64::from(self.rules.length()) * times * times);
        let window = length + f64::from(self.rules.episode);
        (margin > wanted && window.is_finite()).then_some(window as u64)
    }

    /// Whether a reward can be learned from; until the frozen policy is measured, any number can.
    pub fn is_plausible(&self, reward: f64) -> bool {
        reward.is_finite() && (self.state == State::Measuring || self.baseline.is_plausible(reward))
    }

    /// A step was taken with this reward, and this share of its actions at limits. What is no number is
    /// passed over.
    pub fn step(&mut self, step: u64, reward: f64, saturated: f64) -> Option<Event> {
        if !reward.is_finite() {
            return None;
        }
        if self.state == State::Measuring {
            self.baseline.step(reward, saturated);
            return self.begin(step);
        }
        self.saturation += (saturated - self.saturation) / f64::from(self.rules.length());
        if let State::Paused(left) = &mut self.state {
            *left = left.saturating_sub(1);
        }
        self.count(self.baseline.bounded(reward), 1);
        if self.rules.episode > 0 { None } else { self.decide(step) }
    }

    /// An episode ended: by itself (a fall, or a goal reached), so that in the `rest` steps that it would
    /// have had there is no reward; or cut off, with no rest. Where it is judged by the step, a window of the rest
    /// counts at most.
    pub fn ended(&mut self, step: u64, rest: u64) -> Option<Event> {
        let by_episodes = self.rules.episode > 0;
        let rest = if by_episodes { rest } else { rest.min(self.rules.window.into()) };
        let event = if self.state == State::Measuring {
            self.baseline.ended(rest);
            self.begin(step)
        } else {
            self.count(0.0, rest);
            match (by_episodes || rest > 0, self.whole) {
                (false, _) => {}
                // Rewards before a fall do not pay for the rest after it.
                (true, true) => {
                    let (total, steps) = self.episode;
                    self.missing = self.before;
                    self.missing.add(total / steps.max(1) as f64, steps);
                }
                // What came before, another policy's perhaps, has its part in it.
                (true, false) => self.start_window(),
            }
            self.decide(step)
        };
        (self.before, self.episode, self.whole) = (self.missing, (0.0, 0), true);
        event
    }

    /// An update of the critics had this loss.
    pub fn update(&mut self, step: u64, td_error: f64) -> Option<Event> {
        self.rejected = 0;
        if !td_error.is_finite() {
            return None;
        }
        self.updates = self.updates.saturating_add(1);
        let count = f64::from(self.updates);
        self.td_level += (td_error - self.td_level) / count.min(TD_LEVEL);
        self.td_present += (td_error - self.td_present) / count.min(TD_PRESENT);
        let known = count >= TD_LEVEL;
        let high = known && self.td_present > TD_RATIO * self.td_level;
        (high && self.learns()).then(|| self.freeze(step, Why::TdError))
    }

    /// An update was rejected.
    pub fn rejected(&mut self, step: u64) -> Option<Event> {
        self.rejected = self.rejected.saturating_add(1);
        if self.rejected < REJECTED || !self.learns() {
            return None;
        }
        self.rejected = 0;
        Some(self.freeze(step, Why::Rejected))
    }

    /// The actor that acts gave no number: it is not asked again.
    pub fn no_number(&mut self, step: u64) -> Option<Event> {
        match self.acting {
            Acting::Factory => None,
            _ => self.roll_back(step, Why::NotFinite),
        }
    }

    /// Begins learning where the frozen policy is measured.
    fn begin(&mut self, step: u64) -> Option<Event> {
        if !self.baseline.is_measured() {
            return None;
        }
        let (mean, noise) = (self.baseline.mean(), self.baseline.noise());
        self.margin = (self.rules.loss * mean.abs()).max(DEVIATIONS * noise);
        self.missing = self.rules.missing(mean, DEVIATIONS * noise);
        (self.state, self.acting) = (State::Learning, Acting::Learner);
        (self.best, self.has_good) = (mean, false);
        self.start_window();
        let switch = Switch::Measured { noise, margin: self.margin };
        Some(Event { step, switch, mean, frozen: mean })
    }

    /// Takes the same reward for some steps into account.
    fn count(&mut self, reward: f64, steps: u64) {
        let total = reward * steps as f64;
        self.missing.add(reward, steps);
        (self.total, self.steps) = (self.total + total, self.steps + steps);
        self.episode = (self.episode.0 + total, self.episode.1 + steps);
    }

    /// What all that counted so far leads to.
    fn decide(&mut self, step: u64) -> Option<Event> {
        let used = self.missing.used();
        let frozen = self.baseline.saturation();
        let too_much = frozen + SATURATED * (1.0 - frozen);
        if used > 1.0 {
            self.roll_back(step, Why::Return)
        } else if used > SATURATED_LOSS && self.saturation > too_much {
            self.roll_back(step, Why::Saturation)
        } else {
            self.pass(step)
        }
    }

    /// What is due where nothing is wrong.
    fn pass(&mut self, step: u64) -> Option<Event> {
        match self.state {
            State::Measuring | State::Ended | State::Paused(1..) => None,
            State::Paused(0) => {
                (self.state, self.acting) = (State::Learning, Acting::Learner);
                let event = self.event(step, Switch::Resumed, self.missing.mean());
                self.start_window();
                Some(event)
            }
            State::Learning if self.steps < u64::from(self.rules.length()) => None,
            State::Learning => {
                let mean = self.total / self.steps as f64;
                (self.total, self.steps) = (0.0, 0);
                // Noise may excuse a policy that is not as good as the frozen one, but not make it one to go back to.
                let frozen = self.baseline.mean();
                let least = frozen - self.rules.loss * frozen.abs();
                let good = mean >= least.max(self.best - self.margin / 2.0);
                if !good || self.missing.used() > GOOD_LOSS {
                    return None;
                }
                (self.best, self.has_good) = (self.best.max(mean), true);
                Some(self.event(step, Switch::Good, mean))
            }
        }
    }

    fn freeze(&mut self, step: u64, why: Why) -> Event {
        self.state = State::Paused(self.rules.pause.into());
        self.event(step, Switch::Froze(why), self.missing.mean())
    }

    fn roll_back(&mut self, step: u64, why: Why) -> Option<Event> {
        let mean = self.missing.mean();
        let to = match self.acting {
            Acting::Learner if self.has_good => Acting::LastGood,
            Acting::Learner | Acting::LastGood => Acting::Factory,
            Acting::Factory => return self.lose_baseline(step, mean),
        };
        self.roll_backs += 1;
        let for_good = self.state == State::Ended || self.roll_backs >= self.rules.roll_backs;
        self.state = if for_good { State::Ended } else { State::Paused(self.rules.pause.into()) };
        self.acting = to;
        if to == Acting::Factory {
            (self.best, self.has_good) = (self.baseline.mean(), false);
        }
        self.start_window();
        Some(self.event(step, Switch::RolledBack { to, why, for_good }, mean))
    }

    /// Nothing is left to go back to.
    fn lose_baseline(&mut self, step: u64, mean: f64) -> Option<Event> {
        self.start_window();
        if self.state == State::Ended {
            return None;
        }
        let event = self.event(step, Switch::BaselineLost, mean);
        self.baseline = Baseline::new(self.rules.length(), self.rules.windows);
        self.state = State::Measuring;
        Some(event)
    }

    /// What was before counts no more.
    fn start_window(&mut self) {
        self.missing.reset();
        (self.before, self.episode, self.whole) = (self.missing, (0.0, 0), false);
        (self.total, self.steps) = (0.0, 0);
        self.saturation = self.baseline.saturation();
    }

    fn event(&self, step: u64, switch: Switch, mean: f64) -> Event {
        Event { step, switch, mean, frozen: self.baseline.mean() }
    }
}

#[cfg(test)]
mod tests;
