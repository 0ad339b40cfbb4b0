//! `lacewing quickstart`, much shorter than anyone would run it.

use std::process::Command;

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::succeed;

#[test]
fn it_goes_all_the_way_and_says_what_came_out() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = Command::new(lacewing());
    command.args(["quickstart", "--steps=2000", "--tune-steps=600", "--out"]).arg(&out);
    let output = succeed(&mut command);
    let report = String::from_utf8(output.stdout).unwrap();
    for line in [
        "1. train Pendulum-v1 for 2000 steps",
        "2. export: ",
        "3. measure one control step",
        "4. change the dynamics (gear=0.3) and fine-tune",
        "Pendulum-v1, trained, 90.0 % sparse ",
        "as exported (f16) ",
        "gear=0.3: frozen ",
        "gear=0.3: fine-tuned ",
        "FLOPs a step: ",
    ] {
        let found = report.lines().filter(|found| found.starts_with(line)).count();
        assert_eq!(found, 1, "{line}: {report}");
    }
    for (file, learns) in [("best.lace", true), ("compact.lace", false), ("tuned.lace", true)] {
        let bytes = AlignedBytes::read(out.join(file)).unwrap();
        let policy = PolicyView::parse(&bytes).unwrap();
        assert_eq!(policy.resume().is_some(), learns, "{file}");
        assert!(report.contains(file), "{file} is not named: {report}");
    }
}
