//! Dumps a cyclic graph of the program's own types, with a reducer that is registered by `inventory`, and loads it back.

use heapsake_core::heap::{GraphHeap, GraphNode, Sink};
use heapsake_core::reduce::{Failure, Object, Reason, Reducer, Registration, Registry, TypeMatch, inventory};
use heapsake_core::{DumpOptions, dump};
use heapsake_loader::{Dump, isomorphism};
use petgraph::graph::DiGraph;

#[derive(serde::Serialize)]
struct Ship {
    name: String,
    tonnes: u32,
}

impl GraphNode for Ship {
    fn type_name(&self) -> &'static str {
        "fleet.Ship"
    }
}

struct ShipReducer;

impl Reducer for ShipReducer {
    fn reduce(&self, object: &dyn Object, sink: &mut dyn Sink) -> Result<(), Failure> {
        let ship = object.runtime().and_then(|node| node.downcast_ref::<Ship>());
        sink.state(ship.ok_or_else(|| Failure::new(Reason::ReducerFailed, "not a ship"))?);
        Ok(())
    }
}

inventory::submit! {
    Registration {
        types: &[TypeMatch::Exact("fleet.Ship")],
        reducer: &ShipReducer,
        origin: "example",
        file: file!(),
        saves: "name and tonnes",
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut fleet = DiGraph::new();
    let ships = [("Argo", 30), ("Beagle", 242), ("Cutty Sark", 963)];
    let ships = ships.map(|(name, tonnes)| fleet.add_node(Ship { name: name.into(), tonnes }));
    for (at, ship) in ships.iter().enumerate() {
        fleet.add_edge(*ship, ships[(at + 1) % 3], "follows");
    }
    let save = || -> Result<Dump, Box<dyn std::error::Error>> {
        let mut heap = GraphHeap::new(&fleet, Registry::linked()?, vec![("flagship".into(), ships[0])]);
        let mut bytes = Vec::new();
        dump(&mut heap, &mut bytes, DumpOptions::default())?;
        Ok(Dump::from_bytes(bytes)?)
    };
    let (loaded, again) = (save()?, save()?);
    for ship in loaded.objects() {
        println!("{} {:?} follows {:?}", ship.type_name(), ship.state(), ship.edges()[0].target);
    }
    let report = isomorphism::compare(&loaded, &again);
    print!("{report}");
    assert!(report.is_isomorphic() && report.matched == 3);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fleet_comes_back() {
        super::main().unwrap();
    }
}
