//! The power goes at any instant of a save: what is found afterwards is the save before or the new one,
//! whole.

use std::fs;

use lacewing_runtime::store::{
    Flash, Folder, Slot, Standing, State, Storage, Store, StoreError, TRIAL_STARTS, Trial, UNIT,
};
use lacewing_tests::power::{Disk, Files, Medium, Nor, PAGE};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const KIND: u16 = 7;

/// The `number`-th save's payload: its length and its bytes follow from the number.
fn payload(number: u64) -> Vec<u8> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(number);
    let mut bytes = vec![0; 8 + rng.next_u32() as usize % 600];
    rng.fill_bytes(&mut bytes);
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Saves the `number`-th payload in pieces of `piece` bytes; whether the power lasted.
fn save<S: Storage<Error: std::fmt::Debug + std::fmt::Display>>(
    store: &mut Store<S>,
    number: u64,
    piece: usize,
) -> bool {
    let payload = payload(number);
    let fill = |offset: u32, bytes: &mut [u8]| {
        bytes.copy_from_slice(&payload[offset as usize..][..bytes.len()]);
    };
    store.save(KIND, payload.len(), &mut vec![0; piece], fill).is_ok()
}

/// Which payload the newest save holds, if there is one; all of it must be there.
fn newest<S: Storage<Error: std::fmt::Debug + std::fmt::Display>>(
    store: &mut Store<S>,
) -> Option<u64> {
    let entry = *store.newest()?;
    assert_eq!(entry.kind, KIND);
    let mut found = vec![0; entry.length as usize];
    store.read(&entry, 0, &mut found, &mut [0; 64]).unwrap();
    let number = u64::from_le_bytes(found[..8].try_into().unwrap());
    assert!(found == payload(number), "save {number} is not whole");
    Some(number)
}

fn open<M: Medium>(medium: &mut M) -> Store<M::Storage<'_>> {
    Store::open(medium.mount(), &mut [0; 96]).unwrap()
}

/// Cuts one save after each byte, word or page, and returns how many cuts there were.
fn cut_everywhere<M: Medium>(fresh: impl Fn(u64) -> M) -> u64 {
    let (mut old, mut new) = (0, 0);
    for cut in 0.. {
        let mut medium = fresh(cut);
        medium.power(None);
        for number in [1, 2] {
            assert!(save(&mut open(&mut medium), number, 96));
        }
        medium.power(Some(cut));
        let whole = save(&mut open(&mut medium), 3, 96);
        medium.power(None);
        match newest(&mut open(&mut medium)) {
            Some(2) => old += 1,
            Some(3) => new += 1,
            other => panic!("cut {cut} leaves {other:?}"),
        }
        // Whatever the cut left in the slot, the next save is as good as any.
        assert!(save(&mut open(&mut medium), 4, 32));
        assert_eq!(newest(&mut open(&mut medium)), Some(4));
        if whole {
            assert_eq!(new, 1 + u64::from(new > 1), "only the end of a save makes it new");
            return old;
        }
    }
    unreachable!()
}

#[test]
fn a_cut_after_any_byte_word_or_page_leaves_the_old_save_or_the_new_one() {
    let length = payload(3).len() as u64;
    let cuts = cut_everywhere(Nor::new);
    println!("flash: {cuts} words and pages");
    assert!(cuts >= length.div_ceil(4) + UNIT as u64 / 4);
    let cuts = cut_everywhere(Disk::new);
    println!("disk: {cuts} bytes and syncs");
    assert!(cuts >= length + UNIT as u64);
    let folder = tempfile::tempdir().unwrap();
    let cuts = cut_everywhere(|cut| Files::new(&folder.path().join(cut.to_string())));
    println!("files: {cuts} bytes and syncs");
    assert!(cuts >= length + UNIT as u64);
}

