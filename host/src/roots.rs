//! Whom the host's TLS clients trust: the system's certificate authorities, or those of one file and nobody else.

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{fs::File, io::Read, path::Path};

/// Most bytes of a file of certificates; a system's own has less than 1 MiB.
const MOST: u64 = 16 << 20;

/// The certificates of one file of PEM, and no others.
///
/// # Errors
/// Why the file cannot be used, without its name.
pub(crate) fn of_file(path: &Path) -> Result<RootCertStore, String> {
    of_open(File::open(path).map_err(|error| error.to_string())?)
}

/// Those of a file that is open.
///
/// # Errors
/// Why it cannot be used.
pub(crate) fn of_open(file: impl Read) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let mut text = Vec::new();
    let read = file.take(MOST).read_to_end(&mut text);
    read.map_err(|error| error.to_string())?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it holds no PEM certificate".to_owned());
    }
    Ok(roots)
}

/// The system's, as far as they can be read.
///
/// # Errors
/// Where there is not one; why, as far as that is known.
pub(crate) fn of_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(native.certs);
    if added == 0 {
        let causes: Vec<String> = native.errors.iter().map(ToString::to_string).collect();
        return Err(causes.join("; "));
    }
    Ok(roots)
}
