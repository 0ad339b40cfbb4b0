//! How many bytes links take in the codecs, and how few they could take.

use lacewing_formats::artifact::{AlignedBytes, LayerView, PolicyView};
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, ValueCodec};
use lacewing_tests::actor;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use std::process::Command;

const SMALLEST: Encoding = Encoding { values: ValueCodec::F16, indices: IndexChoice::Smallest };

fn layer(file: &AlignedBytes, index: usize) -> LayerView<'_> {
    PolicyView::parse(file).unwrap().layers().nth(index).unwrap()
}

#[test]
fn compact_links_take_half_the_bytes() {
    let policy = actor::random(&[256, 256, 256], 0.9, 1);
    let bytes_per_link = |encoding| {
        let file = policy.write(encoding).unwrap();
        let layer = layer(&file, 1);
        let pointers = 4 * (layer.rows() + 1);
        (layer.index_bytes() - pointers + layer.value_bytes()) as f64 / layer.links() as f64
    };
    assert_eq!(bytes_per_link(Encoding::PLAIN), 6.0);
    // No gap of a row of 256 needs an escape but the one from 0 to 255.
    assert!((3.0..3.01).contains(&bytes_per_link(Encoding::COMPACT)));
}

/// Gaps of a few columns take a byte; of 2000 they take 8, so there u16 is smaller.
#[test]
fn each_layer_gets_its_smallest_codec() {
    let mut policy = actor::random(&[60_000, 16, 64], 0.9, 2);
    let first = &mut policy.layers[0];
    first.columns = (0..16).flat_map(|_| (1..30).map(|link| link * 2000)).collect();
    first.row_ptr = (0..=16).map(|row| row * 29).collect();
    first.weights = vec![0.5; first.columns.len()];
    let smallest = policy.write(SMALLEST).unwrap();
    for index in 0..2 {
        let bytes = IndexCodec::ALL.map(|codec| {
            let file = policy.write(Encoding { indices: codec.into(), ..SMALLEST }).unwrap();
            (layer(&file, index).index_bytes(), layer(&file, index).indices().codec())
        });
        let chosen = layer(&smallest, index);
        let least = bytes.iter().min_by_key(|(bytes, _)| bytes).unwrap();
        assert_eq!((chosen.index_bytes(), chosen.indices().codec()), *least, "{bytes:?}");
    }
    assert_ne!(layer(&smallest, 0).indices().codec(), layer(&smallest, 1).indices().codec());
}

#[test]
fn inspect_shows_what_export_chose() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, small) = (folder.path().join("plain.lace"), folder.path().join("small.lace"));
    let policy = actor::random(&[17, 64, 6], 0.9, 3);
    std::fs::write(&plain, &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
    let mut export = Command::new(lacewing());
    export.arg("export").arg(&plain).args(["--values", "f16", "--index", "auto", "--out"]);
    succeed(export.arg(&small));
    let expected = policy.write(SMALLEST).unwrap();
    assert!(std::fs::read(&small).unwrap() == *expected);

    let shown = succeed(Command::new(lacewing()).arg("inspect").arg(&small).arg("--json"));
    let facts: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    for (index, shown) in facts["layers"].as_array().unwrap().iter().enumerate() {
        let layer = layer(&expected, index);
        assert_eq!(shown["index"], layer.indices().codec().name());
        assert_eq!(shown["index_bytes"], layer.index_bytes());
        assert_eq!(shown["value_bytes"], 2 * layer.links());
        assert_eq!(shown["entropy_bound_bits_per_link"], layer.entropy_bound());
        assert!(8.0 * layer.index_bytes() as f64 > layer.entropy_bound() * layer.links() as f64);
    }
    let table = succeed(Command::new(lacewing()).arg("inspect").arg(&small));
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("entropy bound"), "{table}");
}
