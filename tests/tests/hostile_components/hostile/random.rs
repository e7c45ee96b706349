//! Numbers that follow from a seed (SplitMix64), and modules and components that follow from numbers (wasm-smith).

use arbitrary::{Arbitrary, Unstructured};
use wasm_smith::{Component, Config, Module};

/// A source of numbers.
pub(super) struct Random(u64);

impl Random {
    /// The numbers of one case.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.next();
        random
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below another.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % (end.max(1) as u64)) as usize
    }

    /// A range of at most so many bytes within so many.
    pub(super) fn range(&mut self, length: usize, most: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let size = 1 + self.below(most.min(length - start).max(1));
        start..(start + size).min(length)
    }

    /// Bytes.
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// A module as wasm-smith makes it, with any features that it knows; `alone`: with no imports and none that are off here.
    pub(super) fn module(&mut self, alone: bool) -> Vec<u8> {
        self.smith(|u| {
            let mut config = Config::arbitrary(u)?;
            if alone {
                config = Config {
                    max_imports: 0,
                    min_imports: 0,
                    min_funcs: 1,
                    allow_start_export: true,
                    memory64_enabled: false,
                    threads_enabled: false,
                    shared_everything_threads_enabled: false,
                    gc_enabled: false,
                    exceptions_enabled: false,
                    relaxed_simd_enabled: false,
                    custom_page_sizes_enabled: false,
                    wide_arithmetic_enabled: false,
                    tail_call_enabled: false,
                    ..config
                };
            }
            Module::new(config, u).map(|module| module.to_bytes())
        })
    }

    /// A component as wasm-smith makes it.
    pub(super) fn component(&mut self) -> Vec<u8> {
        self.smith(|u| {
            let config = Config::arbitrary(u)?;
            Component::new(config, u).map(|component| component.to_bytes())
        })
    }

    /// Not every choice of bytes leads to one: the next choice is tried.
    fn smith(&mut self, make: impl Fn(&mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>>) -> Vec<u8> {
        loop {
            let bytes = self.bytes(4 << 10);
            if let Ok(made) = make(&mut Unstructured::new(&bytes)) {
                return made;
            }
        }
    }
}
