//! What a `.wasm` file is, found without compiling or running it.

use super::{
    error::Unfit,
    structure::{self, Structure},
    world,
};
use serde::Serialize;
use wasmparser::Parser;

/// What is known of a component from its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Size of the file in bytes.
    pub size: u64,
    /// The version of `finops:collector` that it is built for.
    pub world: Option<String>,
    /// What it imports. The names are a guest's words.
    pub imports: Vec<Import>,
    /// What it exports. The names are a guest's words.
    pub exports: Vec<String>,
    /// What is in it.
    pub structure: Structure,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ImportKind,
}

impl Import {
    /// What becomes of it, for people: for what is inert, in which way.
    #[must_use]
    pub fn explain(&self) -> &'static str {
        if self.kind != ImportKind::WasiInert {
            return self.kind.explain();
        }
        let path = self.name.split('@').next().unwrap_or_default();
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        match (package, interface) {
            ("wasi:clocks", _) => "linked: works, to the millisecond",
            ("wasi:random", _) => "linked: works",
            ("wasi:io", _) => "linked: works, over what else is linked",
            ("wasi:filesystem", _) => "linked but inert: there are no files",
            ("wasi:sockets", _) => "linked but inert: there is no network",
            ("wasi:cli", "environment") => "linked but inert: no variables, no arguments",
            ("wasi:cli", "exit") => "linked: ends its own run",
            ("wasi:cli", "stdin") => "linked but inert: empty",
            ("wasi:cli", "stdout" | "stderr") => "linked: goes to the bounded log",
            ("wasi:cli", _) => "linked but inert: there is no terminal",
            _ => self.kind.explain(),
        }
    }
}

/// What an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportKind {
    /// Of our contract.
    Collector,
    /// Of WASI 0.2: linked and inert.
    WasiInert,
    /// Outgoing HTTP of WASI 0.2: linked to egress.
    WasiHttp,
    /// Anything else: refused.
    Foreign,
}

impl ImportKind {
    /// What becomes of such an import, for people.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Collector => "the collector contract: as far as the operator's file grants",
            Self::WasiInert => "linked but inert: no files, no sockets, no environment",
            Self::WasiHttp => "linked: goes through the operator's grant like every call",
            Self::Foreign => "refused",
        }
    }
}

/// Inspects bytes: whether they are a collector that this host can link, and what is in it.
///
/// # Errors
/// [`Unfit`] says in what way they are not.
pub(super) fn inspect(bytes: &[u8]) -> Result<Inspection, Unfit> {
    match examine(bytes) {
        (Some(inspection), None) => Ok(inspection),
        (_, Some(refusal)) => Err(refusal),
        (None, None) => Err(Unfit::NotWasm),
    }
}

/// What can be known of bytes, collector or not, and why they are none.
pub(super) fn examine(bytes: &[u8]) -> (Option<Inspection>, Option<Unfit>) {
    let walked = header(bytes).and_then(|()| structure::walk(bytes));
    let (structure, surface) = match walked {
        Ok(found) => found,
        Err(refusal) => return (None, Some(refusal)),
    };
    let imports: Vec<Import> = surface
        .imports
        .into_iter()
        .map(|name| Import {
            kind: world::kind(&name),
            name,
        })
        .collect();
    let refusal = world::check(&imports, &surface.exports).err();
    let inspection = Inspection {
        size: bytes.len() as u64,
        world: world::version(imports.iter().map(|import| import.name.as_str())).map(str::to_owned),
        imports,
        exports: surface.exports.into_iter().map(|(name, _)| name).collect(),
        structure,
    };
    (Some(inspection), refusal)
}

/// What the first bytes say.
fn header(bytes: &[u8]) -> Result<(), Unfit> {
    const MAGIC: &[u8] = b"\0asm";
    if Parser::is_component(bytes) {
        return Ok(());
    }
    Err(if bytes.is_empty() {
        Unfit::Empty
    } else if Parser::is_core_wasm(bytes) {
        Unfit::CoreModule
    } else if bytes.len() < 8 && (MAGIC.starts_with(bytes) || bytes.starts_with(MAGIC)) {
        Unfit::Truncated
    } else if bytes.starts_with(MAGIC) {
        Unfit::Damaged("a version of the binary format that is not known".into())
    } else if is_text(bytes) {
        Unfit::Text
    } else {
        Unfit::NotWasm
    })
}

fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.get(..4096).unwrap_or(bytes);
    let plain = |byte: &u8| *byte >= 0x20 || matches!(byte, b'\n' | b'\r' | b'\t');
    start.iter().all(plain)
        && match std::str::from_utf8(start) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(), // cut within a character
        }
}
