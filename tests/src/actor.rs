//! Policies as TD3 trains them, and what they should answer.

use crate::policy_file::{Owned, Shape};
use crate::topology;
use lacewing_formats::policy::{Activation, Head};
use lacewing_formats::topology::Structure;
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A random policy of ReLU layers with tanh at the end, all of the same sparsity; limits from −1
/// to 1, no normaliser, no probes.
pub fn random(widths: &[usize], sparsity: f64, seed: u64) -> Owned {
    structured(widths, sparsity, Structure::Unstructured, seed)
}

/// The same with links only where `structure` has them.
pub fn structured(widths: &[usize], sparsity: f64, structure: Structure, seed: u64) -> Owned {
    let (widths, density) = (widths.to_vec(), 1.0 - sparsity);
    let shape = Shape { widths, density, normaliser: false, probes: 0, resume: None, seed };
    let mut policy = Owned::random(&shape);
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
    for layer in &mut policy.layers {
        (layer.row_ptr, layer.columns) =
            topology::random(structure, [layer.bias.len(), layer.cols], density, rng);
        // As many of its weights as there are links now.
        let drawn = layer.weights.iter().copied().cycle();
        layer.weights = drawn.take(layer.columns.len()).collect();
    }
    for layer in &mut policy.layers {
        layer.activation = Activation::Relu;
        // So that sums neither vanish nor grow from layer to layer.
        let scale = (layer.bias.len() as f32 / layer.weights.len().max(1) as f32).sqrt();
        layer.weights.iter_mut().for_each(|weight| *weight *= scale);
        layer.bias.iter_mut().for_each(|bias| *bias *= 0.1);
    }
    if let Some(last) = policy.layers.last_mut() {
        last.activation = Activation::Tanh;
    }
    policy.low.fill(-1.0);
    policy.high.fill(1.0);
    policy
}

/// Observation number `index` of a fixed sequence, each value in [−1, 1].
pub fn observation(policy: &Owned, index: usize) -> Vec<f32> {
    let wave = |i: usize| ((i * (index + 1)) as f32 + index as f32).sin();
    (0..policy.layers[0].cols).map(wave).collect()
}

fn normalise(sums: &mut [f64], epsilon: f64, gain: &[f32], shift: &[f32]) {
    let count = sums.len() as f64;
    let mean = sums.iter().sum::<f64>() / count;
    let variance = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>() / count;
    for ((sum, gain), shift) in sums.iter_mut().zip(gain).zip(shift) {
        *sum = (*sum - mean) / (variance + epsilon).sqrt() * f64::from(*gain) + f64::from(*shift);
    }
}

/// The action due, worked out in f64 straight from the definition of the file.
pub fn reference(policy: &Owned, observation: &[f32]) -> Vec<f64> {
    let mut x: Vec<f64> = observation.iter().map(|&x| x.into()).collect();
    if let Some((mean, std, clip)) = &policy.normaliser {
        let clip = f64::from(*clip);
        for ((x, &mean), &std) in x.iter_mut().zip(mean).zip(std) {
            *x = ((*x - f64::from(mean)) / f64::from(std)).clamp(-clip, clip);
        }
    }
    for layer in &policy.layers {
        let output = |(row, &bias): (usize, &f32)| {
            let links = layer.row_ptr[row] as usize..layer.row_ptr[row + 1] as usize;
            let products = links
                .map(|link| f64::from(layer.weights[link]) * x[usize::from(layer.columns[link])]);
            products.sum::<f64>() + f64::from(bias)
        };
        let mut sums: Vec<f64> = layer.bias.iter().enumerate().map(output).collect();
        if let Some((epsilon, gain, shift)) = &layer.norm {
            normalise(&mut sums, (*epsilon).into(), gain, shift);
        }
        x = sums.into_iter().map(|sum| layer.activation.apply(sum)).collect();
    }
    if policy.head == Head::Argmax {
        let greatest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return vec![x.iter().position(|&x| x == greatest).unwrap_or(0) as f64];
    }
    let limits = policy.low.iter().zip(&policy.high).map(|(&l, &h)| (f64::from(l), f64::from(h)));
    let scale = |(a, (low, high)): (f64, (f64, f64))| {
        let scaled =
            if policy.head == Head::Scaled { low + (a + 1.0) / 2.0 * (high - low) } else { a };
        scaled.clamp(low, high)
    };
    x.into_iter().zip(limits).map(scale).collect()
}
