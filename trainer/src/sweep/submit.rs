//! Handing a sweep over to an engine that has more than this machine.
//!
//! The engine starts `lacewing sweep point DIR` for each number; which one it is, the point reads from
//! `HQ_TASK_ID` or `SLURM_ARRAY_TASK_ID`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{State, Sweep, SweepError, standing};
use crate::lab::config::Device;
use crate::lab::files::{self, FileError};

/// An engine that trains points elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// HyperQueue: `hq submit --array`.
    Hq,
    /// Slurm: `sbatch --array`.
    Slurm,
}

/// A command to start, and the script it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Path and text of a file that must be there first.
    pub script: Option<(PathBuf, String)>,
    program: &'static str,
    remedy: &'static str,
}

/// What hands the points that are not done over to `engine`; `extra` are arguments for it. None where
/// all are done.
///
/// # Errors
/// [`SweepError::File`] if the sweep's folder has no absolute path.
pub fn submission(
    sweep: &Sweep,
    engine: Engine,
    program: &Path,
    extra: &[String],
) -> Result<Option<Submission>, SweepError> {
    let root = sweep.root().canonicalize().map_err(|e| FileError::read(sweep.root(), e))?;
    let open = sweep.points().iter().filter(|point| standing(sweep, point).state != State::Done);
    let open: Vec<_> = open.collect();
    if open.is_empty() {
        return Ok(None);
    }
    let numbers: Vec<_> = open.iter().map(|point| point.number).collect();
    let threads = open.iter().map(|point| point.config.threads).max().unwrap_or(1);
    let gpu = open.iter().any(|point| point.config.device == Device::Cuda);
    let text = |path: &Path| path.display().to_string();
    let name = root.file_name().map_or("sweep".into(), |name| name.to_string_lossy());
    let mut command: Vec<String>;
    let submission = match engine {
        Engine::Hq => {
            command = vec!["hq".into(), "submit".into(), format!("--name={name}")];
            command.push(format!("--array={}", ranges(&numbers)));
            command.push(format!("--cpus={threads}"));
            command.extend(gpu.then(|| "--resource=gpus/nvidia=1".into()));
            command.push(format!("--stream={}", text(&root.join("log"))));
            command.extend_from_slice(extra);
            let point = [&text(program), "sweep", "point", &text(&root)].map(String::from);
            command.push("--".into());
            command.extend(point);
            Submission {
                command,
                script: None,
                program: "hq",
                remedy: "install HyperQueue: put `hq` of https://github.com/It4innovations/hyperqueue/\
                         releases on the PATH, then `hq server start` and `hq worker start`",
            }
        }
        Engine::Slurm => {
            let path = root.join("submit.sbatch");
            command = vec!["sbatch".into(), format!("--array={}", ranges(&numbers))];
            command.extend_from_slice(extra);
            command.push(text(&path));
            let gpu = if gpu { "#SBATCH --gres=gpu:1\n" } else { "" };
            let log = text(&root.join("log").join("%a.txt"));
            let script = format!(
                "#!/bin/sh\n#SBATCH --job-name={name}\n#SBATCH --cpus-per-task={threads}\n{gpu}\
                 #SBATCH --requeue\n#SBATCH --open-mode=append\n#SBATCH --output={log}\n\
                 exec {} sweep point {}\n",
                quoted(&text(program)),
                quoted(&text(&root)),
            );
            Submission {
                command,
                script: Some((path, script)),
                program: "sbatch",
                remedy: "run this on a login node of a Slurm cluster, or use `lacewing sweep run` here",
            }
        }
    };
    Ok(Some(submission))
}

impl Submission {
    /// Writes the script, and starts the command.
    ///
    /// # Errors
    /// [`SweepError::Start`] where the engine is not installed, [`SweepError::Engine`] where it refuses.
    pub fn start(&self, sweep: &Sweep) -> Result<(), SweepError> {
        files::create_folder(&sweep.root().join("log"))?;
        if let Some((path, text)) = &self.script {
            files::write_atomic(path, text.as_bytes())?;
        }
        let status = Command::new(&self.command[0])
            .args(&self.command[1..])
            .stdin(Stdio::null())
            .status()
            .map_err(|source| SweepError::Start {
                program: self.program.to_string(),
                source,
                remedy: self.remedy,
            })?;
        if !status.success() {
            return Err(SweepError::Engine { program: self.program, status });
        }
        Ok(())
    }

    /// The command as one types it.
    pub fn shown(&self) -> String {
        self.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a POSIX shell must read it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:%@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
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
