//! The house rule on who may depend on whom, read off `cargo metadata`.
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crate → the crates of this workspace it may depend on.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "lacewing-formats" => &[],
        "lacewing-runtime" => &["lacewing-formats"],
        "lacewing-c" => &["lacewing-formats", "lacewing-runtime"],
        "lacewing-python" => &["lacewing-c", "lacewing-formats", "lacewing-runtime"],
        "lacewing-edge" => &["lacewing-formats", "lacewing-runtime"],
        "lacewing-serial" => &["lacewing-formats", "lacewing-runtime"],
        "lacewing-cortex-m" => &["lacewing-formats", "lacewing-runtime", "lacewing-serial"],
        "lacewing-burn" => &["lacewing-formats", "lacewing-runtime"],
        "lacewing" => &["lacewing-formats", "lacewing-runtime", "lacewing-burn"],
        "lacewing-tests" => return None,
        other => {
            panic!("{other} has no place in the house yet: add it here and in ARCHITECTURE.md")
        }
    })
}

fn metadata(options: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--all-features"])
        .args(options)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in cargo metadata"))
}

#[test]
fn crates_depend_only_in_the_allowed_direction() {
    // The firmware and the wheel are workspaces of their own. Without other people's packages.
    let apart = |path| metadata(&["--no-deps", "--manifest-path", path]);
    let all = [
        metadata(&["--no-deps"]),
        apart("targets/cortex-m/Cargo.toml"),
        apart("targets/python/Cargo.toml"),
    ];
    let ours: Vec<_> =
        all.iter().flat_map(|it| it["packages"].as_array().expect("packages")).collect();
    let names: BTreeSet<_> = ours.iter().map(|package| text(package, "name")).collect();
    assert!(names.len() >= 8 && names.contains("lacewing-python"), "{names:?}");
    for package in ours {
        let name = text(package, "name");
        let Some(allowed) = allowed(name) else { continue };
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let on = text(dependency, "name");
            let may = !names.contains(on) || allowed.contains(&on);
            assert!(may, "{name} must not depend on {on}");
        }
    }
}

#[test]
fn the_device_binary_carries_no_trainer() {
    let metadata = metadata(&[]);
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let id_names: BTreeMap<_, _> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (text(package, "id"), text(package, "name")))
        .collect();
    let edges: BTreeMap<&str, Vec<&str>> = nodes
        .iter()
        .map(|node| {
            let normal = node["deps"].as_array().expect("deps").iter().filter(|dep| {
                let kinds = dep["dep_kinds"].as_array().expect("kinds");
                kinds.iter().any(|kind| kind["kind"].is_null())
            });
            (text(node, "id"), normal.map(|dep| text(dep, "pkg")).collect())
        })
        .collect();
    let (edge, _) = id_names.iter().find(|(_, name)| **name == "lacewing-edge").expect("edge");
    let (mut seen, mut todo) = (BTreeSet::new(), vec![*edge]);
    while let Some(id) = todo.pop() {
        if seen.insert(id_names[id]) {
            todo.extend(&edges[id]);
        }
    }
    assert!(seen.contains("lacewing-runtime") && seen.len() < 130, "{} crates", seen.len());
    for heavy in ["lacewing", "lacewing-burn", "burn", "tract-onnx", "libloading", "cudarc"] {
        assert!(!seen.contains(heavy), "the device binary must not carry {heavy}");
    }
}
