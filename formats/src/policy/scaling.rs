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

/// Turns numbers in [−1, 1] into actions in the environment's units, in place:
/// `low + (a + 1) / 2 · (high − low)`, within [low, high] whatever the number.
pub fn scale_action(action: &mut [f32], low: &[f32], high: &[f32]) {
    for ((action, &low), &high) in action.iter_mut().zip(low).zip(high) {
        // Halved before they are subtracted: two wide limits may lie further apart than f32.
        *action = (low + (*action + 1.0) * (high / 2.0 - low / 2.0)).clamp(low, high);
    }
}
