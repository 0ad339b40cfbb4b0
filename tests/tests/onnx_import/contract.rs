//! The contract that an import is given.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::program::lacewing;

use super::fixtures::fixture;

fn import(folder: &Path, contract: &str) -> Output {
    fs::write(folder.join("robot.toml"), contract).expect("room for a contract");
    let mut command = Command::new(lacewing());
    command.arg("import").arg(fixture("sb3_td3.onnx")).current_dir(folder);
    command.args([
        "--sparsity=0.9",
        "--low=-1",
        "--high=1",
        "--contract=robot.toml",
        "--out=new.lace",
    ]);
    command.output().expect("the program starts")
}

#[test]
fn it_travels_in_the_file_and_fits_the_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let short = import(folder.path(), "[[actions]]\nname = \"hip\"\n");
    let told = String::from_utf8_lossy(&short.stderr);
    assert!(
        !short.status.success() && told.contains("it has 1 actions, the policy has 6"),
        "{told}"
    );
    assert!(!folder.path().join("new.lace").exists());

    let held = "[[actions]]\nlow = -0.5\nrate = 4.0\n".repeat(6);
    let output = import(folder.path(), &format!("control-period = 0.01\n{held}"));
    assert!(output.status.success(), "{output:?}");
    let bytes = AlignedBytes::read(folder.path().join("new.lace")).expect("a file");
    let view = PolicyView::parse(&bytes).expect("a policy");
    let contract = view.contract().expect("its contract");
    assert_eq!(view.header().control_period_s(), 0.01);
    assert!(contract.actions().all(|action| (action.low, action.rate) == (Some(-0.5), Some(4.0))));
    assert_eq!(contract.actions().len(), 6);
}
