//! Whatever is wrong, `lacewing` says it in one line that tells what to do, fails, and writes
//! nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};

/// Every file below a folder with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((format!("{}/", path.display()), Vec::new()));
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A folder with a finished run, its policy without resume section, and files that are no policies.
fn furnish(folder: &Path) {
    succeed(&mut train(&SHORT, &folder.join("run")));
    let mut export = Command::new(lacewing());
    export.args(["export", "run", "--no-resume-section", "--out", "small.lace"]);
    succeed(export.current_dir(folder));
    fs::write(folder.join("foreign.lace"), "{\"weights\": [1, 2, 3]}\n".repeat(20)).unwrap();
    fs::write(folder.join("empty.lace"), "").unwrap();
    let whole = fs::read(folder.join("small.lace")).unwrap();
    fs::write(folder.join("cut.lace"), &whole[..whole.len() / 2]).unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("parity/fixtures");
    for (fixture, name) in [("sb3_td3", "td3"), ("sb3_ppo", "ppo"), ("bad_softmax", "softmax")] {
        let model = fs::read(models.join(fixture).with_extension("onnx")).unwrap();
        fs::write(folder.join(name).with_extension("onnx"), model).unwrap();
    }
    let whole = fs::read(folder.join("td3.onnx")).unwrap();
    fs::write(folder.join("cut.onnx"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("bad.toml"), "env = 'Pendulum-v1'\nbach = 3\n").unwrap();
    let old = "env = 'Pendulum-v1'\n[rewire]\ninterval = 500\nfraction = 0.1\n";
    fs::write(folder.join("old.toml"), old).unwrap();
    fs::create_dir(folder.join("old")).unwrap();
    fs::write(folder.join("old/config.toml"), old).unwrap();
    fs::write(folder.join("number.toml"), "env = 3\n").unwrap();
    fs::write(folder.join("seed.toml"), "env = 'Pendulum-v1'\nseed = 9223372036854775808\n")
        .unwrap();
    fs::write(folder.join("broken.toml"), "env = 'Pendulum-v1'\nsteps = = 3\n").unwrap();
    fs::create_dir(folder.join("begun")).unwrap();
    fs::copy(folder.join("run/config.toml"), folder.join("begun/config.toml")).unwrap();
    fs::create_dir(folder.join("crate")).unwrap();
    fs::write(folder.join("crate/config.toml"), "[package]\nname = 'thesis'\n").unwrap();
    fs::create_dir(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/thesis.txt"), "irreplaceable").unwrap();
    fs::write(folder.join("mine/fleet.key"), "irreplaceable").unwrap();
}

/// Arguments, and words that the complaint must have.
const CASES: &[(&str, &[&str])] = &[
    ("train Pendulum-v2", &["unknown environment", "did you mean `Pendulum-v1`"]),
    ("train Pendulum-v1 --method rigle", &["rigle", "static, set, rigl", "did you mean `rigl`?"]),
    ("train Pendulum-v1 --algorithm tdd3", &["tdd3", "did you mean `td3`?"]),
    ("train Pendulum-v1 --allocation inputonly", &["did you mean `input-only`?"]),
    ("train Pendulum-v1 --structure k-per-3", &["k-per-3", "did you mean `k-per-32`?"]),
    ("train Pendulum-v1 --sparisty 0.9", &["--sparisty", "did you mean `--sparsity`?"]),
    ("train Pendulum-v1 --zzz", &["'--zzz' found; see `lacewing train --help`"]),
    ("traim", &["traim", "did you mean `train`?"]),
    ("sweep pln", &["pln", "did you mean `plan`?", "`lacewing sweep --help`"]),
    ("train xyz", &["unknown environment `xyz`; known: Pendulum-v1"]),
    ("train Pendulum-v1 --method xyz", &["rlx2]; see `lacewing train --help`"]),
    ("train Pendulum-v1 --set zzzz=3", &["one of 33 names (a finished"]),
    ("eval run --shift gaer=0.5", &["`gaer`; did you mean `gear`? known: gear, mass"]),
    ("eval run --shift zzz=3", &["unknown shift `zzz`; known: gear"]),
    // Negative numbers are values.
    ("train Pendulum-v1 --sparsity -0.1", &["sparsity must be at least 0", "-0.1"]),
    ("train Pendulum-v1 --set -1", &["`-1`", "KEY=VALUE"]),
    ("train Pendulum-v1 --set td3.gamma=-1", &["td3.gamma", "0 to 1"]),
    ("train Pendulum-v1 --sparsity -.1", &["sparsity must be at least 0", "-0.1"]),
    ("train Pendulum-v1 --seed -1", &["'-1' for '--seed", "whole number from 0 up"]),
    ("train Pendulum-v1 --hidden -64,64", &["'-64' for '--hidden", "256,256"]),
    ("eval run --shift -1", &["shift `-1`", "key=value"]),
    ("eval run --shift gear=-1", &["gear=-1", "factor"]),
    ("eval run --episodes -1", &["'-1' for '--episodes", "-1 is not in 1..="]),
    ("finetune run --shift gear=0.5 --noise -1", &["--noise must be at least 0"]),
    ("finetune run --shift gear=0.5 --learning-rate -1", &["--learning-rate must be above 0"]),
    ("finetune run --shift gear=0.5 --noise -1e-3", &["--noise must be at least 0"]),
    ("finetune run --shift gear=0.5 --noise -.5", &["--noise must be at least 0"]),
    ("finetune run --shift gear=0.5 --learning-rate -1e-3", &["--learning-rate must be above 0"]),
    ("finetune run --shift gear=0.5 --learning-rate x", &["it takes a number"]),
    ("sweep point begun -1", &["'-1' for '[NUMBER]'"]),
    // Numbers that are too large for where they go.
    ("train Pendulum-v1 --seed 9223372036854775808", &["--seed", "9223372036854775807"]),
    ("train Pendulum-v1 --set seed=9223372036854775808", &["at most 9223372036854775807"]),
    ("train Pendulum-v1 --seed 99999999999999999999", &["--seed", "too large"]),
    ("train --config seed.toml", &["seed.toml", "line 2"]),
    ("train Pendulum-v1 --hidden [256,256]", &["'[256'", "between commas, e.g. 256,256"]),
    ("train Pendulum-v1 --hidden 256,,256", &["--hidden", "between commas"]),
    ("train Pendulum-v1 --policy-share 1.5", &["policy-share", "above 0 and below 1"]),
    ("train Pendulum-v1 --engine gpu", &["gpu", "sparse", "burn"]),
    ("train Pendulum-v1 --device cuda", &["--engine burn"]),
    ("train Pendulum-v1 --sparsity 1.5", &["sparsity must be", "below 1"]),
    ("train Pendulum-v1 --sparsity=-0.1", &["sparsity"]),
    ("train Pendulum-v1 --sparsity NaN", &["sparsity"]),
    ("train Pendulum-v1 --sparsity 0.99999", &["cannot be reached", "at most"]),
    ("train Pendulum-v1 --method dense --sparsity 0.5", &["dense", "static"]),
    ("train Pendulum-v1 --steps 0", &["steps"]),
    ("train Pendulum-v1 --steps 500", &["start-steps"]),
    ("train Pendulum-v1 --steps many", &["many"]),
    ("train Pendulum-v1 --hidden 0", &["hidden", "1 to 65535"]),
    ("train Pendulum-v1 --hidden 8,8,8,8,8", &["hidden", "1 to 4"]),
    ("train Pendulum-v1 --set td3.bach=3", &["bach", "did you mean `batch`?"]),
    (
        "train Pendulum-v1 --algorithm sac --set td3.batch=64",
        &["`td3.batch` says nothing of a sac run"],
    ),
    ("train Pendulum-v1 --set learning-rate=0.1", &["did you mean `td3.learning-rate`?"]),
    ("train Pendulum-v1 --set init=sparse", &["did you mean `sparsity-aware`?"]),
    ("train Pendulum-v1 --set structure=k-per-3", &["no structure", "did you mean `k-per-32`?"]),
    ("train Pendulum-v1 --set method=riggle", &["riggle", "did you mean `rigl`?"]),
    ("train Pendulum-v1 --set rewire.interval=300", &["[topology]", "`topology.every=300`"]),
    ("train Pendulum-v1 --set hidden=[64", &["hidden=[64", "line 1"]),
    ("train Pendulum-v1 --set hidden=16,16", &["write a list in brackets, e.g. hidden=[256,256]"]),
    ("train Pendulum-v1 --set td3.batch=0", &["td3.batch", "1 to 65536"]),
    ("train Pendulum-v1 --set td3.batch=65537", &["td3.batch", "1 to 65536"]),
    ("train Pendulum-v1 --set td3.batch='many'", &["many", "`td3.batch`"]),
    ("train Pendulum-v1 --set td3.batch", &["`td3.batch`", "KEY=VALUE"]),
    ("train --config number.toml", &["env", "string"]),
    ("train --config broken.toml", &["broken.toml", "line 2"]),
    ("train Pendulum-v1 --set topology.evry=10", &["evry", "did you mean `every`?"]),
    ("train Pendulum-v1 --set allocation={rule='er',lambda=3}", &["lambda"]),
    ("train HalfCheetah-v5 --set allocation={rule='er-lambda',first=7,rest=64,last=9}", &["last"]),
    (
        "train HalfCheetah-v5 --set allocation={rule='er-lambda',first=0,rest=64}",
        &["allocation.first"],
    ),
    (
        "train HalfCheetah-v5 --set allocation={rule='er-lambda',first=7,rest=nan}",
        &["allocation.rest"],
    ),
    ("train Pendulum-v1 --set td3.gamma=2.0", &["td3.gamma", "0 to 1"]),
    ("train Pendulum-v1 --set td3.replay=1000000000000000", &["td3.replay", "u32"]),
    ("finetune run --shift gear=0.5 --replay 1000000000000000000", &["GiB", "--replay"]),
    ("train --config bad.toml", &["bad.toml", "bach", "shows every field"]),
    (
        "train --config old.toml",
        &["old.toml", "`[topology]`", "`every = 500`", "`amount.constant = 0.1`"],
    ),
    ("train --resume old", &["old/config.toml", "`[topology]`", "`every = 500`"]),
    ("train --resume begun --seed 3", &["--resume", "cannot be used with", "--seed"]),
    ("train --resume begun --steps 300", &["steps must be above start-steps"]),
    ("train --resume run --steps 2600", &["finished after 2600 steps", "--resume run --steps N`"]),
    ("train --config missing.toml", &["missing.toml", "No such file"]),
    ("train Pendulum-v1 --out run", &["run already exists", "--force"]),
    ("train Pendulum-v1 --out begun", &["unfinished", "lacewing train --resume begun", "--force"]),
    (
        "train Pendulum-v1 --out mine",
        &["mine", "neither empty nor a run's folder", "another --out"],
    ),
    ("train Pendulum-v1 --out mine --force", &["mine", "nor a run's folder"]),
    ("train Pendulum-v1 --out crate --force", &["crate", "nor a run's folder"]),
    ("train Pendulum-v1 --out small.lace/run", &["small.lace/run", "--out"]),
    ("train --resume mine", &["mine", "lacewing train ENV"]),
    ("train --resume run", &["finished", "policy.lace"]),
    ("train", &["--help"]),
    ("eval missing.lace", &["missing.lace", "policy file"]),
    ("eval mine", &["mine is a folder without policy.lace", "policy file or a run's folder"]),
    ("eval begun", &["no policy.lace yet", "`lacewing train --resume begun`"]),
    ("eval foreign.lace", &["foreign.lace", "no policy file"]),
    ("eval empty.lace", &["empty.lace"]),
    ("inspect cut.lace", &["cut.lace"]),
    ("measure cut.lace", &["cut.lace"]),
    ("measure foreign.lace --json", &["foreign.lace", "no policy file"]),
    ("eval run --env MountainCarContinuous-v0", &["3 observations", "2 and 1", "--env"]),
    ("eval run --env Nowhere-v0", &["unknown environment"]),
    ("eval run --episodes 0", &["0"]),
    ("eval run --episodes 4294967295", &["--episodes", "1..=1000000"]),
    ("robustness run --vary gear=0.5 --episodes 4294967295", &["--episodes", "1..=1000000"]),
    ("export run --out new.lace --episodes 4294967295", &["--episodes", "1..=1000000"]),
    ("finetune run --shift gear=0.5 --episodes 4294967295", &["--episodes", "1..=1000000"]),
    ("eval run --shift gear=x", &["gear", "factor"]),
    ("eval run --shift gravity=2", &["gravity"]),
    ("eval run --shift dead-actuator=7", &["dead-actuator"]),
    ("view run", &["--gif", "--mp4", "--png"]),
    ("view run --gif small.lace", &["small.lace already exists", "--force"]),
    ("view run --gif new.png", &["new.png", "--png", "name it .gif"]),
    ("view run --gif new --png ./new", &["./new can hold one kind", "another file for --png"]),
    ("view run --png new.GIF", &["new.GIF", "--gif", "name it .png"]),
    ("view run --gif mine --force", &["mine is a folder"]),
    ("view run --png nowhere/new.png", &["nowhere/new.png", "no such folder"]),
    ("view run --gif new.gif --size 3x300", &["`3x300`", "WIDTHxHEIGHT", "from 16 to 2048"]),
    ("view run --gif new.gif --size large", &["`large`", "320x240"]),
    ("view run --gif new.gif --every 0", &["--every"]),
    ("view run --gif new.gif --shift gravity=2", &["gravity"]),
    ("view run --gif new.gif --env Nowhere-v0", &["unknown environment"]),
    ("view run --gif new.gif --env MountainCarContinuous-v0", &["3 observations", "2 and 1"]),
    ("view run --gif new.gif --env CartPole-v1", &["discrete actions", "--env"]),
    ("view cut.lace --gif new.gif", &["cut.lace"]),
    ("export run --out small.lace", &["small.lace already exists", "--force"]),
    ("export cut.lace --out new.lace", &["cut.lace"]),
    ("export run --out nowhere/new.lace", &["nowhere/new.lace"]),
    ("export run --values f64 --out new.lace", &["f64", "f32, f16"]),
    ("export cut.lace --format onnx --out new.onnx", &["cut.lace"]),
    ("export run --format onnx --values f16 --out new.onnx", &["--values", ".lace"]),
    ("export run --values f16 --out new.onnx", &["--values", ".lace"]),
    ("export run --format onnx --out new.lace", &["new.lace is named as a lace file", "onnx"]),
    ("export run --format lace --out new.ONNX", &["new.ONNX is named as a onnx file", "lace"]),
    ("export run --out mine --force", &["mine is a folder", "choose another name"]),
    ("finetune run --shift gear=0.5 --out new.onnx", &["new.onnx", "name it .lace"]),
    ("finetune run --shift gear=0.5 --steps 500", &["--steps 500", "--warm-up 500"]),
    (
        "finetune run --shift gear=0.5 --steps 900 --critics-first 400",
        &["400 updates", "--critics-first"],
    ),
    (
        "finetune run --shift gear=0.5 --out new.pt",
        &["new.pt is named as a model in another format", ".lace"],
    ),
    ("inspect run --html small.lace", &["small.lace already exists", "--force"]),
    ("inspect run --html mine --force", &["mine is a folder"]),
    ("report begun", &["`lacewing train --resume begun`"]),
    ("robustness begun --vary gear=0.5", &["`lacewing train --resume begun`"]),
    ("report run --no-latency --out mine", &["mine already exists", "--force"]),
    ("report run --no-latency --out small.lace", &["small.lace is a file", "a folder"]),
    ("export run --format tflite --out new.tflite", &["tflite", "lace, onnx"]),
    ("import td3.onnx --out new.lace", &["--sparsity"]),
    ("import td3.onnx --sparsity 0.9", &["--out"]),
    ("import td3.onnx --sparsity 0.9 --out small.lace", &["small.lace already exists", "--force"]),
    (
        "finetune small.lace --shift gear=0.5",
        &["resume section", "run's folder", "`lacewing adopt small.lace --out NEW`"],
    ),
    ("adopt small.lace --out new.lace --critic-hidden 0", &["--critic-hidden", "e.g. 256,256"]),
    ("finetune run --shift gear=0", &["gear", "0.001"]),
    ("finetune run --shift gear=0.5 --replay 0", &["--replay"]),
    ("finetune run --shift gear=0.5 --noise=-1", &["--noise"]),
    ("finetune run --shift gear=0.5 --learning-rate 0", &["--learning-rate"]),
    ("finetune run --shift gear=0.5 --out small.lace", &["already exists", "--force"]),
    (
        "finetune run --shift gear=0.5 --out nowhere/new.lace",
        &["nowhere", "no such folder", "another place"],
    ),
    ("quickstart --steps 128", &["--steps", "above 128"]),
    ("quickstart --sparsity 2", &["sparsity"]),
    ("quickstart --out run", &["run already exists", "--force"]),
    // Names of chips.
    ("measure small.lace --target cortex-m7", &["no device cortex-m7", "did you mean stm32h7?"]),
    ("deploy small.lace --to cortex-m7", &["no host", "--to cortex-m7 --emulate`"]),
    ("deploy small.lace --to stm32h7", &["no host", "--to stm32h7 --flash`"]),
    ("keygen mine/fleet", &["mine/fleet.key is there already", "move that one away"]),
    ("env serve Nowhere-v0", &["unknown environment"]),
    ("frobnicate", &["frobnicate", "--help"]),
    ("serve", &["'serve'; see"]),
];

/// The same for the import, which is not part of every build.
#[cfg(not(feature = "onnx"))]
const IMPORTS: &[(&str, &[&str])] =
    &[("import td3.onnx --sparsity 0.9 --out new.lace", &["rebuild", "--features onnx"])];

#[cfg(feature = "onnx")]
const IMPORTS: &[(&str, &[&str])] = &[
    ("import missing.onnx --sparsity 0.9 --out new.lace", &["missing.onnx", "No such file"]),
    ("import mine --sparsity 0.9 --out new.lace", &["mine", "directory"]),
    ("import small.lace --sparsity 0.9 --out new.lace", &["not an ONNX model", ".onnx"]),
    ("import empty.lace --sparsity 0.9 --out new.lace", &["not an ONNX model"]),
    ("import cut.onnx --sparsity 0.9 --out new.lace", &["ONNX"]),
    ("import softmax.onnx --sparsity 0.9 --out new.lace", &["node `softmax_of_y` (Softmax)"]),
    ("import td3.onnx --sparsity 1.5 --out new.lace", &["sparsity must be", "below 1"]),
    ("import td3.onnx --sparsity NaN --out new.lace", &["sparsity must be"]),
    ("import td3.onnx --sparsity 0.9999 --out new.lace", &["keep no link", "less"]),
    ("import td3.onnx --sparsity 0.9 --env Nowhere-v0 --out new.lace", &["unknown environment"]),
    (
        "import td3.onnx --sparsity 0.9 --env Pendulum-v1 --low 0 --out new.lace",
        &["--low", "--env"],
    ),
    ("import td3.onnx --sparsity 0.9 --low -1 --out new.lace", &["--high"]),
    ("import td3.onnx --sparsity 0.9 --low 1 --high 1 --out new.lace", &["action 0", "1 and 1"]),
    (
        "import td3.onnx --sparsity 0.9 --low 0,0 --high 1,1 --out new.lace",
        &["2 for 6 actions", "one an action"],
    ),
    ("import td3.onnx --sparsity 0.9 --env Pendulum-v1 --out new.lace", &["6 actions", "--env"]),
    ("import td3.onnx --sparsity 0.9 --control-period 0 --out new.lace", &["control period"]),
    ("import ppo.onnx --sparsity 0.9 --out new.lace", &["6 actions", "--low", "--env"]),
    ("import td3.onnx --sparsity 0.9 --out nowhere/new.lace", &["nowhere/new.lace"]),
];

#[test]
fn one_line_that_helps_a_failure_and_nothing_written() {
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path());
    let before = files(folder.path());
    let mut wrong = Vec::new();
    for (line, words) in CASES.iter().chain(IMPORTS) {
        let arguments: Vec<_> = line.split(' ').collect();
        let output = Command::new(lacewing())
            .args(&arguments)
            .current_dir(folder.path())
            .output()
            .expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(files(folder.path()) == before, "{line} changed files");
        let failed = matches!(output.status.code(), Some(1 | 2));
        let one_line = stderr.lines().count() == 1 && stderr.starts_with("error: ");
        let missing: Vec<_> = words.iter().filter(|&&word| !stderr.contains(word)).collect();
        if !(failed && one_line && missing.is_empty()) {
            wrong.push(format!("{line}: {:?}, without {missing:?}: {stderr}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_mujoco_one_line_names_the_command_that_fetches_it() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(lacewing())
        .args(["train", "HalfCheetah-v5"])
        .current_dir(folder.path())
        .env("XDG_CACHE_HOME", folder.path())
        .env_remove("LACEWING_MUJOCO")
        .output()
        .expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("lacewing env install mujoco"), "{stderr}");
    assert!(files(folder.path()).is_empty(), "nothing is left behind");
}
