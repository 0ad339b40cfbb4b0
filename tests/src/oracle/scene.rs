//! Losses of every algorithm over a minibatch.

use super::Dense;
use crate::saved::Saved;
use lacewing_runtime::learn::{
    DqnConfig, Norm, Numbers, Replay, SacConfig, Settings, Td3Config, TdLoss,
};
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;

/// A transition with the noise that was drawn for it.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Observation.
    pub observation: Vec<f64>,
    /// Action taken.
    pub action: Vec<f64>,
    /// Reward.
    pub reward: f64,
    /// Observation that followed.
    pub next: Vec<f64>,
    /// The task ended.
    pub terminated: bool,
    /// The episode was cut off.
    pub truncated: bool,
    /// Standard normal.
    pub noise: Vec<f64>,
    /// What PPO derived when the iteration began.
    pub old: Old,
}

/// What PPO derives of a step when an iteration begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Old {
    /// V(s).
    pub value: f64,
    /// log π(a|s).
    pub log_prob: f64,
    /// Â.
    pub advantage: f64,
}

/// Networks and a minibatch.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The algorithm.
    pub settings: Settings,
    /// Every network.
    pub online: Vec<Dense>,
    /// Their targets; the networks themselves where they have none.
    pub target: Vec<Dense>,
    /// log α, or log σ.
    pub scalars: Vec<f64>,
    /// The minibatch.
    pub steps: Vec<Step>,
}

impl Step {
    /// A stored one.
    pub fn stored(data: &Replay<'_>, at: usize) -> Self {
        let step = data.get(at);
        let wide = |numbers: Numbers<'_>| numbers.iter().map(f64::from).collect();
        Self {
            observation: wide(step.observation),
            action: wide(step.action),
            reward: step.reward.into(),
            next: wide(step.next_observation),
            terminated: step.terminated,
            truncated: step.truncated,
            ..Self::default()
        }
    }

    /// The minibatch of `batch` samples that the next update of an off-policy agent will draw, with
    /// `rows` numbers of noise a sample.
    pub fn drawn(saved: &Saved, data: &Replay<'_>, batch: u32, rows: usize) -> Vec<Self> {
        let mut rng = saved.header.rng.clone();
        let mut indices = vec![0; batch as usize];
        data.sample(&mut rng, &mut indices);
        let mut step = |index: u32| {
            let mut normal = || f64::from(Distribution::<f32>::sample(&StandardNormal, &mut rng));
            let noise = (0..rows).map(|_| normal()).collect();
            Self { noise, ..Self::stored(data, index as usize) }
        };
        indices.into_iter().map(&mut step).collect()
    }
}

impl Scene {
    /// An agent's networks before a minibatch.
    pub fn new(saved: &Saved, steps: Vec<Step>) -> Self {
        let shape = &saved.header.shape;
        let settings = saved.header.settings;
        let dense = |network: usize, layers: &mut dyn Iterator<Item = &_>| {
            let shape = if network == 0 { &shape.policy } else { shape.critic.as_ref().unwrap() };
            let tanh = network == 0 && matches!(settings, Settings::Td3(_));
            Dense::new(layers, shape.inputs(), tanh, shape.norm == Norm::Layer)
        };
        let online: Vec<_> = (saved.online.iter().enumerate())
            .map(|(at, layers)| dense(at, &mut layers.iter().map(|layer| &layer.links)))
            .collect();
        let target = (saved.target.iter().enumerate()).map(|(at, layers)| match layers[..] {
            [] => online[at].clone(),
            _ => dense(at, &mut layers.iter()),
        });
        let target = target.collect();
        let scalars = saved.scalars[0].iter().map(|&scalar| scalar.into()).collect();
        Self { settings, online, target, scalars, steps }
    }

    /// The loss that a network's gradient is of.
    pub fn loss(&self, network: usize) -> f64 {
        match (&self.settings, network) {
            (Settings::Td3(td3), 0) => self.td3_actor(td3),
            (Settings::Td3(td3), _) => self.td3_critics(td3),
            (Settings::Sac(_), 0) => self.sac_actor(),
            (Settings::Sac(sac), _) => self.sac_critics(sac),
            (Settings::Dqn(dqn), _) => self.dqn(dqn),
            (Settings::Ppo(ppo), _) => self.ppo(ppo),
        }
    }

    /// Slopes of a network's loss by its parameters.
    pub fn slopes(&self, network: usize) -> Vec<f64> {
        let mut scene = self.clone();
        self.online[network].slopes(|moved| scene.loss_with(network, moved))
    }

    /// Slopes by all weights of a layer, alive or not.
    pub fn dense_slopes(&self, network: usize, layer: usize) -> Vec<Vec<f64>> {
        let mut scene = self.clone();
        self.online[network].dense_slopes(layer, |moved| scene.loss_with(network, moved))
    }

    fn loss_with(&mut self, network: usize, moved: &Dense) -> f64 {
        self.online[network].clone_from(moved);
        self.loss(network)
    }

    /// Whether a network's loss has slopes that f32 agrees about: no ReLU is all but at zero.
    pub fn is_smooth(&self, network: usize) -> bool {
        self.online.iter().for_each(|online| online.nearest.set(f64::INFINITY));
        self.loss(network);
        self.online.iter().all(|online| online.nearest.get() > 5e-6)
    }

