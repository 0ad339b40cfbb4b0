//! Actors as many exporters spell them, imported, against what onnxruntime answers.
//!
//! `tests/parity/import_matrix.sh` makes them, and `exporters.sh` those of other people's tools, with Python
//! packages of fixed versions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use lacewing::onnx::{Actions, ImportOptions, import};
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
fn compare(model: &Path, asked: &Value) -> Result<f32, String> {
    let numbers = |key: &str| -> Option<Vec<f32>> {
        let all = asked[key].as_array()?.iter();
        Some(all.map(|number| number.as_f64().expect("a number") as f32).collect())
    };
    let limits = numbers("low").zip(numbers("high"));
    let options = ImportOptions {
        sparsity: 0.0,
        allocation: Allocation::Uniform,
        actions: match &limits {
            Some((low, high)) => Actions::Within { low, high },
            None if asked["discrete"] == true => Actions::Discrete,
            None => Actions::Unsaid,
        },
        input: None,
        output: asked["output"].as_str(),
        means: asked["means"] == true,
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

/// What came of each of the models that a script makes, by name: the largest difference of any action, or why
/// it was refused; and the words of the refusal where there must be one.
type Outcomes = Vec<(String, Result<f32, String>, Option<String>)>;

fn outcomes(script: &str, arguments: &[String]) -> Outcomes {
    let python = env::var_os("LACEWING_PARITY_PYTHON").expect("LACEWING_PARITY_PYTHON is a Python");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(script);
    // Cases of an earlier run must not pass for those of this one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity").join(script);
    let mut command = Command::new(python);
    let status = command.arg(script).arg(&folder).args(arguments).status();
    assert!(status.expect("Python starts").success(), "the models were not made");
    let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut models: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    models.sort();
    let outcome = |model: &PathBuf| {
        let text = fs::read_to_string(model.with_extension("json")).expect("a recorded file");
        let asked: Value = serde_json::from_str(&text).expect("JSON");
        let name = model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, compare(model, &asked), asked["refused"].as_str().map(Into::into))
    };
    models.iter().map(outcome).collect()
}

/// Every model must be imported and answer alike, or be refused in the words that it must be.
fn assert_as_due(outcomes: &Outcomes) {
    let wrong = |(name, found, refused): &(String, Result<f32, String>, Option<String>)| match (
        found, refused,
    ) {
        (Ok(off), None) if *off <= TOLERANCE => None,
        (Err(error), Some(words)) if error.contains(words) => None,
        (Ok(off), _) => Some(format!("{name}: imported, off by {off:e}")),
        (Err(error), _) => Some(format!("{name}: {error}")),
    };
    let wrong: Vec<_> = outcomes.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), outcomes.len(), wrong.join("\n"));
}

#[test]
#[ignore = "needs Python with onnxruntime: run tests/parity/import_matrix.sh"]
fn imports_answer_as_onnxruntime_does() {
    let torch = env::var_os("LACEWING_PARITY_TORCH").map(|_| "torch".into());
    let outcomes = outcomes("import_matrix.py", &Vec::from_iter(torch));
    assert_as_due(&outcomes);
    assert!(outcomes.len() >= 102, "{} models compare little", outcomes.len());
    let worst = outcomes.iter().flat_map(|(_, off, _)| off.clone().ok()).fold(0.0, f32::max);
    println!("{} models imported, largest difference of any action: {worst:e}", outcomes.len());
}

#[test]
#[ignore = "needs many Python packages: run tests/parity/exporters.sh"]
fn exports_of_other_tools_are_imported() {
    let groups = env::var("LACEWING_PARITY_GROUPS").expect("LACEWING_PARITY_GROUPS are groups");
    let groups: Vec<String> = groups.split_whitespace().map(Into::into).collect();
    let outcomes = outcomes("exporters.py", &groups);
    for (name, found, _) in &outcomes {
        match found {
            Ok(off) => println!("| {name} | imported | {off:.0e} |"),
            Err(error) => println!("| {name} | refused | {error} |"),
        }
    }
    assert_as_due(&outcomes);
    assert!(outcomes.len() >= groups.len(), "every group has models");
}
