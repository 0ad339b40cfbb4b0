//! What can be put around an environment: a shorter time limit, fake features, a permutation.
//!
//! Noise on the real features is a shift's `sensor-noise`.

use super::settings::{SettingError, settings};
use super::{Env, EnvError, EnvSpec, Scene, Step};
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is put around an environment.
///
/// Read from and written as text such as `time-limit=200,noise-features=0.9,permute=3` (also in
/// serde); the empty text is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Wrap {
    /// Steps after which an episode is cut off, if not by the environment's own limit before
    /// (`time-limit`).
    pub time_limit: Option<u32>,
    /// The fraction f of the features that is fake (`noise-features`): of d real features the
    /// observation gets ⌈d / (1 - f)⌉, f from 0 to 0.999, the fake ones behind the real ones and drawn anew from N(0, 1)
    /// for each observation (Grooten et al. 2023, "Automatic Noise Filtering with Dynamic Sparse
    /// Training in Deep Reinforcement Learning", section 3).
    pub noise_features: Option<f64>,
    /// The seed of a permutation of all features, the fake ones too (`permute`).
    pub permute: Option<u64>,
}

impl FromStr for Wrap {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let mut wrap = Self::default();
        for setting in settings("wrap", "noise-features=0.9,permute=3", text)? {
            match setting.key {
                "time-limit" => {
                    let must = "a whole number of steps, at least 1";
                    wrap.time_limit = Some(setting.value(must, |&steps| steps > 0)?);
                }
                // Bounded so that a typing error cannot ask for all memory.
                "noise-features" => {
                    let must = "a fraction from 0 to 0.999";
                    let holds = |fraction: &f64| (0.0..=0.999).contains(fraction);
                    wrap.noise_features = Some(setting.value(must, holds)?);
                }
                "permute" => {
                    let must = "a seed, a whole number from 0 to 2^64 - 1";
                    wrap.permute = Some(setting.value(must, |_| true)?);
                }
                _ => return Err(setting.unknown("time-limit, noise-features, permute")),
            }
        }
        Ok(wrap)
    }
}

impl fmt::Display for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.time_limit.map(|steps| format!("time-limit={steps}")),
            self.noise_features.map(|fraction| format!("noise-features={fraction}")),
            self.permute.map(|seed| format!("permute={seed}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(","))
    }
}

impl TryFrom<String> for Wrap {
    type Error = SettingError;

    fn try_from(text: String) -> Result<Self, SettingError> {
        text.parse()
    }
}

impl From<Wrap> for String {
    fn from(wrap: Wrap) -> Self {
        wrap.to_string()
    }
}

impl Wrap {
    /// How many of the last features of an observation of this length are fake: all fake ones, unless
    /// they are mixed with the others.
    pub fn fakes_at_the_end(&self, observations: usize) -> usize {
        match (self.permute, self.real_features(observations)) {
            (None, Some(real)) => real.iter().filter(|real| !**real).count(),
            _ => 0,
        }
    }

    /// For each place of an observation of this length whether it shows a real feature; nothing where no
    /// feature is fake.
    pub fn real_features(&self, observations: usize) -> Option<Vec<bool>> {
        let fraction = self.noise_features?;
        let fits = |&real: &usize| with_fakes(real, fraction) == observations;
        let real = (1..=observations).find(fits)?;
        Some(self.order(observations).into_iter().map(|feature| feature < real).collect())
    }

    /// Which feature each place of an observation shows.
    fn order(&self, observations: usize) -> Vec<usize> {
        match self.permute {
            Some(seed) => permutation(observations, seed),
            None => (0..observations).collect(),
        }
    }

