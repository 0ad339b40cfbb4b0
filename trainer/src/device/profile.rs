//! What is known of a device: one TOML file each in `targets/profiles`, every figure with its source.

use std::path::PathBuf;

use lacewing_runtime::kernels::act::{Geometry, MAX_BLOCK};
use serde::Deserialize;
use thiserror::Error;

use crate::nearest::nearest;

/// A device's profile cannot be had.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// No such name.
    #[error("there is no device {name}{}; known are {}, or give the path of a profile (.toml)", near(.name), names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}; check the path", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no profile.
    #[error("{name} is no profile: {problem}; targets/profiles has some to start from")]
    Toml {
        /// The profile.
        name: String,
        /// Why.
        problem: String,
    },
}

/// A figure and where it is from: a datasheet or page, `measured` or `counted` with a command,
/// `memory` where nothing was at hand, `assumed` with the reason.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Where it is from.
    pub source: String,
}

/// What each weight of a layout takes, in clock cycles, padding counted as weights.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cycles {
    /// A weight of a layer with its zeros.
    pub dense: Figure,
    /// A link as it lies in the file, f32 with u16 columns.
    pub in_place: Figure,
    /// The same with narrower weights, or columns as gaps or a bitmap.
    pub in_place_coded: Figure,
    /// The same with columns as Rice codes.
    pub in_place_rice: Figure,
    /// A link as it lies in the file where rows come in fours with the same columns, f32 with u16 columns.
    pub in_place_fours: Option<Figure>,
    /// The same with f16, or columns as gaps.
    pub in_place_coded_fours: Option<Figure>,
    /// A weight of the packed layout.
    pub packed: Option<Packed>,
    /// A weight of the even layout.
    pub even: Option<Figure>,
    /// A weight of strips.
    #[serde(default)]
    pub strips: Vec<Strips>,
    /// An output: bias and activation.
    pub output: Figure,
    /// A step by itself: normaliser, head, calls.
    pub step: Figure,
}

/// The packed layout of a kernel.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packed {
    /// See [`Geometry`].
    pub lanes: usize,
    /// See [`Geometry`].
    pub block: usize,
    /// Cycles a weight.
    pub value: f64,
    /// Where they are from.
    pub source: String,
}

impl Packed {
    /// As the repacker wants it.
    pub fn geometry(&self) -> Geometry {
        Geometry { lanes: self.lanes, block: self.block, links: 1 }
    }
}

/// Rows side by side.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strips {
    /// How many.
    pub height: usize,
    /// Cycles a weight.
    pub value: f64,
    /// Where they are from.
    pub source: String,
}

/// A place that weights are read from, nearest first.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Memory {
    /// Its name.
    pub name: String,
    /// Bytes that one core has of it; none for the last one.
    pub bytes: Option<Figure>,
    /// 10⁹ bytes a second, read in order by one core.
    pub gb_per_s: Figure,
}

/// What fits on a device.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Room {
    /// Bytes of flash, where policies run in place from it.
    pub flash: Option<Figure>,
    /// Bytes of flash that the firmware takes.
    pub firmware: Option<Figure>,
    /// Bytes of flash that the firmware's memory map keeps for a policy, where there is firmware.
    pub policy: Option<Figure>,
    /// Bytes of memory.
    pub ram: Figure,
    /// Bytes of memory that the firmware takes beside the policy's scratch.
    pub firmware_ram: Option<Figure>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    /// What people call it.
    pub name: String,
    /// 10⁹ cycles a second.
    pub clock_ghz: Figure,
    /// What it takes while one core works.
    pub watts: Figure,
    /// By layout.
    pub cycles: Cycles,
    /// Nearest first.
    pub memory: Vec<Memory>,
    /// What fits.
    pub room: Room,
}

/// The profiles that are built in, by name.
const PROFILES: [(&str, &str); 12] = [
    ("agx-orin", include_str!("../../../targets/profiles/agx-orin.toml")),
    ("cortex-m33", include_str!("../../../targets/profiles/cortex-m33.toml")),
    ("cortex-m55", include_str!("../../../targets/profiles/cortex-m55.toml")),
    ("epyc-zen4", include_str!("../../../targets/profiles/epyc-zen4.toml")),
    ("jetson-nano", include_str!("../../../targets/profiles/jetson-nano.toml")),
    ("orin-nano", include_str!("../../../targets/profiles/orin-nano.toml")),
    ("raspberry-pi-5", include_str!("../../../targets/profiles/raspberry-pi-5.toml")),
    ("stm32f4", include_str!("../../../targets/profiles/stm32f4.toml")),
    ("stm32h7", include_str!("../../../targets/profiles/stm32h7.toml")),
    ("teensy-4.1", include_str!("../../../targets/profiles/teensy-4.1.toml")),
    ("xavier-nx", include_str!("../../../targets/profiles/xavier-nx.toml")),
    ("xeon-avx512", include_str!("../../../targets/profiles/xeon-avx512.toml")),
];

/// What people also say, and which of the profiles is near that.
const SAID: [(&str, &str); 7] = [
    ("cortex-m4", "stm32f4"),
    ("cortex-m7", "stm32h7"),
    ("jetson", "jetson-nano"),
    ("orin", "orin-nano"),
    ("pi", "raspberry-pi-5"),
    ("rpi", "raspberry-pi-5"),
    ("teensy41", "teensy-4.1"),
];

