//! Counts what is in a WebAssembly file without compiling it: sizes that would make compiling or running it a danger.
//!
//! One bad function can keep a compiler busy for a minute, and globals lie outside the store's memory limit.

use super::error::Unfit;
use crate::foreign::Foreign;
use serde::Serialize;
use wasmparser::{
    Chunk, ComponentExport, ComponentExternName, ComponentExternalKind, ComponentImport, ComponentTypeRef,
    Encoding, Parser, Payload, TypeBounds,
};

/// Largest function body in bytes.
const FUNCTION_BODY: u64 = 512 << 10;
/// Most functions in all modules together.
const FUNCTIONS: u64 = 100_000;
/// Most globals in one module.
const GLOBALS: u64 = 10_000;
/// Modules and components within each other.
const DEPTH: u64 = 16;
/// Most imports and exports kept.
const NAMES: u64 = 1_000;
/// Longest name.
const NAME: u64 = 1_000;

/// What is in a component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Structure {
    /// Core modules, nested ones included.
    pub modules: u64,
    /// Components within it.
    pub components: u64,
    /// Functions of all modules.
    pub functions: u64,
    /// Bytes of the largest function body.
    pub largest_function: u64,
    /// Globals of the module that has most.
    pub most_globals: u64,
}

/// What the outermost component takes and gives, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Surface {
    /// Names of imports.
    pub(super) imports: Vec<String>,
    /// Names of exports, and whether each is a function.
    pub(super) exports: Vec<(String, bool)>,
}

/// Walks a whole file.
pub(super) fn walk(bytes: &[u8]) -> Result<(Structure, Surface), Unfit> {
    let mut walk = Walk::default();
    let mut outer: Vec<Parser> = Vec::new();
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let mut again = parser.clone();
        let (consumed, payload) = match parser.parse(rest, true) {
            Ok(Chunk::Parsed { consumed, payload }) => (consumed, payload),
            Ok(Chunk::NeedMoreData(_)) => return Err(Unfit::Truncated),
            // Would it go on if there were more bytes?
            Err(error) => match again.parse(rest, false) {
                Ok(Chunk::NeedMoreData(_)) => return Err(Unfit::Truncated),
                _ => return Err(damaged(&error)),
            },
        };
        rest = rest.get(consumed..).unwrap_or_default();
        match payload {
            Payload::ModuleSection { parser: inner, .. } => {
                walk.module_globals = 0;
                outer.push(std::mem::replace(&mut parser, inner));
                within("depth of nesting", outer.len() as u64, DEPTH)?;
            }
            Payload::ComponentSection { parser: inner, .. } => {
                outer.push(std::mem::replace(&mut parser, inner));
                within("depth of nesting", outer.len() as u64, DEPTH)?;
            }
            Payload::End(_) => match outer.pop() {
                Some(before) => parser = before,
                None => break,
            },
            payload => walk.payload(payload, outer.is_empty())?,
        }
    }
    Ok((walk.structure, walk.surface))
}

#[derive(Default)]
struct Walk {
    structure: Structure,
    surface: Surface,
    module_globals: u64,
}

impl Walk {
    fn payload(&mut self, payload: Payload<'_>, outermost: bool) -> Result<(), Unfit> {
        let structure = &mut self.structure;
        match payload {
            Payload::Version { encoding, .. } if !outermost => match encoding {
                Encoding::Module => structure.modules += 1,
                Encoding::Component => structure.components += 1,
            },
            Payload::CodeSectionStart { count, .. } => {
                structure.functions += u64::from(count);
                within("number of functions", structure.functions, FUNCTIONS)?;
            }
            Payload::CodeSectionEntry(body) => {
                let size = body.range().len() as u64;
                structure.largest_function = structure.largest_function.max(size);
                within("function body in bytes", size, FUNCTION_BODY)?;
            }
            Payload::GlobalSection(globals) => {
                self.module_globals += u64::from(globals.count());
                structure.most_globals = structure.most_globals.max(self.module_globals);
                within("number of globals in a module", self.module_globals, GLOBALS)?;
            }
            Payload::ComponentImportSection(imports) if outermost => {
                for import in imports {
                    let ComponentImport { name, ty } = import.map_err(|error| damaged(&error))?;
                    if matches!(ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        continue; // a name for a known type, as the world's `use` makes it: nothing is asked for
                    }
                    self.surface.imports.push(full_name(&name)?);
                    within("number of imports", self.surface.imports.len() as u64, NAMES)?;
                }
            }
            Payload::ComponentExportSection(exports) if outermost => {
                for export in exports {
                    let ComponentExport { name, kind, .. } = export.map_err(|error| damaged(&error))?;
                    let function = kind == ComponentExternalKind::Func;
                    self.surface.exports.push((full_name(&name)?, function));
                    within("number of exports", self.surface.exports.len() as u64, NAMES)?;
                }
            }
            Payload::UnknownSection { id, .. } => {
                let what = format!("a section of the unknown kind {id}");
                return Err(Unfit::Damaged(Foreign::new(what)));
            }
            _ => {}
        }
        Ok(())
    }
}

