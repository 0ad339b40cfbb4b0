//! Policies to write, for the tests of the policy file.

use lacewing_formats::artifact::{AlignedBytes, LayerSpec, PolicySpec, SpecError};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{
    ActionHead, Activation, Contract, Evaluation, Head, LayerNorm, ObservationNormaliser, Probe,
    Provenance,
};
use lacewing_formats::topology::{Csr, random_topology};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Arrays of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Inputs.
    pub cols: usize,
    /// First link of each row, and the number of links.
    pub row_ptr: Vec<u32>,
    /// Column of each link.
    pub columns: Vec<u16>,
    /// Weight of each link.
    pub weights: Vec<f32>,
    /// One bias a row.
    pub bias: Vec<f32>,
    /// ε, gain and shift of its normalisation.
    pub norm: Option<(f32, Vec<f32>, Vec<f32>)>,
    /// What follows the sums.
    pub activation: Activation,
}

/// Every activation.
pub const ACTIVATIONS: [Activation; 13] = [
    Activation::Identity,
    Activation::Relu,
    Activation::Tanh,
    Activation::Relu6,
    Activation::LeakyRelu(0.01),
    Activation::Elu(1.25),
    Activation::Selu,
    Activation::Silu,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Sigmoid,
    Activation::Softsign,
    Activation::Softplus,
];

/// A policy that owns its arrays, so that tests can spoil any of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// First to last.
    pub layers: Vec<Layer>,
    /// Mean, standard deviation, clip.
    pub normaliser: Option<(Vec<f32>, Vec<f32>, f32)>,
    /// How outputs become actions.
    pub head: Head,
    /// Least actions, if they are scaled.
    pub low: Vec<f32>,
    /// Greatest actions.
    pub high: Vec<f32>,
    /// Seconds from action to action.
    pub control_period_s: f64,
    /// Where it comes from.
    pub provenance: Provenance<'static>,
    /// Observations and actions.
    pub probes: Vec<(Vec<f32>, Vec<f32>)>,
    /// The bytes of a contract.
    pub contract: Option<Vec<u8>>,
    /// The learner's bytes.
    pub resume: Option<Vec<u8>>,
}

/// What a random policy is made of.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Observations, then outputs of every layer.
    pub widths: Vec<usize>,
    /// Share of links that live.
    pub density: f64,
    /// Whether there is one.
    pub normaliser: bool,
    /// How many.
    pub probes: usize,
    /// Bytes of it, if there is one.
    pub resume: Option<usize>,
    /// Of all the numbers.
    pub seed: u64,
}

fn unit(rng: &mut Xoshiro256PlusPlus) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

fn numbers(rng: &mut Xoshiro256PlusPlus, count: usize) -> Vec<f32> {
    (0..count).map(|_| unit(rng)).collect()
}

impl Owned {
    /// A random policy of this shape.
    pub fn random(shape: &Shape) -> Self {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(shape.seed);
        let widths = &shape.widths;
        let activations = [Activation::Relu, Activation::Tanh, Activation::Identity];
        let layers = widths.windows(2).zip(activations.into_iter().cycle());
        let layers = layers.map(|(sides, activation)| {
            let (cols, rows) = (sides[0], sides[1]);
            let links = ((cols * rows) as f64 * shape.density).round() as usize;
            let (mut row_ptr, mut columns) = (vec![0; rows + 1], vec![0; links]);
            random_topology(cols, &mut row_ptr, &mut columns, rng);
            let (weights, bias) = (numbers(rng, links), numbers(rng, rows));
            Layer { cols, row_ptr, columns, weights, bias, norm: None, activation }
        });
        let layers = layers.collect();
        let (observations, actions) = (widths[0], widths[widths.len() - 1]);
        let normaliser = shape.normaliser.then(|| {
            let std = numbers(rng, observations).iter().map(|x| x.abs() + 0.5).collect();
            (numbers(rng, observations), std, 5.0)
        });
        let low: Vec<_> = numbers(rng, actions).iter().map(|x| x - 2.0).collect();
        let high: Vec<_> = numbers(rng, actions).iter().map(|x| x + 2.0).collect();
        let probes = (0..shape.probes).map(|_| (numbers(rng, observations), numbers(rng, actions)));
        let probes = probes.collect();
        let resume = shape.resume.map(|bytes| (0..bytes).map(|_| rng.next_u32() as u8).collect());
        let provenance = Provenance {
            environment: "Pendulum-v1",
            algorithm: "td3",
            method: "set",
            program: "lacewing 0.1.0",
            commit: "0123456789abcdef",
            seed: shape.seed,
            steps: 1_000_000,
            evaluation: Some(Evaluation { mean: -150.5, std: 12.25, episodes: 20 }),
        };
        let control_period_s = 0.05;
        let head = Head::Scaled;
        Self {
            layers,
            normaliser,
            head,
            low,
            high,
            control_period_s,
            provenance,
            probes,
            contract: None,
            resume,
        }
    }

    /// The same with discrete actions, one an output; the probes expect any of them.
    pub fn argmax(mut self) -> Self {
        let outputs = std::mem::take(&mut self.low).len();
        self.high.clear();
        self.head = Head::Argmax;
        for (probe, (_, action)) in self.probes.iter_mut().enumerate() {
            *action = vec![(probe % outputs) as f32];
        }
        self
    }

    /// The same with what only imported policies have: [`ACTIVATIONS`] in turn from number `first` on,
    /// every second layer normalised, actions in the environment's units.
    pub fn foreign(mut self, first: usize) -> Self {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(first as u64);
        for (index, layer) in self.layers.iter_mut().enumerate() {
            layer.activation = ACTIVATIONS[(first + index) % ACTIVATIONS.len()];
            if index.is_multiple_of(2) {
                let rows = layer.bias.len();
                let gain = numbers(rng, rows).iter().map(|gain| gain + 1.5).collect();
                layer.norm = Some((1e-5, gain, numbers(rng, rows)));
            }
        }
        self.head = Head::Clamped;
        self
    }

    /// The file.
    ///
    /// # Errors
    /// As [`PolicySpec::to_bytes`].
    ///
    /// # Panics
    /// If a topology or the contract is illegal, which no policy given to the writer can have.
    pub fn write(&self, encoding: Encoding) -> Result<AlignedBytes, SpecError> {
        let layers = self.layers.iter().map(|layer| LayerSpec {
            topology: Csr::new(layer.cols, &layer.row_ptr, &layer.columns).unwrap(),
            weights: &layer.weights,
            bias: &layer.bias,
            norm: layer.norm.as_ref().map(|(epsilon, gain, shift)| LayerNorm {
                epsilon: *epsilon,
                gain,
                shift,
            }),
            activation: layer.activation,
        });
        let probes = self.probes.iter();
        let probes = probes.map(|(observation, action)| Probe { observation, action });
        PolicySpec {
            layers: &layers.collect::<Vec<_>>(),
            normaliser: self.normaliser.as_ref().map(|(mean, std, clip)| ObservationNormaliser {
                mean,
                std,
                clip: *clip,
            }),
            action_head: match self.head {
                Head::Scaled => ActionHead::Scaled { low: &self.low, high: &self.high },
                Head::Argmax => ActionHead::Argmax,
                Head::Clamped => ActionHead::Clamped { low: &self.low, high: &self.high },
            },
            control_period_s: self.control_period_s,
            provenance: self.provenance,
            probes: &probes.collect::<Vec<_>>(),
            contract: self.contract.as_deref().map(|bytes| Contract::parse(bytes).unwrap()),
            resume: self.resume.as_deref(),
        }
        .to_bytes(encoding)
    }
}
