//! Of the links the largest stay.

use std::process::Command;

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::topology::{Allocation, LayerShape, densities};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;
use serde_json::Value;

use super::fixtures::{Golden, dense, fixture, pruned};
use super::onnx_cases::actions;

/// Exactly as many links stay as the allocation gives, and none that goes is larger.
#[test]
fn pruning_keeps_exactly_the_largest_links() {
    let golden = Golden::read("sb3_td3");
    let path = fixture("sb3_td3.onnx");
    let whole = dense(&path, golden.limits()).expect("a dense import");
    let whole = PolicyView::parse(&whole).expect("a legal file");
    for allocation in [Allocation::Uniform, Allocation::Er] {
        let sparse = pruned(&path, 0.9, allocation, golden.limits()).expect("a sparse import");
        let sparse = PolicyView::parse(&sparse).expect("a legal file");
        let shapes = [(17, 32), (32, 24), (24, 6)];
        let shapes = shapes.map(|(inputs, outputs)| LayerShape::linear(inputs, outputs));
        let mut density = [0.0; 3];
        densities(&shapes, 0.9, allocation, false, &mut density).expect("reachable");
        for ((dense, sparse), (shape, density)) in
            whole.layers().zip(sparse.layers()).zip(shapes.iter().zip(density))
        {
            assert_eq!(dense.links(), shape.links());
            let kept = (density * shape.links() as f64).round() as usize;
            assert_eq!(sparse.links(), kept);
            let mut magnitudes: Vec<f32> = dense.iter().map(|(.., value)| value.abs()).collect();
            magnitudes.sort_by(|a, b| b.total_cmp(a));
            let mut stay: Vec<f32> = sparse.iter().map(|(.., value)| value.abs()).collect();
            stay.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(stay, magnitudes[..kept]);
            assert_eq!(dense.bias, sparse.bias);
        }
    }
    let uniform = pruned(&path, 0.9, Allocation::Uniform, None).expect("an import");
    let links: usize = PolicyView::parse(&uniform)
        .expect("a legal file")
        .layers()
        .map(|layer| layer.links())
        .sum();
    // 10 % of 17·32, 32·24 and 24·6, each rounded.
    assert_eq!(links, 54 + 77 + 14);
}

/// The program's import is the library's, and its file is measured beside tract.
#[test]
fn the_program_imports_and_measures() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("actor.lace");
    let model = fixture("sb3_td3.onnx");
    let mut command = Command::new(lacewing());
    command.arg("import").arg(&model).args(["--sparsity=0.8", "--low=-1,-2,-1,0,-1,-0.5"]);
    succeed(command.args(["--high", "1,2,3,1,1,0.5", "--out"]).arg(&out));

    let golden = Golden::read("sb3_td3");
    let written = AlignedBytes::read(&out).expect("a policy file");
    let pruned = pruned(&model, 0.8, Allocation::Er, golden.limits()).expect("an import");
    assert_eq!(actions(&written, &golden.observations), actions(&pruned, &golden.observations));

    let mut command = Command::new(lacewing());
    let output = succeed(command.arg("measure").arg(&out).args(["--steps=500", "--json"]));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = report["warm"].as_array().expect("a table");
    let tract = rows.iter().find(|row| row["name"] == "dense, tract-onnx").expect("tract's row");
    assert_eq!(tract["steps"], 500);
}
