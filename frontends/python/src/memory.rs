//! The memory of the process that a dump was made of, as Python sees it.

use pyo3::prelude::*;

/// A part of the process's memory: what it is for, and how much of it objects explain.
#[pyclass(frozen, get_all, module = "heapsake._heapsake")]
#[derive(Debug)]
pub(crate) struct Region {
    start: u64,
    end: u64,
    kind: &'static str,
    permissions: String,
    name: String,
    resident: Option<u64>,
    in_use: Option<u64>,
    objects: u64,
    object_bytes: u64,
}

impl From<&heapsake_core::heap::Region> for Region {
    fn from(region: &heapsake_core::heap::Region) -> Region {
        Region {
            start: region.start,
            end: region.end,
            kind: region.kind.word(),
            permissions: region.permissions.clone(),
            name: region.name.clone(),
            resident: region.resident,
            in_use: region.in_use,
            objects: region.objects,
            object_bytes: region.object_bytes,
        }
    }
}

#[pymethods]
impl Region {
    fn __repr__(&self) -> String {
        let Region { start, end, kind, object_bytes, .. } = self;
        format!("<Region {start:#x}-{end:#x} {kind}, {object_bytes} bytes explained>")
    }
}
