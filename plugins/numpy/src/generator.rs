//! `numpy.random`: generators and the states of their bit generators.
//!
//! Cython's classes have no public layout. `bitgen_t` (`numpy/random/bitgen.h`) begins with a pointer to the state, which lies
//! in the same object, so it is found as the first word that points further into the object and is followed by four pointers
//! to code. What lies there is taken for a state only where its own invariants hold.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use heapsake_cpython::memory::Memory;

use crate::contract::{Seen, integer, numbers, reducers};

/// Bytes of the head of an object in which `bitgen_t` is looked for.
const HEAD: i64 = 136;
/// The largest bit generator has some 2.5 KiB.
const LARGEST: u64 = 8 << 10;
/// Sources of bits.
const BIT_GENERATORS: [&str; 5] = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"];
/// `RK_STATE_LEN` of the Mersenne twister.
const TWISTER_WORDS: usize = 624;

reducers! {
    /// *What it holds.* Distributions over a source of random bits.
    /// *What is saved.* The source, as `_bit_generator`.
    /// *What becomes a surrogate.* None.
    Generator ["numpy.random._generator.Generator", "numpy.random.mtrand.RandomState"] "its source of bits" => |seen, sink| {
        for (offset, held, name) in held(seen) {
            if BIT_GENERATORS.contains(&name.as_str()) {
                sink.edge(EdgeKind::Attribute, Name::Text("_bit_generator"), held);
            } else {
                sink.edge(EdgeKind::Conservative, Name::Index(offset), held);
            }
        }
        Ok(())
    };

    /// *What it holds.* A source of random bits.
    /// *What is saved.* Its objects (lock, seed sequence), and the state, as `state` of NumPy names its parts: of `PCG64` (`state`,
    /// `inc`), `MT19937` (`key`, `pos`), `Philox` (`counter`, `key`, `buffer`, `buffer_pos`) and `SFC64` (`state`); of all but the
    /// second `has_uint32` and `uinteger`.
    /// *What becomes a surrogate.* None: a state that makes no sense is left out.
    Bits ["numpy.random.bit_generator.BitGenerator", "numpy.random._bit_generator.BitGenerator"] "the state" => tell;
}

fn tell(seen: &mut Seen<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    for (offset, held, name) in held(seen) {
        let named = match name.as_str() {
            "lock" | "RLock" => "lock",
            "PyCapsule" => "capsule",
            "SeedSequence" => "seed_seq",
            _ => "",
        };
        match named {
            "" => sink.edge(EdgeKind::Conservative, Name::Index(offset), held),
            named => sink.edge(EdgeKind::Attribute, Name::Text(named), held),
        }
    }
    if sink.is_marking() {
        return Ok(());
    }
    let Some(state) = state(seen) else { return Ok(()) };
    let name = seen.object.type_name();
    let name = name.rsplit('.').next().unwrap_or_default();
    seen.note("bit_generator", name);
    match name {
        "PCG64" | "PCG64DXSM" => tell_pcg(seen, state),
        "MT19937" => tell_twister(seen, state),
        "Philox" => tell_philox(seen, state),
        "SFC64" => tell_sfc(seen, state),
        _ => None,
    };
    Ok(())
}

/// The objects that the words of an object's head lead to: place, address, last part of the type's name.
fn held(seen: &Seen<'_>) -> Vec<(u32, Address, String)> {
    let size = seen.layouts().object.ob_type.read(seen, seen.address());
    let size = size.and_then(|class| seen.layouts().type_object.tp_basicsize.read(seen, class)).unwrap_or(HEAD);
    let first = (seen.body(seen.address()).0 - seen.address().0) as i64;
    let word = |offset: i64| {
        let held = seen.pointer(seen.address().offset(offset))?;
        let name = seen.type_of(held)?;
        Some((offset as u32, held, name.rsplit('.').next().unwrap_or_default().to_owned()))
    };
    (first..=size.min(4096) - 8).step_by(8).filter_map(word).collect()
}

