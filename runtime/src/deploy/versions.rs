//! The state machine: which version runs, and which comes after it.

use super::accept::same_contract;
use super::disk::join;
use super::record::RECORD;
use super::{
    DeployError, Disk, Failure, Identity, Installed, Offer, POLICY, PROGRAM, Record, SIGNATURE,
    Started, State, Status, UPLOADS, Version, accept,
};
use lacewing_formats::signature::sha256;
use std::io::{self, ErrorKind};

const VERSIONS: &str = "versions";
/// The link that says which version runs.
const CURRENT: &str = "current";
const NEXT: &str = "current.new";
/// Versions kept beside the one that runs: what it falls back to, and what that one does.
const KEPT: usize = 2;

/// The versions of a policy on one robot.
#[derive(Debug)]
pub struct Versions<D> {
    disk: D,
}

impl<D: Disk> Versions<D> {
    /// Those in the root of `disk`.
    pub fn new(disk: D) -> Self {
        Self { disk }
    }

    /// What holds them.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// Makes an upload the current version, if it is what was sent and the robot takes it. The upload goes
    /// where it came to nothing.
    ///
    /// # Errors
    /// [`DeployError`]; the version that ran before is still the current one.
    pub fn install(&mut self, offer: &Offer<'_>) -> Result<Installed, DeployError> {
        let upload = join(UPLOADS, offer.upload);
        let installed = self.take(&upload, offer);
        if !matches!(installed, Ok(Installed::New(_))) {
            // The next installation tries again.
            let _ = self.disk.remove(&upload);
        }
        installed
    }

    fn take(&mut self, upload: &str, offer: &Offer<'_>) -> Result<Installed, DeployError> {
        let policy = self.sent(upload, POLICY, offer.policy)?;
        self.sent(upload, PROGRAM, offer.program)?;
        let sig = self.optional(&join(upload, SIGNATURE))?;
        let before = Identity::read(&self.disk)?;
        let identity = before.told(offer.robot, offer.trust)?;
        let running = match self.current() {
            Ok(number) => Some((number, self.record(number))),
            Err(DeployError::Nothing) => None,
            Err(error) => return Err(error),
        };
        let known = running.as_ref().and_then(|(_, record)| record.as_ref());
        let counter = accept(&policy, sig.as_deref(), &identity, known)?.counter;
        let record = Record {
            policy: offer.policy,
            program: offer.program,
            counter,
            plan: offer.plan.clone(),
            attempts: 0,
            state: State::Trying,
        };
        if let Some((number, Some(known))) = &running
            && self.sound(*number, known)
        {
            let same = Record { attempts: known.attempts, state: known.state, ..record.clone() };
            if same == *known {
                identity.save(&before, &mut self.disk)?;
                return Ok(Installed::Already(*number));
            }
            if !offer.new_contract {
                let path = join(&folder(*number), POLICY);
                let running =
                    self.disk.read(&path).map_err(|error| DeployError::io(&path, error))?;
                same_contract(&running, &policy)?;
            }
        }
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        self.discard(running.map(|(number, _)| number))?;
        self.put(upload, number, &record)?;
        identity.save(&before, &mut self.disk)?;
        self.switch(number)?;
        // What connections that broke have left; who is uploading now has to begin again.
        for name in self.disk.list(UPLOADS).unwrap_or_default() {
            let _ = self.disk.remove(&join(UPLOADS, &name));
        }
        Ok(Installed::New(number))
    }

    /// What is to be run now; its attempt is counted before this returns. Versions that are damaged, or
    /// were started too often without a confirmation, are left for the one before.
    ///
    /// # Errors
    /// [`DeployError::Nothing`], and [`DeployError::NoFallback`] where the only version is damaged.
    pub fn start(&mut self) -> Result<Started, DeployError> {
        let mut left = Vec::new();
        loop {
            let number = self.current()?;
            let known = self.record(number).filter(|record| self.sound(number, record));
            let failure = match &known {
                None => Some(Failure::Damaged),
                Some(it) if it.state == State::Trying && it.attempts >= it.plan.tries => {
                    Some(Failure::CrashLoop)
                }
                Some(_) => None,
            };
            match (failure, known) {
                (Some(failure), known) => match (self.fail(number, failure), known) {
                    (Ok(_), _) => left.push((number, failure)),
                    // A policy that acts is better than none.
                    (Err(DeployError::NoFallback { .. }), Some(record)) => {
                        return Ok(self.count(number, record, left));
                    }
                    (Err(error), _) => return Err(error),
                },
                (None, Some(record)) => return Ok(self.count(number, record, left)),
                (None, None) => return Err(DeployError::Nothing),
            }
        }
    }

