//! The units under a real systemd: process 1 of a namespace of its own, over the machine's files and with an /etc and /var that are
//! thrown away.
//! What must hold: nothing of it stays on the machine, and it ends with the test.

use super::{examples, image};
use crate::{Error, artifacts};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A control group of its own, which is removed afterwards; in it a namespace with a process 1.
const OUTER: &str = r#"set -eu
here=$1
mount -t tmpfs tmpfs "$here/layers"
mkdir "$here/layers/cgroup"
mount -t cgroup2 cgroup2 "$here/layers/cgroup"
group=$here/layers/cgroup/finops-test-$$
mkdir "$group"
status=0
(
  echo 0 >"$group/cgroup.procs"
  exec timeout --kill-after=5 120 \
    unshare --pid --cgroup --ipc --uts --fork --kill-child --mount-proc --propagation private sh -c "$BOOT" sh "$@"
) || status=$?
find "$group" -depth -type d -exec rmdir {} +
exit $status
"#;

/// The namespace's own mounts, the machine prepared as finops-host.service says, then systemd.
const BOOT: &str = r#"set -eu
here=$1 unit=$2
mount -t tmpfs tmpfs /run
umount --recursive /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for folder in etc var usr/local; do
  mkdir -p "$here/layers/$folder/upper" "$here/layers/$folder/work"
  mount -t overlay -o "lowerdir=/$folder,upperdir=$here/layers/$folder/upper,workdir=$here/layers/$folder/work" overlay "/$folder"
done
cp -a "$here/machine/." /
# As a machine has it: what systemd mounts for a unit's credentials must arrive where the unit looks.
mount --make-rshared /
exec env -i container=finops-test /lib/systemd/systemd --system --unit="$unit" --log-target=console --show-status=no
"#;

/// Added to the unit: it needs no other, its words go to files, and systemd ends with it.
const OBSERVED: &str = r#"[Unit]
DefaultDependencies=no
Wants=
After=
SuccessAction=exit-force
FailureAction=exit-force
[Service]
StandardOutput=file:HERE/stdout
StandardError=file:HERE/stderr
Environment=FINOPS_HOST_NOW=CLOCK
ExecStopPost=+/bin/sh -c 'cp -a /var/lib/private/finops-host HERE/state; echo $SERVICE_RESULT $EXIT_STATUS >HERE/ended'
"#;

/// Added to a unit that stays: once its log has the words, it is asked to end as `systemctl stop` does.
const ENDED: &str = r#"[Service]
ExecStartPost=+/bin/sh -c 'until grep -q "WORDS" HERE/stderr; do sleep 0.1; done; kill -TERM $MAINPID'
"#;

/// A machine with the program, its collectors, operator's files and secrets where the units expect them.
pub struct Machine {
    home: tempfile::TempDir,
    now: String,
}

/// How a unit ended.
#[derive(Debug)]
pub struct Ended {
    /// systemd's word for it, `success`, and the exit status.
    pub result: String,
    /// What the program wrote.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
}

impl Machine {
    /// A machine at a time, with these operator's files by name, and secrets by name.
    ///
    /// # Errors
    /// Where its files cannot be written.
    pub fn new(now: &str, instances: &[(&str, &str)], secrets: &Path) -> Result<Self, Error> {
        let machine = Self {
            home: tempfile::tempdir()?,
            now: now.to_owned(),
        };
        fs::set_permissions(machine.home.path(), Permissions::from_mode(0o755))?;
        fs::create_dir(machine.home.path().join("layers"))?;
        let root = machine.home.path().join("machine");
        let copied = |from: &Path, to: &str, mode: u32| -> Result<(), Error> {
            let to = root.join(to);
            fs::create_dir_all(to.parent().unwrap_or(&root))?;
            fs::copy(from, &to)?;
            Ok(fs::set_permissions(to, Permissions::from_mode(mode))?)
        };
        let image = image()?.join("root");
        copied(&image.join("finops-host"), "usr/local/bin/finops-host", 0o755)?;
        for component in fs::read_dir(image.join("collectors"))? {
            let component = component?;
            let name = component.file_name();
            let to = format!("usr/local/lib/finops-host/collectors/{}", name.to_string_lossy());
            copied(&component.path(), &to, 0o644)?;
        }
        for unit in units()? {
            let name = unit
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            copied(&unit, &format!("etc/systemd/system/{name}"), 0o644)?;
        }
        for (name, text) in instances {
            let file = machine.home.path().join("instance");
            fs::write(&file, text)?;
            copied(&file, &format!("etc/finops-host/instances/{name}"), 0o644)?;
        }
        for secret in fs::read_dir(secrets)? {
            let secret = secret?;
            let name = secret.file_name();
            let to = format!("etc/finops-host/secrets/{}", name.to_string_lossy());
            copied(&secret.path(), &to, 0o600)?;
        }
        fs::set_permissions(
            root.join("etc/finops-host/secrets"),
            Permissions::from_mode(0o700),
        )?;
        Ok(machine)
    }

    /// A copy of the ledger's directory, as the unit left it.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// Boots into one unit and gives how it ended.
    ///
    /// # Errors
    /// Where systemd cannot be started, or the unit did not end within two minutes.
    pub fn run(&self, unit: &str) -> Result<Ended, Error> {
        self.boot(unit, OBSERVED)
    }

    /// Boots into one unit that stays, asks it to end once it has logged these words, and gives how it ended.
    ///
    /// # Errors
    /// As [`Machine::run`].
    pub fn run_until(&self, unit: &str, words: &str) -> Result<Ended, Error> {
        self.boot(unit, &[OBSERVED, &ENDED.replace("WORDS", words)].concat())
    }

    fn boot(&self, unit: &str, observed: &str) -> Result<Ended, Error> {
        let here = self.home.path();
        let drop_in = here.join(format!("machine/etc/systemd/system/{unit}.d"));
        fs::create_dir_all(&drop_in)?;
        let observed = observed
            .replace("HERE", &here.to_string_lossy())
            .replace("CLOCK", &self.now);
        fs::write(drop_in.join("observed.conf"), observed)?;
        let log = fs::File::create(here.join("systemd.log"))?;
        let status = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", OUTER, "sh"])
            .arg(here)
            .arg(unit)
            .env("BOOT", BOOT)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .status()?;
        let text = |name: &str| fs::read_to_string(here.join(name)).unwrap_or_default();
        let result = text("ended").trim().to_owned();
        if result.is_empty() {
            return Err(format!(
                "{unit} did not end by itself ({status}):\n{}\n{}",
                text("stderr"),
                text("systemd.log")
            )
            .into());
        }
        Ok(Ended {
            result,
            stdout: text("stdout"),
            stderr: text("stderr"),
        })
    }
}

/// The files of units.
///
/// # Errors
/// Where they cannot be listed.
pub fn units() -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(examples().join("systemd"))?;
    let mut found = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, Error>>()?;
    found.sort();
    Ok(found)
}

/// What `systemd-analyze` says.
///
/// # Errors
/// Where it fails: with what it says.
pub fn analyze(arguments: &[&str], unit: &Path) -> Result<String, Error> {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .current_dir(artifacts::root())
        .env("SYSTEMD_COLORS", "0")
        .output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    if output.status.success() {
        return Ok(said);
    }
    Err(said.into())
}
