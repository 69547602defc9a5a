//! Changes of a plugin's file: bytes of it, whole sections, or what leaves a core module valid.

use std::panic::{self, AssertUnwindSafe};

use libfuzzer_sys::fuzzer_mutate;
use wasm_mutate::WasmMutate;

use self::sections::{Binary, Section};

mod sections;

/// How much work a change of a module may be.
const FUEL: u64 = 200;
/// How deep components are looked into.
const DEPTH_MAX: u32 = 3;
/// What begins the name of a custom section with a component type.
const TYPE_SECTION: &[u8] = b"component-type";

/// Changes `data[..size]` in its place and answers its new size.
pub(super) fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) << 1 | 1);
    // One in four is anything at all.
    if dice.one_in(4) {
        return fuzzer_mutate(data, size, max_size);
    }
    match data.get(..size).and_then(|file| binary(file, &mut dice, DEPTH_MAX)) {
        Some(changed) if changed.len() <= max_size => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

/// The same of a binary; none if it is none, or could not be changed.
fn binary(file: &[u8], dice: &mut Dice, depth: u32) -> Option<Vec<u8>> {
    let mut binary = Binary::read(file)?;
    if !binary.is_component && !dice.one_in(3) {
        return module(file, dice);
    }
    if binary.is_component && depth > 0 && !dice.one_in(3) {
        let inner: Vec<usize> = (0..binary.sections.len()).filter(|at| binary.sections[*at].is_binary()).collect();
        let section = &mut binary.sections[*dice.pick(&inner)?];
        section.payload = self::binary(&section.payload, dice, depth - 1)?;
    } else {
        sections(&mut binary.sections, dice)?;
    }
    Some(binary.write())
}

/// Changes a module so that it stays valid.
fn module(file: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let mut mutate = WasmMutate::default();
    mutate.seed(dice.roll()).fuel(FUEL).preserve_semantics(dice.one_in(8));
    // It takes the module for valid, and panics at some that are not.
    let changed = panic::catch_unwind(AssertUnwindSafe(|| mutate.run(file).ok()?.next()?.ok()));
    changed.ok().flatten()
}

/// Changes one section, or takes it away, doubles it, or puts it elsewhere.
fn sections(sections: &mut Vec<Section>, dice: &mut Dice) -> Option<()> {
    let types: Vec<usize> = (0..sections.len()).filter(|at| sections[*at].is_custom(TYPE_SECTION)).collect();
    let any: Vec<usize> = (0..sections.len()).collect();
    // What it says of its own type is read by other tools than the rest.
    let among = if types.is_empty() || dice.one_in(2) { any } else { types };
    let at = *dice.pick(&among)?;
    match dice.roll() % 16 {
        0 => drop(sections.remove(at)),
        1 => sections.insert(at, sections[at].clone()),
        2 => {
            let section = sections.remove(at);
            sections.insert(dice.below(sections.len() + 1), section);
        }
        3 => sections[at].id = u8::try_from(dice.below(14)).ok()?,
        _ => {
            let payload = &mut sections[at].payload;
            let size = payload.len();
            let room = size + 64;
            payload.resize(room, 0);
            let size = fuzzer_mutate(payload, size, room);
            payload.truncate(size);
        }
    }
    Some(())
}

/// Chance that depends on the seed alone (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound.max(1) as u64).unwrap_or_default()
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}