    /// Puts the wrap around `env`.
    ///
    /// # Errors
    /// [`EnvError::TimeLimit`] where the environment's own limit is shorter.
    pub fn around(&self, env: Box<dyn Env>) -> Result<Box<dyn Env>, EnvError> {
        if *self == Self::default() {
            return Ok(env);
        }
        let mut spec = env.spec().clone();
        if let Some(steps) = self.time_limit {
            let (id, own) = (spec.id, spec.max_episode_steps);
            if steps > own {
                return Err(EnvError::TimeLimit { id, own });
            }
            spec.max_episode_steps = steps;
        }
        let real = spec.obs_dim;
        spec.obs_dim = with_fakes(real, self.noise_features.unwrap_or(0.0));
        let order = self.order(spec.obs_dim);
        for said in [&mut spec.signals.obs_names, &mut spec.signals.obs_units] {
            // Nothing is said of fake features.
            let shown = |own: &Vec<String>, at: &usize| own.get(*at).cloned().unwrap_or_default();
            *said = said.as_ref().map(|own| order.iter().map(|at| shown(own, at)).collect());
        }
        let features = vec![0.0; spec.obs_dim];
        let rng = noise_of(0);
        Ok(Box::new(Wrapped { env, spec, real, order, features, rng, steps_left: 0 }))
    }
}

/// ⌈real / (1 - fraction)⌉, where a quotient that rounding has lifted just over a whole number is
/// that number: 17 features of which 90 % shall be fake are 170, not 171.
fn with_fakes(real: usize, fraction: f64) -> usize {
    (real as f64 / (1.0 - fraction) - 1e-6).ceil() as usize
}

/// A random order of `0..len` (Fisher and Yates' shuffle).
fn permutation(len: usize, seed: u64) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut order: Vec<_> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
    }
    order
}

/// The generator of an episode's fake features. Far from where the environment draws from the same
/// seed, so that the fakes tell nothing of the state.
fn noise_of(seed: u64) -> Xoshiro256PlusPlus {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    rng.jump();
    rng
}

/// An environment and what is put around it.
struct Wrapped {
    env: Box<dyn Env>,
    spec: EnvSpec,
    /// How many features are the environment's own.
    real: usize,
    /// Which feature each place of the observation shows.
    order: Vec<usize>,
    /// The features before they are permuted: the environment's, then the fake ones.
    features: Vec<f64>,
    rng: Xoshiro256PlusPlus,
    /// Steps left before the time limit; 0 where no episode runs.
    steps_left: u32,
}

impl Wrapped {
    /// Writes the observation, the real features being there.
    fn observe(&mut self, obs: &mut [f64]) {
        for fake in &mut self.features[self.real..] {
            *fake = StandardNormal.sample(&mut self.rng);
        }
        for (place, &feature) in obs.iter_mut().zip(&self.order) {
            *place = self.features[feature];
        }
    }
}

impl Env for Wrapped {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn reset(&mut self, seed: u64, obs: &mut [f64]) -> Result<(), EnvError> {
        self.spec.check_obs(obs)?;
        self.env.reset(seed, &mut self.features[..self.real])?;
        self.rng = noise_of(seed);
        self.steps_left = self.spec.max_episode_steps;
        self.observe(obs);
        Ok(())
    }

    fn set_state(&mut self, state: &[f64], obs: &mut [f64]) -> Result<(), EnvError> {
        self.spec.check_obs(obs)?;
        self.env.set_state(state, &mut self.features[..self.real])?;
        self.steps_left = self.spec.max_episode_steps;
        self.observe(obs);
        Ok(())
    }

    fn step(&mut self, action: &[f32], obs: &mut [f64]) -> Result<Step, EnvError> {
        self.spec.check_obs(obs)?;
        if self.steps_left == 0 {
            return Err(EnvError::NeedsReset);
        }
        let mut step = self.env.step(action, &mut self.features[..self.real])?;
        self.observe(obs);
        self.steps_left -= 1;
        step.truncated |= self.steps_left == 0;
        if step.terminated || step.truncated {
            self.steps_left = 0;
        }
        Ok(step)
    }

    fn scene(&self) -> Scene<'_> {
        self.env.scene()
    }
}
