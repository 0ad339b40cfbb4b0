//! What devices that are not at hand are said to take: by links and layout, marked as modelled, and refused
//! where it does not fit.

use lacewing::device::{DoesNotFit, Measured, Model, Profile, advise, model, names};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_tests::actor;
use lacewing_tests::program::lacewing;
use std::process::Command;

const WIDTHS: [usize; 4] = [17, 256, 256, 6];
const POLICY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/records/structures/unstructured-seed1/policy.lace");

fn on(
    target: &str,
    widths: &[usize],
    sparsity: f64,
    structure: Structure,
    encoding: Encoding,
) -> Result<Model, DoesNotFit> {
    let file = actor::structured(widths, sparsity, structure, 1).write(encoding).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    model(&view, file.len() as u64, &Profile::named(target).unwrap())
}

#[test]
fn a_sparser_policy_is_faster_on_every_device_and_never_slower_than_dense() {
    for target in names().split(", ") {
        let step =
            |sparsity| on(target, &WIDTHS, sparsity, Structure::Unstructured, Encoding::COMPACT);
        let [half, tenth] = [0.5, 0.9].map(|sparsity| step(sparsity).unwrap());
        assert!(tenth.step_ns < half.step_ns && tenth.modelled, "{target}");
        assert!(tenth.step_joules > 0.0 && tenth.ram_bytes > 0, "{target}");
        // Where a layer may be dense, it is if that is faster.
        if tenth.layers.iter().any(|layer| layer.layout != "in place") {
            assert!(half.step_ns <= half.dense_step_ns, "{target}");
        }
        assert!(tenth.to_string().contains("modelled, not measured"), "{target}");
    }
}

#[test]
fn structure_is_what_the_devices_kernels_make_of_it() {
    let layouts = |target, structure| {
        let model = on(target, &WIDTHS, 0.9, structure, Encoding::PLAIN).unwrap();
        (model.layers[1].layout.clone(), model.layers[1].weights, model.layers[1].links)
    };
    let (layout, weights, links) = layouts("orin-nano", Structure::Blocks { rows: 16 });
    assert_eq!((layout.as_str(), weights), ("strips of 16", links));
    // Padding is counted: rows that share a step have their links at different places.
    let (layout, weights, links) = layouts("orin-nano", Structure::Unstructured);
    assert!(layout == "packed" && weights > links, "{layout}: {weights} weights, {links} links");
    // Flash is used in place, whatever the structure.
    let (layout, weights, links) = layouts("stm32f4", Structure::Blocks { rows: 16 });
    assert_eq!((layout.as_str(), weights), ("in place", links));
    // But rows that come in fours with the same columns are read by fours.
    let step = |structure| on("stm32f4", &WIDTHS, 0.9, structure, Encoding::PLAIN).unwrap().step_ns;
    let (fours, alone) = (step(Structure::Blocks { rows: 4 }), step(Structure::Unstructured));
    assert!(fours < 0.7 * alone, "{fours} ns, {alone} ns");
}

#[test]
fn what_does_not_fit_is_refused_with_figures() {
    let wide = [17, 1024, 1024, 6];
    let all = |target| on(target, &wide, 0.5, Structure::Unstructured, Encoding::PLAIN);
    let error = all("stm32f4").unwrap_err();
    let flash = matches!(error, DoesNotFit::Flash { has: 1_048_576, needs: 3_000_000.., .. });
    assert!(flash && error.to_string().contains("1048576 bytes of flash"), "{error}");
    assert!(all("teensy-4.1").is_ok());
    let mut small = Profile::named("stm32f4").unwrap();
    small.room.ram.value = 1000.0;
    let file = actor::random(&WIDTHS, 0.9, 1).write(Encoding::COMPACT).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let error = model(&view, file.len() as u64, &small).unwrap_err();
    assert!(matches!(error, DoesNotFit::Ram { has: 1000, .. }), "{error}");
}

#[test]
fn advice_follows_the_model_and_the_returns_that_were_measured() {
    let file = actor::random(&WIDTHS, 0.9, 1).write(Encoding::COMPACT).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let profile = Profile::named("orin-nano").unwrap();
    let told = |measured: &[Measured]| {
        let advice = advise(&view, &profile, measured).unwrap();
        let choice = &advice.choices[advice.take];
        (choice.structure.clone(), (100.0 * choice.sparsity).round(), choice.mean_return)
    };
    // Nothing is known: the policy's own sparsity, in the structure of the kernels.
    assert_eq!(told(&[]), (String::from("blocks-16x1"), 90.0, None));
    let run = |structure: &str, sparsity, final_return| Measured {
        structure: structure.into(),
        sparsity,
        final_return,
    };
    // Blocks cost too much here; a sparser policy costs less than a tenth.
    let measured = [
        run("blocks-16x1", 0.9, 3000.0),
        run("unstructured", 0.9, 5000.0),
        run("unstructured", 0.95, 4600.0),
        run("unstructured", 0.99, 2000.0),
    ];
    assert_eq!(told(&measured), (String::from("unstructured"), 95.0, Some(4600.0)));
}

#[test]
fn the_commands_say_what_is_modelled() {
    let run = |arguments: &[&str]| {
        let output = Command::new(lacewing()).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), text, String::from_utf8(output.stderr).unwrap())
    };
    let (done, text, _) = run(&["measure", POLICY, "--target", "raspberry-pi-5", "--json"]);
    let model: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(done && model["modelled"] == true && model["step_ns"].as_f64() > Some(100.0), "{text}");
    assert!(text.contains("assumed: "), "{text}");
    let folder = POLICY.trim_end_matches("/policy.lace");
    let (done, text, error) = run(&["advise", folder, "--target", "stm32h7"]);
    assert!(done && text.contains("\ntake "), "{text}{error}");
    let (done, _, error) = run(&["measure", POLICY, "--target", "raspbery-pi-5"]);
    assert!(!done && error.contains("did you mean raspberry-pi-5?"), "{error}");
    // Where there is a counter that may be read it is, and where not that is said, with what is to be done.
    let (done, text, error) = run(&["measure", POLICY, "--energy", "--json"]);
    if done {
        let energy: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(energy["step_joules"].is_number() && energy["work_watts"].as_f64() > Some(0.0));
    } else {
        assert!(error.contains("no energy can be measured here: ") && error.contains("--target"));
    }
}
