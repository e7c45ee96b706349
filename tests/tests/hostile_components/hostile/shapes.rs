//! The attack is a component's shape: sizes, counts, nesting, names, and what runs when it is instantiated.

use super::{
    assert_out_of_time, assert_refused,
    bytes::{Part, beside, section},
    describer, inspect,
};
use finops_tests::program::Place;
use std::{fs, path::PathBuf};

/// The smallest component that passes inspection, with more in it.
fn component(more: &str) -> Vec<u8> {
    let text = format!(
        "(component
          (import \"finops:collector/types@0.1.0\" (instance))
          {more}
          (core module $m (func (export \"f\")))
          (core instance $i (instantiate $m))
          (func $f (canon lift (core func $i \"f\")))
          (export \"describe\" (func $f))
          (export \"collect\" (func $f)))"
    );
    wat::parse_str(text).unwrap()
}

/// A good collector that also instantiates this.
fn beside_a_good_one(more: &str) -> Vec<u8> {
    let inner = wat::parse_str(format!("(component {more})")).unwrap();
    beside(&describer("none"), Part::Component, &inner)
}

#[test]
fn a_component_beside_a_good_one_is_instantiated() {
    // The positive control of the tests below.
    let place = Place::new().unwrap();
    let bytes = beside_a_good_one("(core module $m (func $s) (start $s)) (core instance (instantiate $m))");
    let ran = inspect(&place, &bytes);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let trap = beside_a_good_one(
        "(core module $m (func $s unreachable) (start $s)) (core instance (instantiate $m))",
    );
    let ran = inspect(&place, &trap);
    assert_refused(&place, &ran, &["broke down"]);
}

#[test]
fn hundreds_of_instances_with_many_globals_are_refused() {
    let place = Place::new().unwrap();
    let globals = "(global i64 (i64.const 1))".repeat(1_000);
    let instances = "(core instance (instantiate $m))".repeat(300);
    let ran = inspect(
        &place,
        &beside_a_good_one(&format!("(core module $m {globals}) {instances}")),
    );
    assert_refused(&place, &ran, &["instance"]);
}

#[test]
fn memory_that_is_taken_before_the_first_call_counts() {
    let place = Place::new().unwrap();
    let ran = inspect(
        &place,
        &beside_a_good_one("(core module $m (memory 1024) (memory 1024)) (core instance (instantiate $m))"),
    );
    assert_refused(&place, &ran, &["memory"]);
}

#[test]
fn a_start_function_that_never_ends_is_stopped() {
    let place = Place::new().unwrap();
    let ran = inspect(
        &place,
        &beside_a_good_one(
            "(core module $m (func $s (loop (br 0))) (start $s)) (core instance (instantiate $m))",
        ),
    );
    assert_refused(&place, &ran, &[]);
    assert_out_of_time(&ran);
}

#[test]
fn shapes_that_are_no_collectors_are_refused_before_they_are_compiled() {
    let function = |size: usize| component(&format!("(core module (func {}))", "nop ".repeat(size)));
    let deep = (0..100).fold(Vec::new(), |inner, _| {
        let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
        if !inner.is_empty() {
            section(&mut outer, 4, &inner);
        }
        outer
    });
    let named = |length| component(&format!("(import \"{}\" (func))", "n".repeat(length)));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("one huge function", function(600 << 10), "function body in bytes"),
        (
            "100,001 functions",
            component(&format!("(core module {})", "(func)".repeat(100_001))),
            "number of functions",
        ),
        (
            "10,001 globals",
            component(&format!(
                "(core module {})",
                "(global i32 (i32.const 0))".repeat(10_001)
            )),
            "number of globals",
        ),
        ("nesting of 100", deep, "depth of nesting"),
        ("an import's name of 2 KB", named(2_000), "length of a name"),
        ("an import's name of 1 MB", named(1 << 20), "damaged"),
        (
            "10,000 imports",
            component(
                &(0..10_000)
                    .map(|number| format!("(import \"i{number}\" (func))"))
                    .collect::<String>(),
            ),
            "number of imports",
        ),
        (
            "a foreign interface",
            component("(import \"evil:door/open@1.0.0\" (instance))"),
            "evil:door/open@1.0.0",
        ),
        (
            "an unknown socket interface",
            component("(import \"wasi:sockets/raw@0.2.0\" (instance))"),
            "wasi:sockets/raw@0.2.0",
        ),
        (
            "sockets of another version",
            component("(import \"wasi:sockets/tcp@0.3.0\" (instance))"),
            "wasi:sockets/tcp@0.3.0",
        ),
        (
            "a core module",
            wat::parse_str("(module)").unwrap(),
            "core WebAssembly module",
        ),
        ("an empty file", Vec::new(), "is empty"),
        ("a cut file", describer("none")[..100_000].to_vec(), "truncated"),
        (
            "random bytes",
            (0..4096_u32)
                .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect(),
            "no WebAssembly",
        ),
        ("65 MiB", vec![0; 65 << 20], "larger than 64 MiB"),
    ];
    let place = Place::new().unwrap();
    for (what, bytes, word) in cases {
        place.file("c.wasm", bytes).unwrap();
        for arguments in [&["inspect", "c.wasm"][..], &["inspect", "--static", "c.wasm"]] {
            let ran = place.call(arguments).unwrap();
            assert_eq!(ran.code, Some(65), "{what}: {ran:?}");
            assert!(ran.stderr.contains(word), "{what}: {ran:?}");
            assert!(ran.stderr.len() < 64 << 10, "{what}");
        }
    }
    assert!(!code_of(&place), "something was compiled");
    let ran = inspect(&place, &describer("none"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(code_of(&place));
}

/// Whether compiled code was kept.
fn code_of(place: &Place) -> bool {
    let cache: PathBuf = place.state().join("cache");
    fs::read_dir(cache).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|it| it == "code"))
    })
}

#[test]
fn types_that_explode_or_nest_harm_nothing_but_the_compile_child() {
    // Each tuple holds the one before twice: 2^200 parts, if somebody counted them.
    let exploding: String = (1..200)
        .map(|number| format!("(type $t{number} (tuple $t{0} $t{0}))", number - 1))
        .collect();
    let exploding = format!("(type $t0 (tuple u8 u8)) {exploding}");
    let lists: String = (1..20_000)
        .map(|number| format!("(type $l{number} (list $l{}))", number - 1))
        .collect();
    let lists = format!("(type $l0 (list u8)) {lists}");
    // A component's type that declares a component's type that declares ... and so on.
    let nested = |depth: usize| {
        let mut content = vec![1];
        content.extend([0x41, 1, 1].repeat(depth));
        content.extend([0x41, 0]);
        let mut bytes = describer("none");
        section(&mut bytes, 7, &content);
        bytes
    };
    let cases = [
        ("a type that explodes", component(&exploding)),
        ("20,000 lists of lists", component(&lists)),
        ("a type nested 1,000 deep", nested(1_000)),
        ("a type nested 1,000,000 deep", nested(1_000_000)),
    ];
    let place = Place::new().unwrap();
    for (what, bytes) in cases {
        let ran = inspect(&place, &bytes);
        // Whether it is taken, refused, or breaks the compile child: it is the component's fault, and the host lives.
        assert!(matches!(ran.code, Some(0 | 65)), "{what}: {ran:?}");
        let honest = inspect(&place, &describer("none"));
        assert_eq!(honest.code, Some(0), "{what}: {honest:?}");
    }
}