/// Every name that [`Profile::named`] knows.
pub fn names() -> String {
    PROFILES.map(|(name, _)| name).join(", ")
}

fn near(name: &str) -> String {
    let said = SAID.iter().find(|(said, _)| *said == name).map(|(_, meant)| *meant);
    let near = said.or_else(|| nearest(name, PROFILES.iter().map(|(name, _)| *name)));
    near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

impl Profile {
    /// A built-in profile by its name, or any by the path of its file.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        if let Some((_, text)) = PROFILES.iter().find(|(known, _)| *known == name) {
            return Self::parse(name, text);
        }
        if !name.ends_with(".toml") {
            return Err(ProfileError::Unknown { name: name.to_string() });
        }
        let path = PathBuf::from(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(name, &text),
            Err(source) => Err(ProfileError::Read { path, source }),
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self, ProfileError> {
        let wrong = |problem: String| ProfileError::Toml { name: name.to_string(), problem };
        let profile: Self = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        for figure in profile.figures() {
            if !figure.0.is_finite() || figure.0 <= 0.0 {
                return Err(wrong(format!("{} is not above 0", figure.0)));
            }
            if figure.1.trim().is_empty() {
                return Err(wrong(format!("{} has no source", figure.0)));
            }
        }
        let cycles = &profile.cycles;
        let lanes = cycles
            .packed
            .iter()
            .all(|it| (1..=16).contains(&it.lanes) && (1..=MAX_BLOCK).contains(&it.block));
        if !lanes || !cycles.strips.iter().all(|it| (1..=16).contains(&it.height)) {
            let limits = format!("lanes and heights go from 1 to 16, blocks to {MAX_BLOCK}");
            return Err(wrong(limits));
        }
        match profile.memory.split_last() {
            Some((last, others))
                if last.bytes.is_none() && others.iter().all(|it| it.bytes.is_some()) =>
            {
                Ok(profile)
            }
            _ => Err(wrong(String::from("only the last memory has no size"))),
        }
    }

    /// Every figure with its source.
    pub fn figures(&self) -> Vec<(f64, &str)> {
        let Cycles { dense, in_place, in_place_coded, in_place_rice, output, step, .. } =
            &self.cycles;
        let Cycles { in_place_fours, in_place_coded_fours, even, .. } = &self.cycles;
        let some = even.iter().chain(in_place_fours).chain(in_place_coded_fours);
        let Room { flash, firmware, policy, ram, firmware_ram } = &self.room;
        let room =
            [Some(ram), flash.as_ref(), firmware.as_ref(), policy.as_ref(), firmware_ram.as_ref()];
        let memory = self.memory.iter().flat_map(|it| [Some(&it.gb_per_s), it.bytes.as_ref()]);
        let links = [in_place, in_place_coded, in_place_rice];
        let own = [&self.clock_ghz, &self.watts, dense, output, step].into_iter().chain(links);
        let figures = own.chain(some).chain(room.into_iter().chain(memory).flatten());
        let packed = self.cycles.packed.iter().map(|it| (it.value, it.source.as_str()));
        let strips = self.cycles.strips.iter().map(|it| (it.value, it.source.as_str()));
        figures.map(|it| (it.value, it.source.as_str())).chain(packed).chain(strips).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_whole_and_says_where_its_figures_are_from() {
        for (name, text) in PROFILES {
            let profile = Profile::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
            let kinds =
                ["datasheet: ", "page: ", "measured: ", "counted: ", "memory: ", "assumed: "];
            for (value, source) in profile.figures() {
                let known = kinds.iter().any(|kind| source.starts_with(kind));
                assert!(known, "{name}: {value} is from `{source}`");
            }
        }
        assert!(PROFILES.is_sorted());
    }

    #[test]
    fn a_policys_room_is_that_of_the_firmwares_memory_map() {
        for (name, map) in [
            ("stm32f4", include_str!("../../../targets/cortex-m/memory/stm32f4.x")),
            ("stm32h7", include_str!("../../../targets/cortex-m/memory/stm32h7.x")),
            ("teensy-4.1", include_str!("../../../targets/cortex-m/memory/teensy41.x")),
        ] {
            let policy = Profile::named(name).unwrap().room.policy.unwrap().value;
            let line = map.lines().find(|line| line.trim().starts_with("POLICY :")).unwrap();
            let length = format!("LENGTH = {}K", policy / 1024.0);
            assert!(line.ends_with(&length), "{name}: {line}");
        }
    }

    #[test]
    fn what_is_no_profile_is_refused() {
        let text = PROFILES[0].1;
        for (old, new, expected) in [
            ("name = ", "nom = ", "unknown field"),
            ("value = ", "value = -", "not above 0"),
            ("lanes = 16", "lanes = 17", "1 to 16"),
        ] {
            let error = Profile::parse("x", &text.replacen(old, new, 1)).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
        for (name, meant) in [("orin-nan", "orin-nano"), ("pi", "raspberry-pi-5")] {
            let error = Profile::named(name).unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean {meant}?")), "{error}");
        }
        for (_, meant) in SAID {
            assert!(Profile::named(meant).is_ok(), "{meant}");
        }
    }
}
