//! `xml.etree.ElementTree`: elements, by `Modules/_elementtree.c`.
//!
//! The lowest bit of the pointers to `text` and `tail` is a mark: what they lead to is a list that is yet to be joined.

use heapsake_core::Address;
use heapsake_core::heap::{EdgeKind, Name, Sink};
use heapsake_core::reduce::Failure;

use crate::framework::{Target, known, reducers};

reducers! {
    /// *What it holds.* A tag, attributes, text inside and after, and children.
    /// *What is saved.* `tag`, `attrib`, `text`, `tail`, and the children in order.
    /// *What becomes a surrogate.* One whose children are not readable.
    Element ["xml.etree.ElementTree.Element"] "tag, attributes, texts and children" => element;
}

fn element(target: &Target<'_>, sink: &mut dyn Sink) -> Result<(), Failure> {
    let layout = known(target.layouts().element)?;
    let extra_layout = known(target.layouts().element_extra)?;
    target.attribute(sink, "tag", layout.tag)?;
    for (name, field) in [("text", layout.text), ("tail", layout.tail)] {
        let text = Address(target.field(field)?.0 & !1);
        if !text.is_null() {
            sink.edge(EdgeKind::Attribute, Name::Text(name), text);
        }
    }
    let extra = target.field(layout.extra)?;
    if extra.is_null() {
        return Ok(());
    }
    let attributes = target.field_of(extra_layout.attrib, extra)?;
    if !attributes.is_null() {
        sink.edge(EdgeKind::Attribute, Name::Text("attrib"), attributes);
    }
    let children = target.field_of(extra_layout.children, extra)?;
    target.elements(sink, children, target.field_of(extra_layout.length, extra)?)
}

#[cfg(test)]
#[path = "elementtree_tests.rs"]
mod tests;
