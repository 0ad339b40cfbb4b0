//! What devices that are not at hand are said to take: by links and layout, marked as modelled, and refused
//! where it does not fit.

use lacewing::device::{Advice, DoesNotFit, Measured, Model, Profile, advise, model, names};
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_tests::actor;
use lacewing_tests::program::lacewing;
use std::path::Path;
use std::process::Command;

const WIDTHS: [usize; 4] = [17, 256, 256, 6];
const RECORD: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/records/halfcheetah-td3-90/seed1/policy.lace");
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
    let region = matches!(error, DoesNotFit::Region { has: 262_144, needs: 3_000_000.., .. });
    assert!(region && error.to_string().contains("keeps 262144 bytes of flash"), "{error}");
    assert!(error.to_string().contains("--values f16"), "{error}");
    // A board without firmware is known by its chip alone.
    let error = all("cortex-m33").unwrap_err();
    assert!(matches!(error, DoesNotFit::Flash { needs: 3_000_000.., .. }), "{error}");
    let mut small = Profile::named("stm32f4").unwrap();
    small.room.ram.value = 1000.0;
    let file = actor::random(&WIDTHS, 0.9, 1).write(Encoding::COMPACT).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let error = model(&view, file.len() as u64, &small).unwrap_err();
    assert!(matches!(error, DoesNotFit::Ram { has: 1000, .. }), "{error}");
    // Links are in flash there: fewer of them would change nothing.
    assert!(error.to_string().ends_with(": take narrower layers"), "{error}");
}

#[test]
fn what_makes_it_fit_is_said() {
    let told = |width, resume: usize, encoding| {
        let mut policy = actor::random(&[17, width, width, 6], 0.5, 1);
        policy.resume = (resume > 0).then(|| vec![0; resume]);
        let file = policy.write(encoding).unwrap();
        let view = PolicyView::parse(&file).unwrap();
        let profile = Profile::named("stm32h7").unwrap();
        model(&view, file.len() as u64, &profile).unwrap_err().to_string()
    };
    let sparser = "train it sparser, or with narrower layers";
    let text = told(512, 0, Encoding::COMPACT);
    assert!(text.contains(sparser) && !text.contains("export"), "{text}");
    let text = told(512, 0, Encoding::PLAIN);
    assert!(text.contains("export it with --values f16 --index auto, or train"), "{text}");
    let text = told(512, 1000, Encoding::PLAIN);
    assert!(text.contains("--no-resume-section --values f16"), "{text}");
    let text = told(64, 1_000_000, Encoding::COMPACT);
    assert!(text.ends_with("--no-resume-section, which leaves out 1000000 of them"), "{text}");
}

#[test]
fn what_the_readme_counts_of_a_policy_is_modelled_so() {
    let readme = include_str!("../../README.md");
    let bytes = AlignedBytes::read(Path::new(RECORD)).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    for (chip, target) in [("cortex-m4", "stm32f4"), ("cortex-m7", "stm32h7")] {
        let row = readme.lines().find(|line| line.starts_with(&format!("| {chip} | f16, gaps |")));
        let numbers = row.unwrap().split('|').skip(5).take(4);
        let numbers = numbers.map(|cell| cell.trim().replace(',', "").parse::<f64>().unwrap());
        let [program, file, ram, stack] = *numbers.collect::<Vec<_>>() else { panic!("{row:?}") };
        let profile = Profile::named(target).unwrap();
        let model = model(&view, bytes.len() as u64, &profile).unwrap();
        let firmware = profile.room.firmware.unwrap().value;
        for (modelled, counted) in [
            (firmware, program),
            (model.file_bytes as f64, file),
            (model.ram_bytes as f64, ram + stack),
        ] {
            let off = modelled / counted - 1.0;
            assert!(off.abs() < 0.03, "{chip}: {modelled} for {counted}");
        }
    }
}

fn run(structure: &str, sparsity: f64, final_return: f64) -> Measured {
    Measured {
        path: "runs/one".into(),
        env: String::from("HalfCheetah-v5"),
        structure: structure.parse().unwrap(),
        sparsity,
        final_return,
    }
}

/// Advice with runs in the policy's environment.
fn advised(file: &[u8], target: &str, measured: &[Measured]) -> Advice {
    let view = PolicyView::parse(file).unwrap();
    let env = view.provenance().environment;
    let measured = measured.iter().map(|run| Measured { env: env.into(), ..run.clone() });
    let measured: Vec<_> = measured.collect();
    advise(&view, &Profile::named(target).unwrap(), &measured).unwrap()
}

