//! `functools`: partial functions, caches and keys, by `Modules/_functoolsmodule.c`.
//!
//! A bounded cache keeps its results in a ring of links that starts and ends in the cache object itself; an unbounded one
//! keeps them in its dict.

use heapsake_core::heap::{EdgeKind, Sink};
use heapsake_core::reduce::{Failure, Reason};

use crate::framework::{Ring, Target, facts, reducers};

reducers! {
    /// *What it holds.* A callable, and arguments for it.
    /// *What is saved.* `func`, `args` and `keywords`.
    /// *What becomes a surrogate.* None but the unreadable.
    Partial ["functools.partial"] "`func`, `args` and `keywords`" => partial;

    /// *What it holds.* A function, what it returned for which arguments, and how often it was asked.
    /// *What is saved.* `__wrapped__`; the results by their keys, the least recently used first; `hits`, `misses`, `maxsize`,
    /// `typed` and `currsize`.
    /// *What becomes a surrogate.* One whose ring of links does not lead back; it keeps the results told before.
    LruCache ["functools._lru_cache_wrapper"] "the function, its cached results, hits and misses" => lru_cache;

    /// *What it holds.* One result of a bounded cache.
    /// *What is saved.* `key` and `result`; its neighbours as borrowed references.
    /// *What becomes a surrogate.* None but the unreadable.
    LruLink ["functools._lru_list_elem"] "`key` and `result`" => lru_link;

    /// *What it holds.* An object, and the function that `cmp_to_key` was given to compare it.
    /// *What is saved.* `obj` and `cmp`.
    /// *What becomes a surrogate.* None but the unreadable.
    KeyWrapper ["functools.KeyWrapper"] "`obj` and its comparison" => key_wrapper;
}

fn partial(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().partial;
    target.attributes(sink, &[("func", layout.fn_), ("args", layout.args), ("keywords", layout.kw)])
}

fn lru_cache(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().lru_cache;
    target.attribute(sink, "__wrapped__", layout.func)?;
    target.internal(sink, "cache", layout.cache)?;
    target.internal(sink, "cache_info_type", layout.cache_info_type)?;
    target.internals(sink, &[("kwd_mark", layout.kwd_mark), ("lru_list_elem_type", layout.lru_list_elem_type)])?;
    let maximum = target.field(layout.maxsize)?;
    facts!(target,
        "hits": target.field(layout.hits)?,
        "misses": target.field(layout.misses)?,
        "maxsize": (maximum >= 0).then_some(maximum),
        "typed": target.field(layout.typed)? != 0,
    );
    let cache = target.field(layout.cache)?;
    if cache.is_null() {
        return Ok(());
    }
    let mut size = 0i64;
    if maximum < 0 {
        target.each_entry(cache, |key, result| {
            sink.entry(key, result);
            size += 1;
            Ok(())
        })?;
    } else {
        let link_layout = target.layouts().lru_cache_link;
        let mut link = target.field(layout.root_next)?;
        let mut ring = Ring::new();
        while link != target.address() && !link.is_null() {
            ring.step(link)?;
            if size >= maximum {
                return Err(Failure::new(Reason::Corrupt, format!("more than its {maximum} results")));
            }
            sink.entry(target.field_of(link_layout.key, link)?, target.field_of(link_layout.result, link)?);
            link = target.field_of(link_layout.next, link)?;
            size += 1;
        }
    }
    facts!(target, "currsize": size);
    Ok(())
}

fn lru_link(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().lru_cache_link;
    target.attributes(sink, &[("key", layout.key), ("result", layout.result)])?;
    target.edge(sink, EdgeKind::Borrowed, "prev", layout.prev)?;
    target.edge(sink, EdgeKind::Borrowed, "next", layout.next)
}

fn key_wrapper(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().key_object;
    target.attributes(sink, &[("obj", layout.object), ("cmp", layout.cmp)])
}
