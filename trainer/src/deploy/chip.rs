//! Onto microcontrollers: by the scripts of `targets/cortex-m`, which are in a clone of the repository.

use super::DeployError;
use std::path::Path;
use std::process::{Command, Stdio};

/// The clone that this program was built from.
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../targets/cortex-m");

/// What is done with a policy for a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChip {
    /// It is run on an emulated one, and what it takes is printed.
    Emulate,
    /// It is written into the flash of a board, with firmware.
    Flash,
}

impl OnChip {
    /// What is done with a policy for a chip or a board of this name, if it is one.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "cortex-m4" | "cortex-m7" => Some(Self::Emulate),
            "stm32f4" | "stm32h7" | "teensy41" => Some(Self::Flash),
            _ => None,
        }
    }

    /// The option that asks for it.
    pub fn option(self) -> &'static str {
        match self {
            Self::Emulate => "--emulate",
            Self::Flash => "--flash",
        }
    }

    /// Does it, for a chip or a board of this name.
    ///
    /// # Errors
    /// [`DeployError::NoClone`], [`DeployError::Script`].
    pub fn run(self, chip: &str, policy: &Path) -> Result<(), DeployError> {
        let script = Path::new(SCRIPTS).join(match self {
            Self::Emulate => "emulate.sh",
            Self::Flash => "flash.sh",
        });
        if !script.is_file() {
            return Err(DeployError::NoClone { script });
        }
        let mut command = Command::new("bash");
        command.arg(&script).arg(chip).arg(policy).stdin(Stdio::null());
        let failed = |why: String| DeployError::Script { script: script.clone(), why };
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(failed(String::from("what it says is above"))),
            Err(source) => Err(failed(source.to_string())),
        }
    }
}
