//! docs/troubleshooting.md quotes messages: each must be one that the program or a collector really says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::artifacts;
use std::{fs, path::PathBuf};

const PAGE: &str = include_str!("../../docs/troubleshooting.md");

/// The string literals of the sources that are no tests, lines that are continued joined.
fn literals() -> Vec<String> {
    let root = artifacts::root();
    let mut folders = vec![root.join("host/src")];
    for collector in fs::read_dir(root.join("collectors")).unwrap() {
        folders.push(collector.unwrap().path().join("src"));
    }
    let mut literals = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            if name == "tests" || name.ends_with("_tests") {
                continue;
            }
            match path.is_dir() {
                true => folders.push(path),
                false => literals.extend(literals_of(&path)),
            }
        }
    }
    literals
}

fn literals_of(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<&str> = code.collect();
    let (mut literals, mut literal) = (Vec::new(), None::<String>);
    let code = code.join("\n");
    let mut characters = code.chars().peekable();
    while let Some(character) = characters.next() {
        match (&mut literal, character) {
            (Some(open), '\\') => match characters.next() {
                Some('\n') => while characters.next_if(|next| next.is_whitespace()).is_some() {},
                Some(escaped) => open.push(escaped),
                None => {}
            },
            (Some(open), '"') => {
                literals.push(std::mem::take(open));
                literal = None;
            }
            (Some(open), other) => open.push(other),
            // A quote as a character: '"'.
            (None, '\'') if characters.peek() == Some(&'"') => {
                characters.next();
            }
            (None, '"') => literal = Some(String::new()),
            (None, _) => {}
        }
    }
    literals
}

/// Whether a literal says the pieces, one after the other.
fn says(literal: &str, pieces: &[&str]) -> bool {
    let mut rest = literal;
    pieces.iter().all(|piece| match rest.split_once(piece) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

#[test]
fn each_message_that_the_page_quotes_is_one_of_the_sources() {
    let literals = literals();
    let mut found = 0;
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let message = line.split('`').nth(1).unwrap();
        let pieces: Vec<&str> = message
            .split('…')
            .map(str::trim)
            .filter(|piece| !piece.is_empty())
            .collect();
        let longest = pieces.iter().map(|piece| piece.len()).max().unwrap();
        assert!(longest >= 9, "too short to be recognised: {message}");
        assert!(
            literals.iter().any(|literal| says(literal, &pieces)),
            "nobody says: {message}"
        );
        found += 1;
    }
    assert!(found > 40, "{found} messages");
}

#[test]
fn a_message_that_nobody_says_is_noticed() {
    let literals = literals();
    assert!(literals.len() > 2_000);
    assert!(
        !literals
            .iter()
            .any(|literal| says(literal, &["the collector is on holiday"]))
    );
    assert!(says(
        "a call of {usd} USD would pass",
        &["a call of", "would pass"]
    ));
    assert!(!says("would pass a call of", &["a call of", "would pass"]));
}
