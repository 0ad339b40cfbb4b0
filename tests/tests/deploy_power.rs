//! Power cuts, full disks and bad sectors at every operation of a deployment: what starts afterwards is
//! always a whole version, the new one or the one before.

use lacewing_formats::codec::Encoding;
use lacewing_formats::signature::sha256;
use lacewing_runtime::deploy::{
    DeployError, Disk, Failure, Installed, Offer, Plan, State, Versions,
};
use lacewing_tests::actor;
use lacewing_tests::power_files::{Fault, Folder};
use std::collections::BTreeSet;

/// A policy and a program that go together.
#[derive(Clone)]
struct Release {
    policy: Vec<u8>,
    program: Vec<u8>,
    /// Whom it is said to be for.
    robot: Option<&'static str>,
}

fn release(seed: u64) -> Release {
    let policy = actor::random(&[3, 4, 2], 0.5, seed).write(Encoding::COMPACT).unwrap().to_vec();
    // The robot gets its name late.
    let robot = (seed > 1).then_some("rover");
    Release { policy, program: format!("program {seed}").into_bytes(), robot }
}

/// Brings a release as scp does, with nothing synced, and installs it.
fn install(disk: &mut Folder, release: &Release) -> Result<Installed, DeployError> {
    let mut disk = disk;
    let mut upload = || -> std::io::Result<()> {
        disk.make_folder("uploads")?;
        disk.make_folder("uploads/u")?;
        disk.write("uploads/u/policy.lace", &release.policy)?;
        disk.write("uploads/u/lacewing-edge", &release.program)
    };
    // A connection that breaks: no installation.
    if upload().is_err() {
        return Err(DeployError::InUse);
    }
    let plan = Plan { tries: 2, good_steps: 1, run: None, health: None };
    Versions::new(disk).install(&Offer {
        upload: "u",
        policy: sha256(&release.policy),
        program: sha256(&release.program),
        robot: release.robot,
        trust: None,
        plan,
        new_contract: false,
    })
}

/// What starts: its release, among those that are known.
fn started(disk: &mut Folder, known: &[Release]) -> Option<usize> {
    let started = match Versions::new(&mut *disk).start() {
        Ok(started) => started,
        Err(DeployError::Nothing) => return None,
        Err(error) => panic!("{error}"),
    };
    let disk = &mut *disk;
    let read = |name: &str| disk.read(&format!("{}/{name}", started.folder)).unwrap();
    let (policy, program) = (read("policy.lace"), read("lacewing-edge"));
    let which = known.iter().position(|it| it.policy == policy && it.program == program);
    Some(which.expect("what starts is whole and one release"))
}

/// All of a life: the first release is confirmed, the second never is and is left, the third is confirmed and
/// rolled back by hand. Goes on after errors, as a robot does.
fn live(disk: &mut Folder, releases: &[Release]) {
    let confirm = |disk: &mut Folder| {
        let mut versions = Versions::new(&mut *disk);
        if let Ok(started) = versions.start() {
            let _ = versions.confirm(started.number);
        }
    };
    let _ = install(disk, &releases[0]);
    confirm(disk);
    let _ = install(disk, &releases[1]);
    for _ in 0..3 {
        let _ = Versions::new(&mut *disk).start();
    }
    let _ = install(disk, &releases[2]);
    confirm(disk);
    let _ = Versions::new(&mut *disk).rollback();
}

#[test]
fn a_life_without_faults_ends_where_it_should() {
    let releases: Vec<_> = (1..=3).map(release).collect();
    let mut disk = Folder::new(0);
    live(&mut disk, &releases);
    assert_eq!(started(&mut disk, &releases), Some(0));
    let status = Versions::new(&mut disk).status().unwrap();
    let states: Vec<_> =
        status.versions.iter().map(|it| (it.number, it.record.as_ref().unwrap().state)).collect();
    // The second made room when the third came.
    assert_eq!(states, [(1, State::Confirmed), (3, State::Failed(Failure::Asked))]);
    assert_eq!((status.current, status.identity.robot.as_deref()), (Some(1), Some("rover")));
}

#[test]
fn whatever_is_cut_a_whole_version_starts_and_the_next_deployment_works() {
    let releases: Vec<_> = (1..=4).map(release).collect();
    let mut counted = Folder::new(0);
    live(&mut counted, &releases);
    let all = counted.changes();
    // How many changes the first installation takes: from then on something always starts.
    let mut first = Folder::new(0);
    install(&mut first, &releases[0]).unwrap();
    let first = first.changes();
    let mut seen = BTreeSet::new();
    for cut in 0..=all {
        for seed in 0..40 {
            let mut disk = Folder::new(seed);
            disk.fail(Fault::Cut, cut);
            live(&mut disk, &releases);
            disk.power();
            let which = started(&mut disk, &releases);
            assert!(which.is_some() || cut < first, "cut {cut}, seed {seed}: nothing starts");
            seen.insert(which);
            // And once more, while it starts.
            disk.fail(Fault::Cut, seed % 7);
            let _ = Versions::new(&mut disk).start();
            disk.power();
            assert!(started(&mut disk, &releases).is_some() || which.is_none());
            install(&mut disk, &releases[3]).unwrap();
            // What is said to be done outlasts a power cut.
            disk.power();
            assert_eq!(started(&mut disk, &releases), Some(3), "cut {cut}, seed {seed}");
        }
    }
    assert_eq!(seen, [None, Some(0), Some(1), Some(2)].into());
}

