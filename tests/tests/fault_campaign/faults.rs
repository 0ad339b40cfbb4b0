//! What goes wrong.

use super::world::{OBSERVATIONS, Random};

/// One kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    /// A sensor says NaN or infinity, for a few steps or for long.
    Nan,
    /// A sensor stays where it is.
    Stuck,
    /// A sensor jumps for a step.
    Spike,
    /// All sensors are some steps late.
    Delay,
    /// Transitions do not reach the learner.
    Drop,
    /// A reward of any size.
    Reward,
    /// The clock by which learning is sliced jumps, ahead and back.
    Clock,
    /// The driver says nothing that can be used.
    Lost,
    /// Bits of transitions flip on their way into the replay.
    Replay,
    /// Bits of transitions flip in the replay.
    Stored,
    /// A bit of the critics' weights flips.
    Critic,
    /// A bit of the weights that act flips.
    Actor,
    /// A bit of the weights that learn flips.
    Learner,
}

impl Fault {
    pub const ALL: [Self; 14] = [
        Self::Nothing,
        Self::Nan,
        Self::Stuck,
        Self::Spike,
        Self::Delay,
        Self::Drop,
        Self::Reward,
        Self::Clock,
        Self::Lost,
        Self::Replay,
        Self::Stored,
        Self::Critic,
        Self::Actor,
        Self::Learner,
    ];
}

/// Faults of sensors as they come and go.
pub struct Sensors {
    fault: Fault,
    /// Which, how it fails, and for how many more steps.
    which: usize,
    value: f32,
    left: u32,
    /// Observations of the last steps.
    before: [[f32; OBSERVATIONS]; 5],
}

impl Sensors {
    pub fn new(fault: Fault) -> Self {
        Self { fault, which: 0, value: 0.0, left: 0, before: [[0.0; OBSERVATIONS]; 5] }
    }

    /// Spoils what the sensors say, if it is time to.
    pub fn spoil(&mut self, random: &mut Random, observation: &mut [f32; OBSERVATIONS]) {
        self.before.rotate_right(1);
        self.before[0] = *observation;
        if self.left == 0 {
            if !random.happens(0.004) {
                return;
            }
            self.which = random.below(OBSERVATIONS);
            (self.value, self.left) = match self.fault {
                Fault::Nan => {
                    let value = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][random.below(3)];
                    // One in four lasts longer than it is held.
                    (value, if random.happens(0.25) { 20 } else { 1 + random.below(4) as u32 })
                }
                Fault::Spike => ([-1e6, -30.0, 30.0, 1e6][random.below(4)], 1),
                Fault::Stuck => (observation[self.which], 60),
                Fault::Delay => (0.0, 60),
                _ => return,
            };
        }
        self.left -= 1;
        match self.fault {
            Fault::Delay => *observation = self.before[4],
            _ => observation[self.which] = self.value,
        }
    }
}

/// One bit of a number flips, of those that make a difference: the sign, or a high one of the exponent.
pub fn flip(random: &mut Random, number: f32) -> f32 {
    f32::from_bits(number.to_bits() ^ (1 << (27 + random.below(5))))
}

/// The clock by which learning is sliced, in units of an update's parts.
pub struct Clock {
    fault: Fault,
    now: u64,
}

impl Clock {
    pub fn new(fault: Fault) -> Self {
        Self { fault, now: 1 << 32 }
    }

    /// Time that there is for learning in a step.
    pub fn slack(&self) -> u64 {
        if self.fault == Fault::Clock { 10 } else { 1000 }
    }

    /// Later than before, unless it jumps.
    pub fn now(&mut self, random: &mut Random) -> u64 {
        self.now += 1;
        if self.fault == Fault::Clock && random.happens(0.02) {
            self.now = match random.below(4) {
                0 => self.now.saturating_sub(1 << 31),
                1 => self.now.saturating_add(1 << 31),
                2 => u64::MAX / 2,
                _ => 1 << 32,
            };
        }
        self.now
    }
}
