//! Collectors written in the text format of WebAssembly, for attacks that no compiler would make: several memories,
//! hundreds of instances, lengths that lie.

use crate::{Error, hostile::Stage};
use std::path::PathBuf;

const TEXT: &str = include_str!("handmade.wat");

/// A collector that does nothing but its attack, in `collect`.
#[derive(Clone, Debug, Default)]
pub struct Handmade {
    /// Further definitions of the component, before its module.
    pub component: String,
    /// Definitions of the module; the function `$attack` among them.
    pub module: String,
}

impl Handmade {
    /// A module with this `$attack`, and nothing else in the component.
    #[must_use]
    pub fn attack(module: &str) -> Self {
        Self {
            module: module.to_owned(),
            ..Self::default()
        }
    }

    /// The component.
    ///
    /// # Errors
    /// Where the text is no component.
    pub fn bytes(&self) -> Result<Vec<u8>, Error> {
        let text = TEXT
            .replace(";; COMPONENT", &self.component)
            .replace(";; MODULE", &self.module);
        Ok(wat::parse_str(&text)?)
    }

    /// Writes the component into the stage's place.
    ///
    /// # Errors
    /// Where the text is no component.
    pub fn write(&self, stage: &Stage, name: &str) -> Result<PathBuf, Error> {
        stage.place().file(&format!("{name}.wasm"), self.bytes()?)
    }
}
