//! Gymnasium 1.4.0's HalfCheetah-v5, Hopper-v5, Walker2d-v5, Ant-v5 and Humanoid-v5 with their
//! default arguments: observations, rewards and terminations equal bit for bit.
//!
//! A simulation that blows up (possible under an extreme [`Shift`]) ends its episode with
//! `terminated` and reward 0, where Gymnasium goes on from MuJoCo's default state.

use super::ffi::{Dims, Simulation};
use super::render::{Look, Robot};
use crate::env::episode::{Dynamics, Episode, uniform};
use crate::env::{ActionSpace, Env, EnvError, EnvSpec, Scene, Shift, names, numpy};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// One robot's task as plain values.
pub(in crate::env) struct Task {
    pub(in crate::env) id: &'static str,
    xml: &'static str,
    dims: Dims,
    /// Simulation steps for a step of the environment.
    frame_skip: usize,
    /// Leading positions the observation leaves out: where on the plane the robot is.
    hidden_positions: usize,
    /// Observed velocities are clipped to ± this.
    velocity_limit: f64,
    /// What moving forward is measured by.
    progress: Progress,
    forward_weight: f64,
    control_weight: f64,
    control_cost: Precision,
    /// Reward of each healthy step; an unhealthy one ends the episode.
    healthy_reward: f64,
    healthy: fn(&Simulation) -> bool,
    contact: Contact,
    /// Observe inertias, body velocities and actuator forces too.
    observe_bodies: bool,
    /// Size of the noise on the start positions (uniform) and velocities.
    start_noise: f64,
    start_velocity: StartVelocity,
    /// How it is drawn.
    pub(super) look: Look,
}

impl Task {
    /// The robot in simulation.
    pub(super) fn simulation(&self) -> Result<Simulation, EnvError> {
        Simulation::new(self.id, self.xml, self.dims)
    }
}

/// Whose x coordinate counts.
enum Progress {
    /// The first position.
    Root,
    /// The frame of the first body.
    Torso,
    CentreOfMass,
}

/// Which numbers the control cost is computed from.
enum Precision {
    /// The action, in single precision.
    Action,
    /// MuJoCo's copy of it, in double.
    Simulation,
}

enum Contact {
    /// Contact forces play no part.
    None,
    /// Each force clipped to ±1, its square costs `weight`.
    Clipped { weight: f64 },
    /// The squares cost `weight` each, together at most `most`.
    Capped { weight: f64, most: f64 },
}

enum StartVelocity {
    Uniform,
    Normal,
}

pub(in crate::env) const HALF_CHEETAH: Task = Task {
    id: "HalfCheetah-v5",
    xml: include_str!("../assets/half_cheetah.xml"),
    dims: Dims { nq: 9, nv: 9, nu: 6, nbody: 8 },
    frame_skip: 5,
    hidden_positions: 1,
    velocity_limit: f64::INFINITY,
    progress: Progress::Root,
    forward_weight: 1.0,
    control_weight: 0.1,
    control_cost: Precision::Action,
    healthy_reward: 0.0,
    healthy: |_| true,
    contact: Contact::None,
    observe_bodies: false,
    start_noise: 0.1,
    start_velocity: StartVelocity::Normal,
    look: Look {
        distance: 3.0,
        height: 0.5,
        elevation: -8.0,
        along_floor: 1,
        // The floor is 80 m wide and has 60 pairs of squares.
        floor_period: 80.0 / 60.0,
    },
};

pub(in crate::env) const HOPPER: Task = Task {
    id: "Hopper-v5",
    xml: include_str!("../assets/hopper.xml"),
    dims: Dims { nq: 6, nv: 6, nu: 3, nbody: 5 },
    frame_skip: 4,
    velocity_limit: 10.0,
    control_weight: 1e-3,
    healthy_reward: 1.0,
    healthy: |simulation| {
        let (qpos, qvel) = (simulation.qpos(), simulation.qvel());
        qpos[1] > 0.7
            && qpos[2].abs() < 0.2
            && qpos[2..].iter().chain(qvel).all(|value| value.abs() < 100.0)
    },
    start_noise: 5e-3,
    start_velocity: StartVelocity::Uniform,
    look: Look { distance: 3.2, height: 0.9, floor_period: 40.0 / 60.0, ..HALF_CHEETAH.look },
    ..HALF_CHEETAH
};