#[test]
fn a_robot_that_loses_power_with_every_start_comes_back_to_what_was_confirmed() {
    let releases: Vec<_> = (1..=2).map(release).collect();
    for seed in 0..40 {
        let mut disk = Folder::new(seed);
        install(&mut disk, &releases[0]).unwrap();
        started(&mut disk, &releases);
        Versions::new(&mut disk).confirm(1).unwrap();
        disk.power();
        install(&mut disk, &releases[1]).unwrap();
        for expected in [1, 1, 0, 0, 0] {
            assert_eq!(started(&mut disk, &releases), Some(expected), "seed {seed}");
            disk.power();
        }
    }
}

#[test]
fn a_full_disk_and_bad_sectors_leave_what_ran() {
    let releases: Vec<_> = (1..=4).map(release).collect();
    let mut before = Folder::new(0);
    install(&mut before, &releases[0]).unwrap();
    started(&mut before, &releases);
    Versions::new(&mut before).confirm(1).unwrap();
    let mut after = before.clone();
    install(&mut after, &releases[1]).unwrap();
    let all = after.changes() - before.changes();
    for fault in [Fault::Full, Fault::Once] {
        for at in 0..all {
            let mut disk = before.clone();
            disk.fail(fault, at);
            let installed = install(&mut disk, &releases[1]);
            // Without any power cut what an error says is also what runs.
            let which = started(&mut disk, &releases).unwrap();
            match installed {
                Ok(_) => assert!(which == 1 || fault == Fault::Full, "{fault:?} at {at}"),
                // Only that the link lasts may be unknown when it has been switched.
                Err(error) => assert!(which == 0 || at + 1 == all, "{fault:?} at {at}: {error}"),
            }
            disk.power();
            started(&mut disk, &releases).unwrap();
            install(&mut disk, &releases[2]).unwrap();
            assert_eq!(started(&mut disk, &releases), Some(2));
        }
    }
}

#[test]
fn on_a_full_disk_an_attempt_that_cannot_be_counted_is_not_made() {
    let releases: Vec<_> = (1..=2).map(release).collect();
    let mut disk = Folder::new(0);
    install(&mut disk, &releases[0]).unwrap();
    started(&mut disk, &releases);
    // Where there is nothing better, it is.
    let mut alone = disk.clone();
    alone.fail(Fault::Full, 0);
    let start = Versions::new(&mut alone).start().unwrap();
    assert!(start.number == 1 && start.uncounted.is_some());
    Versions::new(&mut disk).confirm(1).unwrap();
    install(&mut disk, &releases[1]).unwrap();
    disk.fail(Fault::Full, 0);
    let start = Versions::new(&mut disk).start().unwrap();
    assert_eq!((start.number, start.folder.as_str()), (1, "versions/1"));
    assert!(matches!(start.uncounted, Some(DeployError::NoRoom { .. })), "{start:?}");
}

#[test]
fn what_flash_forgets_is_left_for_the_version_before() {
    let releases: Vec<_> = (1..=2).map(release).collect();
    let mut sound = Folder::new(0);
    for release in &releases {
        install(&mut sound, release).unwrap();
        let number = Versions::new(&mut sound).start().unwrap().number;
        Versions::new(&mut sound).confirm(number).unwrap();
    }
    assert_eq!(started(&mut sound, &releases), Some(1));
    for file in ["policy.lace", "lacewing-edge", "record"] {
        let mut disk = sound.clone();
        disk.spoil(&format!("versions/2/{file}"));
        let start = Versions::new(&mut disk).start().unwrap();
        assert_eq!((start.number, &start.left[..]), (1, &[(2, Failure::Damaged)][..]), "{file}");
        // Where nothing is left, that is said and nothing is run.
        disk.spoil(&format!("versions/1/{file}"));
        let error = Versions::new(&mut disk).start().unwrap_err();
        let nothing =
            matches!(error, DeployError::NoFallback { number: 1, failure: Failure::Damaged });
        assert!(nothing, "{file}: {error}");
    }
}

#[test]
fn the_only_version_stays() {
    let releases: Vec<_> = (1..=1).map(release).collect();
    let mut disk = Folder::new(0);
    install(&mut disk, &releases[0]).unwrap();
    let error = Versions::new(&mut disk).rollback().unwrap_err();
    assert!(matches!(error, DeployError::Only { number: 1 }), "{error}");
    assert_eq!(started(&mut disk, &releases), Some(0));
}
