//! The host's end of the line.

use crate::frame::{Receiver, frame};
use crate::message::{Answer, Info, MOST_CHUNK, Numbered, Refusal, Request, Tuned};
use std::io::{self, Read, Write};
use std::string::String;
use std::vec::Vec;
use thiserror::Error;

/// How often a request is sent before the line is called dead.
const TRIES: u32 = 5;

/// Why a chip did not do what it was asked.
#[derive(Debug, Error)]
pub enum HostError {
    /// The line itself.
    #[error("the line failed: {0}")]
    Line(#[from] io::Error),
    /// No answer to any of several tries.
    #[error(
        "no answer: is the firmware running, and the line the right one, raw and at its speed?"
    )]
    Silent,
    /// The chip says no.
    #[error("the chip refuses: {0}")]
    Refused(#[from] Refusal),
    /// The chip answers something else.
    #[error("the chip answers something else ({0}): bring firmware and host to the same version")]
    Answer(String),
    /// The request is larger than a frame.
    #[error("the observation is longer than a frame")]
    Request,
}

/// A chip at the other end of a line. Reads of the line must end after a while where nothing comes.
#[derive(Debug)]
pub struct Host<L> {
    line: L,
    receiver: Receiver,
    number: u32,
}

impl<L: Read + Write> Host<L> {
    /// Greets the chip, whatever it has heard before.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn greet(mut line: L) -> Result<Self, HostError> {
        // Ends what may have been half sent.
        line.write_all(&[0])?;
        let mut host = Self { line, receiver: Receiver::new(), number: 0 };
        match host.ask(Request::Info, |_| Ok(())) {
            Err(HostError::Refused(Refusal::Stale { last })) => host.number = last,
            // Perhaps to a request before ours that had the same number: so it is heard.
            Err(HostError::Refused(_)) => {}
            other => other?,
        }
        Ok(host)
    }

    /// What runs.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn info(&mut self) -> Result<Info, HostError> {
        self.ask(Request::Info, |answer| match answer {
            Answer::Info(info) => Ok(info),
            other => Err(unexpected(&other)),
        })
    }

    /// One control step.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn act(&mut self, observation: &[f32]) -> Result<Vec<f32>, HostError> {
        let bytes: Vec<u8> = observation.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.ask(Request::Act { observation: &bytes }, |answer| match answer {
            Answer::Action(bytes) => {
                Ok(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
            }
            other => Err(unexpected(&other)),
        })
    }

    /// What a control step takes, and whether that is instructions or cycles.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn measure(&mut self) -> Result<(u32, &'static str), HostError> {
        self.ask(Request::Measure, |answer| match answer {
            Answer::Measured { instructions, .. } => Ok((instructions, "instructions")),
            Answer::Cycles { cycles, .. } => Ok((cycles, "cycles")),
            other => Err(unexpected(&other)),
        })
    }

    /// Sends a policy, which is on trial from the next start on.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn send(&mut self, file: &[u8]) -> Result<(), HostError> {
        self.done(Request::Begin { bytes: file.len() as u32 })?;
        for (index, bytes) in file.chunks(MOST_CHUNK).enumerate() {
            self.done(Request::Chunk { offset: (index * MOST_CHUNK) as u32, bytes })?;
        }
        self.done(Request::Finish)
    }

    /// So many control steps of learning.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn tune(&mut self, steps: u32) -> Result<Tuned, HostError> {
        self.ask(Request::Tune { steps }, |answer| match answer {
            Answer::Tuned(tuned) => Ok(tuned),
            other => Err(unexpected(&other)),
        })
    }

    /// What learning has told since this was last asked for: frames, as `lacewing-edge log` reads them.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn log(&mut self) -> Result<Vec<u8>, HostError> {
        let mut log = Vec::new();
        loop {
            let part = self.ask(Request::Log, |answer| match answer {
                Answer::Log(bytes) => Ok(bytes.to_vec()),
                other => Err(unexpected(&other)),
            })?;
            if part.is_empty() {
                return Ok(log);
            }
            log.extend(part);
        }
    }

    /// The file of the policy that runs.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn fetch(&mut self) -> Result<Vec<u8>, HostError> {
        let bytes = self.info()?.bytes as usize;
        let mut file = Vec::new();
        while file.len() < bytes {
            let part =
                self.ask(Request::Read { offset: file.len() as u32 }, |answer| match answer {
                    Answer::Bytes(bytes) if !bytes.is_empty() => Ok(bytes.to_vec()),
                    other => Err(unexpected(&other)),
                })?;
            file.extend(part);
        }
        Ok(file)
    }

    /// Asks for what is only done.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn done(&mut self, request: Request<'_>) -> Result<(), HostError> {
        self.ask(request, |answer| match answer {
            Answer::Done => Ok(()),
            other => Err(unexpected(&other)),
        })
    }

    fn ask<T>(
        &mut self,
        message: Request<'_>,
        read: impl Fn(Answer<'_>) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        self.number += 1;
        let request =
            frame(&Numbered { number: self.number, message }).ok_or(HostError::Request)?;
        for _ in 0..TRIES {
            self.line.write_all(&request)?;
            self.line.flush()?;
            // Until the line is silent; answers to something else are passed over.
            while let Some(byte) = self.byte()? {
                let Some(Ok(bytes)) = self.receiver.push(byte) else { continue };
                match postcard::from_bytes::<Numbered<Answer<'_>>>(bytes) {
                    // It heard something else: once more.
                    Ok(Numbered { number: 0, .. }) => break,
                    Ok(Numbered { number, message }) if number == self.number => {
                        return match message {
                            Answer::Refused(refusal) => Err(refusal.into()),
                            answer => read(answer),
                        };
                    }
                    _ => {}
                }
            }
        }
        Err(HostError::Silent)
    }

    fn byte(&mut self) -> Result<Option<u8>, HostError> {
        let mut byte = [0];
        match self.line.read(&mut byte) {
            Ok(count) => Ok((count > 0).then_some(byte[0])),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
            {
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.byte(),
            Err(error) => Err(error.into()),
        }
    }
}

fn unexpected(answer: &Answer<'_>) -> HostError {
    HostError::Answer(std::format!("{answer:?}"))
}
