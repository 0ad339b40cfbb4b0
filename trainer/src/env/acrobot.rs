//! Acrobot-v1: swing the tip of a two-link pendulum up by a motor between the links, as in Gymnasium
//! 1.4.0 (`gymnasium/envs/classic_control/acrobot.py`; Sutton 1996, Sutton and Barto 2018), bit for
//! bit.

use super::episode::uniform;
use super::numpy::{cos_f32, sin_f32, square};
use super::{ActionSpace, Dynamics, EnvError, EnvSpec, Scene, Shift, names};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::f64::consts::{FRAC_PI_2, PI};

/// Its name in the registry.
pub(super) const ID: &str = "Acrobot-v1";

const DT: f64 = 0.2;
const GRAVITY: f64 = 9.8;
/// Length of a link.
const LENGTH: f64 = 1.0;
/// How far from its upper end a link's centre of mass is.
const CENTRE: f64 = 0.5;
const MASS: f64 = 1.0;
const INERTIA: f64 = 1.0;
const MAX_SPEEDS: [f64; 2] = [4.0 * PI, 9.0 * PI];
/// An episode starts with every value of its state within ± this.
const START: f32 = 0.1;

pub(super) struct Acrobot {
    spec: EnvSpec,
    /// Torque of actions 0 and 2.
    torque: f64,
    mass: f64,
    inertia: f64,
    /// Angle of the first link from hanging down, of the second from the first, and their speeds.
    state: [f64; 4],
    /// Gymnasium keeps the state that a reset drew in single precision, which NumPy has a cosine of
    /// its own for, and every later one in double.
    drawn: bool,
}

impl Acrobot {
    /// `gear` scales the torque, `mass` the masses and the moments of inertia of both links.
    pub(super) fn new(shift: &Shift) -> Result<Self, EnvError> {
        if shift.friction != 1.0 {
            return Err(EnvError::NotApplicable { id: ID, what: "friction" });
        }
        let spec = EnvSpec {
            id: ID,
            obs_dim: 6,
            action_space: ActionSpace::Discrete { n: 3 },
            max_episode_steps: 500,
            control_period_s: DT,
            signals: names::of(ID),
        };
        let (torque, mass, inertia) = (shift.gear, MASS * shift.mass, INERTIA * shift.mass);
        Ok(Self { spec, torque, mass, inertia, state: [0.0; 4], drawn: false })
    }

    /// The state's derivative by time, with the equations of the book.
    fn derivative(&self, [angle1, angle2, speed1, speed2]: [f64; 4], torque: f64) -> [f64; 4] {
        let (m, inertia) = (self.mass, self.inertia);
        let (sin, cos) = (angle2.sin(), angle2.cos());
        let d1 = m * CENTRE * CENTRE
            + m * (LENGTH * LENGTH + CENTRE * CENTRE + 2.0 * LENGTH * CENTRE * cos)
            + inertia
            + inertia;
        let d2 = m * (CENTRE * CENTRE + LENGTH * CENTRE * cos) + inertia;
        let phi2 = m * CENTRE * GRAVITY * (angle1 + angle2 - FRAC_PI_2).cos();
        let phi1 = -m * LENGTH * CENTRE * square(speed2) * sin
            - 2.0 * m * LENGTH * CENTRE * speed2 * speed1 * sin
            + (m * CENTRE + m * LENGTH) * GRAVITY * (angle1 - FRAC_PI_2).cos()
            + phi2;
        let acceleration2 =
            (torque + d2 / d1 * phi1 - m * LENGTH * CENTRE * square(speed1) * sin - phi2)
                / (m * CENTRE * CENTRE + inertia - square(d2) / d1);
        let acceleration1 = -(d2 * acceleration2 + phi1) / d1;
        [speed1, speed2, acceleration1, acceleration2]
    }

    /// The state a control period later: one step of the Runge-Kutta method of fourth order.
    fn integrate(&self, torque: f64) -> [f64; 4] {
        let moved = |slope: [f64; 4], time: f64| -> [f64; 4] {
            std::array::from_fn(|i| self.state[i] + time * slope[i])
        };
        let k1 = self.derivative(self.state, torque);
        let k2 = self.derivative(moved(k1, DT / 2.0), torque);
        let k3 = self.derivative(moved(k2, DT / 2.0), torque);
        let k4 = self.derivative(moved(k3, DT), torque);
        moved(std::array::from_fn(|i| k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]), DT / 6.0)
    }
}

impl Dynamics for Acrobot {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn state_len(&self) -> usize {
        4
    }

    fn start(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        let start = f64::from(START);
        (0..4).map(|_| f64::from(uniform(rng, -start, start) as f32)).collect()
    }

    fn set_state(&mut self, state: &[f64]) {
        self.state.copy_from_slice(state);
        let single = |value: &f64| f64::from(*value as f32) == *value;
        self.drawn = state.iter().all(|x| single(x) && x.abs() <= f64::from(START));
    }

    fn step(&mut self, action: &[f32]) -> (f64, bool) {
        let torque = (f64::from(action[0]) - 1.0) * self.torque;
        let [angle1, angle2, speed1, speed2] = self.integrate(torque);
        let (angle1, angle2) = (wrapped(angle1), wrapped(angle2));
        let [limit1, limit2] = MAX_SPEEDS;
        self.state = [angle1, angle2, speed1.clamp(-limit1, limit1), speed2.clamp(-limit2, limit2)];
        self.drawn = false;
        // The tip is higher than a link's length above the fixed end.
        let up = -angle1.cos() - (angle2 + angle1).cos() > 1.0;
        (if up { 0.0 } else { -1.0 }, up)
    }

    fn observe(&self, obs: &mut [f64]) {
        let circle = |angle: f64| {
            if self.drawn {
                (cos_f32(angle as f32), sin_f32(angle as f32))
            } else {
                (angle.cos() as f32, angle.sin() as f32)
            }
        };
        let [angle1, angle2, speed1, speed2] = self.state;
        let ((cos1, sin1), (cos2, sin2)) = (circle(angle1), circle(angle2));
        let values = [cos1, sin1, cos2, sin2, speed1 as f32, speed2 as f32];
        for (place, value) in obs.iter_mut().zip(values) {
            *place = f64::from(value);
        }
    }

    fn scene(&self) -> Scene<'_> {
        let [first, second, ..] = self.state;
        Scene::Acrobot { angles: [first, second] }
    }
}

/// The angle within ±π, turn by turn as in the original: a remainder would round otherwise.
fn wrapped(mut angle: f64) -> f64 {
    const TURN: f64 = 2.0 * PI;
    // No step of the original makes so many turns, and of a huge angle no turn could be taken away.
    if angle.abs() > 1e3 * TURN {
        angle %= TURN;
    }
    while angle > PI {
        angle -= TURN;
    }
    while angle < -PI {
        angle += TURN;
    }
    angle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_state_is_observed_in_single_precision() {
        let mut acrobot = Acrobot::new(&Shift::default()).unwrap();
        let mut cosine = |angle: f64| {
            let mut obs = [0.0; 6];
            acrobot.set_state(&[angle, 0.0, 0.0, 0.0]);
            acrobot.observe(&mut obs);
            obs[0] as f32
        };
        // What Gymnasium gives for the first; the second is not what a reset can have drawn.
        assert_eq!(cosine(f64::from(0.088_147_745_f32)), 0.996_117_5);
        assert_eq!(cosine(0.088_147_744_536_4), 0.088_147_744_536_4_f64.cos() as f32);
        assert_ne!(0.088_147_744_536_4_f64.cos() as f32, 0.996_117_5);
    }
}