/// Saves again and again, while the power goes `cuts` times at random instants.
fn cut_at_random<M: Medium>(mut medium: M, cuts: u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(cuts);
    let (mut last, mut number, mut saved, mut torn) = (None, 0, 0_u64, 0_u64);
    for cut in 0..cuts {
        // Some hit the first save after a start, some a later one.
        medium.power(Some(rng.next_u64() % 3000));
        let mut store = open(&mut medium);
        let found = newest(&mut store);
        assert!(found == last || found == Some(number), "cut {cut}: {found:?}, not {last:?}");
        torn += u64::from(found != Some(number));
        last = found;
        loop {
            number += 1;
            if !save(&mut store, number, 32 * (1 + rng.next_u32() as usize % 9)) {
                break;
            }
            (last, saved) = (Some(number), saved + 1);
        }
    }
    println!("{cuts} cuts: {saved} saves went well, {torn} were torn, none was lost");
    assert!(saved > cuts / 2 && torn > cuts / 2);
}

#[test]
fn ten_thousand_random_cuts_lose_nothing() {
    cut_at_random(Nor::new(1), 10_000);
    cut_at_random(Disk::new(1), 10_000);
}

#[test]
fn a_thousand_random_cuts_of_real_files_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    cut_at_random(Files::new(folder.path()), 1000);
}

#[test]
fn pages_wear_by_turns_and_no_more_than_a_save_needs() {
    let mut nor = Nor::new(3);
    let erases = |number: u64| (UNIT + payload(number).len()).div_ceil(PAGE) as u64;
    let mut expected = 0;
    let mut store = open(&mut nor);
    for number in 1..=20 {
        assert!(save(&mut store, number, 64));
        expected += erases(number);
    }
    assert_eq!(store.storage().erases(), expected);
    assert_eq!(nor.wear.iter().sum::<u64>(), expected);
    // The first page of each slot, in each of its saves; those beside the slots never.
    assert_eq!([0, 1, 4, 7].map(|page: usize| nor.wear[page]), [0, 10, 10, 0]);
}

#[test]
fn ranges_that_are_no_pages_are_refused() {
    let page = PAGE as u32;
    for range in [0..0, 0..page, 0..3 * page, 1..2 * page + 1, 8 * page..10 * page] {
        let refused = Flash::new(Nor::new(1), range.clone()).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|error| error.contains("pages of 256 bytes")), "{range:?}");
    }
    assert!(Flash::new(Nor::new(1), 0..8 * page).is_ok());
}

#[test]
fn a_save_that_does_not_fit_is_refused_and_harms_nothing() {
    let mut nor = Nor::new(5);
    let mut store = open(&mut nor);
    assert!(save(&mut store, 1, 64));
    let most = 3 * PAGE - UNIT;
    let refused = store.save(KIND, most + 1, &mut [0; 64], |_, bytes| bytes.fill(1));
    assert!(matches!(refused, Err(StoreError::Room { capacity: 768, .. })), "{refused:?}");
    assert_eq!(newest(&mut store), Some(1));
    store.save(KIND, most, &mut [0; 64], |_, bytes| bytes.fill(1)).unwrap();
}

#[test]
fn any_damaged_byte_of_the_newest_slot_gives_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Folder::open(folder.path()).unwrap(), &mut [0; 64]).unwrap();
    for number in 1..=4 {
        assert!(save(&mut store, number, 64));
    }
    drop(store);
    let path = folder.path().join("slot-b");
    let whole = fs::read(&path).unwrap();
    let length = UNIT + payload(4).len();
    assert_eq!(whole.len(), length.next_multiple_of(UNIT));
    for at in (0..whole.len()).step_by(7).chain(0..UNIT) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let store = Store::open(Folder::open(folder.path()).unwrap(), &mut [0; 64]);
        if (8..10).contains(&at) {
            assert!(store.is_ok(), "a broken version is damage and no other version");
        }
        let mut store = store.unwrap();
        let padding = at >= length;
        assert_eq!(newest(&mut store), Some(if padding { 4 } else { 3 }), "byte {at}");
        assert_eq!(store.found()[Slot::B as usize] == State::Damaged, !padding);
    }
    for length in (0..whole.len() - UNIT).step_by(5) {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(newest(&mut open(&mut Files::new(folder.path()))), Some(3));
    }
}

#[test]
fn a_slot_of_another_version_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Folder::open(folder.path()).unwrap(), &mut [0; 64]).unwrap();
    assert!(save(&mut store, 1, 64));
    drop(store);
    let path = folder.path().join("slot-a");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let crc = crc32fast::hash(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let refused = Store::open(Folder::open(folder.path()).unwrap(), &mut [0; 64]).unwrap_err();
    assert!(refused.to_string().starts_with("slot a is of layout 2"), "{refused}");
}

