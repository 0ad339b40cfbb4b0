//! What a policy file says of its driver's sensors.

use super::Sensor;
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::Signal;

/// What the file knows of the numbers that its driver sends, `[sensors]`: the contract's limits, or else
/// the mean and deviation that observations had in training, in the driver's units.
pub fn know(view: &PolicyView<'_>, sensors: &mut [Sensor]) {
    let contract = view.contract();
    let said = contract.into_iter().flat_map(|contract| contract.observations());
    let signals = said.chain(core::iter::repeat(Signal::default()));
    let history = contract.map_or(1, |contract| contract.history());
    let newest = view.header().observations() / history * (history - 1);
    let normaliser = view.normaliser();
    for ((at, sensor), signal) in (newest..).zip(sensors).zip(signals) {
        *sensor = match (signal.low, signal.high, normaliser) {
            (None, None, Some(normaliser)) => {
                let (mean, deviation) = (normaliser.mean[at], normaliser.std[at]);
                Sensor::around(mean / signal.scale + signal.offset, deviation / signal.scale.abs())
            }
            (None, None, None) => Sensor::default(),
            (low, high, _) => Sensor::within(low.unwrap_or(f32::MIN), high.unwrap_or(f32::MAX)),
        };
    }
}
