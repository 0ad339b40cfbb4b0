//! The systemd service that starts what is installed: root's own, or the user's.

use super::InstalledError;
use lacewing_formats::artifact::write_atomically;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::slice;

/// Where systemd says that it has booted the system: `sd_booted(3)`.
const BOOTED: &str = "/run/systemd/system";
/// Name of the file that remembers a root's unit.
const REMEMBERED: &str = "unit";

/// The service manager, where there is one.
pub(super) struct Systemd {
    /// Name of the unit, without `.service`.
    name: String,
    /// Folder of units; none without systemd.
    units: Option<PathBuf>,
    /// Program and options that speak to it.
    systemctl: Vec<String>,
    /// What lets a user's services outlive the user's last session, and start at boot; root's do.
    loginctl: Option<String>,
}

impl Systemd {
    /// That of this process, if any.
    pub(super) fn find() -> Self {
        let root = owner() == Some(0);
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let folder = if root {
            Some(PathBuf::from("/etc/systemd/system"))
        } else {
            home.map(|home| home.join(".config/systemd/user"))
        };
        let units = folder.filter(|_| Path::new(BOOTED).is_dir());
        let systemctl = if root { vec!["systemctl"] } else { vec!["systemctl", "--user"] };
        let systemctl = systemctl.into_iter().map(String::from).collect();
        let loginctl = (!root).then(|| String::from("loginctl"));
        Self { name: String::from("lacewing"), units, systemctl, loginctl }
    }

    /// The same, for a unit of this name.
    pub(super) fn named(name: &str) -> Result<Self, InstalledError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(InstalledError::UnitName);
        }
        Ok(Self { name: name.to_string(), ..Self::find() })
    }

    /// Writes the unit of the versions in `root` and restarts it; says what came of it.
    pub(super) fn write(&self, root: &Path) -> Result<String, InstalledError> {
        let Some(units) = &self.units else {
            return Ok(format!(
                "there is no systemd here: let `{}/current/lacewing-edge start {0}` be run at boot \
                 and whenever it ends",
                root.display()
            ));
        };
        let absolute = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
        let path = units.join(format!("{}.service", self.name));
        let text = self.text(&absolute);
        let fail = |source| InstalledError::Unit { path: path.clone(), source };
        fs::create_dir_all(units).map_err(fail)?;
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            write_atomically(&path, text.as_bytes())
                .map_err(|error| fail(io::Error::other(error)))?;
        }
        let remembered = root.join(REMEMBERED);
        write_atomically(&remembered, self.name.as_bytes())
            .map_err(|error| fail(io::Error::other(error)))?;
        let unit = format!("{}.service", self.name);
        for verb in [&["daemon-reload"][..], &["enable", &unit], &["restart", &unit]] {
            if let Err(why) = ask(&self.systemctl, verb) {
                return Ok(format!("{} is written, but {why}", path.display()));
            }
        }
        let lingers =
            self.loginctl.as_ref().map(|program| ask(slice::from_ref(program), &["enable-linger"]));
        let Some(Err(why)) = lingers else { return Ok(format!("{unit} is started")) };
        let user = std::env::var("USER").unwrap_or_else(|_| String::from("USER"));
        Ok(format!(
            "{unit} is started, but stops at logout and does not start at boot, as {why}: run \
             `sudo loginctl enable-linger {user}` on the robot"
        ))
    }

    /// Restarts the unit that a root has, if it has one; says what came of it.
    pub(super) fn restart(&self, root: &Path) -> String {
        let name = fs::read_to_string(root.join(REMEMBERED));
        let (Ok(name), Some(_)) = (name, &self.units) else {
            return String::from("no service is to be restarted: restart what runs it");
        };
        let unit = format!("{}.service", name.trim());
        match ask(&self.systemctl, &["restart", &unit]) {
            Ok(()) => format!("{unit} is restarted"),
            Err(why) => why,
        }
    }

    /// The unit. It is started again whenever it ends: `start` counts, and falls back.
    fn text(&self, root: &Path) -> String {
        // `%` begins a specifier of systemd's, and `$` a variable.
        let root = root.display().to_string().replace('%', "%%").replace('$', "$$");
        let wanted = if self.systemctl.len() > 1 { "default.target" } else { "multi-user.target" };
        format!(
            "[Unit]\nDescription=Lacewing policy in {root}\nStartLimitIntervalSec=0\n\n[Service]\n\
             ExecStart=\"{root}/current/lacewing-edge\" start \"{root}\"\nRestart=always\n\
             RestartSec=1\n\n[Install]\nWantedBy={wanted}\n"
        )
    }
}

