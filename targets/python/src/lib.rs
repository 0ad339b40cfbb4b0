//! Lacewing for Python: load a policy file, act on numpy arrays, inspect, measure, learn on.

mod learner;

use lacewing_c::{Controller, ControllerError};
use lacewing_formats::artifact::AlignedBytes;
use lacewing_formats::policy::Head;
use lacewing_runtime::cost::Cost;
use lacewing_runtime::learn::Adapt;
use lacewing_runtime::measure::{Settings, measure};
use learner::Options;
use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArrayDyn, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::error::Error;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// A policy file, ready to act.
#[pyclass(module = "lacewing")]
struct Policy(Controller);

/// A policy file that goes on learning.
#[pyclass(module = "lacewing")]
struct Learner(Mutex<learner::Learner>);

#[pymethods]
impl Learner {
    #[new]
    #[pyo3(signature = (
        path, *, seed=0, warm_up=500, updates_per_step=1, replay=10_000, replay_values="f32",
        topology="frozen", adapt="all", critics_first=0, stay_near=0.0, lean=false, noise=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords")]
    fn new(
        path: PathBuf,
        seed: u64,
        warm_up: u64,
        updates_per_step: u32,
        replay: usize,
        replay_values: &str,
        topology: &str,
        adapt: &str,
        critics_first: u64,
        stay_near: f32,
        lean: bool,
        noise: Option<f32>,
    ) -> PyResult<Self> {
        let bytes =
            AlignedBytes::read(&path).map_err(|error| PyOSError::new_err(error.to_string()))?;
        let adapt = Adapt { policy_after: critics_first, stay_near, ..word(adapt)? };
        let (replay_values, topology) = (word(replay_values)?, word(topology)?);
        let options = Options {
            seed,
            warm_up,
            updates_per_step,
            replay,
            replay_values,
            topology,
            adapt,
            lean,
            noise,
        };
        learner::Learner::new(bytes, &options).map(|it| Self(Mutex::new(it))).map_err(failed)
    }

    #[getter]
    fn steps(&self) -> u64 {
        self.with(|it| it.counts()[0])
    }

    #[getter]
    fn updates(&self) -> u64 {
        self.with(|it| it.counts()[1])
    }

    #[getter]
    fn rejected(&self) -> u64 {
        self.with(|it| it.counts()[2])
    }

    fn memory<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = PyDict::new(py);
        self.with(|it| {
            it.budget().parts().into_iter().try_for_each(|(part, bytes)| told.set_item(part, bytes))
        })?;
        Ok(told)
    }

    fn reset(&self, observation: PyReadonlyArray1<'_, f32>) -> PyResult<()> {
        self.with(|it| it.reset(observation.as_slice()?).map_err(failed))
    }

    #[pyo3(signature = (explore=true))]
    fn act<'py>(&self, py: Python<'py>, explore: bool) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let action = self.with(|it| it.act(explore)).map_err(failed)?;
        Ok(PyArray1::from_vec(py, action))
    }

    #[pyo3(signature = (observation, reward, terminated, truncated, teacher=None))]
    fn learn<'py>(
        &self,
        py: Python<'py>,
        observation: PyReadonlyArray1<'_, f32>,
        reward: f64,
        terminated: bool,
        truncated: bool,
        teacher: Option<PyReadonlyArray1<'_, f32>>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let outcome = (reward as f32, terminated, truncated);
        let observation = observation.as_slice()?;
        let teacher = teacher.as_ref().map(|teacher| teacher.as_slice()).transpose()?;
        // Other threads of Python go on meanwhile.
        let learn =
            |it: &mut learner::Learner| (it.learn(observation, outcome, teacher), it.losses());
        let (losses, names) = py.detach(|| self.with(learn));
        let losses = losses.map_err(failed)?;
        let Some(losses) = losses else { return Ok(None) };
        let told = PyDict::new(py);
        for (name, loss) in names.iter().zip(losses.iter()) {
            told.set_item(name, loss)?;
        }
        Ok(Some(told))
    }

    fn save(&self, path: PathBuf) -> PyResult<()> {
        self.with(|it| it.save(&path)).map_err(|error| PyOSError::new_err(error.to_string()))
    }
}

impl Learner {
    fn with<T>(&self, what: impl FnOnce(&mut learner::Learner) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One of a few words.
fn word<T: FromStr<Err: Display>>(word: &str) -> PyResult<T> {
    word.parse().map_err(|error: T::Err| PyValueError::new_err(format!("{word}: {error}")))
}

fn failed(error: Box<dyn Error + Send + Sync>) -> PyErr {
    PyValueError::new_err(error.to_string())
}

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
    use super::{Learner, Policy};
}