#[test]
fn advice_follows_the_model_and_the_returns_that_were_measured() {
    let file = actor::random(&WIDTHS, 0.9, 1).write(Encoding::COMPACT).unwrap();
    let told = |measured: &[Measured]| {
        let advice = advised(&file, "orin-nano", measured);
        let choice = &advice.choices[advice.take];
        (choice.structure.to_string(), (100.0 * choice.sparsity).round(), choice.mean_return)
    };
    // Nothing is known: the policy's own sparsity, in the structure of the kernels.
    assert_eq!(told(&[]), (String::from("blocks-16x1"), 90.0, None));
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
fn structures_are_compared_at_the_same_sparsity_of_the_whole_network() {
    // Its output layer is dense.
    let file = AlignedBytes::read(Path::new(RECORD)).unwrap();
    for target in ["jetson-nano", "xavier-nx", "orin-nano", "agx-orin", "raspberry-pi-5"] {
        let advice = advised(&file, target, &[]);
        let near = |name: &str| {
            let rows = advice.choices.iter().filter(|it| it.structure.to_string() == name);
            rows.map(|it| (it.sparsity - 0.9).abs()).fold(1.0, f64::min)
        };
        for name in ["unstructured", "k-per-32", "blocks-16x1", "blocks-4x1"] {
            assert!(near(name) < 0.02, "{target}: {name} is {} off", near(name));
        }
        let taken = &advice.choices[advice.take];
        assert_eq!(taken.structure, Structure::Blocks { rows: 16 }, "{target}");
    }
}

#[test]
fn a_return_counts_once_and_what_is_faster_without_one_is_named() {
    let file = AlignedBytes::read(Path::new(RECORD)).unwrap();
    let measured = [
        run("unstructured", 0.9, 9000.0),
        run("unstructured", 0.88, 9100.0),
        run("constant-fan-in", 0.73, 8000.0),
        run("unstructured", 0.0, 8000.0),
    ];
    let advice = advised(&file, "orin-nano", &measured);
    let runs = |structure: &str, sparsity: f64| {
        let like = advice.choices.iter().filter(|it| it.structure.to_string() == structure);
        let like = like.filter(|it| (it.sparsity - sparsity).abs() < 0.004);
        like.map(|it| it.runs).collect::<Vec<_>>()
    };
    for it in &measured {
        let name = it.structure.to_string();
        assert_eq!(runs(&name, it.sparsity), [1], "{name} {}", it.sparsity);
    }
    assert_eq!(advice.choices.iter().map(|it| it.runs).sum::<usize>(), measured.len());
    assert!(advice.choices[advice.take].mean_return.is_some());
    let untried = &advice.choices[advice.untried.unwrap()];
    assert_eq!(untried.structure, Structure::Blocks { rows: 16 });
    // Of another environment a return says nothing.
    let mut other = run("unstructured", 0.9, 300.0);
    other.env = String::from("Hopper-v5");
    let view = PolicyView::parse(&file).unwrap();
    let error = advise(&view, &Profile::named("orin-nano").unwrap(), &[other]).unwrap_err();
    assert!(error.to_string().contains("is a run in Hopper-v5"), "{error}");
}

#[test]
fn no_row_comes_twice_and_a_dense_policy_is_pruned() {
    let file = actor::random(&WIDTHS, 0.0, 1).write(Encoding::PLAIN).unwrap();
    let advice = advised(&file, "orin-nano", &[]);
    let mut rows: Vec<_> =
        advice.choices.iter().map(|it| format!("{} {}", it.structure, it.sparsity)).collect();
    let all = rows.len();
    rows.sort();
    rows.dedup();
    assert!(rows.len() == all && all > 12, "{rows:?}");
    assert_eq!(advice.choices.iter().filter(|it| it.sparsity == 0.0).count(), 1);
    let taken = &advice.choices[advice.take];
    assert!((taken.sparsity - 0.9).abs() < 0.02, "{advice:?}");
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
    let (done, text, error) = run(&["advise", folder, "--target", "raspberry-pi-5"]);
    assert!(done && text.contains("\ntake unstructured"), "{text}{error}");
    let train = "train it: `lacewing train HalfCheetah-v5 --hidden 256,256 --structure blocks-16x1";
    assert!(text.contains(train), "{text}");
    assert!(text.contains(&format!("\nlacewing export {folder} --values f")), "{text}");
    let (done, text, error) = run(&["advise", POLICY, "--target", "raspberry-pi-5"]);
    assert!(
        done && text.contains("--out runs/advised\nlacewing export runs/advised"),
        "{text}{error}"
    );
    let (done, _, error) = run(&["measure", POLICY, "--target", "raspbery-pi-5"]);
    assert!(!done && error.contains("did you mean raspberry-pi-5?"), "{error}");
    let (done, text, _) = run(&["measure", POLICY, "--target", "orin-nano", "--energy"]);
    assert!(done && text.contains("modelled, not measured") && text.contains("µJ"), "{text}");
    // Where there is a counter that may be read it is, and where not that is said, with what is to be done.
    let (done, text, error) = run(&["measure", POLICY, "--energy", "--json"]);
    if done {
        let energy: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(energy["step_joules"].is_number() && energy["work_watts"].as_f64() > Some(0.0));
    } else {
        assert!(error.contains("no energy can be measured here: ") && error.contains("--target"));
    }
}
