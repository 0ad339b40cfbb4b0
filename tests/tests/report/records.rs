//! The reports beside the sweeps' records are what `lacewing report` makes of them.

use super::report;
use lacewing_tests::runs::succeed;
use std::fs;
use std::path::Path;

#[test]
fn reports_of_records_are_made_again_byte_by_byte() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for record in fs::read_dir(repository.join("tests/records")).unwrap() {
        let record = record.unwrap().path();
        if !record.join("points.json").is_file() {
            continue;
        }
        let name = record.strip_prefix(repository).unwrap().to_str().unwrap();
        let folder = out.path().join(record.file_name().unwrap());
        let to = folder.to_str().unwrap();
        succeed(&mut report(repository, &[name, "--no-latency", "--out", to]));
        for file in ["report.md", "report.html"] {
            let [kept, made] =
                [record.join("report"), folder.clone()].map(|it| fs::read(it.join(file)).unwrap());
            assert!(
                kept == made,
                "{name}/report/{file}: `lacewing report {name} --no-latency --force` makes another"
            );
            compared += 1;
        }
    }
    assert!(compared >= 12, "{compared} files");
}