/// Runs a program with its options and a verb.
fn ask(program: &[String], verb: &[&str]) -> Result<(), String> {
    let (first, options) = program.split_first().ok_or("there is nobody to ask")?;
    let asked = format!("`{} {}`", program.join(" "), verb.join(" "));
    match Command::new(first).args(options).args(verb).stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("it said nothing");
            Err(format!("{asked} failed: {said}"))
        }
        Err(error) => Err(format!("{asked} cannot be run: {error}")),
    }
}

/// Who runs this process.
#[cfg(unix)]
fn owner() -> Option<u32> {
    fs::metadata("/proc/self").ok().map(|itself| std::os::unix::fs::MetadataExt::uid(&itself))
}

#[cfg(not(unix))]
fn owner() -> Option<u32> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A user's service manager that notes what it and `loginctl` are asked, and fails at `failing`.
    fn manager(folder: &Path, failing: &str) -> Systemd {
        let [systemctl, loginctl] = ["systemctl", "loginctl"].map(|name| {
            let program = folder.join(name);
            let script = format!(
                "#!/bin/sh\necho {name} \"$@\" >>{}/asked\ncase \" $* \" in *' {failing} '*) echo no bus >&2; exit 1; esac\n",
                folder.display()
            );
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
            program.display().to_string()
        });
        Systemd {
            name: String::from("rover"),
            units: Some(folder.join("units")),
            systemctl: vec![systemctl, String::from("--user")],
            loginctl: Some(loginctl),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("unit-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("root 1%")).unwrap();
        folder
    }

    #[test]
    fn a_unit_is_written_started_and_restarted() {
        let folder = folder("written");
        let (root, systemd) = (folder.join("root 1%"), manager(&folder, "nothing"));
        assert_eq!(systemd.write(&root).unwrap(), "rover.service is started");
        assert_eq!(systemd.restart(&root), "rover.service is restarted");
        let asked = fs::read_to_string(folder.join("asked")).unwrap();
        let expected = "systemctl --user daemon-reload\nsystemctl --user enable rover.service\n\
                        systemctl --user restart rover.service\nloginctl enable-linger\n\
                        systemctl --user restart rover.service\n";
        assert_eq!(asked, expected);
        let unit = fs::read_to_string(folder.join("units/rover.service")).unwrap();
        let escaped = root.display().to_string().replace('%', "%%");
        let start = format!("ExecStart=\"{escaped}/current/lacewing-edge\" start \"{escaped}\"\n");
        assert!(unit.contains(&start) && unit.contains("\nRestart=always\n"), "{unit}");
        assert!(unit.ends_with("WantedBy=default.target\n"), "{unit}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_service_that_would_end_at_logout_is_told_of() {
        let folder = folder("lingers");
        let said = manager(&folder, "enable-linger").write(&folder.join("root 1%")).unwrap();
        for words in [
            "rover.service is started, but stops at logout",
            "no bus",
            "`sudo loginctl enable-linger ",
        ] {
            assert!(said.contains(words), "{said}");
        }
        let root = Systemd { loginctl: None, ..manager(&folder, "enable-linger") };
        assert_eq!(root.write(&folder.join("root 1%")).unwrap(), "rover.service is started");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_manager_that_refuses_is_told_of_and_names_are_plain() {
        let folder = folder("refused");
        let (root, systemd) = (folder.join("root 1%"), manager(&folder, "enable"));
        let said = systemd.write(&root).unwrap();
        assert!(said.contains("is written, but") && said.ends_with("failed: no bus"), "{said}");
        for name in ["", "a b", "../x", "x/y", ".hidden"] {
            assert!(Systemd::named(name).is_err(), "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
