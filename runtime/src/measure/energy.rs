//! What a step takes of a battery, from the counters that a board has.
//!
//! RAPL on x86 (`/sys/class/powercap`, a counter of microjoules a package) and INA3221 on Jetson
//! (`/sys/class/hwmon`, millivolts and milliamperes a rail; on JetPack 4, as of the Jetson Nano, milliwatts a
//! rail in `/sys/bus/i2c/drivers/ina3221x`). Both see the whole package or rail, all that
//! runs there included; so what it takes at rest is measured first and said beside.

use super::{observations, step};
use crate::act::{Layout, LoadError, Policy};
use crate::arena::Block;
use crate::kernels::act::Kernel;
use core::fmt;
use lacewing_formats::artifact::PolicyView;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{format, string::String, vec, vec::Vec};
use thiserror::Error;

/// How often a rail is read.
const SAMPLE: Duration = Duration::from_millis(5);
/// How long each of rest and work is looked at.
const SPAN: Duration = Duration::from_secs(2);

/// No energy was measured.
#[derive(Debug, Error)]
pub enum EnergyError {
    /// There is no counter, or nobody may read it.
    #[error(
        "no energy can be measured here: {problem}; `lacewing measure --target DEVICE` models it, \
         marked so"
    )]
    NoMeter {
        /// What is missing.
        problem: String,
    },
    /// The policy cannot be run.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Energy {
    /// Which counter.
    pub meter: String,
    /// Watts at rest.
    pub rest_watts: f64,
    /// Watts while one core makes step after step.
    pub work_watts: f64,
    /// Steps a second meanwhile.
    pub steps_per_second: f64,
    /// Joules of a step beyond those at rest.
    pub step_joules: f64,
}

/// A counter of this board.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Meter {
    /// File of microjoules, and the value at which it starts again from 0.
    Rapl(PathBuf, u64),
    /// Rails that together are the module's.
    Ina(Vec<Rail>),
}

/// A rail of an INA3221.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rail {
    /// Files of millivolts and milliamperes.
    VoltsAmperes(PathBuf, PathBuf),
    /// File of milliwatts.
    Milliwatts(PathBuf),
}

impl Rail {
    fn watts(&self) -> Result<f64, String> {
        Ok(match self {
            Self::VoltsAmperes(volts, amperes) => {
                number(volts)? as f64 * number(amperes)? as f64 * 1e-6
            }
            Self::Milliwatts(power) => number(power)? as f64 * 1e-3,
        })
    }
}

/// Makes control steps of a policy in its packed layout for two seconds, after two at rest, and says what
/// that took.
///
/// # Errors
/// [`EnergyError`] where the system has no counter, or lets nobody read it; where the policy does not load.
pub fn step_energy(view: PolicyView<'_>) -> Result<Energy, EnergyError> {
    let (name, meter) = find(Path::new("/sys"))?;
    let kernel = Kernel::best();
    let mut memory = vec![Block::ZERO; Policy::blocks(&view, Layout::Packed, kernel)];
    let policy = Policy::with_layout(view, Layout::Packed, kernel, &mut memory)?;
    let (observations, mut action) = (observations(&policy), vec![0.0; policy.actions()]);
    let mut step = step(&policy);
    let watts = |work: &mut dyn FnMut()| meter.watts(SPAN, work);
    let rest_watts = watts(&mut || sleep(SAMPLE))?;
    let (mut steps, began) = (0_u64, Instant::now());
    let work_watts = watts(&mut || {
        // Looking at the clock and the rails must not be what is measured.
        let end = Instant::now() + SAMPLE;
        while Instant::now() < end {
            for observation in &observations {
                step(observation, &mut action);
            }
            steps += observations.len() as u64;
        }
    })?;
    let steps_per_second = steps as f64 / began.elapsed().as_secs_f64();
    let step_joules = (work_watts - rest_watts) / steps_per_second;
    Ok(Energy { meter: name, rest_watts, work_watts, steps_per_second, step_joules })
}

impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { meter, rest_watts, work_watts, steps_per_second, step_joules } = self;
        writeln!(f, "{meter}: {rest_watts:.2} W at rest, {work_watts:.2} W at work")?;
        let micro = step_joules * 1e6;
        write!(
            f,
            "{micro:.3} µJ a control step beyond those at rest, {steps_per_second:.0} a second"
        )
    }
}

impl Meter {
    /// Mean watts over `span`, in which `work` is done again and again.
    fn watts(&self, span: Duration, work: &mut dyn FnMut()) -> Result<f64, EnergyError> {
        let began = Instant::now();
        match self {
            Self::Rapl(counter, range) => {
                let before = number(counter).map_err(no_meter)?;
                while began.elapsed() < span {
                    work();
                }
                let after = number(counter).map_err(no_meter)?;
                let used = if after >= before { after - before } else { after + range - before };
                Ok(used as f64 * 1e-6 / began.elapsed().as_secs_f64())
            }
            Self::Ina(rails) => {
                let (mut sum, mut samples) = (0.0, 0_u32);
                while began.elapsed() < span {
                    work();
                    for rail in rails {
                        sum += rail.watts().map_err(no_meter)?;
                    }
                    samples += 1;
                }
                Ok(sum / f64::from(samples.max(1)))
            }
        }
    }
}

