//! A sweep that is killed again and again, at random moments, ends as one that nobody touched.
#![cfg(unix)]

mod sweep_common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{progress, succeed};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::Value;
use sweep_common::{SHORT, plan, stdout, sweep, text};

const KILLS: usize = 10;

/// The report's figures of every run, without the clock and the folder above the sweep.
fn table(root: &Path, out: &str) -> Vec<String> {
    let mut report = Command::new(lacewing());
    succeed(report.args(["report", out, "--no-latency"]).current_dir(root));
    let scores = fs::read_to_string(root.join(out).join("report/scores.csv")).unwrap();
    let clock = scores.lines().next().unwrap().split(',').position(|name| name == "wall_seconds");
    let clock = clock.expect("the report has the wall clock");
    let without = |line: &str| {
        let mut cells: Vec<_> = line.split(',').collect();
        cells.remove(clock);
        cells.join(",").replace(out, "")
    };
    scores.lines().map(without).collect()
}

#[test]
fn ten_random_kills_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let grid = format!("{SHORT}[axes]\nmethod = ['static', 'set']\nseed = '1..=3'\n");
    let points = plan(root, &grid, "unbroken");
    plan(root, &grid, "broken");
    let started = Instant::now();
    succeed(&mut sweep(&["run", "unbroken", "--jobs=2"], root));
    let whole = started.elapsed();

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = now.as_nanos() as u64;
    println!("moments of seed {seed}");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut hit = 0;
    for kill in 0..KILLS {
        let mut run = sweep(&["run", "broken", "--jobs=2"], root)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Ten of these are less than half of the whole time on average, so that most find something to kill
        // where the machine has become faster since.
        let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        sleep(whole.mul_f64(share / 12.0) + Duration::from_millis(5));
        hit += usize::from(run.try_wait().unwrap().is_none());
        // By turns the sweep alone, whose points have to notice, and all of it at once.
        let target = if kill % 2 == 0 { run.id().to_string() } else { format!("-{}", run.id()) };
        // What has ended cannot be killed.
        let _ = Command::new("kill").args(["-KILL", "--", &target]).stderr(Stdio::null()).status();
        run.wait().unwrap();
    }
    assert!(hit >= KILLS / 2, "only {hit} kills found the sweep at work");
    let told = stdout(&succeed(&mut sweep(&["run", "broken", "--jobs=2"], root)));
    assert!(told.contains("all 6 points are done"), "{told}");

    let folders = |out: &str| {
        let of = |point: &Value| root.join(out).join(text(point, "folder"));
        points.iter().map(of).collect::<Vec<_>>()
    };
    for (broken, unbroken) in folders("broken").iter().zip(folders("unbroken")) {
        assert_eq!(progress(broken), progress(&unbroken));
        let policy = |run: &Path| fs::read(run.join("policy.lace")).unwrap();
        assert!(policy(broken) == policy(&unbroken), "{} differs", broken.display());
    }
    let there = fs::read_dir(root.join("broken/points")).unwrap().count();
    assert_eq!(there, points.len(), "a run was lost or doubled");
    assert_eq!(table(root, "broken"), table(root, "unbroken"));
}
