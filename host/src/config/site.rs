//! What `serve` runs: all operator's files of a directory, or of the directories that a host file is over.

use super::{
    Config, ConfigErrors,
    host::{self, HostFile, Serve, Tenant},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What `serve` was given.
#[derive(Clone, Debug)]
pub enum Site {
    /// A directory, without a ceiling: whoever may write there may grant anything.
    Directory(PathBuf),
    /// A host file.
    Host(HostFile),
}

impl Site {
    /// Opens a directory or a host file. A directory that has a `host.toml` is under it.
    ///
    /// # Errors
    /// Where it cannot be read, or all that is wrong with the host file.
    pub fn open(path: &Path) -> Result<Self, ConfigErrors> {
        let found = fs::metadata(path).map_err(|cause| {
            let what = format!("cannot be read: {cause}");
            let remedy = "give a directory of operator's files, or a host file";
            ConfigErrors::whole(path, what, remedy)
        })?;
        if !found.is_dir() {
            return HostFile::load(path).map(Self::Host);
        }
        let host_file = path.join("host.toml");
        if host_file.exists() {
            return HostFile::load(&host_file).map(Self::Host);
        }
        Ok(Self::Directory(path.to_owned()))
    }

    /// All operator's files as they are now, in order. A name belongs to one of them alone.
    ///
    /// # Errors
    /// Where the directory cannot be read. What is wrong with one file stands with that file.
    pub fn tenants(&self) -> Result<Vec<Tenant>, ConfigErrors> {
        match self {
            Self::Host(file) => Ok(file.tenants()),
            Self::Directory(directory) => {
                let mut tenants: Vec<Tenant> = host::files(directory, None)?
                    .into_iter()
                    .map(|path| Tenant {
                        config: Config::load(&path),
                        path,
                    })
                    .collect();
                host::refuse_shared_names(&mut tenants);
                Ok(tenants)
            }
        }
    }

    /// The host file, where there is one.
    #[must_use]
    pub fn host_file(&self) -> Option<&Path> {
        match self {
            Self::Host(file) => Some(&file.path),
            Self::Directory(_) => None,
        }
    }

    /// The directories of the files.
    #[must_use]
    pub fn directories(&self) -> Vec<PathBuf> {
        match self {
            Self::Directory(directory) => vec![directory.clone()],
            Self::Host(file) => file
                .ceilings
                .iter()
                .map(|ceiling| ceiling.directory.clone())
                .collect(),
        }
    }

    /// The directories in which files of secrets must lie, where ceilings say so.
    #[must_use]
    pub fn secrets(&self) -> Vec<PathBuf> {
        match self {
            Self::Directory(_) => Vec::new(),
            Self::Host(file) => file
                .ceilings
                .iter()
                .flat_map(|ceiling| ceiling.secrets.clone())
                .collect(),
        }
    }

    /// How `serve` is to run them.
    #[must_use]
    pub fn serve(&self) -> Serve {
        match self {
            Self::Directory(_) => Serve::default(),
            Self::Host(file) => file.serve,
        }
    }

    /// What is allowed but unwise, for the operator.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Directory(_) => &[],
            Self::Host(file) => &file.warnings,
        }
    }
}
