//! Discrete policies, however they say what they choose.

use std::fs;

use lacewing::onnx::{Actions, ImportOptions, OnnxError, export, import};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::ActionHead;
use lacewing_formats::topology::Allocation;

use super::fixtures::{Golden, dense, fixture, options, scratch};
use super::onnx_cases::{Case, actions};

/// Discrete actions come back as they went out.
#[test]
fn an_export_of_discrete_actions_comes_back() {
    let (path, case) = (scratch("argmax.onnx"), Case::argmax());
    fs::write(&path, export(&case.view())).expect("room for a model");
    let file = dense(&path, None).expect("an actor");
    assert_eq!(actions(&file, &case.observations), case.actions());
    fs::remove_file(path).expect("it was written");
}

/// Scores, probabilities from primitives, and an index of 32 bits behind a log-softmax: all are the index.
#[test]
fn a_choice_is_the_index_of_the_greatest() {
    let told = options(0.0, Allocation::Uniform, None);
    let discrete = ImportOptions { actions: Actions::Discrete, ..told };
    for (name, options) in [
        ("made_scores", discrete),
        ("made_softmax", told),
        ("made_softmax", discrete),
        ("made_choice", told),
    ] {
        let golden = Golden::read(name);
        let imported = import(&fixture(&format!("{name}.onnx")), &options).expect(name);
        let view = PolicyView::parse(&imported.file).expect("a legal file");
        assert_eq!(view.action_head(), ActionHead::Argmax, "{name}");
        assert_eq!(view.layers().count(), 2, "{name}: softmax and scores are no layers");
        assert_eq!(actions(&imported.file, &golden.observations), golden.actions, "{name}");
        let said = "the action is the index of the greatest of 4 outputs";
        assert!(imported.notes.iter().any(|note| note == said), "{:?}", imported.notes);
    }
}

/// Streams beside each other are layers of them all.
#[test]
fn a_dueling_network_is_a_chain() {
    let told = options(0.0, Allocation::Uniform, None);
    let options = ImportOptions { actions: Actions::Discrete, ..told };
    let golden = Golden::read("made_dueling");
    let imported = import(&fixture("made_dueling.onnx"), &options).expect("an actor");
    let view = PolicyView::parse(&imported.file).expect("a legal file");
    let widths: Vec<_> = view.layers().map(|layer| layer.rows()).collect();
    assert_eq!(widths, [8, 11, 7, 4]);
    assert_eq!(actions(&imported.file, &golden.observations), golden.actions);
}

/// Scores look like actions: the user says which, and is told how.
#[test]
fn a_choice_has_no_limits_and_one_output_none() {
    let refuse = |name: &str, actions| {
        let options = ImportOptions { actions, ..options(0.0, Allocation::Uniform, None) };
        import(&fixture(&format!("{name}.onnx")), &options).expect_err(name)
    };
    let refused = refuse("made_scores", Actions::Unsaid).to_string();
    assert!(refused.contains("--discrete"), "{refused}");
    let within = Actions::Within { low: &[-1.0], high: &[1.0] };
    let refused = refuse("made_softmax", within).to_string();
    assert!(refused.contains("leave --low and --high out"), "{refused}");
    let one = ImportOptions { output: Some("53"), ..options(0.0, Allocation::Uniform, None) };
    let one = ImportOptions { actions: Actions::Discrete, ..one };
    let refused = import(&fixture("user_ppo_guide.onnx"), &one).expect_err("one output");
    assert!(matches!(refused, OnnxError::NoChoice), "{refused}");
}
