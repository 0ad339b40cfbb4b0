//! The policy file against onnxruntime on the exported model.

mod onnx_cases;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use lacewing::onnx::export;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use onnx_cases::{Case, assert_agree, cases};

/// `act` on the policy file and onnxruntime on the export agree to 1e-5 on every case.
#[test]
#[ignore = "needs onnxruntime: run tests/parity/onnxruntime_parity.sh"]
fn onnxruntime_answers_alike() {
    let python = env::var_os("LACEWING_PARITY_PYTHON")
        .expect("LACEWING_PARITY_PYTHON must name a Python with numpy, onnx and onnxruntime");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("onnxruntime");
    // Answers of an earlier run must not pass for those of this one.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let (cases, discrete) = (cases(), Case::argmax());
    for case in cases.iter().chain([&discrete]) {
        let path = folder.join(&case.name);
        fs::write(path.with_extension("onnx"), export(&case.view())).expect("room for a model");
        fs::write(path.with_extension("obs"), bytemuck::cast_slice(&case.observations))
            .expect("room for observations");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/answer.py");
    let status = Command::new(python).arg(script).arg(&folder).status().expect("Python starts");
    assert!(status.success(), "onnxruntime refused a model");
    let answers = |case: &Case| -> Vec<f32> {
        let answers = fs::read(folder.join(&case.name).with_extension("out")).expect("answers");
        answers.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    };
    let mut worst: f32 = 0.0;
    for case in &cases {
        worst = worst.max(assert_agree(&case.name, &case.actions(), &answers(case)));
    }
    let actions = discrete.actions();
    assert_eq!(actions, answers(&discrete));
    let chosen = (0..5).filter(|&action| actions.contains(&(action as f32))).count();
    assert!(chosen >= 3, "{chosen} of 5 actions compare little");
    println!("largest difference of any action: {worst:e}");
}

/// The export is dense: every pruned link is there as a zero, and the graph adds little.
#[test]
fn the_exported_model_is_dense() {
    for case in cases().into_iter().chain([Case::argmax()]) {
        let view = case.view();
        let weights: usize = view.layers().map(|layer| layer.rows() * (layer.cols() + 1)).sum();
        let normaliser = view.normaliser().map_or(0, |normaliser| 2 * normaliser.mean.len());
        let limits = view.action_head().limits().map_or(0, |(low, _)| 4 * low.len());
        let ends = normaliser + limits;
        let model = export(&view);
        let graph = model.len() - 4 * (weights + ends);
        assert!((200..3000).contains(&graph), "{}: {graph} bytes of graph", case.name);
    }
}

#[test]
fn the_program_writes_that_model() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, model) = (folder.path().join("policy.lace"), folder.path().join("policy.onnx"));
    let case = &cases()[0];
    fs::write(&policy, &case.file[..]).unwrap();
    let mut command = Command::new(lacewing());
    succeed(command.arg("export").arg(&policy).args(["--format", "onnx", "--out"]).arg(&model));
    assert!(fs::read(model).unwrap() == export(&case.view()));
}
