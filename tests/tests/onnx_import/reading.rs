//! Actors are read as their makers meant them.

use std::fs;

use lacewing::onnx::{Actions, ImportOptions, TractActor, export, import};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::topology::Allocation;

use super::fixtures::{Golden, dense, fixture, options, scratch};
use super::onnx_cases::{actions, assert_agree, cases};

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
    // What its trainer answered, in the environment's units.
    let golden = Golden::read("user_td3_answers");
    let file = dense(&fixture("user_td3_with_norm.onnx"), golden.limits()).unwrap();
    assert_agree("answers", &actions(&file, &golden.observations), &golden.actions);
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

/// An output of means and deviations is one of means where the user says so, and only then.
#[test]
fn the_means_are_the_first_half() {
    let (path, golden) = (fixture("made_means.onnx"), Golden::read("made_means"));
    let plain = options(0.0, Allocation::Uniform, golden.limits());
    let refused = import(&path, &plain).expect_err("two limits for four").to_string();
    assert!(refused.contains("--means takes the means"), "{refused}");
    let options = ImportOptions { means: true, ..plain };
    let imported = import(&path, &options).expect("an actor");
    let answers = actions(&imported.file, &golden.observations);
    assert_agree("made_means", &answers, &golden.actions);
    let odd = ImportOptions { actions: Actions::Unsaid, output: Some("53"), ..options };
    let refused =
        import(&fixture("user_ppo_guide.onnx"), &odd).expect_err("one number").to_string();
    assert!(refused.contains("the output has 1 numbers"), "{refused}");
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
