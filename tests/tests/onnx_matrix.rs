//! Actors as many exporters spell them, imported, against what onnxruntime answers.
//!
//! `tests/parity/import_matrix.sh` makes them, with Python packages of fixed versions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use lacewing::onnx::{ImportOptions, import};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::Provenance;
use lacewing_formats::topology::Allocation;
use lacewing_runtime::act::Policy;
use serde_json::Value;

/// How far an action may be off; actions are some units large.
const TOLERANCE: f32 = 1e-5;

fn floats(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).expect("a recorded file");
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// The largest difference of any action.
fn compare(model: &Path) -> Result<f32, String> {
    let text = fs::read_to_string(model.with_extension("json")).expect("a recorded file");
    let asked: Value = serde_json::from_str(&text).expect("JSON");
    let numbers = |key: &str| -> Option<Vec<f32>> {
        let all = asked[key].as_array()?.iter();
        Some(all.map(|number| number.as_f64().expect("a number") as f32).collect())
    };
    let limits = numbers("low").zip(numbers("high"));
    let options = ImportOptions {
        sparsity: 0.0,
        allocation: Allocation::Uniform,
        limits: limits.as_ref().map(|(low, high)| (low.as_slice(), high.as_slice())),
        input: None,
        output: asked["output"].as_str(),
        control_period_s: 0.02,
        provenance: Provenance::default(),
    };
    let imported = import(model, &options).map_err(|error| error.to_string())?;
    let policy = Policy::new(PolicyView::parse(&imported.file).expect("a legal file")).unwrap();
    let (observations, due) =
        (floats(&model.with_extension("obs")), floats(&model.with_extension("out")));
    let rows = observations.chunks_exact(policy.observations());
    assert_eq!(rows.len() * policy.actions(), due.len());
    let (mut action, mut scratch) = (vec![0.0; policy.actions()], vec![0.0; policy.scratch_len()]);
    let mut worst: f32 = 0.0;
    for (observation, due) in rows.zip(due.chunks_exact(policy.actions())) {
        policy.act(observation, &mut action, &mut scratch).map_err(|error| error.to_string())?;
        for (found, due) in action.iter().zip(due) {
            worst = worst.max((found - due).abs() / due.abs().max(1.0));
        }
    }
    Ok(worst)
}

#[test]
#[ignore = "needs Python with onnxruntime: run tests/parity/import_matrix.sh"]
fn imports_answer_as_onnxruntime_does() {
    let python = env::var_os("LACEWING_PARITY_PYTHON").expect("LACEWING_PARITY_PYTHON is a Python");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("import-matrix");
    // Cases of an earlier run must not pass for those of this one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/import_matrix.py");
    let mut command = Command::new(python);
    command.arg(script).arg(&folder).args(env::var_os("LACEWING_PARITY_TORCH").map(|_| "torch"));
    assert!(command.status().expect("Python starts").success(), "the models were not made");
    let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut models: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    models.sort();
    let (mut worst, mut failed) = (0.0_f32, Vec::new());
    for model in &models {
        let name = model.file_stem().unwrap_or_default().to_string_lossy();
        match compare(model) {
            Ok(off) if off <= TOLERANCE => worst = worst.max(off),
            Ok(off) => failed.push(format!("{name}: off by {off:e}")),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(models.len() >= 36, "{} models compare little", models.len());
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), models.len(), failed.join("\n"));
    println!("{} models imported, largest difference of any action: {worst:e}", models.len());
}