#[test]
fn a_folder_serves_one_process_and_syncs_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let first = Folder::open(folder.path()).unwrap();
    let refused = Folder::open(folder.path()).unwrap_err();
    assert!(refused.to_string().contains("in use"), "{refused}");
    let mut store = Store::open(first.in_background(), &mut [0; 64]).unwrap();
    assert!(save(&mut store, 1, 64));
    // Given up half-way, then begun again.
    while !store.erase(1000).unwrap() {}
    store.begin(KIND, 100).unwrap();
    assert!(!store.step(&mut [0; 128], |_, bytes| bytes.fill(1)).unwrap());
    assert!(!store.step(&mut [0; 128], |_, _| panic!("all is written")).unwrap());
    assert!(store.is_saving());
    assert!(save(&mut store, 2, 64));
    assert_eq!(newest(&mut store), Some(2));
    drop(store);
    assert_eq!(newest(&mut open(&mut Files::new(folder.path()))), Some(2));
}

/// Puts the `number`-th payload on trial; whether the power lasted.
fn put_on_trial(nor: &mut Nor, number: u64) -> bool {
    let payload = payload(number);
    let mut piece = [0; 96];
    let mut put = || {
        let mut trial = Trial::start(nor.mount(), &mut piece).ok()?;
        trial.begin(KIND, payload.len() as u32).ok()?;
        for _ in 0..payload.len().div_ceil(piece.len()) {
            let fill = |offset: u32, bytes: &mut [u8]| {
                bytes.copy_from_slice(&payload[offset as usize..][..bytes.len()]);
            };
            trial.write(&mut piece, fill).ok()?;
        }
        trial.finish(&mut piece).ok()
    };
    put().is_some()
}

/// What a start runs, whole, and how far it is trusted; whether it could be confirmed, if that was asked.
fn start(nor: &mut Nor, confirm: bool) -> (Option<(u64, Standing)>, bool) {
    let mut piece = [0; 96];
    let Ok(mut trial) = Trial::start(nor.mount(), &mut piece) else { return (None, false) };
    let (running, entry) = (trial.running(), trial.newest().copied());
    let confirmed = confirm && trial.confirm() == Ok(true);
    let Some((slot, standing)) = running else { return (None, false) };
    assert_eq!(entry.map(|entry| entry.slot), Some(slot), "what runs is the newest");
    let number = newest(&mut Store::open(nor.mount(), &mut piece).unwrap());
    (number.map(|number| (number, standing)), confirmed)
}

#[test]
fn a_trial_ends_with_a_whole_payload_wherever_the_power_goes() {
    let (mut old, mut new) = (0, 0);
    for cut in 0.. {
        let mut nor = Nor::new(cut);
        nor.power(None);
        assert!(put_on_trial(&mut nor, 1));
        assert_eq!(start(&mut nor, true), (Some((1, Standing::OnTrial(TRIAL_STARTS - 1))), true));

        nor.power(Some(cut));
        let confirmed = put_on_trial(&mut nor, 2) && start(&mut nor, true).1;
        nor.power(None);
        // Not confirmed, the new one is gone after its starts at the latest.
        let mut running = Vec::new();
        for _ in 0..=TRIAL_STARTS {
            running.push(start(&mut nor, false).0.expect("something runs"));
        }
        let end = running[usize::from(TRIAL_STARTS)];
        assert_eq!(end.1, Standing::Confirmed, "cut {cut}: {running:?}");
        assert!(running.is_sorted_by_key(|(number, _)| std::cmp::Reverse(*number)), "{running:?}");
        match end.0 {
            1 => old += 1,
            2 => new += 1,
            other => panic!("cut {cut}: payload {other}"),
        }
        assert!(end.0 == 2 || !confirmed, "cut {cut}: what was confirmed is gone");
        if confirmed {
            println!("{old} cuts before the confirmation, {new} after");
            assert!(old >= payload(2).len() as u64 / 4 && new > 0);
            return;
        }
    }
}
