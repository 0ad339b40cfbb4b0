//! Why a policy did not come onto a robot.

use super::Machine;
use lacewing_runtime::deploy;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a policy did not come onto a robot.
#[derive(Debug, Error)]
pub enum DeployError {
    /// An address that none is.
    #[error(
        "`{text}` is no address: give user@host, user@host:folder with letters, digits and `/_.+-` in \
         the folder, or a folder that begins with `/` or `.`"
    )]
    Address {
        /// What was given.
        text: String,
    },
    /// The firmware's scripts are not where they were when this was built.
    #[error(
        "{script} is not there: microcontrollers are served from a clone of Lacewing's repository, so build \
         `lacewing` in one and keep it",
        script = script.display()
    )]
    NoClone {
        /// Which.
        script: PathBuf,
    },
    /// One of the firmware's scripts failed.
    #[error("{script} failed: {why}", script = script.display())]
    Script {
        /// Which.
        script: PathBuf,
        /// Why.
        why: String,
    },
    /// A program of the system is missing.
    #[error("cannot run {program}: {source}; install OpenSSH's client")]
    Program {
        /// Which.
        program: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// No connection, or none any more.
    #[error(
        "no connection ({said}); check that `ssh {host} true` works without a question, and try again"
    )]
    Connection {
        /// Host.
        host: String,
        /// What ssh says.
        said: String,
    },
    /// The connection broke while the robot was at it.
    #[error(
        "the connection broke during the installation ({said}); the robot runs the old policy or the \
         new one: `lacewing deploy --to {host} --status` says which"
    )]
    Unknown {
        /// Host.
        host: String,
        /// What ssh says.
        said: String,
    },
    /// The files did not get there.
    #[error("cannot copy to the robot ({said}); what ran before still does")]
    Copy {
        /// What scp says.
        said: String,
    },
    /// The robot says no.
    #[error("{said}")]
    Refused {
        /// What it says.
        said: String,
    },
    /// Its program does not run there.
    #[error(
        "the lacewing-edge that was sent does not run there ({said}); deploy again, and if that does not \
         help give one built for {} with --edge",
        machine.target()
    )]
    Broken {
        /// The robot's processor.
        machine: Machine,
        /// What its shell says.
        said: String,
    },
    /// Nothing was ever deployed there.
    #[error("no policy is installed in {folder}: deploy one")]
    Nothing {
        /// The folder of versions.
        folder: String,
    },
    /// Something else answered.
    #[error("the robot answered what cannot be read: {said}")]
    Answer {
        /// What it said.
        said: String,
    },
    /// A processor without a program.
    #[error("the robot's processor is `{uname}`, for which there is no lacewing-edge")]
    UnknownMachine {
        /// What `uname -m` said.
        uname: String,
    },
    /// No program for this processor.
    #[error(
        "no lacewing-edge for {machine} is at hand: build one in a clone of Lacewing (`{}`) and give it with \
         --edge FILE",
        machine.build()
    )]
    NoProgram {
        /// Which processor.
        machine: Machine,
    },
    /// A program that is none.
    #[error("{path} is no Linux program for a processor that is known here: give a lacewing-edge", path = path.display())]
    NotAProgram {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be read or copied.
    #[error("cannot use {path}: {source}; check the path", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The new version was left again while it was waited for.
    #[error("version {version} was left again: it {why}")]
    Left {
        /// Its number.
        version: u64,
        /// Why.
        why: String,
    },
    /// It takes too long.
    #[error(
        "version {version} was not confirmed within {seconds} s; `--status` says how far it is"
    )]
    Waited {
        /// Its number.
        version: u64,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A folder of this machine does not take it.
    #[error(transparent)]
    Folder(#[from] deploy::DeployError),
}
