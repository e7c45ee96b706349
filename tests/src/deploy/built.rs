//! The image itself, as far as it can be built without a registry: the Dockerfile's last stage over the files that its first one
//! would lay out, by Debian's buildah.

use super::{examples, image};
use crate::Error;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A built image; its storage goes with it.
pub struct Built {
    home: tempfile::TempDir,
}

impl Built {
    /// Builds it.
    ///
    /// # Errors
    /// Where buildah cannot: with what it says.
    pub fn build() -> Result<Self, Error> {
        let built = Self {
            home: tempfile::tempdir()?,
        };
        let text = fs::read_to_string(examples().join("Dockerfile"))?;
        let file = built.home.path().join("Dockerfile");
        fs::write(&file, last_stage(&text)?)?;
        let file = file.to_string_lossy();
        let files = image()?;
        let files = files.to_string_lossy();
        built.buildah(&[
            "build",
            "--isolation",
            "chroot",
            "--tag",
            "it",
            "--file",
            &file,
            &files,
        ])?;
        Ok(built)
    }

    /// Its configuration, as the OCI says it.
    ///
    /// # Errors
    /// Where buildah cannot tell.
    pub fn config(&self) -> Result<Value, Error> {
        let told: Value = serde_json::from_str(&self.buildah(&["inspect", "--type", "image", "it"])?)?;
        let config = told.pointer("/OCIv1/config");
        Ok(config.ok_or("buildah tells no configuration")?.clone())
    }

    /// A directory with the files of a new container of it.
    ///
    /// # Errors
    /// Where buildah cannot make it.
    pub fn files(&self) -> Result<PathBuf, Error> {
        let container = self.buildah(&["from", "it"])?;
        Ok(Path::new(self.buildah(&["mount", container.trim()])?.trim()).to_owned())
    }

    fn buildah(&self, arguments: &[&str]) -> Result<String, Error> {
        let home = self.home.path();
        // The plain driver: copies, and no mounts that would outlive a test.
        let output = Command::new("buildah")
            .arg("--root")
            .arg(home.join("storage"))
            .arg("--runroot")
            .arg(home.join("run"))
            .args(["--storage-driver", "vfs"])
            .args(arguments)
            .stdin(Stdio::null())
            .output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// The last stage, which copies from a directory what it would copy from the first.
fn last_stage(text: &str) -> Result<String, Error> {
    let at = text
        .find("\nFROM scratch\n")
        .ok_or("the last stage is not FROM scratch")?;
    let (_, stage) = text.split_at(at);
    Ok(stage
        .replace("--from=build ", "")
        .replace("/src/target/image/", ""))
}
