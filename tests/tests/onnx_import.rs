//! Dense actors from elsewhere: read as their makers meant them, pruned, and refused when foreign.

mod onnx_cases;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use lacewing::onnx::{ImportOptions, OnnxError, TractActor, export, import};
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::policy::Provenance;
use lacewing_formats::topology::{Allocation, LayerShape, densities};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use onnx_cases::{Case, actions, assert_agree, cases};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/fixtures").join(name)
}

/// A file of its own for each test, which run side by side.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

type Limits<'a> = Option<(&'a [f32], &'a [f32])>;

/// The model as a policy file without links pruned.
fn dense(path: &Path, limits: Limits<'_>) -> Result<AlignedBytes, OnnxError> {
    pruned(path, 0.0, Allocation::Uniform, limits)
}

fn pruned(
    path: &Path,
    sparsity: f64,
    allocation: Allocation,
    limits: Limits<'_>,
) -> Result<AlignedBytes, OnnxError> {
    import(path, &options(sparsity, allocation, limits)).map(|imported| imported.file)
}

fn options(sparsity: f64, allocation: Allocation, limits: Limits<'_>) -> ImportOptions<'_> {
    let provenance = Provenance::default();
    ImportOptions {
        sparsity,
        allocation,
        limits,
        input: None,
        output: None,
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
struct Golden {
    limits: Option<(Vec<f32>, Vec<f32>)>,
    observations: Vec<f32>,
    actions: Vec<f32>,
}

impl Golden {
    fn read(name: &str) -> Self {
        let text = fs::read_to_string(fixture(&format!("{name}.json"))).expect("a fixture");
        let golden: Value = serde_json::from_str(&text).expect("JSON");
        Self {
            limits: numbers(&golden, "low").zip(numbers(&golden, "high")),
            observations: numbers(&golden, "observations").expect("observations"),
            actions: numbers(&golden, "actions").expect("actions"),
        }
    }

    fn limits(&self) -> Limits<'_> {
        self.limits.as_ref().map(|(low, high)| (low.as_slice(), high.as_slice()))
    }
}

/// `model.predict(deterministic=True)` of Stable-Baselines3, and onnxruntime, answer alike.
#[test]
fn imported_actors_answer_as_their_makers_recorded() {
    let sb3 = ["sb3_td3", "sb3_td3_dynamo", "sb3_sac", "sb3_ppo"];
    let users = [
        "user_sac_guide",
        "user_ppo_guide",
        "user_td3_with_norm",
        "user_act_relu6",
        "user_act_silu",
        "user_f64",
        "user_flip",
        "user_framestack",
    ];
    for name in sb3.into_iter().chain(["made_matmul_add", "made_gemm_opset9"]).chain(users) {
        let golden = Golden::read(name);
        if name == "user_ppo_guide" {
            // Its action is a number, as its value is: only the user can tell.
            continue;
        }
        let file = dense(&fixture(&format!("{name}.onnx")), golden.limits()).expect(name);
        assert_agree(name, &actions(&file, &golden.observations), &golden.actions);
    }
}

/// Of several outputs without telling names the user names the action; what is not used is said.
#[test]
fn an_output_is_chosen_by_name() {
    let path = fixture("user_ppo_guide.onnx");
    let golden = Golden::read("user_ppo_guide");
    let refused =
        dense(&path, golden.limits()).expect_err("value and action are alike").to_string();
    assert!(
        refused.contains("output among [53, 24, 51]: name an output with --output"),
        "{refused}"
    );
    let options =
        |output| ImportOptions { output, ..options(0.0, Allocation::Uniform, golden.limits()) };
    let imported = import(&path, &options(Some("53"))).expect("an actor");
    let answers = actions(&imported.file, &golden.observations);
    assert_agree("user_ppo_guide", &answers, &golden.actions);
    assert!(imported.notes[0].contains("`24`, `51` not used"), "{:?}", imported.notes);
    import(&path, &options(Some("51"))).expect_err("a log-probability");
    let refused = import(&path, &options(Some("mean"))).expect_err("no such output").to_string();
    assert!(refused.contains("no output `mean`"), "{refused}");
    let input = ImportOptions { input: Some("goal"), ..options(Some("53")) };
    let refused = import(&path, &input).expect_err("no such input").to_string();
    assert!(refused.contains("no input `goal`"), "{refused}");
    // The same actor of six actions, whose outputs have names.
    let golden = Golden::read("sb3_ppo");
    let file = dense(&fixture("sb3_ppo_whole.onnx"), golden.limits()).expect("an output `action`");
    assert_agree("sb3_ppo_whole", &actions(&file, &golden.observations), &golden.actions);
}

/// What an import does beyond reading is said.
#[test]
fn narrowing_and_the_distance_to_the_model_are_said() {
    let options = options(0.0, Allocation::Uniform, None);
    let imported = import(&fixture("user_f64.onnx"), &options).expect("an actor");
    assert!(imported.notes[0].contains("f64"), "{:?}", imported.notes);
    assert!(imported.notes[1].starts_with("before pruning, actions are"), "{:?}", imported.notes);
}

/// Limits far wider than the actions cost a linear actor no digits, and a tanh that is scaled to them
/// is refused with the figures.
#[test]
fn wide_limits_never_lose_the_actions() {
    let golden = Golden::read("sb3_ppo");
    let exact = dense(&fixture("sb3_ppo.onnx"), golden.limits()).expect("an actor");
    let exact = actions(&exact, &golden.observations);
    for limit in [1e4_f32, 1e8, 1e30] {
        let limits: (&[f32], &[f32]) = (&[-limit], &[limit]);
        let file = dense(&fixture("sb3_ppo.onnx"), Some(limits)).expect("an actor");
        let found = actions(&file, &golden.observations);
        let (low, high) = golden.limits().expect("limits");
        let inside: Vec<_> = exact
            .iter()
            .zip(&found)
            .zip(low.iter().zip(high).cycle())
            .filter(|((exact, _), (low, high))| low < exact && exact < high)
            .collect();
        assert!(inside.len() > 100);
        assert!(inside.iter().all(|((exact, found), _)| exact == found), "±{limit}");
    }
    let limits: (&[f32], &[f32]) = (&[-3e8], &[3e8]);
    let path = fixture("made_small_tanh.onnx");
    let refused = dense(&path, Some(limits)).expect_err("actions of some units").to_string();
    assert!(refused.contains("where it moves over") && refused.contains("--low"), "{refused}");
}

/// Exactly as many links stay as the allocation gives, and none that goes is larger.
#[test]
fn pruning_keeps_exactly_the_largest_links() {
    let golden = Golden::read("sb3_td3");
    let path = fixture("sb3_td3.onnx");
    let whole = dense(&path, golden.limits()).expect("a dense import");
    let whole = PolicyView::parse(&whole).expect("a legal file");
    for allocation in [Allocation::Uniform, Allocation::Er] {
        let sparse = pruned(&path, 0.9, allocation, golden.limits()).expect("a sparse import");
        let sparse = PolicyView::parse(&sparse).expect("a legal file");
        let shapes = [(17, 32), (32, 24), (24, 6)];
        let shapes = shapes.map(|(inputs, outputs)| LayerShape::linear(inputs, outputs));
        let mut density = [0.0; 3];
        densities(&shapes, 0.9, allocation, false, &mut density).expect("reachable");
        for ((dense, sparse), (shape, density)) in
            whole.layers().zip(sparse.layers()).zip(shapes.iter().zip(density))
        {
            assert_eq!(dense.links(), shape.links());
            let kept = (density * shape.links() as f64).round() as usize;
            assert_eq!(sparse.links(), kept);
            let mut magnitudes: Vec<f32> = dense.iter().map(|(.., value)| value.abs()).collect();
            magnitudes.sort_by(|a, b| b.total_cmp(a));
            let mut stay: Vec<f32> = sparse.iter().map(|(.., value)| value.abs()).collect();
            stay.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(stay, magnitudes[..kept]);
            assert_eq!(dense.bias, sparse.bias);
        }
    }
    let uniform = pruned(&path, 0.9, Allocation::Uniform, None).expect("an import");
    let links: usize = PolicyView::parse(&uniform)
        .expect("a legal file")
        .layers()
        .map(|layer| layer.links())
        .sum();
    // 10 % of 17·32, 32·24 and 24·6, each rounded.
    assert_eq!(links, 54 + 77 + 14);
}

/// The program's import is the library's, and its file is measured beside tract.
#[test]
fn the_program_imports_and_measures() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("actor.lace");
    let model = fixture("sb3_td3.onnx");
    let mut command = Command::new(lacewing());
    command.arg("import").arg(&model).args(["--sparsity=0.8", "--low=-1,-2,-1,0,-1,-0.5"]);
    succeed(command.args(["--high", "1,2,3,1,1,0.5", "--out"]).arg(&out));

    let golden = Golden::read("sb3_td3");
    let written = AlignedBytes::read(&out).expect("a policy file");
    let pruned = pruned(&model, 0.8, Allocation::Er, golden.limits()).expect("an import");
    assert_eq!(actions(&written, &golden.observations), actions(&pruned, &golden.observations));

    let mut command = Command::new(lacewing());
    let output = succeed(command.arg("measure").arg(&out).args(["--steps=500", "--json"]));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = report["warm"].as_array().expect("a table");
    let tract = rows.iter().find(|row| row["name"] == "dense, tract-onnx").expect("tract's row");
    assert_eq!(tract["steps"], 500);
}

/// tract on the export answers as `act` on the file, and importing the export gives the file back.
#[test]
fn exports_run_on_tract_and_come_back() {
    for (index, case) in cases().iter().enumerate() {
        let (name, view) = (&case.name, case.view());
        let model = export(&view);
        let mut tract = TractActor::from_onnx(&model).expect(name);
        let (wide, narrow) = (view.header().observations(), view.header().actions());
        let mut answers = vec![0.0; case.observations.len() / wide * narrow];
        let rows = case.observations.chunks_exact(wide).zip(answers.chunks_exact_mut(narrow));
        for (observation, action) in rows {
            tract.run(observation, action).expect(name);
        }
        let ours = case.actions();
        assert_agree(name, &ours, &answers);

        let path = scratch(&format!("round_trip_{index}.onnx"));
        fs::write(&path, &model).expect("room for a model");
        let back = dense(&path, None).expect(name);
        assert_agree(name, &ours, &actions(&back, &case.observations));
        let back = PolicyView::parse(&back).expect("a legal file");
        assert_eq!(back.normaliser(), view.normaliser(), "{name}");
        assert_eq!(back.action_head().limits(), view.action_head().limits(), "{name}");
        fs::remove_file(path).expect("it was written");
    }
}

/// Every foreign model is refused by words that name the node, tensor or port at fault.
#[test]
fn foreign_models_are_refused_by_name() {
    let expected = [
        ("bad_softmax", "node `softmax_of_action` (Softmax)"),
        ("bad_relu_last", "give the limits of its 2 actions"),
        ("bad_two_needed_inputs", "input among [obs, goal]"),
        ("bad_skip_connection", "node `add_of_action` (Add): what leads here from `x` (Relu, Add)"),
        ("bad_rms_norm", "(Div): it divides by the root mean square"),
        ("bad_softplus_of_some", "(Concat): what leads here from `x`"),
        ("bad_recurrent", "node `lstm_of_x` (LSTM): this operator is not known here"),
        ("bad_huge_shape", "beyond 67108864 numbers"),
        ("bad_division", "node `div_of_x` (Div): it divides by zero"),
        ("bad_uneven_clip", "(Min): it clips each of a layer's outputs otherwise"),
        ("bad_clipped_twice", "observations are clipped twice"),
        ("bad_external", "put that file beside the model"),
        ("bad_nothing", "output `action` does not depend on the observation"),
        ("bad_wrong_width", "node `matmul_of_action` (MatMul)"),
        ("bad_circle", "circle"),
        ("bad_unbound", "give the limits of its 2 actions"),
        ("bad_own_operator", "`com.example`"),
        ("bad_no_layers", "no Gemm or MatMul layer"),
        ("bad_lopsided_clip", "±c"),
        ("bad_int8", "tensor `w`"),
        ("bad_nan", "tensor `w`: number 0 is NaN"),
        ("bad_outside_folder", "inside the model directory"),
    ];
    for (name, words) in expected {
        let error = dense(&fixture(&format!("{name}.onnx")), None).expect_err(name);
        let error = error.to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
}

/// What an actor need not be written as.
#[test]
fn odd_spellings_are_read() {
    let odd = [
        "bad_mul_in_the_middle",
        "bad_two_activations",
        "bad_two_outputs",
        "bad_two_inputs",
        "made_other_way_round",
    ];
    let limits: (&[f32], &[f32]) = (&[-9.0], &[9.0]);
    for name in odd {
        let linear = name == "bad_mul_in_the_middle";
        let path = fixture(&format!("{name}.onnx"));
        dense(&path, linear.then_some(limits)).expect(name);
    }
    for name in ["made_other_way_round", "made_half", "made_hardtanh"] {
        let golden = Golden::read(name);
        let file = dense(&fixture(&format!("{name}.onnx")), golden.limits()).expect(name);
        assert_agree(name, &actions(&file, &golden.observations), &golden.actions);
    }
}

/// Discrete actions come back as they went out.
#[test]
fn an_export_of_discrete_actions_comes_back() {
    let (path, case) = (scratch("argmax.onnx"), Case::argmax());
    fs::write(&path, export(&case.view())).expect("room for a model");
    let file = dense(&path, None).expect("an actor");
    assert_eq!(actions(&file, &case.observations), case.actions());
    fs::remove_file(path).expect("it was written");
}

/// Requests that cannot be met say what would do.
#[test]
fn impossible_requests_are_refused() {
    let path = fixture("sb3_td3.onnx");
    let refuse = |sparsity, words: &str| {
        let error = pruned(&path, sparsity, Allocation::Uniform, None).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    };
    for sparsity in [1.0, -0.1, f64::NAN] {
        refuse(sparsity, "at least 0 and below 1");
    }
    refuse(0.999, "layer 2 would keep no link");
    let refuse = |limits, words: &str| {
        let error = dense(&path, Some(limits)).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    refuse((&[-1.0; 5], &[1.0; 5]), "for 6 actions");
    refuse((&[1.0; 6], &[1.0; 6]), "action 0 cannot lie between");
    refuse((&[-1.0; 6], &[f32::NAN; 6]), "action 0 cannot lie between");

    let error = dense(&fixture("absent.onnx"), None).expect_err("no such file");
    assert!(error.to_string().contains("absent.onnx"), "{error}");
    let error = dense(&fixture("sb3_td3.json"), None).expect_err("not a model");
    assert!(error.to_string().contains("not an ONNX model"), "{error}");
    // A range in the model and another from the caller.
    let limits: (&[f32], &[f32]) = (&[-1.0; 2], &[1.0; 2]);
    let error = dense(&fixture("made_matmul_add.onnx"), Some(limits));
    assert!(matches!(error, Err(OnnxError::Limits { .. })), "{error:?}");
}

/// tract's actor refuses what does not fit it.
#[test]
fn the_dense_baseline_checks_lengths_and_bytes() {
    let model = fs::read(fixture("sb3_sac.onnx")).expect("a fixture");
    let mut tract = TractActor::from_onnx(&model).expect("an actor");
    let error = tract.run(&[0.0; 16], &mut [0.0; 6]).expect_err("one number is missing");
    assert_eq!(error.to_string(), "observation has 16 numbers; the model wants 17");
    let error = tract.run(&[0.0; 17], &mut [0.0; 7]).expect_err("one number is too many");
    assert_eq!(error.to_string(), "action has 7 numbers; the model wants 6");
    assert!(TractActor::from_onnx(&model[..model.len() / 2]).is_err());
    assert!(TractActor::from_onnx(&[]).is_err());
}

/// Truncated, flipped and overwritten models are refused or give a policy that acts within limits.
#[test]
fn hostile_models_never_panic() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(5);
    let path = scratch("hostile.onnx");
    let (mut refused, mut acted) = (0, 0);
    for name in ["sb3_td3", "sb3_ppo", "made_matmul_add", "made_gemm_opset9"] {
        let model = fs::read(fixture(&format!("{name}.onnx"))).expect("a fixture");
        for round in 0..200 {
            let mut bytes = model.clone();
            for _ in 0..1 + rng.next_u32() % 4 {
                let at = rng.next_u32() as usize % bytes.len();
                // Most bytes are weights; aim half of the changes at the graph before them.
                let at = if rng.next_u32() % 2 == 0 { at % 1600 } else { at };
                match rng.next_u32() % 3 {
                    0 => bytes[at.min(model.len() - 1)] = rng.next_u32() as u8,
                    1 => bytes[at.min(model.len() - 1)] ^= 1 << (rng.next_u32() % 8),
                    _ => bytes[at.min(model.len() - 1)] = 0xff,
                }
            }
            if round % 8 == 0 {
                bytes.truncate(rng.next_u32() as usize % model.len());
            }
            fs::write(&path, &bytes).expect("room for a model");
            let width = if name.starts_with("sb3") { 6 } else { 2 };
            let (low, high) = (vec![-0.7; width], vec![0.4; width]);
            let limits = (name != "made_matmul_add").then_some((&low[..], &high[..]));
            match dense(&path, limits) {
                Err(_) => refused += 1,
                Ok(file) => {
                    let view = PolicyView::parse(&file).expect("a legal file");
                    let (low, high) = view.action_head().limits().expect("imports are scaled");
                    let observation = vec![0.1; view.header().observations()];
                    let answer = actions(&file, &observation);
                    let limits = low.iter().zip(high);
                    let within =
                        answer.iter().zip(limits).all(|(x, (low, high))| (low..=high).contains(&x));
                    assert!(within, "{answer:?}");
                    acted += 1;
                }
            }
        }
    }
    assert!(refused > 100 && acted > 100, "{refused} refused, {acted} acted");
    fs::remove_file(path).expect("it was written");
}
