//! Models that this program exports, as tract runs them.

use tract_onnx::prelude::{
    Datum, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, Tensor, TractResult,
    TypedSimpleState, tvec,
};

use super::graph::{Graph, parse};
use crate::onnx::OnnxError;

/// A dense actor on tract: batch 1, optimised for this machine.
///
/// It is the baseline that `lacewing measure` shows beside the sparse policy.
pub struct TractActor {
    state: TypedSimpleState,
    inputs: usize,
}

impl TractActor {
    /// Prepares the actor in `model`, the bytes of an ONNX file that [`crate::onnx::export`] writes.
    ///
    /// # Errors
    /// [`OnnxError`] where the bytes are no such model, or tract refuses it.
    pub fn from_onnx(model: &[u8]) -> Result<Self, OnnxError> {
        let model = parse(model)?;
        let graph = Graph::new(&model, std::path::Path::new(""))?;
        let input = graph.inputs().next().and_then(|input| graph.shape(input));
        let Some(&[_, Some(inputs)]) = input.as_deref() else {
            return Err(OnnxError::NoLayer);
        };
        let state = || -> TractResult<_> {
            let fact = InferenceFact::dt_shape(f32::datum_type(), tvec!(1, inputs));
            let model = tract_onnx::onnx().parse(&model, None)?.model;
            model.with_input_fact(0, fact)?.into_optimized()?.into_runnable()?.spawn()
        };
        Ok(Self { state: state().map_err(|error| refused(&error))?, inputs })
    }

    /// Writes to `action` what the actor answers to one observation.
    ///
    /// # Errors
    /// [`OnnxError::Length`] where a slice does not fit the model.
    pub fn run(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), OnnxError> {
        if observation.len() != self.inputs {
            let (found, expected) = (observation.len(), self.inputs);
            return Err(OnnxError::Length { what: "observation", found, expected });
        }
        let run = |state: &mut TypedSimpleState| {
            let input = Tensor::from_shape(&[1, observation.len()], observation)?;
            state.run(tvec!(input.into_tvalue()))
        };
        let outputs = run(&mut self.state).map_err(|error| refused(&error))?;
        let output = outputs[0].to_plain_array_view::<f32>().map_err(|error| refused(&error))?;
        if output.len() != action.len() {
            let (found, expected) = (action.len(), output.len());
            return Err(OnnxError::Length { what: "action", found, expected });
        }
        action.iter_mut().zip(&output).for_each(|(action, output)| *action = *output);
        Ok(())
    }
}

fn refused(error: &tract_onnx::prelude::TractError) -> OnnxError {
    OnnxError::Tract { reason: format!("{error:#}") }
}
