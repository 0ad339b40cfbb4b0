//! From the environment's units to the network's and back.

/// How observations are scaled before the first layer: `clamp((x - mean) / std, -clip, clip)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservationNormaliser<'a> {
    /// One mean an observation.
    pub mean: &'a [f32],
    /// One standard deviation an observation, above 0.
    pub std: &'a [f32],
    /// Bound of the result, above 0.
    pub clip: f32,
}

/// How the network's outputs a ∈ [−1, 1] become actions:
/// `clamp(low + (a + 1) / 2 · (high - low), low, high)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActionHead<'a> {
    /// Least value of each action, in the environment's units.
    pub low: &'a [f32],
    /// Greatest value of each action, above the least.
    pub high: &'a [f32],
}

/// An example of what the policy does, for a device to replay before it trusts the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe<'a> {
    /// In the environment's units, before the normaliser.
    pub observation: &'a [f32],
    /// The action due, in the environment's units.
    pub action: &'a [f32],
}
