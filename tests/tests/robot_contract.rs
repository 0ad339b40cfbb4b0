//! A contract from `robot.toml` into a policy file, and what the programs do with it.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_runtime::learn::{ActionSpace, Td3Config};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use lacewing_tests::{edge, fresh};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What Pendulum-v1 announces, and more.
const PENDULUM: &str = r#"
control-period = 0.05

[[observations]]
name = "cos(angle)"
low = -1.5
high = 1.5
[[observations]]
name = "sin(angle)"
[[observations]]
name = "angular velocity"
unit = "rad/s"

[[actions]]
name = "torque"
unit = "N m"
low = -1.0
rate = 4.0
"#;

struct Folder(tempfile::TempDir);

impl Folder {
    /// With a fresh policy for Pendulum-v1, `policy.lace`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let actions = ActionSpace::Continuous(1);
        let mut policy = fresh::policy(Td3Config::default().into(), 3, actions, &[16, 16], 1);
        (policy.low, policy.high) = (vec![-2.0], vec![2.0]);
        policy.probes = vec![];
        fs::write(folder.path("policy.lace"), &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn export(&self, toml: &str, out: &str) -> Command {
        fs::write(self.path("robot.toml"), toml).unwrap();
        let mut command = Command::new(lacewing());
        command.arg("export").arg(self.path("policy.lace")).arg("--contract");
        command.arg(self.path("robot.toml")).arg("--force").arg("--out").arg(self.path(out));
        command
    }

    /// The policy with this contract.
    fn agreed(&self, toml: &str, out: &str) -> PathBuf {
        succeed(&mut self.export(toml, out));
        self.path(out)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn inspect(policy: &Path, options: &[&str]) -> String {
    text(&succeed(Command::new(lacewing()).arg("inspect").arg(policy).args(options)).stdout)
}

/// What `lacewing` complains of.
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    text(&output.stderr)
}

fn act(policy: &Path, input: &str) -> Output {
    edge::act(&[], policy, input)
}

fn actions(output: &Output) -> Vec<f64> {
    assert!(output.status.success(), "{output:?}");
    let line = |line: &str| serde_json::from_str::<Vec<f64>>(line).unwrap()[0];
    text(&output.stdout).lines().map(line).collect()
}

#[test]
fn it_travels_and_is_shown() {
    let folder = Folder::new();
    let policy = folder.agreed(PENDULUM, "agreed.lace");
    let table = inspect(&policy, &[]);
    assert!(table.contains("contract: an action every 0.05 s"), "{table}");
    let row = table.lines().find(|line| line.contains("angular velocity")).unwrap();
    assert!(row.contains("rad/s"), "{row}");
    let json: serde_json::Value = serde_json::from_str(&inspect(&policy, &["--json"])).unwrap();
    assert_eq!(json["contract"]["observations"][2]["name"], "angular velocity");
    assert_eq!(json["contract"]["actions"][0]["rate"], 4.0);
    // It stays with the policy when that is stored another way, and none is in a file without.
    let again = folder.path("again.lace");
    succeed(
        Command::new(lacewing())
            .arg("export")
            .arg(&policy)
            .args(["--values=f16", "--out"])
            .arg(&again),
    );
    assert!(inspect(&again, &[]).contains("angular velocity"));
    assert!(!inspect(&folder.path("policy.lace"), &[]).contains("contract"));
}

#[test]
fn a_limit_that_is_no_f32_is_kept_in_all_its_digits() {
    let folder = Folder::new();
    let limit = std::f64::consts::PI / 6.0;
    let toml = format!("[[actions]]\nlow = -{limit}\nhigh = {limit}");
    let policy = folder.agreed(&toml, "agreed.lace");
    let observations: String =
        (-20..=20).map(|at| format!("[{}, {}, {}]\n", at % 2, at % 3, at)).collect();
    let actions = actions(&act(&policy, &observations));
    assert_eq!(actions.len(), 41);
    assert!(actions.iter().all(|action| action.abs() <= limit), "{actions:?}");
    assert!(actions.iter().any(|action| action.abs() > limit - 1e-6), "{actions:?}");
}

#[test]
fn what_was_shifted_is_not_forgotten() {
    let folder = Folder::new();
    let path = |name: &str| folder.path(name);
    let tune = |from: &str, shift: &str, to: &str| {
        succeed(
            Command::new(lacewing())
                .arg("finetune")
                .arg(path(from))
                .args(["--env=Pendulum-v1", "--steps=30", "--warm-up=10", "--episodes=1"])
                .args(["--evaluate-every=20", "--shift", shift, "--out"])
                .arg(path(to)),
        );
        inspect(&path(to), &[])
    };
    assert!(tune("policy.lace", "gear=0.5", "weak.lace").contains("tuned under gear=0.5\n"));
    for (shift, to) in [("", "same.lace"), ("gear=0.5", "again.lace")] {
        let tuned = tune("weak.lace", shift, to);
        assert!(tuned.contains("tuned under gear=0.5\n"), "{tuned}");
    }
    let heavy = tune("weak.lace", "mass=1.5", "heavy.lace");
    assert!(heavy.contains("tuned under gear=0.5; mass=1.5\n"), "{heavy}");
    std::fs::rename(path("heavy.lace"), path("policy.lace")).unwrap();
    let agreed = inspect(&folder.agreed(PENDULUM, "agreed.lace"), &[]);
    assert!(agreed.contains("tuned under gear=0.5; mass=1.5\n"), "{agreed}");
    let told = format!("shifted = \"payload\"\n{PENDULUM}");
    let told = inspect(&folder.agreed(&told, "told.lace"), &[]);
    assert!(told.contains("tuned under payload\n"), "{told}");
}

#[test]
fn what_cannot_be_agreed_is_refused_with_its_place() {
    let folder = Folder::new();
    for (toml, says) in [
        ("[[actions]]\nnam = \"torque\"", "nam"),
        ("[[actions]]\nscale = 0.0", "action 0: offset and scale must be finite"),
        ("[[actions]]\n[[actions]]", "it has 2 actions, the policy has 1"),
        ("history = 2", "are not the 3 numbers"),
        ("history = 0", "from 1 to 64 frames"),
        ("control-period = 0.0", "control-period"),
        ("[[actions]]\nlow = 3.0\nhigh = 4.0", "no value is within its limits"),
        ("[[observations]]\nlow = 1.0\nhigh = 0.0", "observation 0: its limits"),
        (
            "[[observations]]\nname = \"cos\"\n[[observations]]\nname = \"sin\"\n[[observations]]\nname = \"cos\"",
            "observations 0 and 2 are both called `cos`",
        ),
        (
            "[[observations]]\nlow = 1e6\nhigh = 1000001.0",
            "observation 0: from low to high f32 has fewer than 1000 values",
        ),
        ("history = ", "robot.toml"),
    ] {
        let complaint = refused(&mut folder.export(toml, "out.lace"));
        assert!(complaint.contains(says), "{toml}: {complaint}");
        assert!(!folder.path("out.lace").exists(), "{toml}");
    }
    let mut binary = folder.export("", "out.lace");
    fs::copy(folder.path("policy.lace"), folder.path("robot.toml")).unwrap();
    let complaint = refused(&mut binary);
    assert!(complaint.contains("robot.toml is no text: give a TOML file"), "{complaint}");
    let complaint = refused(folder.export(PENDULUM, "out.onnx").arg("--format=onnx"));
    assert!(complaint.contains("--contract"), "{complaint}");
}

#[test]
fn act_keeps_to_it_and_refuses_another_robot_by_name() {
    let folder = Folder::new();
    let policy = folder.agreed(PENDULUM, "agreed.lace");
    let spec = |names: &str| {
        format!(
            r#"{{"spec":{{"id":"Robot","obs_dim":3,"act_low":[-2],"act_high":[0.5],"obs_names":{names}}}}}"#
        )
    };
    let right = spec(r#"["cos(angle)","sin(angle)","angular velocity"]"#);
    // It asks for more and more, and for the opposite.
    let observations = "[1,0,8]\n[-1,0,-1000]\n[1,0,1000]\n[-1,0,-1000]\n".repeat(10);
    let sent = actions(&act(&policy, &format!("{right}\n{observations}")));
    assert_eq!(sent.len(), 40);
    assert!(sent.iter().all(|action| (-1.0..=0.5).contains(action)), "{sent:?}");
    // 4 a second, every 0.05 s.
    let change = |pair: &[f64]| (pair[1] - pair[0]).abs();
    assert!(sent.windows(2).all(|pair| change(pair) <= 0.2 + 1e-6), "{sent:?}");
    let free = actions(&act(&folder.path("policy.lace"), &observations));
    assert!(free.windows(2).any(|pair| change(pair) > 0.2), "{free:?}");

    let swapped = spec(r#"["sin(angle)","cos(angle)","angular velocity"]"#);
    let output = act(&policy, &format!("{swapped}\n{observations}"));
    let complaint = edge::complaint(&output);
    let expected =
        "observation 0: the policy expects `cos(angle)`, the driver announces `sin(angle)`";
    assert!(complaint.contains(expected) && output.stdout.is_empty(), "{complaint}");
    // A sensor beyond its limits.
    let output = act(&policy, "[1,0,0]\n[1.6,0,0]\n");
    let complaint = edge::complaint(&output);
    assert!(complaint.contains("line 2") && complaint.contains("from -1.5 to 1.5"), "{complaint}");
    for line in [r#"{"obs":[1,0,0]}"#, r#"{"spec":{"id":"Robot"}}"#, "{"] {
        assert!(edge::complaint(&act(&policy, line)).contains("line 1: "), "{line}");
    }
}

#[test]
fn act_converts_and_stacks_and_forgets_at_a_reset() {
    let folder = Folder::new();
    let toml =
        "history = 3\n[[observations]]\noffset = 1.0\nscale = 0.5\n[[actions]]\nscale = 0.1\n";
    let policy = folder.agreed(toml, "agreed.lace");
    let stacked = actions(&act(&policy, "[3]\n[5]\n[-1]\n{\"reset\":1}\n[3]\n"));
    let plain = actions(&act(&folder.path("policy.lace"), "[1,1,1]\n[1,1,2]\n[1,2,-1]\n[1,1,1]\n"));
    for (stacked, plain) in stacked.iter().zip(&plain) {
        assert!((stacked - 0.1 * plain).abs() < 1e-6, "{stacked} {plain}");
    }
    assert_eq!((stacked.len(), plain.len()), (4, 4));
    let complaint = edge::complaint(&act(&policy, "[1,1,1]\n"));
    assert!(complaint.contains("has 3 numbers, the policy takes 1"), "{complaint}");
}

#[test]
fn tuning_and_evaluating_elsewhere_is_refused_by_name() {
    let folder = Folder::new();
    let swapped = PENDULUM.replace("sin(angle)", "sine");
    let policy = folder.agreed(&swapped, "swapped.lace");
    let says = "observation 1: the policy expects `sine`, the driver announces `sin(angle)`";
    let tune = |policy: &Path| {
        let serve = format!("exec '{}' env serve Pendulum-v1", lacewing().display());
        let mut command = Command::new(edge::program());
        command.arg("finetune").arg(policy).args(["--env-command", &serve, "--out"]);
        command.arg(folder.path("tuned.lace")).args([
            "--steps=300",
            "--warm-up=100",
            "--episodes=1",
        ]);
        command
    };
    let complaint = edge::complaint(&tune(&policy).output().unwrap());
    assert!(complaint.contains(says), "{complaint}");
    assert!(!folder.path("tuned.lace").exists());
    let mut eval = Command::new(lacewing());
    eval.arg("eval").arg(&policy).args(["--env=Pendulum-v1", "--episodes=1"]);
    assert!(refused(&mut eval).contains(says));
    let mut eval = Command::new(lacewing());
    eval.args(["eval", "--env=Pendulum-v1", "--episodes=1"])
        .arg(folder.agreed(PENDULUM, "held.lace"));
    let note = "simulators do not apply the limits and rates of the policy's contract";
    assert!(text(&succeed(&mut eval).stderr).contains(note));
    let wide = "[[actions]]\nlow = -2.0\nhigh = 3.0\n";
    let mut eval = Command::new(lacewing());
    eval.args(["eval", "--env=Pendulum-v1", "--episodes=1"]).arg(folder.agreed(wide, "wide.lace"));
    assert!(succeed(&mut eval).stderr.is_empty());
    let stacked = folder.agreed("history = 3\n", "stacked.lace");
    let mut eval = Command::new(lacewing());
    eval.arg("eval").arg(&stacked).args(["--env=Pendulum-v1", "--episodes=1"]);
    assert!(refused(&mut eval).contains("from 3 frame(s), which simulators do not"));
    let slow = PENDULUM.replace("0.05", "0.02");
    let slow = folder.agreed(&slow, "slow.lace");
    let complaint = edge::complaint(&tune(&slow).output().unwrap());
    assert!(complaint.contains("acts every 0.02 s and the driver every 0.05 s"), "{complaint}");

    // The right one is tuned, keeps its contract, and says under what.
    let right = folder.agreed(PENDULUM, "right.lace");
    succeed(&mut tune(&right));
    let tuned = AlignedBytes::read(folder.path("tuned.lace")).unwrap();
    let contract = PolicyView::parse(&tuned).unwrap().contract().unwrap();
    assert_eq!((contract.observations().len(), contract.shifted()), (3, ""));
    let out = folder.path("shifted.lace");
    let mut finetune = Command::new(lacewing());
    finetune.arg("finetune").arg(&right).args(["--env=Pendulum-v1", "--shift=gear=0.5", "--out"]);
    succeed(finetune.arg(&out).args(["--steps=600", "--warm-up=100", "--episodes=1"]));
    let tuned = AlignedBytes::read(&out).unwrap();
    let contract = PolicyView::parse(&tuned).unwrap().contract().unwrap();
    assert_eq!((contract.observations().len(), contract.shifted()), (3, "gear=0.5"));
    assert!(inspect(&out, &[]).contains("tuned under gear=0.5"));
}
