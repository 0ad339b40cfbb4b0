//! Grids: what they resolve to, what is refused, and what a plan tells.

mod sweep_common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lacewing_tests::runs::succeed;
use serde_json::Value;
use sweep_common::{SHORT, plan, stderr, stdout, sweep, text, try_plan};

/// Why a grid is refused, in one line, and that nothing is left of it.
fn refused(grid: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = try_plan(folder.path(), grid, "out");
    let told = stderr(&output);
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(!folder.path().join("out").exists(), "{grid}");
    told
}

#[test]
fn a_grid_is_every_combination_once() {
    let folder = tempfile::tempdir().unwrap();
    let points = plan(
        folder.path(),
        "[base]
         env = 'CartPole-v1'
         hidden = [32, 32]
         dqn.batch = 64
         [axes]
         method = ['dense', 'static', 'rigl', 'prune']
         sparsity = [0.5, 0.9]
         topology.every = [500, 1000]
         seed = '1..=3'
         [[exclude]]
         method = 'prune'
         topology.every = 1000
         [[exclude]]
         method = ['rigl', 'prune']
         sparsity = 0.5
         seed = [2, 3]
         [[include]]
         method = 'rigl'
         sparsity = 0.9
         topology.every = 1000
         bias = false",
        "out",
    );
    // dense: 3 seeds; static: 2 sparsities x 3; rigl: 0.9 x 2 x 3 and 0.5 x 2 x 1; prune: 3 and 1;
    // without biases: 3.
    assert_eq!(points.len(), 3 + 6 + 8 + 4 + 3);
    let names: BTreeSet<_> = points.iter().map(|point| text(point, "name")).collect();
    assert_eq!(names.len(), points.len());
    assert_eq!(text(&points[0], "name"), "0000-dense_seed=1");
    for name in [
        "0008-static_sparsity=0.9_seed=3",
        "0009-rigl_sparsity=0.5_topology.every=500_seed=1",
        "0023-rigl_sparsity=0.9_bias=false_topology.every=1000_seed=3",
    ] {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
    for (at, point) in points.iter().enumerate() {
        assert_eq!(point["number"], at);
        assert_eq!(text(point, "folder"), format!("points/{}", text(point, "name")));
        let config = &point["config"];
        assert_eq!(
            (&config["algorithm"], &config["dqn"]["batch"], &config["hidden"]),
            (&"dqn".into(), &64.into(), &vec![32, 32].into())
        );
    }
    // Resolved by the way of `train`: what no one says is the method's.
    let rigl = &points[10]["config"];
    assert_eq!(
        (&rigl["init"], &rigl["topology"]["every"]),
        (&"sparsity-aware".into(), &1000.into())
    );
    assert_eq!(points[0]["config"]["sparsity"], Value::Null);
}

#[test]
fn linked_axes_set_several_keys_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let points = plan(
        folder.path(),
        "[base]
         method = 'set'
         sparsity = 0.9
         [axes]
         allocation = ['erk', 'balanced']
         td3.learning-rate = [1e-3, 1e-30]
         [linked]
         task = [
            { env = 'Pendulum-v1', steps = 5000 },
            { env = 'MountainCarContinuous-v0', steps = 9000, topology.amount.cosine = 0.3 },
         ]",
        "out",
    );
    assert_eq!(points.len(), 8);
    let of = |at: usize| &points[at]["config"];
    assert_eq!((&of(0)["env"], &of(0)["steps"]), (&"Pendulum-v1".into(), &5000.into()));
    let last = of(7);
    assert_eq!(
        (&last["steps"], &last["topology"]["amount"]["cosine"], &last["allocation"]["rule"]),
        (&9000.into(), &0.3.into(), &"balanced".into())
    );
    assert_eq!(
        text(&points[7], "name"),
        "0007-MountainCarContinuous-v0_allocation=closeness-0.2-rule-balanced_steps=9000_\
         td3.learning-rate=1e-30_topology.amount=cosine-0.3"
    );
}

