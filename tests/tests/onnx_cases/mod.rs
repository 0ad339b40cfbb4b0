//! Policies and observations to hold an exported model to.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::Activation;
use lacewing_runtime::act::Policy;
use rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use lacewing_tests::policy_file::{ACTIVATIONS, Owned, Shape};

/// A policy file and observations for it, row-major.
pub struct Case {
    pub name: String,
    pub file: AlignedBytes,
    pub observations: Vec<f32>,
}

/// Normal observations of a case.
const NORMAL: usize = 300;

impl Case {
    fn new(widths: &[usize], density: f64, normaliser: bool, encoding: Encoding) -> Self {
        let (owned, name) = Self::policy(widths, density, normaliser, encoding);
        Self::of(&owned, name, normaliser, encoding)
    }

    /// With discrete actions.
    pub fn argmax() -> Self {
        let (mut owned, name) = Self::policy(&[4, 64, 64, 5], 0.5, true, Encoding::PLAIN);
        // Else the same output is always the greatest.
        let last = owned.layers.last_mut().expect("a policy has layers");
        last.bias.iter_mut().for_each(|bias| *bias *= 0.1);
        Self::of(&owned.argmax(), format!("argmax_{name}"), true, Encoding::PLAIN)
    }

    /// With activations from number `first` on and layer normalisation.
    fn foreign(first: usize) -> Self {
        let (owned, name) = Self::policy(&[17, 64, 48, 6], 0.5, true, Encoding::PLAIN);
        let mut owned = owned.foreign(first);
        // Wider than any of its actions, which then are not hidden by the limits.
        owned.low.fill(-30.0);
        owned.high.fill(30.0);
        owned.layers[2].norm = None;
        owned.layers[2].activation = Activation::Identity;
        Self::of(&owned, format!("foreign_{first}_{name}"), true, Encoding::PLAIN)
    }

    fn of(owned: &Owned, name: String, normaliser: bool, encoding: Encoding) -> Self {
        let inputs = owned.layers[0].cols;
        let observations = observations(inputs, normaliser, owned.provenance.seed);
        let file = owned.write(encoding).expect("a random policy is legal");
        Self { name, file, observations }
    }

    fn policy(
        widths: &[usize],
        density: f64,
        normaliser: bool,
        encoding: Encoding,
    ) -> (Owned, String) {
        let widths = widths.to_vec();
        let seed = widths.iter().sum::<usize>() as u64;
        let shape = Shape { widths, density, normaliser, probes: 0, resume: None, seed };
        let mut owned = Owned::random(&shape);
        for layer in &mut owned.layers {
            // Sums of about 1, so that neither Tanh nor the limits hide the layers before.
            let fan_in = layer.columns.len() as f32 / layer.bias.len() as f32;
            let scale = (3.0 / fan_in.max(1.0)).sqrt();
            layer.weights.iter_mut().for_each(|weight| *weight *= scale);
        }
        // TD3's activations, or those of PPO, which ends in a linear layer.
        let (hidden, last) = match normaliser {
            true => (Activation::Tanh, Activation::Identity),
            false => (Activation::Relu, Activation::Tanh),
        };
        owned.layers.iter_mut().for_each(|layer| layer.activation = hidden);
        owned.layers.last_mut().expect("a policy has layers").activation = last;
        let sides: Vec<_> = shape.widths.iter().map(ToString::to_string).collect();
        let name = format!("{}-{density}-{normaliser}-{encoding:?}", sides.join("x"));
        let name = name.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
        (owned, name)
    }

    /// The parsed file.
    pub fn view(&self) -> PolicyView<'_> {
        PolicyView::parse(&self.file).expect("the writer's files parse")
    }

    /// What the policy answers to every observation, row-major.
    pub fn actions(&self) -> Vec<f32> {
        actions(&self.file, &self.observations)
    }
}

/// Shapes from one layer to Humanoid's, at every density that matters, in both encodings.
pub fn cases() -> Vec<Case> {
    let shapes: [&[usize]; 5] =
        [&[17, 256, 256, 6], &[3, 64, 64, 1], &[8, 5], &[376, 128, 17], &[27, 400, 300, 8]];
    let mut cases = Vec::new();
    for widths in shapes {
        // Of so few inputs no path would lead to the output at 2 %.
        let densities: &[f64] =
            if widths[0] < 8 { &[1.0, 0.5, 0.1] } else { &[1.0, 0.5, 0.1, 0.02] };
        for &density in densities {
            for normaliser in [true, false] {
                cases.push(Case::new(widths, density, normaliser, Encoding::PLAIN));
            }
        }
        cases.push(Case::new(widths, 0.1, true, Encoding::COMPACT));
    }
    cases.extend((0..ACTIVATIONS.len()).map(Case::foreign));
    cases
}

/// What the policy in `file` answers to every observation, row-major.
pub fn actions(file: &[u8], observations: &[f32]) -> Vec<f32> {
    let policy = Policy::new(PolicyView::parse(file).expect("a legal file")).expect("few layers");
    let mut scratch = vec![0.0; policy.scratch_len()];
    let rows = observations.chunks_exact(policy.observations());
    rows.flat_map(|observation| {
        let mut action = vec![0.0; policy.actions()];
        policy.act(observation, &mut action, &mut scratch).expect("finite observations");
        action
    })
    .collect()
}

/// Asserts that two runtimes agree to 1e-5; gives their largest difference.
pub fn assert_agree(name: &str, ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let gaps = ours.iter().zip(theirs).map(|(ours, theirs)| (ours - theirs).abs());
    // NaN counts as the largest.
    let worst = gaps.max_by(f32::total_cmp).unwrap_or(f32::NAN);
    assert!(worst <= 1e-5, "{name}: answers differ by {worst}");
    let distinct: std::collections::HashSet<_> = ours.iter().map(|x| x.to_bits()).collect();
    assert!(distinct.len() > 20, "{name}: {} answers compare nothing", distinct.len());
    worst
}

/// Normal ones, constant ones and extreme ones, row-major.
fn observations(width: usize, normaliser: bool, seed: u64) -> Vec<f32> {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
    let normal: Vec<f32> = (0..NORMAL * width).map(|_| StandardNormal.sample(rng)).collect();
    let scaled = |scale: f32| normal[..8 * width].iter().map(move |x| x * scale);
    let constant = [0.0, -0.0, 1.0, f32::MIN_POSITIVE / 4.0].into_iter();
    let constant = constant.flat_map(|x| std::iter::repeat_n(x, width));
    // Sums round with their size, and no other order of adding can be held to the same: larger
    // numbers only where a normaliser clips them.
    let extreme: &[f32] = if normaliser { &[1e-30, 1e3, 1e6, 1e12] } else { &[1e-30, 4.0] };
    let extreme = extreme.iter().copied().flat_map(scaled);
    normal.iter().copied().chain(constant).chain(extreme).collect()
}
