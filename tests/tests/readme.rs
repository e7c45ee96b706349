//! The README's table of what a collector can and cannot do names tests: each must be there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::artifacts;
use std::{fs, path::Path};

/// The text of a test program and of the files below its folder.
fn text_of(program: &str) -> String {
    let tests = artifacts::root().join("tests/tests");
    let mut text = fs::read_to_string(tests.join(program).with_extension("rs")).unwrap_or_default();
    let mut folders = vec![tests.join(program)];
    while let Some(entries) = folders.pop().map(fs::read_dir) {
        for entry in entries.into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text += &fs::read_to_string(path).unwrap(),
            }
        }
    }
    text
}

#[test]
fn each_test_that_the_readmes_table_names_is_there() {
    let readme = fs::read_to_string(artifacts::root().join(Path::new("README.md"))).unwrap();
    let (_, section) = readme
        .split_once("## What a collector can and cannot do")
        .unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut found = 0;
    for line in section
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('`'))
    {
        let proofs = line.trim_end_matches('|').rsplit('|').next().unwrap();
        for part in proofs.split(';') {
            let (program, names) = part
                .split_once(": ")
                .unwrap_or_else(|| panic!("no test in: {line}"));
            let text = text_of(program.trim());
            for name in names.split('`').skip(1).step_by(2) {
                let declared = format!("fn {name}(");
                assert!(
                    text.contains(&declared),
                    "{}: there is no test `{name}`",
                    program.trim()
                );
                found += 1;
            }
        }
    }
    assert!(found > 25, "the table names {found} tests only");
}
