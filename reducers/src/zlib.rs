//! `zlib`: compressors and decompressors, by `Modules/zlibmodule.c`.

use crate::framework::{facts, known, reducers};

reducers! {
    /// *What it holds.* A stream of zlib's, and what is left of the input.
    /// *What is saved.* `unused_data`, `unconsumed_tail`, `zdict` and `eof`; the window is zlib's own.
    /// *What becomes a surrogate.* None but the unreadable.
    Stream ["zlib.Compress", "zlib.Decompress"] "what is left of the input, `eof`" => |target, sink| {
        let layout = known(target.layouts().compressor)?;
        target.attributes(sink, &[
            ("unused_data", layout.unused_data), ("unconsumed_tail", layout.unconsumed_tail), ("zdict", layout.zdict),
        ])?;
        facts!(target, "eof": target.field(layout.eof)? != 0);
        Ok(())
    };
}
