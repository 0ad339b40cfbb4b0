//! Lacewing for Python: load a policy file, act on numpy arrays, inspect, measure.

use lacewing_c::{Controller, ControllerError};
use lacewing_formats::artifact::AlignedBytes;
use lacewing_formats::policy::Head;
use lacewing_runtime::cost::Cost;
use lacewing_runtime::measure::{Settings, measure};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;

/// A policy file, ready to act.
#[pyclass(module = "lacewing")]
struct Policy(Controller);

/// `OSError` where a file cannot be read, else `ValueError`.
fn raise(error: &ControllerError) -> PyErr {
    match error {
        ControllerError::Read(_) => PyOSError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}

#[pymethods]
impl Policy {
    #[new]
    fn new(path: PathBuf) -> PyResult<Self> {
        Controller::load(&path).map(Self).map_err(|error| raise(&error))
    }

    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        Controller::new(AlignedBytes::from(data)).map(Self).map_err(|error| raise(&error))
    }

    #[getter]
    fn observations(&self) -> usize {
        self.0.observations()
    }

    #[getter]
    fn actions(&self) -> usize {
        self.0.actions()
    }

    #[getter]
    fn period(&self) -> f64 {
        self.0.period()
    }

    #[getter]
    fn discrete(&self) -> bool {
        self.0.view().header().head() == Head::Argmax
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    #[pyo3(signature = (observation, out=None))]
    fn act<'py>(
        &mut self,
        py: Python<'py>,
        observation: &Bound<'py, PyAny>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let observation: PyReadonlyArrayDyn<'_, f32> = observation.extract().map_err(|_| {
            PyTypeError::new_err(
                "the observation must be a numpy array of float32: observation.astype(numpy.float32)",
            )
        })?;
        // The slice of an array by columns would be in another order.
        let rows = observation.as_slice().ok().filter(|_| observation.is_c_contiguous());
        let numbers = rows.ok_or_else(|| {
            PyValueError::new_err("the observation must be contiguous: numpy.ascontiguousarray")
        })?;
        match *observation.shape() {
            [length] => {
                self.check(length)?;
                let action = self.0.act(numbers).map_err(|error| raise(&error))?;
                let Some(out) = out else { return Ok(PyArray1::from_slice(py, action).into_any()) };
                let array = out.cast::<PyArray1<f32>>().map_err(|_| wrong_out())?;
                let mut writable = array.try_readwrite().map_err(|_| wrong_out())?;
                let places = writable.as_slice_mut().map_err(|_| wrong_out())?;
                if places.len() != action.len() {
                    return Err(wrong_out());
                }
                places.copy_from_slice(action);
                Ok(out)
            }
            [rows, length] => {
                self.check(length)?;
                let width = self.0.actions();
                let array = match &out {
                    Some(out) => out.cast::<PyArray2<f32>>().map_err(|_| wrong_out())?.clone(),
                    None => PyArray2::zeros(py, [rows, width], false),
                };
                let mut writable = array.try_readwrite().map_err(|_| wrong_out())?;
                let places = writable.as_slice_mut().map_err(|_| wrong_out())?;
                if array.shape() != [rows, width] || !array.is_c_contiguous() {
                    return Err(wrong_out());
                }
                for (observation, action) in
                    numbers.chunks_exact(length).zip(places.chunks_exact_mut(width))
                {
                    self.0.reset();
                    action.copy_from_slice(self.0.act(observation).map_err(|error| raise(&error))?);
                }
                self.0.reset();
                drop(writable);
                Ok(array.into_any())
            }
            _ => {
                Err(PyValueError::new_err("an observation has one dimension, a batch of them two"))
            }
        }
    }

    fn inspect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (view, told) = (self.0.view(), PyDict::new(py));
        let cost = Cost::of(view);
        let provenance = view.provenance();
        told.set_item("environment", provenance.environment)?;
        told.set_item("algorithm", provenance.algorithm)?;
        told.set_item("method", provenance.method)?;
        told.set_item("steps", provenance.steps)?;
        told.set_item("links", cost.links)?;
        told.set_item("dense_links", cost.dense_links)?;
        told.set_item("sparsity", cost.sparsity())?;
        told.set_item("flops", cost.flops)?;
        let layers = view.layers().map(|layer| {
            let told = PyDict::new(py);
            told.set_item("inputs", layer.cols())?;
            told.set_item("outputs", layer.rows())?;
            told.set_item("links", layer.links())?;
            told.set_item("activation", layer.activation.name())?;
            Ok(told)
        });
        told.set_item("layers", layers.collect::<PyResult<Vec<_>>>()?)?;
        told.set_item("can_learn_on", view.resume().is_some())?;
        Ok(told)
    }

    #[pyo3(signature = (steps=20_000))]
    fn measure<'py>(&self, py: Python<'py>, steps: u64) -> PyResult<Bound<'py, PyAny>> {
        let settings = Settings { steps: steps.max(1), ..Settings::default() };
        let report = measure(self.0.view().clone(), settings, Vec::new())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let text = serde_json::to_string(&report)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        py.import("json")?.call_method1("loads", (text,))
    }

    fn __repr__(&self) -> String {
        let cost = Cost::of(self.0.view());
        format!(
            "<lacewing.Policy {} observations, {} actions, {:.1} % sparse>",
            self.0.observations(),
            self.0.actions(),
            100.0 * cost.sparsity()
        )
    }
}

impl Policy {
    fn check(&self, length: usize) -> PyResult<()> {
        let expected = self.0.observations();
        if length == expected {
            return Ok(());
        }
        Err(PyValueError::new_err(format!("an observation has {expected} numbers, not {length}")))
    }
}

fn wrong_out() -> PyErr {
    PyValueError::new_err(
        "out must be a contiguous, writable array of float32 with room for the actions",
    )
}

/// Sparse reinforcement-learning policies.
#[pymodule]
mod lacewing {
    #[pymodule_export]
    use super::Policy;
}
