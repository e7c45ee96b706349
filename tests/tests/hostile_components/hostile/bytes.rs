//! Bytes to load: real, small and generated components, and what mutation makes of them.

use super::random::Random;
use wasmparser::{Encoding, Parser, Payload};

/// The smallest component that passes inspection.
const SMALL: &str = r#"(component
  (import "finops:collector/types@0.1.0" (instance))
  (core module $m (memory 1) (global (mut i32) (i32.const 7)) (func (export "f") (global.set 0 (i32.const 1))))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "collect" (func $f)))"#;

/// One with components in it, types, aliases and a resource.
const NESTED: &str = r#"(component
  (import "finops:collector/types@0.1.0" (instance $types
    (export "r" (type (sub resource)))
    (type $v (variant (case "a" string) (case "b" (list u8))))
    (export "v" (type (eq $v)))
    (export "g" (func (param "x" u32) (result (tuple u64 string))))))
  (import "wasi:io/poll@0.2.0" (instance))
  (alias export $types "g" (func $g))
  (component $inner
    (core module $m (table 3 funcref) (elem (i32.const 0) func 0) (func (export "f")))
    (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f")))
    (export "f" (func $f))
    (component (component (type (record (field "a" (option s8)))))))
  (instance $one (instantiate $inner))
  (alias export $one "f" (func $f))
  (export "describe" (func $f))
  (export "collect" (func $f)))"#;

/// A number of five bytes that is as large as 32 bits are.
const LARGEST: [u8; 5] = [0xff, 0xff, 0xff, 0xff, 0x0f];

/// Components to start from.
pub(super) struct Bases(Vec<Base>);

struct Base {
    bytes: Vec<u8>,
    /// Where each section's size stands.
    sizes: Vec<usize>,
}

impl Base {
    fn new(bytes: Vec<u8>) -> Self {
        let sizes = sizes(&bytes);
        Self { bytes, sizes }
    }
}

/// Where the sections of a whole component begin, behind their kind: where their sizes stand.
fn sizes(bytes: &[u8]) -> Vec<usize> {
    let mut sizes = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let Some((_, content)) = payload.expect("a base is whole").as_section() {
            // Back over the size, which is a number of up to five bytes: all but its last have the high bit.
            let mut at = content.start - 1;
            while bytes[at - 1] & 0x80 != 0 && content.start - at < 5 {
                at -= 1;
            }
            sizes.push(at);
        }
    }
    sizes
}

impl Bases {
    /// A real component, and small ones.
    pub(super) fn new(real: Vec<u8>) -> Self {
        let small = [SMALL, NESTED].map(|text| wat::parse_str(text).expect("a base is good text"));
        Self(small.into_iter().chain([real]).map(Base::new).collect())
    }

    /// The bytes of one case.
    pub(super) fn case(&self, random: &mut Random) -> Vec<u8> {
        match random.below(16) {
            0 => random.component(),
            1 => random.module(false),
            2 => {
                let made = Base::new(random.component());
                self.mutated(&made, random)
            }
            3 => {
                let count = random.below(4 << 10);
                let mut bytes = wat::parse_str("(component)").expect("good text");
                if random.below(2) == 0 {
                    bytes.clear();
                }
                bytes.extend(random.bytes(count));
                bytes
            }
            // Few bits of a large component: most of these are still whole, and go on to the compiler.
            4..=6 => {
                let mut bytes = self.0[self.0.len() - 1].bytes.clone();
                flip(&mut bytes, random, 3);
                bytes
            }
            _ => {
                let base = &self.0[random.below(self.0.len())];
                self.mutated(base, random)
            }
        }
    }

    /// One or several changes.
    fn mutated(&self, base: &Base, random: &mut Random) -> Vec<u8> {
        let mut bytes = base.bytes.clone();
        for _ in 0..1 + random.below(4) {
            if bytes.len() < 9 {
                break;
            }
            self.mutate(&mut bytes, &base.sizes, random);
        }
        bytes
    }

    fn mutate(&self, bytes: &mut Vec<u8>, sizes: &[usize], random: &mut Random) {
        match random.below(9) {
            0 => bytes.truncate(random.below(bytes.len())),
            1 | 2 => flip(bytes, random, 16),
            3 => {
                let range = random.range(bytes.len(), 256);
                bytes.drain(range);
            }
            4 => {
                let copied = bytes[random.range(bytes.len(), 4 << 10)].to_vec();
                let at = random.below(bytes.len());
                bytes.splice(at..at, copied);
            }
            5 => {
                let other = &self.0[random.below(self.0.len())].bytes;
                let copied = other[random.range(other.len(), 4 << 10)].to_vec();
                let replaced = random.range(bytes.len(), 4 << 10);
                bytes.splice(replaced, copied);
            }
            6 => {
                let at = random.below(bytes.len());
                bytes.splice(at..at + 1, LARGEST);
            }
            // A section's size, made wrong.
            _ => {
                let Some(&at) = sizes
                    .get(random.below(sizes.len()))
                    .filter(|at| **at < bytes.len())
                else {
                    return;
                };
                match random.below(3) {
                    0 => bytes[at] = random.next() as u8,
                    1 => bytes[at] = bytes[at].wrapping_add(1),
                    _ => drop(bytes.splice(at..at + 1, LARGEST)),
                }
            }
        }
    }
}

/// Turns at most so many bits over.
fn flip(bytes: &mut [u8], random: &mut Random, most: usize) {
    for _ in 0..1 + random.below(most) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
}

/// What is put into a component.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Module,
    Component,
}

/// A component that also holds and instantiates a part that imports nothing.
pub(super) fn beside(component: &[u8], part: Part, bytes: &[u8]) -> Vec<u8> {
    let (encoding, holds, instantiates) = match part {
        Part::Module => (Encoding::Module, 1, 2),
        Part::Component => (Encoding::Component, 4, 5),
    };
    let (mut depth, mut index) = (0, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.expect("a base is whole") {
            Payload::Version { encoding: found, .. } => {
                index += usize::from(depth == 1 && found == encoding);
                depth += 1;
            }
            Payload::End(_) => depth -= 1,
            _ => {}
        }
    }
    let mut whole = component.to_vec();
    section(&mut whole, holds, bytes);
    let mut instance = vec![1, 0];
    number(&mut instance, index);
    instance.push(0);
    section(&mut whole, instantiates, &instance);
    whole
}

/// Appends a section.
pub(super) fn section(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    bytes.push(kind);
    number(bytes, content.len());
    bytes.extend_from_slice(content);
}

fn number(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    bytes.push(number as u8);
}
