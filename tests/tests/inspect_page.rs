//! `lacewing inspect --html`: every link of a policy is on the page, once.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_tests::policy_file::{Owned, Shape};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;

const RECORD: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/records/halfcheetah-set-90-seed1/policy.lace");

#[test]
fn every_link_is_a_dot_and_nothing_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("policy.html");
    let inspect = || {
        let mut command = Command::new(lacewing());
        command.args(["inspect", RECORD, "--html"]).arg(&out);
        command
    };
    succeed(&mut inspect());
    let page = fs::read_to_string(&out).unwrap();
    let bytes = AlignedBytes::read(RECORD).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();

    let pictures: Vec<_> = page.split("<svg").filter(|part| part.contains("<path")).collect();
    assert_eq!(pictures.len(), view.layers().len());
    for (picture, layer) in pictures.iter().zip(view.layers()) {
        // Dots are `M column row h1v1h-1z` in the paths.
        let paths = picture.split(" d=\"").skip(1).map(|path| path.split('"').next().unwrap());
        let dots = paths.flat_map(|path| path.split_terminator("h1v1h-1z"));
        let drawn: Vec<_> = dots.map(|dot| dot.trim_start_matches('M').to_string()).collect();
        let links = layer.iter().map(|(row, column, _)| format!("{column} {row}"));
        assert_eq!(drawn.len(), layer.links());
        assert_eq!(drawn.into_iter().collect::<BTreeSet<_>>(), links.collect());
    }
    // Of the first observation, as of any.
    let first = view.layers().next().unwrap();
    let links = first.iter().filter(|&(_, column, _)| column == 0).count();
    let bars = page.split("<svg").nth(1).unwrap();
    assert!(bars.contains(&format!(">{links} links, ")), "{links}");

    let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!elsewhere.contains("://") && !page.contains("<script"), "it stands by itself");

    let refused = inspect().output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
}

#[test]
fn observations_have_the_contracts_names_and_fake_ones_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("policy.lace"), folder.path().join("policy.html"));
    let shape = Shape {
        widths: vec![6, 8, 1],
        density: 0.5,
        normaliser: false,
        probes: 0,
        resume: None,
        seed: 1,
    };
    let mut policy = Owned::random(&shape);
    policy.provenance.environment = "Pendulum-v1[noise-features=0.5]";
    let names = ["cosine", "sine", "speed", "", "", ""];
    let observations = names.map(|name| Signal { name, ..Signal::default() }).to_vec();
    let contract = ContractSpec { observations, ..ContractSpec::default() };
    policy.contract = Some(contract.to_bytes().unwrap());
    fs::write(&file, &*policy.write(Encoding::PLAIN).unwrap()).unwrap();
    let mut inspect = Command::new(lacewing());
    succeed(inspect.arg("inspect").arg(&file).arg("--html").arg(&out));
    let page = fs::read_to_string(&out).unwrap();
    let bars = page.split("<svg").nth(1).unwrap();
    for name in ["cosine", "sine", "speed", "3", "4", "5"] {
        assert!(bars.contains(&format!(">{name}</text>")), "no {name}: {bars}");
    }
    assert_eq!(bars.matches(", fake</text>").count(), 3, "{bars}");
    assert_eq!(bars.matches("fill=\"#d55e00\"").count(), 3, "{bars}");
}
