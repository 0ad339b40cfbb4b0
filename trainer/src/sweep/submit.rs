//! Handing a sweep over to an engine that has more than this machine.
//!
//! The engine starts `lacewing sweep point DIR` for each number; which one it is, the point reads from
//! `HQ_TASK_ID` or `SLURM_ARRAY_TASK_ID`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{State, Sweep, SweepError, standing};
use crate::lab::config::Device;
use crate::lab::files::{self, FileError};
use crate::shell::quoted;

/// An engine that trains points elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// HyperQueue: `hq submit --array`.
    Hq,
    /// Slurm: `sbatch --array`.
    Slurm,
}

/// Numbers in one array of Slurm's: clusters allow 0 to 1000 unless their `MaxArraySize` says otherwise.
const SLURM_ARRAY: usize = 1000;

/// What means something else in an `#SBATCH` line.
const NOT_IN_SBATCH: [char; 4] = ['%', '"', '\\', '\n'];

/// Commands to start, and the script they need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Programs and arguments.
    pub commands: Vec<Vec<String>>,
    /// Path and text of a file that must be there first.
    pub script: Option<(PathBuf, String)>,
    program: &'static str,
    remedy: &'static str,
}

/// What hands the points that are not done over to `engine`, at most `jobs` at a time; `extra` are
/// arguments for the engine. None where all are done.
///
/// # Errors
/// [`SweepError::File`] if the sweep's folder has no absolute path, [`SweepError::NotText`] if that is
/// not UTF-8, [`SweepError::NotForSlurm`] if Slurm would misread it.
pub fn submission(
    sweep: &Sweep,
    engine: Engine,
    program: &Path,
    jobs: Option<usize>,
    extra: &[String],
) -> Result<Option<Submission>, SweepError> {
    let root = sweep.root().canonicalize().map_err(|e| FileError::read(sweep.root(), e))?;
    // Both go into a script or a job's description, which are text.
    let text = |path: &Path| path.to_str().map(str::to_string);
    let of = |path: &Path| text(path).ok_or_else(|| SweepError::NotText { path: path.into() });
    let (_, program) = (of(&root)?, of(program)?);
    let open = sweep.points().iter().filter(|point| standing(sweep, point).state != State::Done);
    let open: Vec<_> = open.collect();
    if open.is_empty() {
        return Ok(None);
    }
    let task = Task {
        numbers: open.iter().map(|point| point.number).collect(),
        threads: open.iter().map(|point| point.config.threads).max().unwrap_or(1),
        gpu: open.iter().any(|point| point.config.device == Device::Cuda),
        name: root.file_name().map_or("sweep".into(), |name| name.to_string_lossy().into_owned()),
        program,
        root,
    };
    Ok(Some(match engine {
        Engine::Hq => task.hq(extra),
        Engine::Slurm if task.root.to_string_lossy().contains(NOT_IN_SBATCH) => {
            return Err(SweepError::NotForSlurm { path: task.root });
        }
        Engine::Slurm => task.slurm(jobs, extra),
    }))
}

/// What an engine must know.
struct Task {
    /// Of the points, ascending.
    numbers: Vec<usize>,
    threads: u32,
    gpu: bool,
    name: String,
    program: String,
    root: PathBuf,
}

impl Task {
    fn hq(&self, extra: &[String]) -> Submission {
        let mut command = vec![
            "hq".to_string(),
            "submit".to_string(),
            format!("--name={}", self.name),
            format!("--array={}", ranges(&self.numbers)),
            format!("--cpus={}", self.threads),
            format!("--stream={}", self.root.join("log").display()),
        ];
        command.extend(self.gpu.then(|| "--resource=gpus/nvidia=1".to_string()));
        command.extend_from_slice(extra);
        command.extend(["--", &self.program, "sweep", "point"].map(String::from));
        command.push(self.root.display().to_string());
        Submission {
            commands: vec![command],
            script: None,
            program: "hq",
            remedy: "put `hq` of https://github.com/It4innovations/hyperqueue/releases on the PATH, then \
                     `hq server start` and `hq worker start`",
        }
    }

    /// Numbers beyond an array's go into a further one, whose script adds the difference.
    fn slurm(&self, jobs: Option<usize>, extra: &[String]) -> Submission {
        let path = self.root.join("submit.sbatch");
        let at_once = jobs.map_or_else(String::new, |jobs| format!("%{jobs}"));
        let arrays = self.numbers.chunk_by(|a, b| a / SLURM_ARRAY == b / SLURM_ARRAY);
        let commands = arrays.map(|numbers| {
            let first = numbers[0] - numbers[0] % SLURM_ARRAY;
            let within: Vec<_> = numbers.iter().map(|number| number - first).collect();
            let array = format!("--array={}{at_once}", ranges(&within));
            let mut command = vec!["sbatch".to_string(), array];
            command.extend_from_slice(extra);
            command.extend([path.display().to_string(), first.to_string()]);
            command
        });
        let gpu = if self.gpu { "#SBATCH --gres=gpu:1\n" } else { "" };
        let script = format!(
            "#!/bin/sh\n\
             #SBATCH --job-name=\"{}\"\n\
             #SBATCH --cpus-per-task={}\n\
             {gpu}\
             #SBATCH --requeue\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --output=\"{}/%A_%a.txt\"\n\
             exec {} sweep point {} $((SLURM_ARRAY_TASK_ID + $1))\n",
            self.name,
            self.threads,
            self.root.join("log").display(),
            quoted(&self.program),
            quoted(&self.root.display().to_string()),
        );
        Submission {
            commands: commands.collect(),
            script: Some((path.clone(), script)),
            program: "sbatch",
            remedy: "run this on a login node of a Slurm cluster, or use `lacewing sweep run` here",
        }
    }
}

impl Submission {
    /// Writes the script, and starts the commands.
    ///
    /// # Errors
    /// [`SweepError::Start`] where the engine is not installed, [`SweepError::Engine`] where it refuses.
    pub fn start(&self, sweep: &Sweep) -> Result<(), SweepError> {
        files::create_folder(&sweep.root().join("log"))?;
        if let Some((path, text)) = &self.script {
            files::write_atomic(path, text.as_bytes())?;
        }
        for command in &self.commands {
            let mut engine = Command::new(self.program);
            let status = engine.args(&command[1..]).stdin(Stdio::null()).status();
            let status = status.map_err(|source| SweepError::Start {
                program: self.program.to_string(),
                source,
                remedy: self.remedy,
            })?;
            if !status.success() {
                return Err(SweepError::Engine { program: self.program, status });
            }
        }
        Ok(())
    }

    /// The commands as one types them.
    pub fn shown(&self) -> String {
        let line = |words: &Vec<String>| {
            words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
        };
        self.commands.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// `0-3,7` for 0, 1, 2, 3 and 7, which ascend.
fn ranges(numbers: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => parts.push((number, number)),
        }
    }
    let part = |&(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    parts.iter().map(part).collect::<Vec<_>>().join(",")
}