    /// Slopes of a loss by the scalars.
    pub fn scalar_slopes(&self, loss: impl Fn(&Self) -> f64) -> Vec<f64> {
        let slope = |at: usize| {
            let [above, below] = [1e-6, -1e-6].map(|step| {
                let mut moved = self.clone();
                moved.scalars[at] += step;
                loss(&moved)
            });
            (above - below) / 2e-6
        };
        (0..self.scalars.len()).map(slope).collect()
    }

    pub(super) fn mean(&self, of: impl Fn(&Step) -> f64) -> f64 {
        self.steps.iter().map(of).sum::<f64>() / self.steps.len() as f64
    }

    /// Fujimoto et al. 2018, alg. 1.
    fn td3_critics(&self, td3: &Td3Config) -> f64 {
        let (sigma, clip) = (f64::from(td3.policy_noise), f64::from(td3.noise_clip));
        self.mean(|step| {
            let action = self.target[0].run(&step.next);
            let smoothed = action.iter().zip(&step.noise);
            let smoothed = smoothed
                .map(|(a, noise)| (a + (sigma * noise).clamp(-clip, clip)).clamp(-1.0, 1.0));
            let next = lower(&self.target[1..], &step.next, &smoothed.collect::<Vec<_>>());
            self.squared_errors(step, step.bootstrap(td3.gamma, next))
        })
    }

    fn td3_actor(&self, _: &Td3Config) -> f64 {
        -self.mean(|step| {
            let action = self.online[0].run(&step.observation);
            judge(&self.online[1], &step.observation, &action)
        })
    }

    fn squared_errors(&self, step: &Step, target: f64) -> f64 {
        let q = |critic| judge(critic, &step.observation, &step.action);
        self.online[1..].iter().map(|critic| (q(critic) - target).powi(2)).sum()
    }

    /// Action and log π(a|s) of SAC's policy.
    fn sampled(&self, observation: &[f64], noise: &[f64]) -> (Vec<f64>, f64) {
        let outputs = self.online[0].run(observation);
        let (means, log_stds) = outputs.split_at(noise.len());
        let (mut action, mut log_prob) = (Vec::new(), 0.0);
        for ((mean, log_std), noise) in means.iter().zip(log_stds).zip(noise) {
            let std = log_std.clamp(-20.0, 2.0).exp();
            let u = mean + std * noise;
            // The normal density over the slope of tanh, 1 / cosh².
            let density = (-0.5 * noise * noise).exp() / (std * (2.0 * PI).sqrt());
            log_prob += (density * u.cosh().powi(2)).ln();
            action.push(u.tanh());
        }
        (action, log_prob)
    }

    /// Haarnoja et al. 2018, eq. 5 and 6.
    fn sac_critics(&self, sac: &SacConfig) -> f64 {
        self.mean(|step| {
            let (action, log_prob) = self.sampled(&step.next, &step.noise[..step.action.len()]);
            let q = lower(&self.target[1..], &step.next, &action);
            let soft = q - self.scalars[0].exp() * log_prob;
            self.squared_errors(step, step.bootstrap(sac.gamma, soft))
        })
    }

    /// Eq. 9.
    fn sac_actor(&self) -> f64 {
        self.mean(|step| {
            let noise = &step.noise[step.action.len()..];
            let (action, log_prob) = self.sampled(&step.observation, noise);
            let q = lower(&self.online[1..], &step.observation, &action);
            self.scalars[0].exp() * log_prob - q
        })
    }

    /// Eq. 18 with log α for its factor α.
    pub fn temperature_loss(&self, sac: &SacConfig) -> f64 {
        -self.scalars[0]
            * self.mean(|step| {
                let noise = &step.noise[step.action.len()..];
                let (_, log_prob) = self.sampled(&step.observation, noise);
                log_prob + f64::from(sac.target_entropy) * step.action.len() as f64
            })
    }

    /// Mnih et al. 2015, alg. 1; van Hasselt et al. 2016, eq. 4.
    fn dqn(&self, dqn: &DqnConfig) -> f64 {
        self.mean(|step| {
            let judged = self.target[0].run(&step.next);
            let chosen = if dqn.double { self.online[0].run(&step.next) } else { judged.clone() };
            let best = (0..chosen.len()).max_by(|&a, &b| chosen[a].total_cmp(&chosen[b])).unwrap();
            let q = self.online[0].run(&step.observation)[step.action[0] as usize];
            let error = (q - step.bootstrap(dqn.gamma, judged[best])).abs();
            match dqn.loss {
                TdLoss::Squared => error * error,
                TdLoss::Huber if error < 1.0 => error * error / 2.0,
                TdLoss::Huber => error - 0.5,
            }
        })
    }
}

impl Step {
    pub(super) fn bootstrap(&self, gamma: f32, next: f64) -> f64 {
        self.reward + if self.terminated { 0.0 } else { f64::from(gamma) * next }
    }
}

fn judge(critic: &Dense, observation: &[f64], action: &[f64]) -> f64 {
    critic.run(&[observation, action].concat())[0]
}

fn lower(critics: &[Dense], observation: &[f64], action: &[f64]) -> f64 {
    let judged = critics.iter().map(|critic| judge(critic, observation, action));
    judged.fold(f64::INFINITY, f64::min)
}
