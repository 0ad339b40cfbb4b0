//! PPO (Schulman et al. 2017, eq. 7 and 9), with the value clip of its authors' code.

use super::{Old, Scene, Step};
use lacewing_runtime::learn::PpoConfig;
use std::f64::consts::PI;

impl Scene {
    /// The loss of actor and critic together.
    pub(super) fn ppo(&self, ppo: &PpoConfig) -> f64 {
        let mean = self.mean(|step| step.old.advantage);
        let deviation = self.mean(|step| (step.old.advantage - mean).powi(2)).sqrt();
        let (clip, value_clip) = (f64::from(ppo.clip), f64::from(ppo.value_clip));
        self.mean(|step| {
            let advantage = match ppo.normalise_advantages {
                true => (step.old.advantage - mean) / (deviation + 1e-8),
                false => step.old.advantage,
            };
            let (log_prob, entropy) = self.density(step);
            let ratio = (log_prob - step.old.log_prob).exp();
            let clipped = ratio.clamp(1.0 - clip, 1.0 + clip);
            let surrogate = (ratio * advantage).min(clipped * advantage);

            let value = self.online[1].run(&step.observation)[0];
            let target = step.old.advantage + step.old.value;
            let mut error = (value - target).powi(2);
            if value_clip > 0.0 {
                let moved = (value - step.old.value).clamp(-value_clip, value_clip);
                error = error.max((step.old.value + moved - target).powi(2));
            }
            f64::from(ppo.value_coefficient) * error
                - surrogate
                - f64::from(ppo.entropy_coefficient) * entropy
        })
    }

    /// log π(a|s) and the entropy of π(·|s).
    fn density(&self, step: &Step) -> (f64, f64) {
        let outputs = self.online[0].run(&step.observation);
        if self.scalars.is_empty() {
            let sum: f64 = outputs.iter().map(|logit| logit.exp()).sum();
            let log_p: Vec<_> = outputs.iter().map(|logit| logit - sum.ln()).collect();
            let entropy = -log_p.iter().map(|log_p| log_p * log_p.exp()).sum::<f64>();
            return (log_p[step.action[0] as usize], entropy);
        }
        let (mut log_prob, mut entropy) = (0.0, 0.0);
        for ((mean, log_std), action) in outputs.iter().zip(&self.scalars).zip(&step.action) {
            let variance = (2.0 * log_std).exp();
            log_prob -=
                (action - mean).powi(2) / (2.0 * variance) + 0.5 * (2.0 * PI * variance).ln();
            entropy += 0.5 * (2.0 * PI * std::f64::consts::E * variance).ln();
        }
        (log_prob, entropy)
    }

    /// What PPO derives of its steps, which are all of an iteration's, in their order. The advantage is
    /// a sum over all steps that follow (Schulman et al. 2016, eq. 16).
    pub fn derive(&mut self, ppo: &PpoConfig) {
        let (gamma, lambda) = (f64::from(ppo.gamma), f64::from(ppo.lambda));
        let value = |observation: &[f64]| self.online[1].run(observation)[0];
        let error =
            |step: &Step| step.bootstrap(ppo.gamma, value(&step.next)) - value(&step.observation);
        let errors: Vec<_> = self.steps.iter().map(error).collect();
        let derived: Vec<_> = (0..self.steps.len())
            .map(|at| {
                let (mut advantage, mut factor) = (0.0, 1.0);
                for (step, error) in self.steps[at..].iter().zip(&errors[at..]) {
                    advantage += factor * error;
                    factor *= gamma * lambda;
                    if step.terminated || step.truncated {
                        break;
                    }
                }
                let step = &self.steps[at];
                let value = value(&step.observation);
                Old { value, log_prob: self.density(step).0, advantage }
            })
            .collect();
        self.steps.iter_mut().zip(derived).for_each(|(step, old)| step.old = old);
    }
}
