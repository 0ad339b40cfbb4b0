//! An ONNX file of any bytes is refused, or becomes a policy that can be read.
#![no_main]

mod common;

use lacewing::onnx::{Actions, ImportOptions, import};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::Provenance;
use lacewing_formats::topology::Allocation;
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Where the import finds the bytes: in memory, in a folder without weights of other models.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(format!("/dev/shm/lacewing-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is room in memory");
    folder.join("model.onnx")
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("there is room in memory");
    let options = ImportOptions {
        sparsity: 0.5,
        allocation: Allocation::Er,
        // Limits are refused where the model chooses.
        actions: match bytes.len() % 3 {
            0 => Actions::Unsaid,
            1 => Actions::Discrete,
            _ => Actions::Within { low: &[-1.0], high: &[1.0] },
        },
        input: None,
        output: None,
        means: false,
        control_period_s: 0.02,
        provenance: Provenance::default(),
    };
    match import(&FILE, &options) {
        Ok(imported) => {
            assert!(PolicyView::parse(&imported.file).is_ok());
            common::kept(bytes);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