pub(in crate::env) const WALKER2D: Task = Task {
    id: "Walker2d-v5",
    xml: include_str!("../assets/walker2d_v5.xml"),
    dims: Dims { nq: 9, nv: 9, nu: 6, nbody: 8 },
    healthy: |simulation| {
        let qpos = simulation.qpos();
        0.8 < qpos[1] && qpos[1] < 2.0 && qpos[2].abs() < 1.0
    },
    look: Look { floor_period: 80.0 / 60.0, ..HOPPER.look },
    ..HOPPER
};

pub(in crate::env) const ANT: Task = Task {
    id: "Ant-v5",
    xml: include_str!("../assets/ant.xml"),
    dims: Dims { nq: 15, nv: 14, nu: 8, nbody: 14 },
    hidden_positions: 2,
    progress: Progress::Torso,
    control_weight: 0.5,
    healthy_reward: 1.0,
    healthy: |simulation| {
        let (qpos, qvel) = (simulation.qpos(), simulation.qvel());
        (0.2..=1.0).contains(&qpos[2]) && qpos.iter().chain(qvel).all(|value| value.is_finite())
    },
    contact: Contact::Clipped { weight: 5e-4 },
    look: Look { distance: 3.5, elevation: -20.0, along_floor: 2, ..HALF_CHEETAH.look },
    ..HALF_CHEETAH
};

pub(in crate::env) const HUMANOID: Task = Task {
    id: "Humanoid-v5",
    xml: include_str!("../assets/humanoid.xml"),
    dims: Dims { nq: 24, nv: 23, nu: 17, nbody: 14 },
    hidden_positions: 2,
    progress: Progress::CentreOfMass,
    forward_weight: 1.25,
    control_cost: Precision::Simulation,
    healthy_reward: 5.0,
    healthy: |simulation| {
        let height = simulation.qpos()[2];
        1.0 < height && height < 2.0
    },
    contact: Contact::Capped { weight: 5e-7, most: 10.0 },
    observe_bodies: true,
    start_noise: 1e-2,
    start_velocity: StartVelocity::Uniform,
    look: Look {
        distance: 3.4,
        height: 0.9,
        along_floor: 2,
        floor_period: 40.0 / 60.0,
        ..HALF_CHEETAH.look
    },
    ..HALF_CHEETAH
};

/// A [`Task`] in simulation.
pub(in crate::env) struct Locomotion {
    task: &'static Task,
    spec: EnvSpec,
    simulation: Simulation,
}

impl Locomotion {
    /// Compiles the robot and applies `shift` to it: `gear` to every actuator, `mass` to every
    /// body's mass and inertia, `friction` to every geom.
    pub(in crate::env) fn boxed(
        task: &'static Task,
        shift: &Shift,
    ) -> Result<Box<dyn Env>, EnvError> {
        let mut simulation = task.simulation()?;
        let unshifted = Shift::default();
        if (shift.gear, shift.mass, shift.friction)
            != (unshifted.gear, unshifted.mass, unshifted.friction)
        {
            simulation.scale(shift.gear, shift.mass, shift.friction);
        }
        let bounds = |which: usize| {
            let range = simulation.actuator_ctrlrange().iter().skip(which).step_by(2);
            range.map(|&bound| bound as f32).collect()
        };
        let spec = EnvSpec {
            id: task.id,
            obs_dim: observation(task, &simulation).count(),
            action_space: ActionSpace::Box { low: bounds(0), high: bounds(1) },
            max_episode_steps: 1000,
            control_period_s: simulation.timestep() * task.frame_skip as f64,
            signals: names::of(task.id),
        };
        Episode::boxed(Self { task, spec, simulation }, shift)
    }