    /// Counts an attempt of a version that is trying.
    fn count(&mut self, number: u32, record: Record, left: Vec<(u32, Failure)>) -> Started {
        let mut started = Started {
            number,
            folder: folder(number),
            plan: record.plan.clone(),
            left,
            uncounted: None,
        };
        if record.state == State::Trying {
            let counted = Record { attempts: record.attempts.saturating_add(1), ..record };
            if let Err(error) = self.write(number, &counted) {
                // What may crash for ever uncounted is not run where there is something better.
                let confirmed =
                    self.fallback(number).filter(|(_, it)| it.state == State::Confirmed);
                if let Some((number, record)) = confirmed {
                    started =
                        Started { number, folder: folder(number), plan: record.plan, ..started };
                }
                started.uncounted = Some(error);
            }
        }
        started
    }

    /// Confirms a version that runs and has done what it should.
    ///
    /// # Errors
    /// [`DeployError::NotCurrent`] if another one runs by now.
    pub fn confirm(&mut self, number: u32) -> Result<(), DeployError> {
        let record = self.running(number)?;
        match record.state {
            State::Confirmed => Ok(()),
            _ => self.write(number, &Record { state: State::Confirmed, attempts: 0, ..record }),
        }
    }

    /// How a version that runs is judged.
    ///
    /// # Errors
    /// [`DeployError::NotCurrent`] if another one runs by now.
    pub fn running(&self, number: u32) -> Result<Record, DeployError> {
        let current = self.current()?;
        if current != number {
            return Err(DeployError::NotCurrent { number, current });
        }
        let failure = Failure::Damaged;
        self.record(number).ok_or(DeployError::NoFallback { number, failure })
    }

    /// Leaves the current version, `number`, for the one before; says which that is.
    ///
    /// # Errors
    /// [`DeployError::NoFallback`] if there is none.
    pub fn fail(&mut self, number: u32, failure: Failure) -> Result<u32, DeployError> {
        let current = self.current()?;
        if current != number {
            return Err(DeployError::NotCurrent { number, current });
        }
        let Some((before, _)) = self.fallback(number) else {
            return Err(DeployError::NoFallback { number, failure });
        };
        self.switch(before)?;
        if let Some(record) = self.record(number) {
            // For who looks; nothing depends on it.
            let _ = self.write(number, &Record { state: State::Failed(failure), ..record });
        }
        Ok(before)
    }

    /// Leaves the current version for the one before, because someone asks for it; says which both are.
    ///
    /// # Errors
    /// [`DeployError::Only`] if there is none.
    pub fn rollback(&mut self) -> Result<(u32, u32), DeployError> {
        let number = self.current()?;
        match self.fail(number, Failure::Asked) {
            Ok(before) => Ok((number, before)),
            Err(DeployError::NoFallback { number, .. }) => Err(DeployError::Only { number }),
            Err(error) => Err(error),
        }
    }

    /// What there is.
    ///
    /// # Errors
    /// [`DeployError`].
    pub fn status(&self) -> Result<Status, DeployError> {
        let identity = Identity::read(&self.disk)?;
        let version = |number| Version { number, record: self.record(number) };
        let versions = self.numbers()?.into_iter().map(version).collect();
        let current = match self.current() {
            Err(DeployError::Nothing) => None,
            current => Some(current?),
        };
        Ok(Status { identity, current, versions })
    }

