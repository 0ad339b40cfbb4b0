//! Which `lacewing-edge` is for which processor.

use super::DeployError;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A processor that `lacewing-edge` is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// 32-bit Arm.
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
}

impl Machine {
    const ALL: [Self; 4] = [Self::X86_64, Self::Aarch64, Self::Arm, Self::Riscv64];

    /// What `uname -m` says there, what `e_machine` is in its programs (ELF specification), and the
    /// target that needs no library of the robot's.
    fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::X86_64 => ("x86_64", 62, "x86_64-unknown-linux-musl"),
            Self::Aarch64 => ("aarch64", 183, "aarch64-unknown-linux-musl"),
            Self::Arm => ("armv7l", 40, "armv7-unknown-linux-musleabihf"),
            Self::Riscv64 => ("riscv64", 243, "riscv64gc-unknown-linux-musl"),
        }
    }

    /// The target to build for.
    pub fn target(self) -> &'static str {
        self.facts().2
    }

    /// The commands that build a lacewing-edge for it on any machine that has rustup: Rust's own linker serves
    /// every target.
    pub fn build(self) -> String {
        let target = self.target();
        let variable = target.to_uppercase().replace('-', "_");
        format!(
            "rustup target add {target} && CARGO_TARGET_{variable}_LINKER=rust-lld cargo build --profile \
             dist -p lacewing-edge --target {target}"
        )
    }

    /// By what `uname -m` says.
    pub fn of_uname(uname: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.facts().0 == uname)
    }

    /// By the head of a program: little-endian ELF, at 18 its `e_machine`.
    pub fn of_program(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..20).filter(|head| head.starts_with(b"\x7fELF") && head[5] == 1)?;
        let code = u16::from_le_bytes([head[18], head[19]]);
        Self::ALL.into_iter().find(|it| it.facts().1 == code)
    }

    /// This one.
    pub fn here() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            "arm" => Some(Self::Arm),
            "riscv64" => Some(Self::Riscv64),
            _ => None,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().0)
    }
}

/// The programs that are at hand.
#[derive(Debug)]
pub struct Programs(Vec<(Machine, PathBuf)>);

impl Programs {
    /// Those that are `given`, then those that lie where cargo puts them beside this program.
    ///
    /// # Errors
    /// [`DeployError`] for a given file that is none.
    pub fn find(given: &[PathBuf]) -> Result<Self, DeployError> {
        let mut found = Vec::new();
        for path in given {
            let machine = machine_of(path)?;
            let machine = machine.ok_or(DeployError::NotAProgram { path: path.clone() })?;
            found.push((machine, path.clone()));
        }
        let itself = std::env::current_exe().unwrap_or_default();
        let beside = itself.parent().unwrap_or(Path::new("."));
        let profiles = ["dist", "release", "debug"];
        let target = beside.parent().unwrap_or(Path::new("."));
        let built = Machine::ALL.into_iter().flat_map(|machine| {
            let gnu = machine.target().replace("musl", "gnu");
            [machine.target().to_string(), gnu]
        });
        let built = built.flat_map(|name| profiles.map(|profile| target.join(&name).join(profile)));
        let folders = [beside.to_path_buf()].into_iter().chain(built);
        for path in folders.map(|folder| folder.join("lacewing-edge")).filter(|path| path.is_file())
        {
            found.extend(machine_of(&path)?.map(|machine| (machine, path)));
        }
        Ok(Self(found))
    }

    /// The first for a processor.
    ///
    /// # Errors
    /// [`DeployError::NoProgram`].
    pub fn of(&self, machine: Machine) -> Result<&Path, DeployError> {
        let found = self.0.iter().find(|(of, _)| *of == machine);
        found.map(|(_, path)| path.as_path()).ok_or(DeployError::NoProgram { machine })
    }
}

fn machine_of(path: &Path) -> Result<Option<Machine>, DeployError> {
    let bytes = fs::read(path);
    let bytes = bytes.map_err(|source| DeployError::File { path: path.to_path_buf(), source })?;
    Ok(Machine::of_program(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_what_it_is_for() {
        let itself = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(Machine::of_program(&itself), Machine::here());
        assert_eq!(Machine::of_program(b"\x7fELF"), None);
        assert_eq!(Machine::of_program(&[0; 64]), None);
        let mut arm = itself[..64].to_vec();
        arm[18..20].copy_from_slice(&183_u16.to_le_bytes());
        assert_eq!(Machine::of_program(&arm), Machine::of_uname("aarch64"));
        assert_eq!(Machine::of_uname("mips"), None);
    }
}
