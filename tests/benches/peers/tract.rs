//! tract, by way of the import of `lacewing` (cargo feature `onnx`).

use super::ffi::Outcome;
use lacewing::onnx::TractActor;
use lacewing_runtime::measure::Step;
use std::path::Path;

/// A control step of the model.
pub fn open(model: &Path) -> Outcome<Step<'static>> {
    let mut actor = TractActor::from_onnx(&std::fs::read(model)?)?;
    Ok(Box::new(move |observation, action| {
        actor.run(observation, action).expect("a step like the last");
    }))
}
