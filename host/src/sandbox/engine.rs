//! The one engine and its configuration. Code is compiled in a child and loaded here, so both must use [`config`].

use std::sync::OnceLock;
use wasmtime::{Config, Engine};

/// How collectors are compiled and run.
///
/// Interruptible by epochs; no 64-bit memories and no relaxed SIMD (results would depend on the machine). Several memories in
/// a module stay allowed, since composed components have them. All else that could be on is off by the features of the
/// dependency: no threads, garbage collection, stack switching, component-model async, text format, profiling.
#[must_use]
pub fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .strategy(wasmtime::Strategy::Cranelift)
        .epoch_interruption(true)
        .consume_fuel(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(true)
        // by default an environment variable of the operator decides this
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    config
}

/// The process's engine, made on first use.
///
/// # Errors
/// Where this machine cannot run compiled code as configured.
pub fn engine() -> wasmtime::Result<&'static Engine> {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    if let Some(engine) = ENGINE.get() {
        return Ok(engine);
    }
    let made = Engine::new(&config())?;
    Ok(ENGINE.get_or_init(|| made))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn there_is_one_engine_and_it_compiles_components_without_their_dangerous_features() {
        let engine = engine().unwrap();
        assert!(Engine::same(engine, super::engine().unwrap()));
        let compile = |text: &str| engine.precompile_component(&wat::parse_str(text).unwrap());
        assert!(compile("(component (core module (memory 1) (memory 1)))").is_ok());
        for refused in [
            "(component (core module (memory i64 1)))",
            "(component (core module (memory 1 2 shared)))",
            "(component (core module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))))",
            "(component (core module (type (struct (field i32)))))",
        ] {
            assert!(compile(refused).is_err(), "{refused}");
        }
    }
}