    /// Which version runs.
    fn current(&self) -> Result<u32, DeployError> {
        match self.disk.target(CURRENT) {
            Ok(target) => {
                target.rsplit('/').next().and_then(|it| it.parse().ok()).ok_or_else(|| {
                    DeployError::io(CURRENT, io::Error::other("it leads to no version: remove it"))
                })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(DeployError::Nothing),
            Err(error) => Err(DeployError::io(CURRENT, error)),
        }
    }

    fn record(&self, number: u32) -> Option<Record> {
        Record::parse(&self.disk.read(&join(&folder(number), RECORD)).ok()?)
    }

    fn write(&mut self, number: u32, record: &Record) -> Result<(), DeployError> {
        let folder = folder(number);
        let bytes = record.to_bytes().ok_or(io::Error::from(ErrorKind::InvalidData));
        let written = bytes.and_then(|bytes| self.disk.replace(&folder, RECORD, &bytes));
        written.map_err(|error| DeployError::io(&join(&folder, RECORD), error))
    }

    /// Whether a version is what was installed, and acts.
    fn sound(&self, number: u32, record: &Record) -> bool {
        let folder = folder(number);
        let is = |name: &str, expected: [u8; 32]| {
            let bytes = self.disk.read(&join(&folder, name)).ok()?;
            (sha256(&bytes) == expected).then_some(bytes)
        };
        let Some(policy) = is(POLICY, record.policy) else { return false };
        if is(PROGRAM, record.program).is_none() {
            return false;
        }
        // What was there before a key was trusted has no signature to show.
        let identity = match record.counter {
            Some(_) => Identity::read(&self.disk),
            None => Ok(Identity::default()),
        };
        let sig = self.disk.read(&join(&folder, SIGNATURE)).ok();
        identity.is_ok_and(|identity| accept(&policy, sig.as_deref(), &identity, None).is_ok())
    }

    /// What a version falls back to: the last before it that was confirmed, or else the last that did not
    /// fail.
    fn fallback(&self, number: u32) -> Option<(u32, Record)> {
        let before = self.numbers().ok()?.into_iter().rev().filter(|&it| it < number);
        let known = before.filter_map(|it| Some((it, self.record(it)?)));
        let good: Vec<_> =
            known.filter(|(_, record)| !matches!(record.state, State::Failed(_))).collect();
        let confirmed = good.iter().find(|(_, record)| record.state == State::Confirmed);
        confirmed.or(good.first()).cloned()
    }

    /// The versions that are there, ascending.
    fn numbers(&self) -> Result<Vec<u32>, DeployError> {
        let names = match self.disk.list(VERSIONS) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(DeployError::io(VERSIONS, error)),
        };
        let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A file of an upload, if it is what was sent.
    fn sent(
        &self,
        upload: &str,
        file: &'static str,
        sha: [u8; 32],
    ) -> Result<Vec<u8>, DeployError> {
        let bytes = self.optional(&join(upload, file))?;
        bytes.filter(|bytes| sha256(bytes) == sha).ok_or(DeployError::Upload { file })
    }

    fn optional(&self, path: &str) -> Result<Option<Vec<u8>>, DeployError> {
        match self.disk.read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DeployError::io(path, error)),
        }
    }

    /// Removes versions that nothing leads to any more.
    fn discard(&mut self, current: Option<u32>) -> Result<(), DeployError> {
        let mut kept: Vec<u32> = current.into_iter().collect();
        for _ in 0..KEPT {
            let last = kept.last().and_then(|&last| self.fallback(last));
            kept.extend(last.map(|(number, _)| number));
        }
        for number in self.numbers()?.into_iter().filter(|number| !kept.contains(number)) {
            let path = folder(number);
            self.disk.remove(&path).map_err(|error| DeployError::io(&path, error))?;
        }
        Ok(())
    }

    /// Makes an upload the version `number`, so that it outlasts a power cut.
    fn put(&mut self, upload: &str, number: u32, record: &Record) -> Result<(), DeployError> {
        let bytes = record.to_bytes().unwrap_or_default();
        let disk = &mut self.disk;
        let mut put = || {
            disk.write(&join(upload, RECORD), &bytes)?;
            for name in disk.list(upload)? {
                let path = join(upload, &name);
                match name.as_str() {
                    POLICY | SIGNATURE | PROGRAM | RECORD => disk.sync(&path)?,
                    _ => disk.remove(&path)?,
                }
            }
            disk.sync(upload)?;
            disk.make_folder(VERSIONS)?;
            disk.sync("")?;
            disk.rename(upload, &folder(number))?;
            disk.sync(VERSIONS)
        };
        put().map_err(|error| DeployError::io(&folder(number), error))
    }

    /// Lets the current version be `number`.
    fn switch(&mut self, number: u32) -> Result<(), DeployError> {
        let disk = &mut self.disk;
        let mut switch = || {
            disk.remove(NEXT)?;
            disk.link(&folder(number), NEXT)?;
            disk.rename(NEXT, CURRENT)?;
            disk.sync("")
        };
        switch().map_err(|error| DeployError::io(CURRENT, error))
    }
}

/// Where a version lies, under the root.
fn folder(number: u32) -> String {
    format!("{VERSIONS}/{number}")
}
