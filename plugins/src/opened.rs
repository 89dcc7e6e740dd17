//! The plugins of one dump: opened, checked against the registry, and accounted for.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use ciborium::Value;
use heapsake_core::DumpOptions;
use heapsake_core::reduce::{Registration, Registry, TypeMatch};

use crate::declarative;
use crate::host::{Host, Remote};
use crate::places::{Places, Refusal};
use crate::process::Spawner;
use crate::protocol::Description;

/// A plugin that is in use.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// Its version; of a description of types, none.
    pub version: String,
    /// What it is, in one line.
    pub description: String,
    /// The file.
    pub path: PathBuf,
    /// The types that it answers for.
    pub types: Vec<String>,
    /// Its number among the libraries; none for a description of types.
    library: Option<u32>,
}

/// The plugins of one dump. Ends the worker when it is dropped.
pub struct Plugins {
    /// Those in use.
    pub loaded: Vec<Loaded>,
    /// What was refused, and why.
    pub refused: Vec<Refusal>,
    registry: Registry,
    host: Option<Arc<Host>>,
}

impl std::fmt::Debug for Plugins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugins").field("loaded", &self.loaded).field("refused", &self.refused).finish_non_exhaustive()
    }
}

impl Plugins {
    /// Opens what was found and adds its reducers to `registry`. A worker is started only where there is a library.
    ///
    /// Nothing that goes wrong is an error: it is refused, and said.
    pub fn open(places: Places, registry: Registry, spawner: Box<dyn Spawner>) -> Plugins {
        let mut plugins = Plugins { loaded: Vec::new(), refused: places.refused, registry, host: None };
        let mut spawner = Some(spawner);
        for found in places.found {
            let problem = if found.is_description {
                plugins.describe(&found.path)
            } else {
                if let Some(spawner) = spawner.take() {
                    plugins.host = Some(Arc::new(Host::new(spawner, places.limits)));
                }
                plugins.load(&found.path)
            };
            if let Err(reason) = problem {
                plugins.refused.push(Refusal { path: found.path, reason });
            }
        }
        plugins
    }

    /// All reducers, those of the plugins among them.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    fn load(&mut self, path: &Path) -> Result<(), String> {
        let Some(host) = self.host.clone() else { return Err("no process to run plugins in".to_owned()) };
        let (library, description) = host.load(path)?;
        let Description { name, version, description, reducers, .. } = description;
        let origin = format!("plugin {name} {version}").trim_end().to_owned();
        let mut types = Vec::new();
        for (at, reducer) in reducers.into_iter().enumerate() {
            let names: Vec<String> = reducer.types.iter().map(|(name, _)| name.clone()).collect();
            let matched = |(name, exact): (String, bool)| {
                let name: &'static str = name.leak();
                if exact { TypeMatch::Exact(name) } else { TypeMatch::Base(name) }
            };
            let matched = reducer.types.into_iter().map(matched).collect();
            let remote = Remote { host: Arc::clone(&host), plugin: name.clone(), library, reducer: at as u32 };
            let file = path.display().to_string();
            let registration = Registration::made(matched, Box::new(remote), origin.clone(), file, reducer.saves);
            match self.registry.add(registration) {
                Ok(()) => types.extend(names),
                Err(duplicate) => self.refused.push(Refusal { path: path.to_owned(), reason: duplicate.to_string() }),
            }
        }
        self.loaded.push(Loaded { name, version, description, path: path.to_owned(), types, library: Some(library) });
        Ok(())
    }

    fn describe(&mut self, path: &Path) -> Result<(), String> {
        let described = declarative::read(path).map_err(|problem| problem.to_string())?;
        let name = crate::plugin_name(path);
        let mut types = Vec::new();
        for one in described {
            let names: Vec<String> = one.types().iter().map(|matched| matched.name().to_owned()).collect();
            let registration = one.register(format!("description {name}"), path.display().to_string());
            match self.registry.add(registration) {
                Ok(()) => types.extend(names),
                Err(duplicate) => self.refused.push(Refusal { path: path.to_owned(), reason: duplicate.to_string() }),
            }
        }
        let (version, description) = (String::new(), "a description of types".to_owned());
        self.loaded.push(Loaded { name, version, description, path: path.to_owned(), types, library: None });
        Ok(())
    }

    /// What the header of the dump says: `plugins`, with those loaded, what they did so far, and those refused. Nothing when
    /// there are none.
    pub fn facts(&self) -> Vec<(String, Value)> {
        if self.loaded.is_empty() && self.refused.is_empty() {
            return Vec::new();
        }
        let records = self.host.as_ref().map(|host| host.records()).unwrap_or_default();
        let loaded = self.loaded.iter().map(|one| {
            let types = one.types.iter().map(|name| Value::from(name.as_str())).collect();
            let mut entries = vec![
                ("name".into(), one.name.as_str().into()),
                ("version".into(), one.version.as_str().into()),
                ("path".into(), one.path.display().to_string().into()),
                ("types".into(), Value::Array(types)),
            ];
            if let Some(record) = one.library.and_then(|at| records.get(at as usize)) {
                entries.push(("objects".into(), record.objects.into()));
                entries.push(("failures".into(), record.failures.into()));
                entries.push(("crashes".into(), record.crashes.into()));
                entries.extend(record.off.as_ref().map(|off| ("off".into(), off.as_str().into())));
            }
            Value::Map(entries)
        });
        let refused = self.refused.iter().map(|one| {
            let path = one.path.display().to_string();
            Value::Map(vec![("path".into(), path.into()), ("reason".into(), one.reason.as_str().into())])
        });
        let both = vec![("loaded".into(), Value::Array(loaded.collect())), ("refused".into(), Value::Array(refused.collect()))];
        vec![("plugins".to_owned(), Value::Map(both))]
    }

    /// Lets a dump say what its plugins were and did.
    pub fn accompany(plugins: &Rc<Plugins>, dump: &mut DumpOptions) {
        let (facts, notes) = (Rc::clone(plugins), Rc::clone(plugins));
        dump.facts = Some(Box::new(move || facts.facts()));
        dump.notes = Some(Box::new(move || notes.notes()));
    }

    /// What was refused, and what went wrong while the dump was made: lines for whoever made it, and for what the dump says of
    /// its omissions.
    pub fn notes(&self) -> Vec<String> {
        let records = self.host.as_ref().map(|host| host.records()).unwrap_or_default();
        let refused = self.refused.iter().map(|one| format!("plugin {} is not used: {}", one.path.display(), one.reason));
        let mut notes: Vec<String> = refused.map(|line| line.replace('\n', "; ")).collect();
        for one in &self.loaded {
            let Some(record) = one.library.and_then(|at| records.get(at as usize)) else { continue };
            if record.failures > 0 {
                notes.push(format!("plugin {} failed at {} of {} objects", one.name, record.failures, record.objects));
            }
            if let Some(off) = &record.off {
                notes.push(format!("plugin {} was switched off {off}", one.name));
            }
        }
        notes
    }
}

impl Drop for Plugins {
    fn drop(&mut self) {
        if let Some(host) = &self.host {
            host.end();
        }
    }
}