#[test]
fn settings_of_an_algorithm_are_for_its_own_runs() {
    let folder = tempfile::tempdir().unwrap();
    let points = plan(
        folder.path(),
        "[base]
         env = 'Pendulum-v1'
         sac.learning-rate = 3e-4
         [axes]
         algorithm = ['td3', 'sac']
         td3.learning-rate = [1e-3, 2e-3]",
        "out",
    );
    let names: Vec<_> = points.iter().map(|point| text(point, "name")).collect();
    assert_eq!(
        names,
        ["0000-td3_td3.learning-rate=0.001", "0001-td3_td3.learning-rate=0.002", "0002-sac"]
    );
    let rate = |at: usize, name: &str| points[at]["config"][name]["learning-rate"].clone();
    assert_eq!([rate(1, "td3"), rate(2, "sac")], [2e-3, 3e-4]);
    assert_eq!(points[2]["config"]["td3"], Value::Null);
}

#[test]
fn what_is_wrong_with_a_grid_is_told_and_nothing_is_written() {
    let base = "[base]\nenv = 'Pendulum-v1'\n";
    let set = format!("{base}[axes]\nmethod = ['set', 'rigl']\nsparsity = [0.9]\n");
    for (grid, words) in [
        (format!("{base}sparsty = 0.9\n"), &["did you mean `sparsity`?"][..]),
        (format!("{base}[axes]\ntd3.lerning-rate = [1e-3]"), &["did you mean `learning-rate`?"]),
        (format!("{base}[axes]\nmethod = ['set', 'riggle']"), &["point riggle", "`rigl`?"]),
        (format!("{base}[axis]\nseed = [1]"), &["did you mean `axes`?"]),
        (format!("{base}[axes]\nseed = 1"), &["seed = [1]", "under [base]"]),
        (format!("{base}[axes]\nseed = []"), &["seed has no values"]),
        (format!("{base}[axes]\nseed = '5..=1'"), &["seed = \"5..=1\" is no range"]),
        (format!("{base}[axes]\nseed = '1..=100001'"), &["at most 100000"]),
        (
            format!("{base}[axes]\nseed = '1..=1000'\nsteps = '10000..10900'"),
            &["more than 100000 combinations"],
        ),
        (
            format!("{base}[axes]\nsparsity = [0.9, 1.5]"),
            &["point sparsity=1.5", "below 1", "[[exclude]]"],
        ),
        (
            "[axes]\nenv = ['Pendulum-v1', 'Pendulm-v1']".into(),
            &["point Pendulm-v1", "did you mean `Pendulum-v1`?"],
        ),
        (
            format!("{base}[axes]\nalgorithm = ['td3', 'dqn']"),
            &["point dqn", "take td3, sac or ppo"],
        ),
        ("[axes]\nseed = [1]".into(), &["env is missing"]),
        (format!("{set}[[exclude]]\nmethd = 'set'"), &["did you mean `method`?"]),
        (format!("{set}[[exclude]]\nsparsity = 0.5"), &["sparsity = [0.5]", "leaves nothing out"]),
        (format!("{set}[[exclude]]\nsparsity = 0.9"), &["leaves out all"]),
        ("[base\n".into(), &["grid.toml: TOML parse error at line 1"]),
        (
            format!("{base}sac.batch = 64\n[axes]\nalgorithm = ['td3', 'td3']"),
            &["`sac.batch` says nothing of a td3 run"],
        ),
        (format!("{set}[[exclude]]\nseed = []"), &["[[exclude]] seed has no values"]),
        (
            format!("{base}[[include]]\nmethod = []\nsparsity = [0.5]"),
            &["[[include]] method has no values"],
        ),
        (format!("{base}[linked]\nsize = []"), &["[linked] size has no values"]),
        (
            format!("{set}[linked]\nform = [{{ method = 'static' }}, {{ method = 'dense' }}]"),
            &["`method` is set by two axes, method and form"],
        ),
        ("[base]\nenv = 'Pendulum-v1'\nseed = '1..=5'".into(), &["[base] seed", "under [axes]"]),
        (format!("{base}[axes]\nseed = ['1..=3']"), &["not in a list", "seed = \"1..=3\""]),
    ] {
        let told = refused(&grid);
        for word in words {
            assert!(told.contains(word), "no `{word}` in {told}");
        }
    }
}

