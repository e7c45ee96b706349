//! What `serve` takes hold of before the process is confined: its files as they are then, and the port it listens on.

use super::super::{Failed, args, confinement::made};
use crate::{
    config::{Site, Tenant},
    hardening::{Needs, Network},
};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

/// Where health and metrics are asked for unless something else is said: this machine alone.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// Runs at once unless something else is said. Each may hold the memory that its limits allow.
const PARALLEL: u32 = 8;

/// What `serve` begins with.
pub(in crate::cli) struct Opening {
    /// The directory or host file.
    pub(super) path: PathBuf,
    /// What it is.
    pub(super) site: Site,
    /// Its files.
    pub(super) tenants: Vec<Tenant>,
    /// Where it listens.
    pub(super) listener: TcpListener,
    /// Runs at once.
    pub(super) parallel: u32,
}

impl Opening {
    /// Reads the files and binds the port.
    ///
    /// # Errors
    /// Where there is nothing to serve, or the port is taken. What is wrong with one file stands with that file.
    pub(in crate::cli) fn of(args: &args::Serve) -> Result<Self, Failed> {
        let site = Site::open(&args.path)?;
        for warning in site.warnings() {
            tracing::warn!("{warning}");
        }
        let tenants = site.tenants()?;
        let serve = site.serve();
        let address = args.listen.or(serve.listen).unwrap_or(LISTEN);
        let listener = TcpListener::bind(address).map_err(|cause| {
            Failed::config(format!(
                "cannot listen on {address}: {cause}; say where with --listen ADDRESS:PORT, or `listen` under [serve]"
            ))
        })?;
        Ok(Self {
            path: args.path.clone(),
            tenants,
            listener,
            parallel: args.parallel.or(serve.parallel).unwrap_or(PARALLEL),
            site,
        })
    }

    /// What it touches. Files that come later are readable where the files of now, their components or the ceilings' secrets lie.
    pub(in crate::cli) fn needs(&self) -> Needs {
        let configs: Vec<PathBuf> = self
            .tenants
            .iter()
            .map(|tenant| tenant.path.clone())
            .chain(self.site.host_file().map(Path::to_owned))
            .collect();
        let read = || {
            self.tenants
                .iter()
                .filter_map(|tenant| tenant.config.as_ref().ok())
        };
        let components: Vec<PathBuf> = read().filter_map(|config| config.component.clone()).collect();
        let files = read().flat_map(|config| config.files.clone()).collect();
        let focus: BTreeSet<PathBuf> = read()
            .filter_map(|config| config.focus.as_ref())
            .map(|focus| focus.directory.clone())
            .collect();
        let mut directories = self.watched(&components);
        directories.extend(self.site.secrets());
        Needs {
            state: None,
            components,
            configs,
            files,
            directories,
            focus: made(focus),
            network: Network::Outgoing,
        }
    }

    /// The directories in which its files and these components come and go.
    pub(super) fn watched(&self, components: &[PathBuf]) -> Vec<PathBuf> {
        let mut directories: BTreeSet<PathBuf> = self.site.directories().into_iter().collect();
        let parents = self
            .site
            .host_file()
            .into_iter()
            .chain(components.iter().map(PathBuf::as_path));
        directories.extend(parents.filter_map(directory_of));
        directories.into_iter().collect()
    }
}

/// The directory of a file; none for one of the root directory, which would be everything.
pub(super) fn directory_of(file: &Path) -> Option<PathBuf> {
    let directory = match file.parent()? {
        here if here.as_os_str().is_empty() => Path::new("."),
        directory => directory,
    };
    (directory != Path::new("/")).then(|| directory.to_owned())
}
