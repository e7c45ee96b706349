//! A container as a runtime makes it: the image's files under a read-only root, mounts, a user without any privilege, a PID
//! namespace of its own. Without an engine: the kernel's own calls by util-linux.

use super::{USER, image};
use crate::{Error, program::Ran};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// As runc does it: an overlay in which mount points can be made, each mount, then the root read-only; no privilege is left, none
/// can be gained, and the environment is the container's own.
const SCRIPT: &str = r#"set -eu
image=$1 work=$2 chroot=$(command -v chroot)
shift 2
mount -t tmpfs -o mode=0755 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
mount -t overlay -o "lowerdir=$image/root,upperdir=$work/upper,workdir=$work/work" overlay "$root"
mkdir "$root/proc" "$root/dev"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=0755,nosuid,noexec tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
while [ "$1" != -- ]; do
  if [ -d "$2" ]; then mkdir -p "$root$3"; else mkdir -p "$root$(dirname "$3")"; : >"$root$3"; fi
  mount --bind "$2" "$root$3"
  mount -o "remount,bind,nosuid,nodev,noexec,$1" "$root$3"
  shift 3
done
shift
mount -o remount,bind,ro "$root"
cd /
variables=
while [ "$1" != -- ]; do variables="$variables $1"; shift; done
shift
exec env -i $variables setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid --inh-caps=-all "$chroot" --userspec=USER:USER --groups=USER "$root" "$@"
"#;

/// Whether what is mounted can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Not even by root.
    ReadOnly,
    /// As far as its rights allow.
    Writable,
}

/// A container of the image.
pub struct Container {
    files: tempfile::TempDir,
    mounts: Vec<(Access, PathBuf, String)>,
    variables: Vec<(String, String)>,
}

impl Container {
    /// One without mounts and variables but for the image's own.
    ///
    /// # Errors
    /// Where the directory of its mounts cannot be made.
    pub fn new() -> Result<Self, Error> {
        let files = tempfile::tempdir()?;
        fs::set_permissions(files.path(), Permissions::from_mode(0o755))?;
        Ok(Self {
            files,
            mounts: Vec::new(),
            variables: vec![("FINOPS_HOST_STATE_DIR".to_owned(), "/state".to_owned())],
        })
    }

    /// Sets a variable; its value has no white space.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Mounts a file or directory of this machine.
    pub fn mount(&mut self, access: Access, from: &Path, to: &str) {
        self.mounts.push((access, from.to_owned(), to.to_owned()));
    }

    /// Where the volume mounted at /state lies.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.files.path().join("state")
    }

    /// Mounts a new volume at /state with the owner and rights that the image's directory gives it.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn named_volume(&mut self) -> Result<(), Error> {
        let mode = fs::metadata(image()?.join("owned/state"))?.permissions().mode();
        self.volume(Some(USER), mode)
    }

    /// Mounts a new volume at /state as the kubelet gives one to a pod with `fsGroup`: root's, and the group's to write.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn claimed_volume(&mut self) -> Result<(), Error> {
        self.volume(Some(0), 0o2775)?;
        // The file system's own, which a new block volume has.
        fs::create_dir(self.state().join("lost+found"))?;
        Ok(fs::set_permissions(
            self.state().join("lost+found"),
            Permissions::from_mode(0o700),
        )?)
    }

    fn volume(&mut self, owner: Option<u32>, mode: u32) -> Result<(), Error> {
        let state = self.state();
        fs::create_dir(&state)?;
        chown(&state, owner, Some(USER))?;
        fs::set_permissions(&state, Permissions::from_mode(mode))?;
        self.mount(Access::Writable, &state, "/state");
        Ok(())
    }

    /// Mounts files as the kubelet does those of ConfigMaps and Secrets: root's, behind a link that is swapped at a change, in a
    /// directory that everybody may write were it not mounted read-only.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn projected<'a>(
        &mut self,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        mode: u32,
        to: &str,
    ) -> Result<(), Error> {
        let volume = self.files.path().join(format!("volume-{}", self.mounts.len()));
        let version = volume.join("..2026_08_03_12_00_00.1");
        fs::create_dir_all(&version)?;
        for (name, bytes) in files {
            let file = version.join(name);
            fs::write(&file, bytes)?;
            chown(&file, Some(0), Some(USER))?;
            fs::set_permissions(&file, Permissions::from_mode(mode))?;
            symlink(Path::new("..data").join(name), volume.join(name))?;
        }
        symlink(version.file_name().unwrap_or_default(), volume.join("..data"))?;
        chown(&volume, Some(0), Some(USER))?;
        fs::set_permissions(&version, Permissions::from_mode(0o2755))?;
        fs::set_permissions(&volume, Permissions::from_mode(0o3777))?;
        self.mount(Access::ReadOnly, &volume, to);
        Ok(())
    }

    /// Runs a program of the image and waits for its end.
    ///
    /// # Errors
    /// Where the image cannot be built or the container not be made.
    pub fn run<A: AsRef<str>>(&self, program: &str, arguments: &[A]) -> Result<Ran, Error> {
        let mut command = self.command(program, arguments)?;
        Ok(Ran::of(&command.stdin(Stdio::null()).output()?))
    }

    /// What runs a program of the image. The program is the first child of the process that this starts, and process 1 in the
    /// container; it ends with that process.
    ///
    /// # Errors
    /// Where the image cannot be built.
    pub fn command<A: AsRef<str>>(&self, program: &str, arguments: &[A]) -> Result<Command, Error> {
        let work = tempfile::tempdir_in(self.files.path())?.keep();
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
            ])
            .args(["sh", "-c"])
            .arg(SCRIPT.replace("USER", &USER.to_string()))
            .arg("sh")
            .arg(image()?)
            .arg(work);
        for (access, from, to) in &self.mounts {
            command
                .arg(match access {
                    Access::ReadOnly => "ro",
                    Access::Writable => "rw",
                })
                .arg(from)
                .arg(to);
        }
        command.arg("--");
        for (name, value) in &self.variables {
            command.arg(format!("{name}={value}"));
        }
        command.args(["--", program]);
        command.args(arguments.iter().map(AsRef::as_ref));
        Ok(command)
    }
}
