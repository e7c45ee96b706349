//! Generated components: no bytes make the host panic or hang while it loads, inspects, compiles and describes them.
//!
//! Every case follows from a seed and its number alone. A failure names both; `FINOPS_TEST_SEED` repeats it, or tries others.

use super::{
    bytes::{Bases, Part, beside},
    describer,
    random::Random,
    watched::watched,
};
use finops_host::{
    component::{CacheDir, Compiler, ComponentError, ComponentFile, Unfit, load},
    sandbox::{RunError, Runtime},
};
use finops_tests::program::program;
use std::{collections::BTreeMap, fs, path::Path};

/// Cases that are inspected in one run of the tests.
const INSPECTED: u64 = 2_400;
/// Mutated components that are also compiled and, where that works, described.
const COMPILED: usize = 40;
/// Generated modules that are instantiated beside a well-behaved collector.
const INSTANTIATED: u64 = 40;
/// The seed where the environment has none.
const SEED: u64 = 0x0f19_0950;

fn seed() -> u64 {
    std::env::var("FINOPS_TEST_SEED").map_or(SEED, |text| text.parse().expect("FINOPS_TEST_SEED is a number"))
}

/// Counts outcomes, and shows them with the seed.
fn tell<'a>(what: &str, seed: u64, outcomes: impl IntoIterator<Item = &'a str>) -> BTreeMap<&'a str, u64> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome).or_default() += 1;
    }
    println!("{what}, seed {seed}: {counts:?}");
    counts
}

fn read(directory: &Path, bytes: &[u8]) -> Result<ComponentFile, ComponentError> {
    let path = directory.join("c.wasm");
    fs::write(&path, bytes).unwrap();
    ComponentFile::read(&path, None)
}

/// The outcome's name; an error that no bytes may cause is a failure.
fn name(error: &ComponentError) -> Result<&'static str, String> {
    match error {
        ComponentError::Unfit { problem, .. } => Ok(match problem {
            Unfit::TooLarge(_) => "too large",
            Unfit::Empty => "empty",
            Unfit::Text => "text",
            Unfit::NotWasm => "no WebAssembly",
            Unfit::Truncated => "truncated",
            Unfit::CoreModule => "core module",
            Unfit::Damaged(_) => "damaged",
            Unfit::Structure { .. } => "structure",
            Unfit::World { .. } => "world",
            Unfit::Version { .. } => "version",
            Unfit::Foreign(_) => "foreign imports",
        }),
        ComponentError::Compile { .. } => Ok("does not compile"),
        ComponentError::CompileLimit { .. } => Ok("compile limit"),
        ComponentError::CompilerDied { .. } => Ok("broke the compiler's process"),
        ComponentError::Unreadable { .. } | ComponentError::Pin { .. } | ComponentError::Compiler(_) => {
            Err(error.to_string())
        }
    }
}

#[test]
fn no_bytes_make_inspection_panic_or_hang() {
    let (seed, bases) = (seed(), Bases::new(describer("none")));
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().to_owned();
    let outcomes = watched(seed, INSPECTED, move |number| {
        let bytes = bases.case(&mut Random::new(seed, number));
        match read(&directory, &bytes) {
            // What was read is shown to people: that must hold too.
            Ok(file) => serde_json::to_string(&file.inspection)
                .map(|_| "accepted")
                .map_err(|error| error.to_string()),
            Err(error) => name(&error),
        }
    });
    let counts = tell("inspected", seed, outcomes.iter().copied());
    // That each kind is met shows that the generator reaches past the first check.
    for kind in ["accepted", "truncated", "damaged", "core module", "world"] {
        assert!(
            counts.contains_key(kind),
            "seed {seed}: nothing was {kind}: {counts:?}"
        );
    }
}

/// Compiles in the real child, and lets the component describe itself.
async fn describe(runtime: &Runtime, file: &ComponentFile) -> Result<&'static str, String> {
    let compiler = Compiler::program(program().map_err(|error| error.to_string())?);
    let component = match load(file, runtime.engine(), &CacheDir::none(), &compiler).await {
        Ok((component, _)) => component,
        Err(error) => return name(&error),
    };
    match runtime.describe(&component).await {
        Ok(_) => Ok("described"),
        Err(RunError::Limit(_)) => Ok("limit"),
        Err(RunError::Trap(_)) => Ok("broke down"),
        Err(RunError::Unusable(_)) => Ok("unusable"),
        Err(error) => Err(error.to_string()),
    }
}

fn blocking() -> (Runtime, tokio::runtime::Runtime) {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    (Runtime::new().unwrap(), tokio)
}

#[test]
fn no_component_that_passes_inspection_makes_compiling_or_describing_panic_or_hang() {
    let (seed, bases) = (seed(), Bases::new(describer("none")));
    program().unwrap();
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().to_owned();
    let (runtime, tokio) = blocking();
    let mut left = COMPILED;
    let outcomes = watched(seed, INSPECTED, move |number| {
        if left == 0 {
            return Ok("");
        }
        let bytes = bases.case(&mut Random::new(seed, number));
        let Ok(file) = read(&directory, &bytes) else {
            return Ok("");
        };
        left -= 1;
        tokio.block_on(describe(&runtime, &file))
    });
    let counts = tell(
        "compiled",
        seed,
        outcomes.iter().copied().filter(|it| !it.is_empty()),
    );
    assert_eq!(
        counts.values().sum::<u64>(),
        COMPILED as u64,
        "seed {seed}: {counts:?}"
    );
    assert!(counts.len() > 1, "seed {seed}: {counts:?}");
}

#[test]
fn no_generated_module_beside_a_good_collector_makes_the_host_panic_or_hang() {
    let (seed, good) = (seed(), describer("none"));
    program().unwrap();
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().to_owned();
    let (runtime, tokio) = blocking();
    let outcomes = watched(seed, INSTANTIATED, move |number| {
        let mut random = Random::new(seed, INSPECTED + number);
        let bytes = beside(&good, Part::Module, &random.module(true));
        match read(&directory, &bytes) {
            Ok(file) => tokio.block_on(describe(&runtime, &file)),
            Err(error) => name(&error),
        }
    });
    let counts = tell("instantiated", seed, outcomes.iter().copied());
    assert!(counts.contains_key("described"), "seed {seed}: {counts:?}");
}
