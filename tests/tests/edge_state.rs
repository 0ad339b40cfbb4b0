//! A fine-tuning that is killed, stopped, damaged or out of disk goes on from its last whole save.
#![cfg(unix)]

mod edge_common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use edge_common::{HABITS, bench};
use lacewing_runtime::store::{Folder, Store};
use lacewing_tests::edge::{self, complaint};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const FEWEST_KILLS: u64 = 4;
/// Longer than a session of this suite takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A session with its saves in `state` and its policy in `state.lace`; what `more` does not say is as usual.
fn session(policy: &Path, state: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(edge::program());
    command.arg("finetune").arg(policy);
    command.args(["--env-command", &format!("exec python3 '{HABITS}' plain")]);
    command.arg("--episodes=2");
    for usual in ["--warm-up=100", "--evaluate-every=300", "--save-every=100"] {
        let name = usual.split_inclusive('=').next().unwrap();
        if !more.iter().any(|option| option.starts_with(name)) {
            command.arg(usual);
        }
    }
    command.arg("--out").arg(state.with_extension("lace")).arg("--state").arg(state).args(more);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a session that ends well says.
fn finish(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

/// A session that has told of so many episodes of learning; none if it ended before.
fn after_lines(mut command: Command, episodes: u64) -> Option<Child> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines().map(Result::unwrap);
    let learned = |line: &String| line.starts_with("step ") && !line.contains("evaluated");
    if lines.filter(learned).nth(episodes as usize).is_some() {
        return Some(child);
    }
    assert!(child.wait().unwrap().success());
    None
}

/// The payload of the newest save.
fn saved(state: &Path) -> Vec<u8> {
    let mut piece = [0; 4096];
    let mut store = Store::open(Folder::open(state).unwrap(), &mut piece).unwrap();
    let entry = *store.newest().expect("a save");
    let mut payload = vec![0; entry.length as usize];
    store.read(&entry, 0, &mut payload, &mut piece).unwrap();
    payload
}

/// Waits until there is a save, and kills the session, which then has not ended.
fn kill_after_a_save(mut command: Command, state: &Path) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    // With its header, which comes last.
    let is_saved = || fs::read(state.join("slot-b")).is_ok_and(|it| it.starts_with(b"LACESLOT"));
    while !is_saved() {
        assert!(started.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "no save");
        sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn kills_at_random_moments_change_no_bit() {
    let (folder, policy) = bench();
    let [unbroken, broken] = ["unbroken", "broken"].map(|name| folder.path().join(name));
    // Half of what there is to save must be there again: the ring's place, links that moved, the policy that
    // it is pulled towards.
    let steps = ["--steps=1500", "--replay=700", "--topology=set", "--stay-near=0.1"];
    let told = finish(session(&policy, &unbroken, &steps));
    assert!(told.contains("holds no session: starting from the policy file"), "{told}");

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = now.as_nanos() as u64;
    println!("moments of seed {seed}");
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut kills = 0;
    // After some episodes more, until it comes to its end.
    while let Some(mut child) = after_lines(session(&policy, &broken, &steps), rng.next_u64() % 7) {
        sleep(Duration::from_micros(rng.next_u64() % 20_000));
        child.kill().unwrap();
        kills += u64::from(!child.wait().unwrap().success());
        // A policy without a session is in the way of a new one, as any file is.
        if Store::open(Folder::open(&broken).unwrap(), &mut [0; 4096]).unwrap().newest().is_none() {
            let _ = fs::remove_file(broken.with_extension("lace"));
        }
    }
    println!("{kills} kills");
    assert!(kills >= FEWEST_KILLS, "only {kills} kills found the session at work");
    let again = finish(session(&policy, &broken, &steps));
    assert!(again.contains("going on from step "), "{again}");
    let tuned = |state: &Path| fs::read(state.with_extension("lace")).unwrap();
    assert!(tuned(&broken) == tuned(&unbroken), "the policies differ");
    assert!(saved(&broken) == saved(&unbroken), "the sessions differ");
    let last =
        |told: &str| told.lines().rfind(|line| line.starts_with("after: ")).map(String::from);
    assert_eq!(last(&again), last(&told));

    // What has ended can be made longer.
    let longer = finish(session(&policy, &broken, &["--steps=1700", steps[1], steps[2], steps[3]]));
    assert!(
        longer.contains("going on from step 1500") && longer.contains("step 1700: "),
        "{longer}"
    );
}

#[test]
fn a_signal_saves_and_the_same_command_goes_on() {
    let (folder, policy) = bench();
    let state = folder.path().join("state");
    for signal in ["-TERM", "-INT"] {
        // Saves come by the signal only, and the episode is not over.
        let options = ["--steps=100000", "--save-every=1000000", "--evaluate-every=1000000"];
        let child = after_lines(session(&policy, &state, &options), 3).expect("it learns");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let told = text(&output.stderr);
        assert!(told.contains("a signal ended it after step "), "{told}");
        assert!(told.contains("the same command goes on from there"), "{told}");
        let step = told.split("after step ").nth(1).unwrap().split(':').next().unwrap();
        let step: u64 = step.parse().unwrap();
        assert!(step >= 200, "{told}");
        let options = ["--steps=1", "--warm-up=0", options[1], options[2]];
        let refused = complaint(&session(&policy, &state, &options).output().unwrap());
        assert!(refused.contains("another --warm-up"), "{refused}");
        let steps = format!("--steps={}", step + 60);
        let goes_on = finish(session(&policy, &state, &[&steps, options[2], options[3]]));
        assert!(goes_on.contains(&format!("going on from step {step}, save ")), "{goes_on}");
    }
}

#[test]
fn a_replay_in_a_file_changes_no_bit_and_takes_no_memory() {
    let (folder, policy) = bench();
    let [own, spilled] = ["own", "spilled"].map(|name| folder.path().join(name));
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    let steps = ["--steps=600", "--replay=700"];
    let told = finish(session(&policy, &own, &steps));
    let in_file = ["--steps=600", "--replay=700", "--replay-in", there.to_str().unwrap()];
    let spilt = finish(session(&policy, &spilled, &in_file));
    let tuned = |state: &Path| fs::read(state.with_extension("lace")).unwrap();
    assert!(tuned(&own) == tuned(&spilled) && saved(&own) == saved(&spilled));
    let memory = |told: &str| {
        let bytes = told.split("memory: ").nth(1).unwrap().split(' ').next().unwrap();
        bytes.parse::<usize>().unwrap()
    };
    let lies = format!(" in a file in {}", there.display());
    assert!(spilt.contains(&lies) && memory(&spilt) + 14_000 <= memory(&told), "{spilt} {told}");
    assert_eq!(there.read_dir().unwrap().count(), 0);
    let nowhere = ["--steps=600", "--replay=700", "--replay-in=/nowhere"];
    let refused = complaint(&session(&policy, &own, &nowhere).output().unwrap());
    assert!(refused.contains("cannot keep the replay in /nowhere"), "{refused}");
}

#[test]
fn a_damaged_save_gives_the_one_before_and_none_gives_the_policy_file() {
    let (folder, policy) = bench();
    let state = folder.path().join("state");
    kill_after_a_save(session(&policy, &state, &["--steps=100000"]), &state);
    let slots = ["slot-a", "slot-b"].map(|name| state.join(name));
    let store = Store::open(Folder::open(&state).unwrap(), &mut [0; 4096]).unwrap();
    let newest = store.newest().unwrap().slot as usize;
    drop(store);
    let damage = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    damage(&slots[newest]);
    let steps = ["--steps=700"];
    let told = finish(session(&policy, &state, &steps));
    let expected = format!("{} is damaged: going on from the save before", slots[newest].display());
    assert!(told.contains(&expected) && told.contains("going on from step "), "{told}");

    slots.iter().for_each(|path| damage(path));
    let told = complaint(&session(&policy, &state, &steps).output().unwrap());
    assert!(told.contains("--force"), "an earlier policy is not replaced unasked: {told}");
    let told = finish(session(&policy, &state, &["--steps=700", "--force"]));
    assert_eq!(told.matches("is damaged: no other is whole").count(), 2, "{told}");
    assert!(told.contains("holds no session: starting from the policy file"), "{told}");
}

#[test]
fn a_session_of_another_policy_or_of_other_options_is_refused_by_name() {
    let (folder, policy) = bench();
    let state = folder.path().join("state");
    let steps = "--steps=300";
    finish(session(&policy, &state, &[steps]));
    let before = saved(&state);
    for (option, name) in [
        ("--seed=9", "another --seed"),
        ("--replay=50", "another --replay"),
        ("--noise=0.3", "another --noise"),
        ("--topology=rigl", "another --topology"),
        ("--replay-values=f16", "another --replay-values"),
        ("--stay-near=0.1", "another --stay-near"),
    ] {
        let told = complaint(&session(&policy, &state, &[steps, option]).output().unwrap());
        assert!(told.contains(name) && told.contains("choose another --state"), "{told}");
    }
    let tuned = state.with_extension("lace");
    let other = folder.path().join("other.lace");
    fs::copy(&tuned, &other).unwrap();
    let told = complaint(&session(&other, &state, &[steps]).output().unwrap());
    assert!(told.contains("another policy file"), "{told}");
    assert!(saved(&state) == before);

    // Without the best policy's file the session goes on, and says what is lost.
    fs::remove_file(&tuned).unwrap();
    let told = finish(session(&policy, &state, &["--steps=400"]));
    assert!(told.contains("is not there any more") && tuned.exists(), "{told}");
}

#[test]
fn a_full_disk_is_told_and_learning_goes_on_with_the_last_save_kept() {
    let (folder, policy) = bench();
    let state = folder.path().join("state");
    let command = session(&policy, &state, &["--steps=3000", "--replay=3000"]);
    // A limit on file size stands for the disk; the replay outgrows it. Ignoring the signal makes the
    // write fail, as it does on a full disk.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
    let output: Output = limited.output().unwrap();
    let (told, warned) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && told.contains("\nafter: "), "{output:?}");
    assert!(warned.contains("the session is not saved: no room at "), "{warned}");
    assert!(warned.contains("the last save is still good; learning goes on"), "{warned}");
    // With room again it goes on from the last that fitted.
    let told = finish(session(&policy, &state, &["--steps=3000", "--replay=3000"]));
    let step = told.split("going on from step ").nth(1).unwrap().split(',').next().unwrap();
    assert!((500..3000).contains(&step.parse::<u64>().unwrap()), "{told}");
}
