//! `itertools`: what every iterator draws from, and how far it has come, by `Modules/itertoolsmodule.c`.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;
use heapsake_cpython::layout::Field;

use crate::framework::{Fact, NUMBER_LIMIT, Target, facts, known, reducers};

reducers! {
    /// *What it holds.* The next number and the step.
    /// *What is saved.* `count`, as a number or, beyond the machine's, as an object; `step`.
    /// *What becomes a surrogate.* None but the unreadable.
    Count ["itertools.count"] "`count` and `step`" => count;

    /// *What it holds.* The iterator of iterables, and the one that is being drained.
    /// *What is saved.* `source` and `active`.
    /// *What becomes a surrogate.* None but the unreadable.
    Chain ["itertools.chain"] "`source` and `active`" => |target, sink| {
        let layout = target.layouts().chain;
        target.attributes(sink, &[("source", layout.source), ("active", layout.active)])
    };

    /// *What it holds.* An iterator, the items seen, and the position in them.
    /// *What is saved.* `iterator`, `saved` and `index`.
    /// *What becomes a surrogate.* None but the unreadable.
    Cycle ["itertools.cycle"] "the items seen and the position" => |target, sink| {
        let layout = target.layouts().cycle;
        target.attributes(sink, &[("iterator", layout.it), ("saved", layout.saved)])?;
        facts!(target, "index": target.field(layout.index)?);
        Ok(())
    };

    /// *What it holds.* An object, and how often it is yet to come.
    /// *What is saved.* `object` and `times`, none for ever.
    /// *What becomes a surrogate.* None but the unreadable.
    Repeat ["itertools.repeat"] "`object` and `times`" => |target, sink| {
        let layout = target.layouts().repeat;
        target.attribute(sink, "object", layout.element)?;
        let times = target.field(layout.cnt)?;
        facts!(target, "times": (times >= 0).then_some(times));
        Ok(())
    };

    /// *What it holds.* An iterator and a slice of it.
    /// *What is saved.* `iterator`, `next`, `stop`, `step` and the `count` of items drawn.
    /// *What becomes a surrogate.* None but the unreadable.
    ISlice ["itertools.islice"] "the iterator and the slice" => |target, sink| {
        let layout = target.layouts().islice;
        target.attribute(sink, "iterator", layout.it)?;
        let stop = target.field(layout.stop)?;
        facts!(target,
            "next": target.field(layout.next)?,
            "stop": (stop >= 0).then_some(stop),
            "step": target.field(layout.step)?,
            "count": target.field(layout.cnt)?,
        );
        Ok(())
    };

    /// *What it holds.* A piece of the items that several iterators share, and the position in it.
    /// *What is saved.* `data` and `index`.
    /// *What becomes a surrogate.* None but the unreadable.
    Tee ["itertools._tee"] "the shared items and the position" => |target, sink| {
        let layout = target.layouts().tee;
        target.attribute(sink, "data", layout.dataobj)?;
        facts!(target, "index": target.field(layout.index)?);
        Ok(())
    };

    /// *What it holds.* Up to 57 items that the iterators of one `tee` share, and the next piece.
    /// *What is saved.* The items; `iterator` and `next`.
    /// *What becomes a surrogate.* None but the unreadable.
    TeeData ["itertools._tee_dataobject"] "the shared items" => |target, sink| {
        let layout = target.layouts().tee_data;
        target.attributes(sink, &[("iterator", layout.it), ("next", layout.nextlink)])?;
        target.elements(sink, layout.values.at(target.address()), target.field(layout.numread)?.into())
    };

    /// *What it holds.* Pools of items, the position in each, and the last result.
    /// *What is saved.* `pools`, `indices`, `result` and `stopped`.
    /// *What becomes a surrogate.* None but the unreadable.
    Product ["itertools.product"] "`pools`, `indices` and the last result" => |target, sink| {
        let layout = target.layouts().product;
        target.attribute(sink, "pools", layout.pools)?;
        let count = target.size_of(target.field(layout.pools)?)?;
        combination(target, sink, layout.result, layout.indices, count, layout.stopped)
    };

    /// *What it holds.* A pool of items, the positions in it, and the last result.
    /// *What is saved.* `pool`, `r`, `indices`, `result` and `stopped`.
    /// *What becomes a surrogate.* None but the unreadable.
    Combinations ["itertools.combinations"] "`pool`, `indices` and the last result" => |target, sink| {
        let layout = target.layouts().combinations;
        target.attribute(sink, "pool", layout.pool)?;
        let chosen = target.field(layout.r)?;
        facts!(target, "r": chosen);
        combination(target, sink, layout.result, layout.indices, chosen, layout.stopped)
    };

    /// *What it holds.* A pool of items, the positions in it, and the last result.
    /// *What is saved.* `pool`, `r`, `indices`, `result` and `stopped`.
    /// *What becomes a surrogate.* None but the unreadable.
    CombinationsWithReplacement
        ["itertools.combinations_with_replacement"] "`pool`, `indices` and the last result" => |target, sink| {
            let layout = target.layouts().combinations_with_replacement;
            target.attribute(sink, "pool", layout.pool)?;
            let chosen = target.field(layout.r)?;
            facts!(target, "r": chosen);
            combination(target, sink, layout.result, layout.indices, chosen, layout.stopped)
        };

    /// *What it holds.* A pool of items, the positions in it, and the last result.
    /// *What is saved.* `pool`, `r`, `indices`, `result` and `stopped`.
    /// *What becomes a surrogate.* None but the unreadable.
    Permutations ["itertools.permutations"] "`pool`, `indices` and the last result" => |target, sink| {
        let layout = target.layouts().permutations;
        target.attribute(sink, "pool", layout.pool)?;
        facts!(target, "r": target.field(layout.r)?);
        let count = target.size_of(target.field(layout.pool)?)?;
        combination(target, sink, layout.result, layout.indices, count, layout.stopped)
    };

    /// *What it holds.* An iterator, a key function, and the group that is current.
    /// *What is saved.* `iterator`, `keyfunc`, `tgtkey`, `currkey`, `currvalue`; the current group as a borrowed reference.
    /// *What becomes a surrogate.* None but the unreadable.
    GroupBy ["itertools.groupby"] "the iterator and the current group" => |target, sink| {
        let layout = target.layouts().group_by;
        target.attributes(sink, &[
            ("iterator", layout.it), ("keyfunc", layout.keyfunc), ("tgtkey", layout.tgtkey), ("currkey", layout.currkey),
            ("currvalue", layout.currvalue),
        ])?;
        // It outlives the group that it was given out for.
        let (group, parent) = (target.field(layout.currgrouper)?, target.layouts().grouper.parent);
        let is_there = target.is_of_type(group, "itertools._grouper") && parent.read(target, group) == Some(target.address());
        if is_there { target.edge(sink, EdgeKind::Borrowed, "currgrouper", layout.currgrouper) } else { Ok(()) }
    };

    /// *What it holds.* The grouping and the key of one group.
    /// *What is saved.* `parent` and `tgtkey`.
    /// *What becomes a surrogate.* None but the unreadable.
    Grouper ["itertools._grouper"] "the grouping and the key" => |target, sink| {
        let layout = target.layouts().grouper;
        target.attributes(sink, &[("parent", layout.parent), ("tgtkey", layout.tgtkey)])
    };

    /// *What it holds.* An iterator, a function of two, and what it has come to.
    /// *What is saved.* `iterator`, `function`, `total` and `initial`.
    /// *What becomes a surrogate.* None but the unreadable.
    Accumulate ["itertools.accumulate"] "the iterator and the total" => |target, sink| {
        let layout = target.layouts().accumulate;
        target.attributes(sink, &[("iterator", layout.it), ("function", layout.binop), ("total", layout.total)])?;
        layout.initial.map_or(Ok(()), |initial| target.attribute(sink, "initial", initial))
    };

    /// *What it holds.* Two iterators: items, and whether to let them through.
    /// *What is saved.* `data` and `selectors`.
    /// *What becomes a surrogate.* None but the unreadable.
    Compress ["itertools.compress"] "`data` and `selectors`" => |target, sink| {
        let layout = target.layouts().compress;
        target.attributes(sink, &[("data", layout.data), ("selectors", layout.selectors)])
    };

    /// *What it holds.* A predicate, an iterator, and whether an item has passed.
    /// *What is saved.* `predicate`, `iterator` and `started`.
    /// *What becomes a surrogate.* None but the unreadable.
    DropWhile ["itertools.dropwhile"] "the predicate and the iterator" => |target, sink| {
        let layout = target.layouts().drop_while;
        target.attributes(sink, &[("predicate", layout.func), ("iterator", layout.it)])?;
        facts!(target, "started": target.field(layout.start)? != 0);
        Ok(())
    };

    /// *What it holds.* A predicate, an iterator, and whether an item has failed.
    /// *What is saved.* `predicate`, `iterator` and `stopped`.
    /// *What becomes a surrogate.* None but the unreadable.
    TakeWhile ["itertools.takewhile"] "the predicate and the iterator" => |target, sink| {
        let layout = target.layouts().take_while;
        target.attributes(sink, &[("predicate", layout.func), ("iterator", layout.it)])?;
        facts!(target, "stopped": target.field(layout.stop)? != 0);
        Ok(())
    };

    /// *What it holds.* A predicate and an iterator.
    /// *What is saved.* `predicate` and `iterator`.
    /// *What becomes a surrogate.* None but the unreadable.
    FilterFalse ["itertools.filterfalse"] "the predicate and the iterator" => |target, sink| {
        let layout = target.layouts().filter_false;
        target.attributes(sink, &[("predicate", layout.func), ("iterator", layout.it)])
    };

    /// *What it holds.* A function, and an iterator of its arguments.
    /// *What is saved.* `function` and `iterator`.
    /// *What becomes a surrogate.* None but the unreadable.
    StarMap ["itertools.starmap"] "the function and the iterator" => |target, sink| {
        let layout = target.layouts().star_map;
        target.attributes(sink, &[("function", layout.func), ("iterator", layout.it)])
    };

    /// *What it holds.* Iterators, and what stands in for those that have ended.
    /// *What is saved.* `iterators`, `fillvalue`, the last `result` and how many are still active.
    /// *What becomes a surrogate.* None but the unreadable.
    ZipLongest ["itertools.zip_longest"] "the iterators and the fill value" => |target, sink| {
        let layout = target.layouts().zip_longest;
        target.attributes(sink, &[("iterators", layout.ittuple), ("fillvalue", layout.fillvalue)])?;
        target.internal(sink, "result", layout.result)?;
        facts!(target, "numactive": target.field(layout.numactive)?);
        Ok(())
    };

    /// *What it holds.* An iterator and the item before the next one.
    /// *What is saved.* `iterator` and `old`.
    /// *What becomes a surrogate.* None but the unreadable.
    Pairwise ["itertools.pairwise"] "the iterator and the last item" => |target, sink| {
        let layout = known(target.layouts().pairwise)?;
        target.attributes(sink, &[("iterator", layout.it), ("old", layout.old)])?;
        target.internals(sink, &[("result", layout.result)])
    };

    /// *What it holds.* An iterator and the size of a batch.
    /// *What is saved.* `iterator`, `batch_size` and `strict`.
    /// *What becomes a surrogate.* None but the unreadable.
    Batched ["itertools.batched"] "the iterator and the size of a batch" => |target, sink| {
        let layout = known(target.layouts().batched)?;
        target.attribute(sink, "iterator", layout.it)?;
        facts!(target, "batch_size": target.field(layout.batch_size)?);
        if let Some(strict) = target.optional(layout.strict)? {
            facts!(target, "strict": strict != 0);
        }
        Ok(())
    };
}

/// `PY_SSIZE_T_MAX` stands for a count that is an object.
fn count(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = target.layouts().count;
    let number = target.field(layout.cnt)?;
    let object = target.field(layout.long_cnt)?;
    if number == i64::MAX && !object.is_null() {
        sink.edge(EdgeKind::Attribute, Name::Text("count"), object);
    } else {
        target.internal(sink, "long_cnt", layout.long_cnt)?;
        facts!(target, "count": number);
    }
    target.attribute(sink, "step", layout.long_step)
}

fn combination(
    target: &Target<'_>,
    sink: &mut dyn Sink,
    result: Field<Address>,
    indices: Field<Address>,
    count: i64,
    stopped: Field<i32>,
) -> Result<(), Failure> {
    target.attribute(sink, "result", result)?;
    let indices = target.numbers(target.field(indices)?, count, NUMBER_LIMIT)?;
    facts!(target, "indices": indices.into_iter().collect::<Fact>(), "stopped": target.field(stopped)? != 0);
    Ok(())
}
