//! A configuration or a setting of any text is refused, or can be written, read again and made networks of.
#![no_main]

mod common;

use lacewing::lab::config::{Layer, RunConfig};
use lacewing_runtime::learn::ActionSpace;
use libfuzzer_sys::fuzz_target;

fn read(text: &str) -> Option<RunConfig> {
    let layer = Layer::text("fuzz", text).ok()?;
    RunConfig::from_layers(None, None, vec![layer]).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains('\n') {
        // As on the command line.
        let layers = Layer::setting(&text).into_iter().collect();
        let config = RunConfig::from_layers(Some("Pendulum-v1"), None, layers);
        if config.is_ok_and(|config| config.validate().is_ok()) {
            common::kept(bytes);
        }
        return;
    }
    let Some(config) = read(&text) else { return };
    if config.validate().is_err() {
        return;
    }
    let _ = config.shape(3, ActionSpace::Continuous(1));
    let _ = config.shape(4, ActionSpace::Discrete(2));
    let Ok(written) = config.to_toml() else { return };
    let again = read(&written).expect("what was written can be read");
    assert_eq!(again.to_toml().expect("it was written before"), written);
    common::kept(bytes);
});
