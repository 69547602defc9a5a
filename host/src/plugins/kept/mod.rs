//! stub
#![allow(missing_docs)]
use std::{collections::BTreeSet, io, path::Path, sync::Arc, time::SystemTime};
use super::{grants::Grants, package::ContentHash, api::Event};
#[derive(Debug, Clone)] pub struct Kept(Quarantine);
#[derive(Debug, Clone, Default, PartialEq, Eq)] pub struct Record { pub disabled: bool, pub granted: Option<Grants>, pub held_back: Option<HeldBack>, pub good: Vec<Good> }
#[derive(Debug, Clone, PartialEq, Eq)] pub struct HeldBack { pub hash: ContentHash, pub why: String }
#[derive(Debug, Clone, PartialEq, Eq)] pub struct Good { pub hash: ContentHash, pub label: String, pub since_unix: u64 }
impl Good { pub fn now(hash: ContentHash, label: &str) -> Self { Self { hash, label: label.into(), since_unix: 0 } } }
pub struct Records; pub struct Versions;
#[derive(Debug, Clone)] pub struct Quarantine(Arc<()>);
pub struct Failed<'a> { pub version: &'a str, pub event: &'a Event, pub reason: &'a str, pub backtrace: &'a [String], pub at: SystemTime }
#[derive(serde::Serialize)] pub struct Entry { pub id: String }
impl Entry { pub fn event(&self) -> Event { loop {} } }
impl Kept { pub fn open(_: &Path) -> Result<Self, KeptError> { Ok(Self(Quarantine(Arc::new(())))) } pub fn records(&self) -> &Records { &Records } pub fn versions(&self) -> &Versions { &Versions } pub fn quarantine(&self) -> &Quarantine { &self.0 } }
impl Records { pub fn read(&self, _: &str) -> Record { Record::default() } pub fn write(&self, _: &str, _: &Record) -> io::Result<()> { Ok(()) } pub fn forget(&self, _: &str) -> io::Result<()> { Ok(()) } pub fn names(&self) -> Vec<String> { vec![] } }
impl Versions { pub fn put(&self, _: ContentHash, _: &[u8]) -> io::Result<()> { Ok(()) } pub fn get(&self, _: ContentHash) -> io::Result<Option<Vec<u8>>> { Ok(None) } pub fn retain(&self, _: &BTreeSet<ContentHash>) -> io::Result<()> { Ok(()) } }
impl Quarantine { pub fn add(&self, _: &str, _: Failed<'_>, _: usize) {} pub fn list(&self, _: Option<&str>) -> Vec<Entry> { vec![] } pub fn get(&self, _: &str, _: &str) -> Option<Entry> { None } pub fn take(&self, _: &str, _: &str) -> Option<Entry> { None } pub fn drop_all(&self, _: &str) -> usize { 0 } pub fn count(&self, _: &str) -> usize { 0 } }
#[derive(Debug, thiserror::Error)] #[error("stub")] pub struct KeptError; impl From<io::Error> for KeptError { fn from(_: io::Error) -> Self { Self } }
