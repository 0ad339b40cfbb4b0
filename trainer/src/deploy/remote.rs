//! A robot behind ssh.

use super::{DeployError, Machine, Package, Programs};
use crate::shell::quoted;
use lacewing_runtime::deploy::{PROGRAM, UPLOADS};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Asks nothing, and notices within some 15 s that nobody is there any more.
const OPTIONS: [&str; 4] =
    ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3"];
/// Status of ssh where the connection failed, and not the command.
const NO_CONNECTION: i32 = 255;

/// How hosts are spoken to.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// A configuration file in place of the user's.
    pub config: Option<PathBuf>,
    /// Options as after ssh's `-o`; they come first, so that they win.
    pub options: Vec<String>,
}

impl Session {
    fn command(&self, program: &'static str) -> Command {
        let mut command = Command::new(program);
        if let Some(path) = &self.config {
            command.arg("-F").arg(path);
        }
        for option in self.options.iter().map(String::as_str).chain(OPTIONS) {
            command.args(["-o", option]);
        }
        command.stdin(Stdio::null());
        command
    }
}

/// How a complaint of `lacewing-edge` begins.
const COMPLAINS: &str = "lacewing-edge: ";

/// A robot behind ssh.
pub struct Remote<'a> {
    session: &'a Session,
    host: &'a str,
    folder: &'a str,
}

impl<'a> Remote<'a> {
    /// The versions in `folder` of `host`.
    pub fn new(session: &'a Session, host: &'a str, folder: &'a str) -> Self {
        Self { session, host, folder }
    }

    /// Copies the package as the upload `id` and installs it; says what the robot answers.
    ///
    /// # Errors
    /// [`DeployError`]; but for [`DeployError::Unknown`] what ran before still does.
    pub fn install(
        &self,
        package: &Package,
        programs: &Programs,
        id: &str,
    ) -> Result<Value, DeployError> {
        let upload = format!("{}/{UPLOADS}/{id}", self.folder);
        let made = self.shell(&format!("uname -m && mkdir -p {upload}"))?;
        if !made.status.success() {
            return Err(DeployError::Copy { said: said(&made) });
        }
        let uname = text(&made.stdout);
        let machine = Machine::of_uname(&uname).ok_or(DeployError::UnknownMachine { uname })?;
        let staged = package.stage(programs.of(machine)?)?;
        let installed = self.copy(&staged.files()?, &upload).and_then(|()| {
            let words = package.arguments(self.folder, id, &staged);
            let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
            let line = format!("{upload}/{PROGRAM} {}", words.join(" "));
            let output = self.shell(&line).map_err(|error| match error {
                DeployError::Connection { host, said } => DeployError::Unknown { host, said },
                error => error,
            })?;
            match output.status.success() {
                true => answer(&text(&output.stdout)),
                false if said(&output).starts_with(COMPLAINS) => Err(refused(&output)),
                false => Err(DeployError::Broken { machine, said: said(&output) }),
            }
        });
        if matches!(installed, Err(DeployError::Copy { .. } | DeployError::Broken { .. })) {
            // Its space may be what was missing. Where this fails too, the next installation sweeps.
            let _ = self.shell(&format!("rm -rf {upload}"));
        }
        installed
    }

    /// What the robot says of its versions.
    ///
    /// # Errors
    /// [`DeployError`].
    pub fn status(&self, json: bool) -> Result<String, DeployError> {
        let json = if json { " --json" } else { "" };
        self.installed(&format!("status {}{json}", self.folder))
    }

    /// Lets the robot go back to the version before.
    ///
    /// # Errors
    /// [`DeployError`].
    pub fn rollback(&self) -> Result<String, DeployError> {
        self.installed(&format!("rollback {}", self.folder))
    }

    /// Waits until `version` is confirmed.
    ///
    /// # Errors
    /// [`DeployError::Left`] and [`DeployError::Waited`] if it is not.
    pub fn wait(&self, version: u64, patience: Duration) -> Result<(), DeployError> {
        let end = Instant::now() + patience;
        loop {
            let status = answer(&self.status(true)?)?;
            let versions = status["versions"].as_array().cloned().unwrap_or_default();
            let it = versions.iter().find(|it| it["version"] == version);
            let state = it.and_then(|it| it["state"].as_str()).unwrap_or("gone");
            if status["version"] != version || state == "failed" {
                let why = it.and_then(|it| it["why"].as_str()).unwrap_or("was replaced");
                return Err(DeployError::Left { version, why: why.to_string() });
            }
            match state {
                "confirmed" => return Ok(()),
                _ if Instant::now() > end => {
                    return Err(DeployError::Waited { version, seconds: patience.as_secs() });
                }
                _ => sleep(Duration::from_millis(500)),
            }
        }
    }

    /// Runs the installed program.
    fn installed(&self, command: &str) -> Result<String, DeployError> {
        let program = format!("{}/current/{PROGRAM}", self.folder);
        let output = self.shell(&format!("if [ -x {program} ]; then {program} {command}; fi"))?;
        match (output.status.success(), text(&output.stdout)) {
            (true, said) if said.is_empty() => {
                Err(DeployError::Nothing { folder: self.folder.to_string() })
            }
            (true, said) => Ok(said),
            (false, _) => Err(refused(&output)),
        }
    }

    /// Copies files into a folder there.
    fn copy(&self, files: &[PathBuf], folder: &str) -> Result<(), DeployError> {
        let mut copy = self.session.command("scp");
        copy.args(["-p", "-q"]).args(files).arg(format!("{}:{folder}/", self.host));
        let copied = run("scp", copy)?;
        if copied.status.success() {
            return Ok(());
        }
        Err(DeployError::Copy { said: said(&copied) })
    }

    /// Runs a command line there.
    fn shell(&self, line: &str) -> Result<Output, DeployError> {
        let mut command = self.session.command("ssh");
        command.args([self.host, "--", line]);
        let output = run("ssh", command)?;
        if output.status.code() == Some(NO_CONNECTION) {
            let host = self.host.to_string();
            return Err(DeployError::Connection { host, said: said(&output) });
        }
        Ok(output)
    }
}

fn run(program: &'static str, mut command: Command) -> Result<Output, DeployError> {
    command.output().map_err(|source| DeployError::Program { program, source })
}

fn answer(said: &str) -> Result<Value, DeployError> {
    let line = said.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|_| DeployError::Answer { said: said.to_string() })
}

/// What a robot's program complains of, without its own name.
pub(super) fn refused(output: &Output) -> DeployError {
    let said = said(output);
    let plain = said.strip_prefix(COMPLAINS).unwrap_or(&said);
    DeployError::Refused { said: plain.to_string() }
}

/// The last that was written to standard error.
fn said(output: &Output) -> String {
    let all = text(&output.stderr);
    let last = all.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or_else(|| output.status.to_string(), |line| line.trim().to_string())
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_string()
}
