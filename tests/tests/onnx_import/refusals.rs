//! What is no actor is refused by name, whatever its bytes.

use std::fs;

use lacewing::onnx::{OnnxError, TractActor};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::topology::Allocation;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::fixtures::{dense, fixture, pruned, scratch};
use super::onnx_cases::actions;

/// Every foreign model is refused by words that name the node, tensor or port at fault.
#[test]
fn foreign_models_are_refused_by_name() {
    let expected = [
        ("bad_softmax", "node `softmax_of_y` (Softmax): a softmax or ArgMax can only be the end"),
        ("bad_relu_last", "give the limits of its 2 actions"),
        ("bad_two_needed_inputs", "need all of the inputs [obs, goal]"),
        ("bad_skip_connection", "node `add_of_action` (Add): what leads here from `x` (Relu, Add)"),
        ("bad_rms_norm", "(Div): it divides by the root mean square"),
        ("bad_softplus_of_some", "(Concat): what leads here from `x`"),
        ("bad_recurrent", "node `lstm_of_x` (LSTM): it carries a state from step to step"),
        ("bad_two_kinds_of_branch", "node `sub_of_action` (Sub): what leads here from `h`"),
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
        // Each says what to do.
        let verbs = ["export", "give", "use", "clip all", "put", "train", "choose"];
        assert!(verbs.iter().any(|verb| error.contains(verb)), "{name}: {error}");
    }
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