    fn x(&self) -> f64 {
        match self.task.progress {
            Progress::Root => self.simulation.qpos()[0],
            Progress::Torso => self.simulation.xpos()[3],
            Progress::CentreOfMass => {
                let masses = self.simulation.body_mass();
                let places = self.simulation.xipos().chunks_exact(3);
                let weighted: f64 = masses.iter().zip(places).map(|(mass, at)| mass * at[0]).sum();
                weighted / numpy::sum(masses)
            }
        }
    }

    /// The control cost and the contact cost, added as Gymnasium adds them.
    fn cost(&self, action: &[f32]) -> f64 {
        let control = match self.task.control_cost {
            Precision::Action => {
                f64::from(self.task.control_weight as f32 * numpy::sum(&squares(action)))
            }
            Precision::Simulation => {
                self.task.control_weight * numpy::sum(&squares(self.simulation.ctrl()))
            }
        };
        match self.task.contact {
            Contact::None => control,
            Contact::Clipped { weight } => {
                let forces: Vec<_> =
                    self.simulation.cfrc_ext().iter().map(|force| force.clamp(-1.0, 1.0)).collect();
                control + weight * numpy::sum(&squares(&forces))
            }
            Contact::Capped { weight, most } => {
                let cost = weight * numpy::sum(&squares(self.simulation.cfrc_ext()));
                control + cost.min(most)
            }
        }
    }
}

fn squares<T: Copy + std::ops::Mul<Output = T>>(values: &[T]) -> Vec<T> {
    values.iter().map(|&value| value * value).collect()
}

/// The observation, value by value.
fn observation<'a>(task: &Task, simulation: &'a Simulation) -> impl Iterator<Item = f64> + 'a {
    let limit = task.velocity_limit;
    let positions = simulation.qpos()[task.hidden_positions..].iter().copied();
    let velocities = simulation.qvel().iter().map(move |value| value.clamp(-limit, limit));
    // The first body is the world.
    let (inertias, speeds, actuators): (&[f64], &[f64], &[f64]) = if task.observe_bodies {
        (&simulation.cinert()[10..], &simulation.cvel()[6..], &simulation.qfrc_actuator()[6..])
    } else {
        (&[], &[], &[])
    };
    let (forces, clip): (&[f64], f64) = match task.contact {
        Contact::None => (&[], 0.0),
        Contact::Clipped { .. } => (&simulation.cfrc_ext()[6..], 1.0),
        Contact::Capped { .. } => (&simulation.cfrc_ext()[6..], f64::INFINITY),
    };
    let bodies = inertias.iter().chain(speeds).chain(actuators).copied();
    let forces = forces.iter().map(move |force| force.clamp(-clip, clip));
    positions.chain(velocities).chain(bodies).chain(forces)
}

impl Dynamics for Locomotion {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn state_len(&self) -> usize {
        self.task.dims.nq + self.task.dims.nv
    }

    fn start(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        let noise = self.task.start_noise;
        let mut state = self.simulation.qpos0().to_vec();
        for value in &mut state {
            *value += uniform(rng, -noise, noise);
        }
        for _ in 0..self.task.dims.nv {
            state.push(match self.task.start_velocity {
                StartVelocity::Uniform => uniform(rng, -noise, noise),
                StartVelocity::Normal => {
                    let normal: f64 = StandardNormal.sample(rng);
                    noise * normal
                }
            });
        }
        state
    }

    fn set_state(&mut self, state: &[f64]) {
        self.simulation.set_state(state);
    }

    fn step(&mut self, action: &[f32]) -> (f64, bool) {
        let before = self.x();
        if !self.simulation.step(action, self.task.frame_skip) {
            return (0.0, true);
        }
        if !matches!(self.task.contact, Contact::None) {
            self.simulation.compute_contact_forces();
        }
        let velocity = (self.x() - before) / self.spec.control_period_s;
        let healthy = (self.task.healthy)(&self.simulation);
        let alive = if healthy { self.task.healthy_reward } else { 0.0 };
        let reward = self.task.forward_weight * velocity + alive - self.cost(action);
        (reward, !healthy)
    }

    fn observe(&self, obs: &mut [f64]) {
        for (place, value) in obs.iter_mut().zip(observation(self.task, &self.simulation)) {
            *place = value;
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene::Robot { robot: Robot(self.task), qpos: self.simulation.qpos() }
    }
}