/// The first counter under `sys`, and what to call it.
fn find(sys: &Path) -> Result<(String, Meter), EnergyError> {
    let packages = within(&sys.join("class/powercap")).into_iter().map(|path| rapl(&path));
    let monitors = within(&sys.join("class/hwmon")).into_iter().map(|path| hwmon(&path));
    let chips = within(&sys.join("bus/i2c/drivers/ina3221x"));
    let devices = chips.iter().flat_map(|chip| within(chip)).map(|path| iio(&path));
    let mut problems = Vec::new();
    for read in packages.chain(monitors).chain(devices) {
        match read {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        problems
            .push(format!("there is neither a RAPL package nor an INA3221 in {}", sys.display()));
    }
    Err(EnergyError::NoMeter { problem: problems.join(", ") })
}

/// What lies in a folder, in order; nothing where there is none.
fn within(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// A package's counter, if this is one.
fn rapl(folder: &Path) -> Result<Option<(String, Meter)>, String> {
    let name = text(&folder.join("name")).unwrap_or_default();
    if !name.starts_with("package") {
        return Ok(None);
    }
    let counter = folder.join("energy_uj");
    number(&counter)?;
    let range = number(&folder.join("max_energy_range_uj"))?;
    Ok(Some((format!("RAPL {name}"), Meter::Rapl(counter, range))))
}

/// The module's rails, if this is an INA3221 as hwmon shows it.
fn hwmon(folder: &Path) -> Result<Option<(String, Meter)>, String> {
    if text(&folder.join("name")).is_none_or(|name| name != "ina3221") {
        return Ok(None);
    }
    let rail = |channel: u32| {
        let file = |name: &str| folder.join(format!("{name}{channel}_input"));
        let label = text(&folder.join(format!("in{channel}_label")))?;
        Some((label, Rail::VoltsAmperes(file("in"), file("curr"))))
    };
    module(&(1..=3).filter_map(rail).collect::<Vec<_>>()).map(Some)
}

/// The same, as the driver of JetPack 4 shows it.
fn iio(folder: &Path) -> Result<Option<(String, Meter)>, String> {
    let rail = |channel: u32| {
        let label = text(&folder.join(format!("rail_name_{channel}")))?;
        Some((label, Rail::Milliwatts(folder.join(format!("in_power{channel}_input")))))
    };
    let rails: Vec<_> = (0..=2).filter_map(rail).collect();
    if rails.is_empty() { Ok(None) } else { module(&rails).map(Some) }
}

/// Of an INA3221's rails those that the module takes all its power from: a single one, or, as on AGX Orin,
/// those of its processors and of the rest.
fn module(rails: &[(String, Rail)]) -> Result<(String, Meter), String> {
    let of = |names: &[&str]| -> Vec<_> {
        rails.iter().filter(|(label, _)| names.contains(&label.as_str())).collect()
    };
    let whole = of(&["VDD_IN", "POM_5V_IN"]);
    let parts = of(&["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]);
    let labels = |rails: &[&(String, Rail)], between: &str| {
        rails.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(between)
    };
    let found = match (whole.len(), parts.len()) {
        (1.., _) => whole,
        (0, 2..) => parts,
        _ => {
            let all = labels(&rails.iter().collect::<Vec<_>>(), ", ");
            return Err(format!("an INA3221 is there, but no rail of the module: it has {all}"));
        }
    };
    found.iter().try_for_each(|(_, rail)| rail.watts().map(|_| ()))?;
    let name = format!("INA3221 {}", labels(&found, " + "));
    Ok((name, Meter::Ina(found.into_iter().map(|(_, rail)| rail.clone()).collect())))
}

fn no_meter(problem: String) -> EnergyError {
    EnergyError::NoMeter { problem }
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_string())
}

fn number(path: &Path) -> Result<u64, String> {
    let wrong = |problem: String| format!("{} {problem}", path.display());
    let text =
        fs::read_to_string(path).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    text.trim().parse().map_err(|_| wrong(String::from("holds no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `/sys` of these files, gone when dropped.
    struct Sys(PathBuf);

    impl Sys {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("sys-{name}-{}", std::process::id()));
            for (path, content) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Sys {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn rapl_counts_joules_and_starts_again() {
        let package = "class/powercap/intel-rapl:0";
        let sys = Sys::new(
            "rapl",
            &[
                ("class/powercap/intel-rapl/name", "not a package\n"),
                (&format!("{package}/name"), "package-0\n"),
                (&format!("{package}/energy_uj"), "999000000\n"),
                (&format!("{package}/max_energy_range_uj"), "1000000000\n"),
            ],
        );
        let (name, meter) = find(&sys.0).unwrap();
        assert_eq!(name, "RAPL package-0");
        let counter = sys.0.join(package).join("energy_uj");
        let began = Instant::now();
        let watts = meter.watts(Duration::from_millis(50), &mut || {
            // Three joules later, of which one is before it starts again.
            fs::write(&counter, "2000000\n").unwrap();
            sleep(Duration::from_millis(60));
        });
        let joules = watts.unwrap() * 0.06;
        let slack = began.elapsed().as_secs_f64() / 0.06;
        assert!(joules <= 3.0 && joules * slack >= 2.9, "{joules} J, {slack} times as long");
    }

    #[test]
    fn ina_multiplies_the_modules_rail() {
        let hwmon = "class/hwmon/hwmon3";
        let sys = Sys::new(
            "ina",
            &[
                ("class/hwmon/hwmon0/name", "tmp451\n"),
                (&format!("{hwmon}/name"), "ina3221\n"),
                (&format!("{hwmon}/in1_label"), "VDD_CPU_GPU_CV\n"),
                (&format!("{hwmon}/in2_label"), "VDD_IN\n"),
                (&format!("{hwmon}/in2_input"), "5000\n"),
                (&format!("{hwmon}/curr2_input"), "1200\n"),
            ],
        );
        let (name, watts) = steady(&sys);
        assert_eq!(name, "INA3221 VDD_IN");
        assert!((watts - 6.0).abs() < 1e-9, "{watts} W");
    }

    /// Watts of a `/sys` that nothing changes, and what they are of.
    fn steady(sys: &Sys) -> (String, f64) {
        let (name, meter) = find(&sys.0).unwrap();
        let watts = meter.watts(Duration::from_millis(5), &mut || sleep(Duration::from_millis(1)));
        (name, watts.unwrap())
    }

    #[test]
    fn where_the_module_has_several_rails_they_are_added() {
        let hwmon = "class/hwmon/hwmon3";
        let mut files = vec![(format!("{hwmon}/name"), "ina3221\n")];
        for (channel, label) in [(1, "VDD_GPU_SOC"), (2, "VDD_CPU_CV"), (3, "VIN_SYS_5V0")] {
            files.push((format!("{hwmon}/in{channel}_label"), label));
            files.push((format!("{hwmon}/in{channel}_input"), "5000\n"));
            files.push((format!("{hwmon}/curr{channel}_input"), "600\n"));
        }
        let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), *content)).collect();
        let (name, watts) = steady(&Sys::new("agx", &files));
        assert_eq!(name, "INA3221 VDD_GPU_SOC + VDD_CPU_CV + VIN_SYS_5V0");
        assert!((watts - 9.0).abs() < 1e-9, "{watts} W");
    }

    #[test]
    fn the_driver_of_older_boards_says_milliwatts() {
        let device = "bus/i2c/drivers/ina3221x/6-0040/iio:device0";
        let sys = Sys::new(
            "nano",
            &[
                ("bus/i2c/drivers/ina3221x/bind", ""),
                (&format!("{device}/rail_name_0"), "POM_5V_IN\n"),
                (&format!("{device}/in_power0_input"), "2500\n"),
                (&format!("{device}/rail_name_1"), "POM_5V_GPU\n"),
                (&format!("{device}/in_power1_input"), "40\n"),
            ],
        );
        let (name, watts) = steady(&sys);
        assert_eq!(name, "INA3221 POM_5V_IN");
        assert!((watts - 2.5).abs() < 1e-9, "{watts} W");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let sys = Sys::new("none", &[("class/powercap/intel-rapl:0/name", "package-0")]);
        let error = find(&sys.0).unwrap_err().to_string();
        assert!(
            error.contains("energy_uj cannot be read") && error.contains("--target"),
            "{error}"
        );
        let sys = Sys::new("nothing", &[("class/hwmon/hwmon0/name", "tmp451\n")]);
        let error = find(&sys.0).unwrap_err().to_string();
        assert!(error.contains("neither a RAPL package nor an INA3221"), "{error}");
        let hwmon = "class/hwmon/hwmon4";
        let sys = Sys::new(
            "rails",
            &[
                (&format!("{hwmon}/name"), "ina3221\n"),
                (&format!("{hwmon}/in1_label"), "NC\n"),
                (&format!("{hwmon}/in2_label"), "VDDQ_VDD2_1V8AO\n"),
            ],
        );
        let error = find(&sys.0).unwrap_err().to_string();
        assert!(error.contains("no rail of the module: it has NC, VDDQ_VDD2_1V8AO;"), "{error}");
    }
}
