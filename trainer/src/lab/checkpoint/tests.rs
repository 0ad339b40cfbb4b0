use super::*;

fn state(step: u64) -> LoopState {
    LoopState { step, episodes: step / 10, wall_seconds: 0.1, ..LoopState::default() }
}

/// Records rows holding their own index.
fn record(checkpoints: &mut Checkpoints, rows: std::ops::Range<u64>) {
    for row in rows {
        let values = [row as f32; 3];
        checkpoints.record(&Transition {
            observation: &values[..1],
            action: &values[..2],
            reward: values[0],
            next_observation: &values[..1],
            // As those that only turn the ring, which are all zeros.
            terminated: row % 3 == 0,
            truncated: row % 3 == 2,
        });
    }
}

/// Takes a checkpoint at each of these steps; the step's bytes stand for its learner.
fn save_at(folder: &Path, capacity: usize, steps: &[u64]) -> Checkpoints {
    let mut checkpoints = Checkpoints::new(folder, 1, 2, (capacity, false)).unwrap();
    let mut first = 0;
    for &step in steps {
        record(&mut checkpoints, first..step);
        checkpoints.save(&state(step), &step.to_le_bytes()).unwrap();
        first = step;
    }
    checkpoints
}

/// Restores into a ring, as the learner's replay does; index of the oldest row last.
fn ring(folder: &Path, capacity: usize) -> (Vec<f32>, usize, Restored) {
    let mut checkpoints = Checkpoints::new(folder, 1, 2, (capacity, false)).unwrap();
    let (mut ring, mut pushed) = (vec![f32::NAN; capacity], 0);
    let restored = checkpoints.restore(|row| {
        assert_eq!((row.action[1], row.reward), (row.observation[0], row.observation[0]));
        let ends = (row.reward % 3.0 == 0.0, row.reward % 3.0 == 2.0);
        assert_eq!((row.terminated, row.truncated), ends);
        ring[pushed % capacity] = row.observation[0];
        pushed += 1;
    });
    (ring, pushed % capacity, restored.unwrap().unwrap())
}

#[test]
fn a_wrapped_ring_comes_back_slot_by_slot() {
    let folder = tempfile::tempdir().unwrap();
    save_at(folder.path(), 8, &[5, 11, 13, 29, 30]);
    let (ring, head, restored) = ring(folder.path(), 8);
    assert_eq!(ring, [24.0, 25.0, 26.0, 27.0, 28.0, 29.0, 22.0, 23.0]);
    assert_eq!((head, restored.state.step), (6, 30));
    // Two manifests, two learners, and the two segments that still hold live rows.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6);
}

#[test]
fn of_a_finished_run_the_learner_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = save_at(folder.path(), 8, &[5, 11]);
    record(&mut checkpoints, 11..13);
    checkpoints.keep_learner(&LoopState { refilled_from: 13, ..state(13) }, b"last").unwrap();
    let (ring, head, restored) = ring(folder.path(), 8);
    assert!(ring.iter().all(|value| value.is_nan()) && head == 0);
    assert_eq!((restored.state.step, &*restored.learner), (13, &b"last"[..]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    // What is recorded from there on is all there is.
    let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, (8, false)).unwrap();
    checkpoints.restore(|_| ()).unwrap();
    record(&mut checkpoints, 0..9);
    checkpoints.save(&state(22), b"on").unwrap();
    assert_eq!(self::ring(folder.path(), 8).1, 1);
}

#[test]
fn damage_falls_back_to_the_checkpoint_before_and_then_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    save_at(folder.path(), 100, &[10, 20]);
    let damage = |file: &str| {
        let path = folder.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    damage("replay-000000000010.seg");
    let (_, head, restored) = ring(folder.path(), 100);
    assert_eq!((head, restored.state.step, restored.fell_back), (10, 10, true));
    assert_eq!(restored.learner, 10_u64.to_le_bytes());
    damage("learner-000000000010.bin");
    let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, (100, false)).unwrap();
    let error = checkpoints.restore(|_| ()).err().unwrap().to_string();
    assert!(error.contains("learner-000000000010.bin is damaged"), "{error}");
}

#[test]
fn what_cannot_be_read_now_is_not_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = save_at(folder.path(), 100, &[10, 20]);
    // A folder in its place fails a read as a bad disk or missing rights do, even for root.
    let (learner, aside) = (folder.path().join("learner-000000000020.bin"), "aside");
    fs::rename(&learner, folder.path().join(aside)).unwrap();
    fs::create_dir(&learner).unwrap();
    let error = checkpoints.restore(|_| ()).err().unwrap();
    assert!(matches!(error, CheckpointError::File(FileError::Read { .. })), "{error}");
    fs::remove_dir(&learner).unwrap();
    fs::rename(folder.path().join(aside), &learner).unwrap();
    assert_eq!(ring(folder.path(), 100).2.state.step, 20);
}

#[test]
fn a_replay_may_shrink_but_not_grow_past_what_is_held() {
    let folder = tempfile::tempdir().unwrap();
    save_at(folder.path(), 8, &[5, 11, 13]);
    assert_eq!(ring(folder.path(), 4).0, [12.0, 9.0, 10.0, 11.0]);
    let mut larger = Checkpoints::new(folder.path(), 1, 2, (12, false)).unwrap();
    let error = larger.restore(|_| ()).err().unwrap().to_string();
    assert!(error.contains("the replay cannot grow") && error.contains("the last 8"), "{error}");
}

#[test]
fn a_crash_between_the_two_renames_loses_nothing_older() {
    let folder = tempfile::tempdir().unwrap();
    save_at(folder.path(), 100, &[10]);
    fs::rename(folder.path().join(CURRENT), folder.path().join(PREVIOUS)).unwrap();
    let restored = ring(folder.path(), 100).2;
    assert_eq!((restored.state.step, restored.fell_back), (10, false), "nothing is damaged");
}

#[test]
fn no_checkpoint_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = Checkpoints::new(folder.path(), 1, 2, (100, false)).unwrap();
    assert!(checkpoints.restore(|_| ()).unwrap().is_none());
}

#[test]
fn what_is_emptied_when_full_comes_back_as_far_as_it_was_filled() {
    let restored = |steps: &[u64]| {
        let folder = tempfile::tempdir().unwrap();
        let new = || Checkpoints::new(folder.path(), 1, 2, (8, true)).unwrap();
        let (mut checkpoints, mut first) = (new(), 0);
        for &step in steps {
            record(&mut checkpoints, first..step);
            checkpoints.save(&state(step), b"learner").unwrap();
            first = step;
        }
        let mut rows = Vec::new();
        new().restore(|row| rows.push(row.observation[0])).unwrap().unwrap();
        rows
    };
    assert_eq!(restored(&[5]), [0.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(restored(&[5, 11]), [8.0, 9.0, 10.0]);
    assert!(restored(&[5, 16]).is_empty());
    assert_eq!(restored(&[5, 16, 18]), [16.0, 17.0]);
}
