//! The measurement: every contender timed, the report sound. No test here depends on how fast.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_runtime::act::LoadError;
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::measure::{Int8Report, Latency, Settings, measure};
use lacewing_tests::actor;
use std::cell::Cell;

const SETTINGS: Settings = Settings { steps: 700, cold_steps: 3, int8: false };

#[test]
fn every_contender_is_timed_over_the_steps_asked_for() {
    let file = actor::random(&[17, 64, 6], 0.9, 1).write(Encoding::PLAIN).unwrap();
    let calls = Cell::new(0_u64);
    let other = |observation: &[f32], action: &mut [f32]| {
        assert_eq!((observation.len(), action.len()), (17, 6));
        calls.set(calls.get() + 1);
    };
    let view = PolicyView::parse(&file).unwrap();
    let report = measure(view, SETTINGS, vec![("another runtime", Box::new(other))]).unwrap();

    for (rows, steps) in [(&report.warm, 700), (&report.cold, 3)] {
        let names: Vec<_> = rows.iter().map(|row| row.name.as_str()).collect();
        let all = ["sparse, packed", "sparse, in place", "dense, own kernel", "another runtime"];
        assert_eq!(names, all);
        for row in rows {
            let Latency { steps: timed, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, .. } = *row;
            assert_eq!(timed, steps);
            let percentiles = [p50_ns, p90_ns, p99_ns, p999_ns, max_ns];
            assert!(percentiles.is_sorted() && p50_ns > 0, "{row:?}");
        }
    }
    assert!(calls.get() >= 703, "timed {} of 703 calls", calls.get());
    assert_eq!(report.file_bytes, file.len() as u64);
    // Up to a cache line of scratch is skipped where there are vectors.
    let weights = 4 * (17 * 64 + 64 * 6);
    assert_eq!(report.dense_ram_bytes - report.in_place_ram_bytes, weights + 64 - 4);
}

#[test]
fn the_report_reads_as_table_and_as_json() {
    let file = actor::random(&[3, 32, 1], 0.5, 2).write(Encoding::PLAIN).unwrap();
    let report = measure(PolicyView::parse(&file).unwrap(), SETTINGS, Vec::new()).unwrap();
    let table = report.to_string();
    let json: serde_json::Value = serde_json::to_value(&report).unwrap();
    for row in &report.warm {
        assert!(table.contains(&row.name));
    }
    assert_eq!(json["warm"][0]["p50_ns"], report.warm[0].p50_ns);
    assert_eq!(json["cost"]["flops"], report.cost.flops);
    assert!(table.lines().all(|line| line.len() < 100), "{table}");
}

#[test]
fn int8_is_timed_where_asked_for_and_its_error_reported() {
    let file = actor::random(&[17, 256, 64, 6], 0.9, 1).write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let report = measure(view, Settings { int8: true, ..SETTINGS }, Vec::new());
    let Some(_) = Kernel::best().int8() else {
        assert_eq!(report, Err(LoadError::NoInt8 { kernel: Kernel::best().name }));
        return;
    };
    let report = report.unwrap();
    let names: Vec<_> = report.warm.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names[3..], ["sparse, int8", "dense, int8"]);
    let Int8Report { ram_bytes, dense_ram_bytes, largest_error, rms_error } = report.int8.unwrap();
    assert!(ram_bytes < report.packed_ram_bytes && ram_bytes < dense_ram_bytes);
    assert!(0.0 < rms_error && rms_error < largest_error && largest_error < 0.05);
    let table = report.to_string();
    assert!(table.contains("int8 actions are off by up to"), "{table}");
    assert!(table.lines().all(|line| line.len() < 100), "{table}");
}

#[test]
fn a_policy_that_fails_its_probes_is_not_measured() {
    let mut network = actor::random(&[3, 32, 1], 0.5, 3);
    let observation = actor::observation(&network, 0);
    let wrong = if actor::reference(&network, &observation)[0] > 0.0 { -1.0 } else { 1.0 };
    network.probes.push((observation, vec![wrong]));
    let file = network.write(Encoding::PLAIN).unwrap();
    let result = measure(PolicyView::parse(&file).unwrap(), SETTINGS, Vec::new());
    assert!(matches!(result, Err(LoadError::ProbeDiffers { .. })), "{result:?}");
}