#[test]
fn a_planned_sweep_grows_but_loses_no_point() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = |seeds: &str| format!("{SHORT}[axes]\nmethod = ['static', 'set']\nseed = {seeds}\n");
    let before = plan(root, &grid("[2, 3]"), "out");
    assert_eq!(plan(root, &grid("[2, 3]"), "out"), before, "planned again");
    let after = plan(root, &grid("[1, 2, 3]"), "out");
    assert_eq!(after[..4], before[..]);
    let names: Vec<_> = after[4..].iter().map(|point| text(point, "name")).collect();
    assert_eq!(names, ["0004-static_seed=1", "0005-set_seed=1"]);
    let output = try_plan(root, &grid("[1, 2]"), "out");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("0001-static_seed=3"), "{}", stderr(&output));
    let kept = fs::read(root.join("out/points.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&kept).unwrap(), after);
}

#[test]
fn a_lost_plan_is_made_again_with_the_runs_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = |seeds: &str| format!("{SHORT}[axes]\nseed = {seeds}\n");
    plan(root, &grid("[2, 3]"), "out");
    let points = plan(root, &grid("[1, 2, 3]"), "out");
    for number in ["1", "2"] {
        succeed(&mut sweep(&["point", "out", number], root));
    }
    fs::write(root.join("out/points.json"), "[").unwrap();
    let told = stderr(&try_plan(root, &grid("[1, 2, 3]"), "out"));
    assert!(told.contains("delete it and plan"), "{told}");
    fs::remove_file(root.join("out/points.json")).unwrap();
    let again = plan(root, &grid("[1, 2, 3]"), "out");
    // What was never begun has nothing to lose.
    assert_eq!(again, points);
    let folders = fs::read_dir(root.join("out/points")).unwrap().count();
    succeed(&mut sweep(&["run", "out"], root));
    assert_eq!(fs::read_dir(root.join("out/points")).unwrap().count(), folders + 1);
}

#[test]
fn a_grid_of_someone_else_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("grid.toml"), "irreplaceable").unwrap();
    let output = try_plan(folder.path(), SHORT, "mine");
    assert!(
        stderr(&output).contains("another grid") && stderr(&output).contains("-o"),
        "{output:?}"
    );
    assert_eq!(std::fs::read_to_string(mine.join("grid.toml")).unwrap(), "irreplaceable");
    // An empty folder, or one with this very grid, is as good as none.
    std::fs::write(mine.join("grid.toml"), SHORT).unwrap();
    assert!(try_plan(folder.path(), SHORT, "mine").status.success());
}

#[test]
fn a_plan_estimates_time_and_disk() {
    let folder = tempfile::tempdir().unwrap();
    let grid = format!("{SHORT}[axes]\nseed = [1, 2]\n");
    fs::write(folder.path().join("quick.toml"), grid).unwrap();
    let output = succeed(&mut sweep(&["plan", "quick.toml"], folder.path()));
    let told = stdout(&output);
    assert!(told.starts_with("2 points: 3200 steps\n"), "{told}");
    for words in
        ["of one core (kinds of run timed: 1)", " MB in the end", "`lacewing sweep run runs/quick`"]
    {
        assert!(told.contains(words), "no `{words}` in {told}");
    }
    assert!(folder.path().join("runs/quick/points.json").exists());
}

#[test]
fn points_that_fail_at_once_are_named_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let planned = |axes: &str, options: &[&str]| {
        fs::write(root.join("bad.toml"), format!("{SHORT}{axes}")).unwrap();
        let output = sweep(&["plan", "bad.toml"], root).args(options).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    for (axes, names) in [
        ("td3.learning-rate = 1e30\n", &["point 0000-run: learning diverged"][..]),
        (
            "[axes]\ntd3.learning-rate = [1e-3, 1e30, 1e33]\nseed = [1, 2]\n",
            &["0002-td3.learning-rate=1e30_seed=1", "0004-td3.learning-rate=1e33_seed=1"],
        ),
    ] {
        let (code, told) = planned(axes, &[]);
        assert_eq!(code, Some(1), "{told}");
        for name in names {
            assert!(told.contains(name) && !told.contains("=0.001"), "no `{name}` in {told}");
        }
        assert!(!root.join("runs").exists(), "{axes}");
    }
    assert_eq!(planned("td3.learning-rate = 1e30\n", &["--no-estimate"]).0, Some(0));
}

/// The grids that come with the repository.
#[test]
fn the_grids_of_the_repository_are_legal() {
    let folder = tempfile::tempdir().unwrap();
    for (name, count) in [("quick", 4), ("classic-control", 290)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../sweeps/{name}.toml"));
        assert_eq!(plan(folder.path(), &fs::read_to_string(path).unwrap(), name).len(), count);
    }
}
