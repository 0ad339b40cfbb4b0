//! The models under `parity/fixtures` and what was recorded of them.

use std::fs;
use std::path::{Path, PathBuf};

use lacewing::onnx::{Actions, ImportOptions, OnnxError, import};
use lacewing_formats::artifact::AlignedBytes;
use lacewing_formats::policy::Provenance;
use lacewing_formats::topology::Allocation;
use serde_json::Value;

/// The fixture of this name.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/fixtures").join(name)
}

/// A file of its own for each test, which run side by side.
pub fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Least and greatest actions.
pub type Limits<'a> = Option<(&'a [f32], &'a [f32])>;

/// The model as a policy file without links pruned.
pub fn dense(path: &Path, limits: Limits<'_>) -> Result<AlignedBytes, OnnxError> {
    pruned(path, 0.0, Allocation::Uniform, limits)
}

/// The model as a policy file.
pub fn pruned(
    path: &Path,
    sparsity: f64,
    allocation: Allocation,
    limits: Limits<'_>,
) -> Result<AlignedBytes, OnnxError> {
    import(path, &options(sparsity, allocation, limits)).map(|imported| imported.file)
}

/// What an import is asked for.
pub fn options(sparsity: f64, allocation: Allocation, limits: Limits<'_>) -> ImportOptions<'_> {
    let provenance = Provenance::default();
    ImportOptions {
        sparsity,
        allocation,
        actions: limits.map_or(Actions::Unsaid, |(low, high)| Actions::Within { low, high }),
        input: None,
        output: None,
        means: false,
        control_period_s: 0.05,
        provenance,
    }
}

/// The numbers under `key`, flattened; `None` for null.
fn numbers(golden: &Value, key: &str) -> Option<Vec<f32>> {
    let rows = golden[key].as_array()?;
    let flat = rows.iter().flat_map(|row| match row {
        Value::Array(row) => row.iter().collect(),
        number => vec![number],
    });
    Some(flat.map(|number| number.as_f64().expect("a number") as f32).collect())
}

/// What `name.json` recorded of `name.onnx`: limits, observations, actions.
pub struct Golden {
    pub limits: Option<(Vec<f32>, Vec<f32>)>,
    pub observations: Vec<f32>,
    pub actions: Vec<f32>,
}

impl Golden {
    pub fn read(name: &str) -> Self {
        let text = fs::read_to_string(fixture(&format!("{name}.json"))).expect("a fixture");
        let golden: Value = serde_json::from_str(&text).expect("JSON");
        Self {
            limits: numbers(&golden, "low").zip(numbers(&golden, "high")),
            observations: numbers(&golden, "observations").expect("observations"),
            actions: numbers(&golden, "actions").expect("actions"),
        }
    }

    pub fn limits(&self) -> Limits<'_> {
        self.limits.as_ref().map(|(low, high)| (low.as_slice(), high.as_slice()))
    }
}
