//! How many bytes links take in the codecs, and how few they could take.

use lacewing_formats::artifact::{AlignedBytes, LayerView, PolicyView};
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, ValueCodec};
use lacewing_tests::actor;
use lacewing_tests::policy_file::Layer;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use std::process::Command;

const SMALLEST: Encoding = Encoding { values: ValueCodec::F16, indices: IndexChoice::Smallest };

fn layer(file: &AlignedBytes, index: usize) -> LayerView<'_> {
    PolicyView::parse(file).unwrap().layers().nth(index).unwrap()
}

fn bits_per_link(layer: &LayerView<'_>) -> f64 {
    8.0 * layer.index_bytes() as f64 / layer.links() as f64
}

/// What the kernels can read fastest takes 6 bytes a link, and half of that without waiting much.
#[test]
fn compact_links_take_half_the_bytes() {
    let policy = actor::random(&[256, 256, 256], 0.9, 1);
    let bytes_per_link = |encoding| {
        let file = policy.write(encoding).unwrap();
        let layer = layer(&file, 1);
        (layer.index_bytes() - layer.row_table().bytes() + layer.value_bytes()) as f64
            / layer.links() as f64
    };
    assert_eq!(bytes_per_link(Encoding::PLAIN), 6.0);
    // No gap of a row of 256 needs an escape but the one from 0 to 255.
    assert!((3.0..3.01).contains(&bytes_per_link(Encoding::COMPACT)));
}

#[test]
fn each_layer_gets_its_smallest_codec() {
    let mut policy = actor::random(&[60_000, 16, 64, 64, 64], 0.9, 2);
    let place = |layer: &mut Layer, fan_in: usize, column: fn(usize, usize) -> usize| {
        let rows = layer.bias.len();
        let columns = (0..rows).flat_map(|row| (0..fan_in).map(move |link| column(row, link)));
        layer.columns = columns.map(|column| column as u16).collect();
        layer.row_ptr = (0..=rows).map(|row| (row * fan_in) as u32).collect();
        layer.weights = vec![0.5; layer.columns.len()];
    };
    // One link in 60,000 inputs, no gap like another.
    place(&mut policy.layers[0], 1, |row, _| row * 3571 % 60_000);
    let dense = actor::random(&[16, 64], 0.3, 3);
    policy.layers[1] = dense.layers.into_iter().next().unwrap();
    // Links spread evenly.
    place(&mut policy.layers[2], 4, |row, link| row % 14 + 14 * link);
    let smallest = policy.write(SMALLEST).unwrap();
    let mut chosen = Vec::new();
    for index in 0..4 {
        let bytes = IndexCodec::ALL.map(|codec| {
            let file = policy.write(Encoding { indices: codec.into(), ..SMALLEST }).unwrap();
            let layer = layer(&file, index);
            (layer.index_bytes(), layer.indices().codec())
        });
        let layer = layer(&smallest, index);
        let least = bytes.iter().min_by_key(|(bytes, _)| bytes).unwrap();
        assert_eq!((layer.index_bytes(), layer.indices().codec()), *least, "{bytes:?}");
        chosen.push(least.1);
    }
    let expected = [IndexCodec::U16, IndexCodec::Bitmap, IndexCodec::Nibble, IndexCodec::Rice];
    assert_eq!(chosen, expected);
}

/// What the smallest index takes above the least possible, from half of the links to one in a hundred.
#[test]
fn auto_is_close_to_the_entropy_bound() {
    for (sparsity, most) in [(0.5, 1.001), (0.8, 1.03), (0.9, 1.03), (0.95, 1.02), (0.99, 1.02)] {
        let file = actor::random(&[256, 256, 256], sparsity, 4).write(SMALLEST).unwrap();
        for index in 0..2 {
            let layer = layer(&file, index);
            let share = bits_per_link(&layer) / layer.entropy_bound();
            // A draw of exactly so many links tells a little: it may stay under the bound by that.
            assert!((0.98..most).contains(&share), "{sparsity}: {share} of the bound");
        }
    }
}

/// The whole file, beside its weights and biases and the entropy bound of its links.
#[test]
fn a_file_is_hardly_more_than_what_it_holds() {
    let mut policy = actor::random(&[17, 256, 256, 6], 0.9, 5);
    policy.provenance.environment = "HalfCheetah-v5";
    policy.provenance.commit = "0123456789abcdef0123456789abcdef01234567";
    let file = policy.write(SMALLEST).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let layers: Vec<_> = view.layers().collect();
    let bound = |layer: &LayerView<'_>| layer.entropy_bound() * layer.links() as f64 / 8.0;
    let entropy: f64 = layers.iter().map(bound).sum();
    let weights: usize = layers.iter().map(LayerView::value_bytes).sum();
    let biases: usize = layers.iter().map(|layer| size_of_val(layer.bias)).sum();
    let indices: usize = layers.iter().map(LayerView::index_bytes).sum();
    println!(
        "{} bytes: {weights} weights, {biases} biases, {indices} indices, {entropy:.0} entropy",
        file.len()
    );

    let links = (weights + indices) as f64 / (weights as f64 + entropy);
    assert!(links < 1.01, "links take {links} of weights and entropy bound");
    // Header, limits and what aligns the sections.
    let overhead = file.len() - weights - biases - indices;
    assert!(overhead < 600, "{overhead} bytes of header and alignment");
    let whole = file.len() as f64 / ((weights + biases) as f64 + entropy);
    assert!(whole < 1.08, "the file takes {whole} of what it holds");
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
    }
    let table = succeed(Command::new(lacewing()).arg("inspect").arg(&small));
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("entropy bound"), "{table}");
}
