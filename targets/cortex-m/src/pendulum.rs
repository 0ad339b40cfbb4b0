//! Gymnasium's Pendulum-v1 (`gymnasium/envs/classic_control/pendulum.py`) in single precision, with a motor that
//! gives less than it is asked for.

use core::convert::Infallible;
use core::f32::consts::PI;
use lacewing_runtime::learn::session::{Outcome, World};
use lacewing_runtime::random::Xoshiro256PlusPlus;
use rand_core::{Rng, SeedableRng};

const MAX_SPEED: f32 = 8.0;
const MAX_TORQUE: f32 = 2.0;
const DT: f32 = 0.05;
const GRAVITY: f32 = 10.0;
const STEPS: u32 = 200;

/// The plant.
#[derive(Debug)]
pub struct Pendulum {
    /// Share of a torque that reaches the pole.
    gear: f32,
    angle: f32,
    speed: f32,
    steps: u32,
}

impl Pendulum {
    /// With a motor of which this share is left.
    pub fn new(gear: f32) -> Self {
        Self { gear, angle: 0.0, speed: 0.0, steps: 0 }
    }

    fn observe(&self, observation: &mut [f32]) {
        observation.copy_from_slice(&[libm::cosf(self.angle), libm::sinf(self.angle), self.speed]);
    }
}

impl World for Pendulum {
    type Error = Infallible;

    fn reset(&mut self, episode: u64, observation: &mut [f32]) -> Result<(), Infallible> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(episode);
        // In [-1, 1).
        let mut unit = || (random.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
        (self.angle, self.speed, self.steps) = (PI * unit(), unit(), 0);
        self.observe(observation);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, Infallible> {
        let torque = MAX_TORQUE * action[0].clamp(-1.0, 1.0);
        let turns = libm::floorf((self.angle + PI) / (2.0 * PI));
        let off = self.angle - turns * 2.0 * PI;
        let cost = off * off + 0.1 * self.speed * self.speed + 0.001 * torque * torque;
        let pull = 1.5 * GRAVITY * libm::sinf(self.angle) + 3.0 * self.gear * torque;
        self.speed = (self.speed + pull * DT).clamp(-MAX_SPEED, MAX_SPEED);
        self.angle += self.speed * DT;
        self.steps += 1;
        self.observe(observation);
        Ok(Some(Outcome {
            reward: f64::from(-cost),
            terminated: false,
            truncated: self.steps == STEPS,
            learnable: true,
        }))
    }
}
