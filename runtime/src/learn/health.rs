//! How well a network learns, from its activations and gradients over a minibatch.

use alloc::vec;
use alloc::vec::Vec;

/// Keeps a silent layer from being divided by zero, as in ReDo's code.
const EPSILON: f64 = 1e-9;
/// Keeps parameters whose gradients are all the same from being divided by zero, as in RigL's code.
const SNR_EPSILON: f64 = 1e-10;

/// What a look at one network found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// Share of its hidden units that are dormant: see [`dormant`].
    pub dormant: f64,
    /// Signal-to-noise ratio of the gradient of the loss by live links and biases that learn: see
    /// [`SignalToNoise`].
    pub gradient_snr: f64,
}

/// How many of a layer's units are dormant, `activity` being mean |h| of each over a minibatch, or the sum:
/// `sᵢ = |hᵢ| / mean |h|` is at most `tau` (Sokar et al. 2023, def. 3.1).
pub fn dormant(activity: &[f64], tau: f64) -> usize {
    let mean = activity.iter().sum::<f64>() / activity.len() as f64;
    activity.iter().filter(|&&unit| unit / (mean + EPSILON) <= tau).count()
}

/// Signal-to-noise ratio of gradients: |mean| / deviation over samples for each parameter, then the mean
/// over parameters (Evci et al.'s code for Graesser et al. 2022).
#[derive(Clone, Debug)]
pub struct SignalToNoise {
    samples: f64,
    /// Of each parameter the mean and the sum of squared differences from it (Welford 1962).
    moments: Vec<[f64; 2]>,
}

impl SignalToNoise {
    /// Of no samples yet.
    pub fn new(parameters: usize) -> Self {
        Self { samples: 0.0, moments: vec![[0.0; 2]; parameters] }
    }

    /// Adds the gradients of one sample, one of each parameter.
    pub fn add(&mut self, gradients: impl Iterator<Item = f32>) {
        self.samples += 1.0;
        let weight = 1.0 / self.samples;
        for ([mean, squares], gradient) in self.moments.iter_mut().zip(gradients) {
            let gradient = f64::from(gradient);
            let off = gradient - *mean;
            *mean += weight * off;
            *squares += off * (gradient - *mean);
        }
    }

    /// The mean over all parameters.
    pub fn mean(&self) -> f64 {
        let ratio = |[mean, squares]: &[f64; 2]| {
            mean.abs() / (libm::sqrt(squares / self.samples) + SNR_EPSILON)
        };
        self.moments.iter().map(ratio).sum::<f64>() / self.moments.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_dormant_relative_to_their_layer() {
        // Mean 2, so that the scores are 0, 0.05, 0.5, 1 and 3.45.
        let activity = [0.0, 0.1, 1.0, 2.0, 6.9];
        let at = |tau| dormant(&activity, tau);
        assert_eq!([0.0, 0.025, 0.0500001, 0.1, 0.6, 1.1].map(at), [1, 1, 2, 2, 3, 4]);
        // A larger layer of the same proportions has the same dormant units.
        assert_eq!(dormant(&activity.map(|unit| 1000.0 * unit), 0.1), 2);
        // A layer that is silent is dormant altogether.
        assert_eq!(dormant(&[0.0; 3], 0.0), 3);
    }

    #[test]
    fn signal_to_noise_is_mean_over_deviation() {
        let mut snr = SignalToNoise::new(3);
        // Means 2, 0 and −3, population deviations 1, 1 and 2.
        for gradients in [[1.0, -1.0, -5.0], [3.0, 1.0, -1.0]] {
            snr.add(gradients.into_iter());
        }
        assert!((snr.mean() - (2.0 + 0.0 + 1.5) / 3.0).abs() < 1e-9);
        // What never has a gradient has no signal; what always has the same has no noise.
        let mut snr = SignalToNoise::new(2);
        (0..5).for_each(|_| snr.add([0.0, 1e-10].into_iter()));
        assert!((snr.mean() - 0.5).abs() < 1e-6, "{}", snr.mean());
    }
}
