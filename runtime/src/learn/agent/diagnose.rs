//! A look at the networks between updates, which leaves learning as it would have been.

use super::Agent;
use super::algorithm::Algorithm;
use super::scene::scene;
use super::update::Slice;
use crate::kernels::train::TILE;
use crate::learn::error::LearnError;
use crate::learn::health::{Health, SignalToNoise, dormant};
use crate::learn::memory::Replay;
use crate::random::Xoshiro256PlusPlus;
use alloc::vec;
use rand_core::SeedableRng;

/// Samples that activations are averaged over; gradients are taken of those of the first tile.
const SAMPLES: usize = 4 * TILE;

impl<A: Algorithm> Agent<'_, A> {
    /// How well the policy and the first critic learn, on samples of `data` that `seed` draws, with `tau`
    /// the threshold of dormant units (see [`dormant`]). `None` where `data` is empty or there is no such network.
    ///
    /// Nothing that decides an update is changed, random numbers included. Allocates two numbers a
    /// parameter.
    ///
    /// # Errors
    /// [`LearnError::OtherReplay`] if `data` is another agent's.
    pub fn diagnose(
        &mut self,
        data: &Replay<'_>,
        tau: f64,
        seed: u64,
    ) -> Result<[Option<Health>; 2], LearnError> {
        self.check(data)?;
        if data.is_empty() {
            return Ok([None; 2]);
        }
        let work = self.take_work();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut samples = [0; SAMPLES];
        data.sample(&mut rng, &mut samples);
        // Noise that stands for features is drawn afresh for every update.
        self.shares[0].rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        self.prepare_part(Slice::Stage, &mut 0, data)?;
        if let Some(rollout) = &mut self.rollout {
            rollout.normalise_over(&samples[..TILE]);
        }
        let found = [0, 1].map(|network| {
            (network < self.networks.len()).then(|| Health {
                dormant: self.dormant_share(network, data, &samples, tau),
                gradient_snr: self.gradient_snr(network, data, &samples[..TILE], &mut rng),
            })
        });
        // A look is no part of the work of learning.
        self.take_work();
        self.work = work;
        Ok(found)
    }

    /// Share of a network's hidden units that are dormant over the samples.
    fn dormant_share(
        &mut self,
        network: usize,
        data: &Replay<'_>,
        samples: &[u32],
        tau: f64,
    ) -> f64 {
        let role = A::NETWORKS[network].role;
        // Every role has a trace: gradients are found in it.
        let of_role = A::TRACES.iter().position(|of| *of == role).unwrap_or(0);
        let scene = scene!(self, data, samples.len() as f32, None);
        let share = &mut self.shares[0];
        let trace = &mut share.traces[of_role];
        let mut activity = vec![0.0; trace.hidden().len()];
        for samples in samples.chunks(self.training.tile()) {
            trace.set_samples(samples.len());
            let (observation, action) = trace.input().split_at_mut(data.observations());
            scene.load_observations(samples, observation, &mut share.rng, |step| step.observation);
            scene.load_actions(samples, action);
            self.networks[network].online.forward(&self.kernels, trace);
            for (sum, unit) in activity.iter_mut().zip(trace.hidden()) {
                *sum += unit[..samples.len()].iter().map(|h| f64::from(h.abs())).sum::<f64>();
            }
        }
        let (mut rest, mut found) = (&*activity, 0);
        let widths = &self.shape.network(role).widths;
        for &width in &widths[1..widths.len() - 1] {
            let (units, further) = rest.split_at(width as usize);
            found += dormant(units, tau);
            rest = further;
        }
        found as f64 / activity.len() as f64
    }

    /// Signal-to-noise ratio of a network's gradients, found for one sample after the other.
    fn gradient_snr(
        &mut self,
        network: usize,
        data: &Replay<'_>,
        samples: &[u32],
        rng: &mut Xoshiro256PlusPlus,
    ) -> f64 {
        let (part, with_bias) = (A::NETWORKS[network].loss, self.networks[network].online.bias);
        let layers = self.networks[network].online.layers();
        let parameters = layers
            .map(|layer| layer.weights.len() + if with_bias { layer.bias.len() } else { 0 })
            .sum();
        let mut snr = SignalToNoise::new(parameters);
        for sample in samples {
            let share = &mut self.shares[0];
            share.draw_noise(1, A::noise(&self.shape), rng);
            let scene = scene!(self, data, 1.0, self.rollout.as_ref());
            share.begin::<A>(part);
            share.add_tile(&self.algorithm, part, &scene, &[*sample]);
            let layers = share.gradients[network].layers();
            snr.add(layers.flat_map(|(weights, bias)| {
                weights.iter().chain(if with_bias { bias } else { &[] }).copied()
            }));
        }
        snr.mean()
    }
}
