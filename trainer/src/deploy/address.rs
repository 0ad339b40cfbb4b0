//! Where a policy goes: `user@host`, `user@host:folder`, or a folder here.

use super::DeployError;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a robot keeps its versions unless the address says otherwise; in the user's home.
const FOLDER: &str = "lacewing";

/// Where a policy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Over ssh.
    Host {
        /// As ssh takes it.
        host: String,
        /// Folder of versions there; relative to the home.
        folder: String,
    },
    /// A folder here, such as that of a mounted image.
    Folder(PathBuf),
}

impl FromStr for Address {
    type Err = DeployError;

    fn from_str(text: &str) -> Result<Self, DeployError> {
        if text.starts_with(['/', '.']) {
            return Ok(Self::Folder(text.into()));
        }
        let (host, folder) = text.split_once(':').unwrap_or((text, FOLDER));
        // So that neither the shell there nor scp reads anything else into them.
        let plain = |text: &str, more: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
        };
        if !plain(host, "@_.-") || !plain(folder, "/_.+-") {
            return Err(DeployError::Address { text: text.to_string() });
        }
        Ok(Self::Host { host: host.to_string(), folder: folder.to_string() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { host, folder } if folder == FOLDER => f.write_str(host),
            Self::Host { host, folder } => write!(f, "{host}:{folder}"),
            Self::Folder(root) => write!(f, "{}", root.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_or_folders() {
        let host = |host: &str, folder: &str| {
            Some(Address::Host { host: host.into(), folder: folder.into() })
        };
        for (text, expected) in [
            ("pi@rover", host("pi@rover", "lacewing")),
            ("rover", host("rover", "lacewing")),
            ("pi@10.0.0.7:/opt/lacewing", host("pi@10.0.0.7", "/opt/lacewing")),
            ("/mnt/image/opt", Some(Address::Folder("/mnt/image/opt".into()))),
            ("./image", Some(Address::Folder("./image".into()))),
            ("", None),
            ("pi@rover:", None),
            ("pi@rover:~/x", None),
            ("pi@rover:a b", None),
            ("pi@rover;reboot", None),
            ("-oProxyCommand=reboot", None),
            ("pi@rover:-rf", None),
        ] {
            assert_eq!(text.parse::<Address>().ok(), expected, "{text}");
        }
    }
}
