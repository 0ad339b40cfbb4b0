//! A video, by the program `ffmpeg`: raw pictures go to it through a pipe.

use std::fs;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{Frame, Sink, Size, ViewError};
use crate::lab::files::FileError;

/// Name of a video that is being written.
const UNFINISHED: &str = "video.mp4";

/// A running `ffmpeg`.
pub struct Mp4 {
    path: PathBuf,
    ffmpeg: Child,
    /// Where it writes, beside the file that it becomes.
    work: TempDir,
    complaints: fs::File,
}

impl Mp4 {
    /// Starts `ffmpeg` for a file with pictures of this size, each shown for `seconds`.
    ///
    /// # Errors
    /// [`ViewError::NoFfmpeg`], [`ViewError::File`].
    pub fn start(path: PathBuf, size: Size, seconds: f64) -> Result<Self, ViewError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let work = tempfile::tempdir_in(folder.unwrap_or(".".as_ref()))
            .map_err(|error| FileError::write(&path, error))?;
        let on_disk = |error| FileError::write(&path, error);
        let complaints = tempfile::tempfile().map_err(on_disk)?;
        let heard = complaints.try_clone().map_err(on_disk)?;
        let ffmpeg = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"])
            .args(["-video_size", &size.to_string(), "-framerate", &(1.0 / seconds).to_string()])
            // Players want half as much colour as light, so even sides.
            .args(["-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"])
            .args(["-movflags", "+faststart", "-f", "mp4"])
            .arg(work.path().join(UNFINISHED))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(heard)
            .spawn()
            .map_err(|source| ViewError::NoFfmpeg { source })?;
        Ok(Self { path, ffmpeg, work, complaints })
    }

    /// Its last words, once it has ended.
    fn failure(&mut self) -> ViewError {
        let status = self.ffmpeg.wait().map_or_else(|error| error.to_string(), |s| s.to_string());
        let mut said = Vec::new();
        let read = self.complaints.rewind().and_then(|()| self.complaints.read_to_end(&mut said));
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rfind(|line| read.is_ok() && !line.trim().is_empty());
        let reason = last.map_or(status, |line| line.trim().to_owned());
        ViewError::Ffmpeg { path: self.path.clone(), reason }
    }
}

impl Sink for Mp4 {
    fn add(&mut self, frame: &Frame) -> Result<(), ViewError> {
        let pipe = self.ffmpeg.stdin.as_mut();
        // The pipe breaks where it has given up.
        match pipe.map(|pipe| pipe.write_all(&frame.rgb)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure()),
        }
    }

    fn finish(mut self: Box<Self>) -> Result<(), ViewError> {
        drop(self.ffmpeg.stdin.take());
        if !self.ffmpeg.wait().is_ok_and(|status| status.success()) {
            return Err(self.failure());
        }
        let written = self.work.path().join(UNFINISHED);
        let synced = fs::File::open(&written).and_then(|file| file.sync_all());
        let moved = synced.and_then(|()| fs::rename(&written, &self.path));
        Ok(moved.map_err(|error| FileError::write(&self.path, error))?)
    }
}

impl Drop for Mp4 {
    fn drop(&mut self) {
        // Where it has not ended by itself, something else failed and the video is not wanted.
        let _ = self.ffmpeg.kill();
        let _ = self.ffmpeg.wait();
    }
}