fn full_name(name: &ComponentExternName<'_>) -> Result<String, Unfit> {
    let full = format!("{}{}", name.name, name.version_suffix.unwrap_or_default());
    within("length of a name", full.len() as u64, NAME)?;
    Ok(full)
}

fn within(what: &'static str, found: u64, most: u64) -> Result<(), Unfit> {
    if found > most {
        return Err(Unfit::Structure { what, found, most });
    }
    Ok(())
}

fn damaged(error: &wasmparser::BinaryReaderError) -> Unfit {
    Unfit::Damaged(Foreign::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn walk_text(text: &str) -> Result<(Structure, Surface), Unfit> {
        walk(&wat::parse_str(text).unwrap())
    }

    fn too_much(text: &str) -> &'static str {
        match walk_text(text) {
            Err(Unfit::Structure { what, .. }) => what,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn nested_modules_and_components_are_counted() {
        let text = "(component
            (core module (global i32 (i32.const 0)) (func) (func))
            (component (core module (func) (global i32 (i32.const 0)) (global i32 (i32.const 0))))
            (import \"a\" (func)))";
        let (structure, surface) = walk_text(text).unwrap();
        assert_eq!(
            (
                structure.modules,
                structure.components,
                structure.functions,
                structure.most_globals
            ),
            (2, 1, 3, 2)
        );
        assert_eq!(surface.imports, ["a"]);
    }

    #[test]
    fn names_within_nested_components_are_not_the_outer_ones() {
        let (_, surface) = walk_text("(component (component (import \"a\" (func))))").unwrap();
        assert_eq!(surface, Surface::default());
    }

    #[test]
    fn a_huge_function_is_refused_even_when_nested() {
        let body = "nop ".repeat(520 << 10);
        let text = format!("(component (component (core module (func {body}))))");
        assert_eq!(too_much(&text), "function body in bytes");
    }

    #[test]
    fn too_many_functions_are_refused_over_all_modules() {
        let module = format!("(core module {})", "(func)".repeat(60_000));
        assert!(walk_text(&format!("(component {module})")).is_ok());
        assert_eq!(
            too_much(&format!("(component {module} {module})")),
            "number of functions"
        );
    }

    #[test]
    fn too_many_globals_are_refused_for_each_module() {
        let globals = |count| "(global i32 (i32.const 0))".repeat(count);
        let (half, many) = (globals(6_000), globals(10_001));
        assert!(walk_text(&format!("(component (core module {half}) (core module {half}))")).is_ok());
        let text = format!("(component (core module {many}))");
        assert_eq!(too_much(&text), "number of globals in a module");
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("{}{}", "(component ".repeat(20), ")".repeat(20));
        assert_eq!(too_much(&text), "depth of nesting");
    }

    #[test]
    fn every_cut_is_either_truncated_or_between_two_sections() {
        let whole = wat::parse_str("(component (core module (func)) (import \"a\" (func)))").unwrap();
        let mut truncated = 0;
        for end in 8..whole.len() {
            match walk(whole.get(..end).unwrap()) {
                Err(Unfit::Truncated) => truncated += 1,
                Ok(_) => {}
                Err(other) => unreachable!("{other}"),
            }
        }
        assert!(truncated > whole.len() / 2, "{truncated} of {}", whole.len());
    }
}