/// Where the state lies.
fn state(seen: &Seen<'_>) -> Option<Address> {
    let start = seen.address();
    (16..HEAD).step_by(8).find_map(|offset| {
        let word = seen.read_i64(start.offset(offset))? as u64;
        let inside = (start.0 + offset as u64 + 8..start.0 + LARGEST).contains(&word) && word & 7 == 0;
        let functions = (1..5).map(|number| seen.read_i64(start.offset(offset + 8 * number)));
        let called = functions.flatten().all(|function| {
            let function = function as u64;
            function > 4096 && !(start.0..start.0 + LARGEST).contains(&function) && seen.read_u8(Address(function)).is_some()
        });
        (inside && called).then_some(Address(word))
    })
}

/// `pcg64_state`: a pointer to state and increment of 128 bits each, and half of a number that was kept.
fn tell_pcg(seen: &mut Seen<'_>, state: Address) -> Option<()> {
    let at = seen.pointer(state)?;
    let half = |offset: i64| seen.read_i64(at.offset(offset)).map(|word| u128::from(word as u64));
    let number = |offset: i64| Some(half(offset)? | half(offset + 8)? << 64);
    let (value, increment) = (number(0)?, number(16)?);
    let kept = seen.read_i32(state.offset(8))?;
    if increment & 1 == 0 || !matches!(kept, 0 | 1) {
        return None;
    }
    let unsigned = seen.read_u32(state.offset(12))?;
    seen.note("state", value.to_string());
    seen.note("inc", increment.to_string());
    seen.note("has_uint32", kept);
    seen.note("uinteger", unsigned);
    Some(())
}

/// Half of a number that was kept, at `at`: whether it is there, and which.
fn tell_half(seen: &mut Seen<'_>, at: Address) -> Option<()> {
    let kept = seen.read_i32(at).filter(|kept| matches!(kept, 0 | 1))?;
    let unsigned = seen.read_u32(at.offset(4))?;
    seen.note("has_uint32", kept);
    seen.note("uinteger", unsigned);
    Some(())
}

/// Words of 64 bits, as numbers.
fn words(seen: &Seen<'_>, at: Address, count: i64) -> Option<Vec<u64>> {
    (0..count).map(|number| seen.read_i64(at.offset(8 * number)).map(|word| word as u64)).collect()
}

/// `philox_state`: pointers to a counter of four words and a key of two, how many of four numbers made at once are used up,
/// and these.
fn tell_philox(seen: &mut Seen<'_>, state: Address) -> Option<()> {
    let (counter, key) = (words(seen, seen.pointer(state)?, 4)?, words(seen, seen.pointer(state.offset(8))?, 2)?);
    let position = seen.read_i32(state.offset(16)).filter(|position| (0..=4).contains(position))?;
    let buffer = words(seen, state.offset(24), 4)?;
    tell_half(seen, state.offset(56))?;
    seen.note("counter", numbers(&counter));
    seen.note("key", numbers(&key));
    seen.note("buffer", numbers(&buffer));
    seen.note("buffer_pos", position);
    Some(())
}

/// `sfc64_state`: four words.
fn tell_sfc(seen: &mut Seen<'_>, state: Address) -> Option<()> {
    let content = words(seen, state, 4)?;
    tell_half(seen, state.offset(32))?;
    seen.note("state", numbers(&content));
    Some(())
}

/// `mt19937_state`: the words, and how many of them are used up.
fn tell_twister(seen: &mut Seen<'_>, state: Address) -> Option<()> {
    let mut bytes = [0; 4 * TWISTER_WORDS];
    seen.object.read_at(state, &mut bytes).ok()?;
    let position = seen.read_i32(state.offset(4 * TWISTER_WORDS as i64))?;
    if !(0..=TWISTER_WORDS as i32).contains(&position) {
        return None;
    }
    let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    seen.note("key", numbers(&words));
    seen.note("pos", integer(position.into()));
    Some(())
}
