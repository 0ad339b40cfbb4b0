//! Whether a driver is that of a policy's robot.

use super::Spec;
use crate::EdgeError;
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::{ActionHead, Contract, is_same_period};
use lacewing_runtime::act::Interface;
use lacewing_runtime::learn::ActionSpace;

/// Refuses a driver that is not the policy's, keeps commands within its limits, and says what is worth
/// knowing.
///
/// # Errors
/// [`EdgeError`] where sizes, kinds of action, names, units, period or limits do not fit.
pub fn fit(
    view: &PolicyView<'_>,
    spec: &Spec,
    interface: &mut Interface<'_>,
) -> Result<Vec<String>, EdgeError> {
    let id = spec.id.clone();
    let discrete = matches!(spec.actions, ActionSpace::Discrete(_));
    if discrete != (view.action_head() == ActionHead::Argmax) {
        return Err(EdgeError::OtherActions { id });
    }
    let found = (spec.obs_dim, spec.actions.outputs());
    let policy = (interface.sensors(), view.header().outputs());
    if found != policy {
        return Err(EdgeError::OtherEnvironment { id, found, policy });
    }
    let mut notes = Vec::new();
    let period = view.header().control_period_s();
    match view.contract() {
        Some(contract) => {
            spec.signals.compare(&contract, period)?;
            if spec.signals.obs_units.is_none() && converts(&contract) {
                notes.push(format!(
                    "{id} announces no units: it must speak those of the policy's contract, which are \
                     converted"
                ));
            }
        }
        None => {
            let other = |found: &f64| !is_same_period(period, *found);
            if let Some(found) = spec.signals.control_period_s.filter(other) {
                notes.push(format!("the policy acts every {period} s, {id} every {found} s"));
            }
        }
    }
    if let Some((low, high)) = &spec.limits
        && interface.narrow(low, high)?
    {
        let (low, high) = interface.limits();
        notes.push(format!("actions are kept within {low:?} to {high:?}, as {id} has them"));
    }
    Ok(notes)
}

/// Whether the policy's units are others than the driver's.
fn converts(contract: &Contract<'_>) -> bool {
    let signals = contract.observations().chain(contract.actions());
    signals.into_iter().any(|signal| (signal.offset, signal.scale) != (0.0, 1.0))
}
