//! The file of a connection, where SQLite's pager keeps it: the way there is not published, so each step is checked.
//!
//! `struct sqlite3` begins with `pVfs`, `pVdbe`, `pDfltColl`, `mutex` and `aDb`; `Db` with `zDbSName` and `pBt`; `Btree` with
//! `db` and `pBt`, `BtShared` with `pPager` (`sqliteInt.h`, `btreeInt.h`). Where a `Pager` has its names differs by version:
//! `zFilename` is told by `zJournal` beside it, which is the same name with `-journal`.

use heapsake_core::Address;

use crate::framework::Target;

/// Words of a `Pager` that are looked at.
const WORDS_OF_PAGER: u64 = 64;
const DATABASES: i64 = 4;

/// The path of the main database; none of one in memory, and where something is not as it should be.
pub(super) fn of(target: &Target<'_>, connection: Address) -> Option<String> {
    let databases = word(target, connection, DATABASES)?;
    if target.c_text(word(target, databases, 0)?)? != "main" {
        return None;
    }
    let tree = word(target, databases, 1)?;
    if word(target, tree, 0)? != connection {
        return None;
    }
    let pager = word(target, word(target, tree, 1)?, 0)?;
    let mut names = Vec::new();
    target
        .each_word(pager, WORDS_OF_PAGER, |word| {
            names.extend(target.c_text(Address(word)).filter(|text| text.starts_with('/')));
            Ok(())
        })
        .ok()?;
    let journal =
        names.iter().find_map(|name| name.strip_suffix("-journal").filter(|path| names.iter().any(|name| name == path)));
    journal.map(str::to_owned)
}

fn word(target: &Target<'_>, address: Address, index: i64) -> Option<Address> {
    if address.is_null() {
        return None;
    }
    target.object.word_at(address.offset(8 * index)).ok().map(Address)
}
