//! What a binary shows on the outside: its form, its imports and its exports. Reads, judges nothing.

use std::fmt;

use wasmparser::{
    Encoding, FuncType, Parser, Payload, ValType, Validator, WasmFeatures,
    names::{ComponentName, ComponentNameKind},
    types::{EntityType, TypesRef},
};
use wit_parser::PackageName;

use super::error::EncodeError;
use crate::report::brief;

/// What begins the name of a custom section with a component type; guest toolchains add an ending of their own.
pub(super) const TYPE_SECTION: &str = "component-type";
/// The custom section of a dynamic library.
const LIBRARY_SECTION: &str = "dylink.0";
/// The custom section of an object file that no linker has seen yet.
const OBJECT_SECTION: &str = "linking";

/// The custom section that Go's linker writes.
const GO_SECTION: &str = "go:buildid";

/// A binary's outside.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// A component, not a core module.
    pub(super) is_component: bool,
    /// A core module that says in a custom section which component it wants to be.
    pub(super) has_type: bool,
    /// A dynamic library.
    pub(super) is_library: bool,
    /// An object file.
    pub(super) is_object: bool,
    /// Made by Go, whose runtime takes all memory above its data for its own.
    pub(super) is_go: bool,
    /// How many memories it has, its own and imported ones.
    pub(super) memories: u32,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<Export>,
}

/// Something that it wants from outside.
#[derive(Debug)]
pub(super) struct Import {
    /// The core module's first name, or the whole name in a component.
    pub(super) module: String,
    /// The core module's second name; empty in a component.
    pub(super) name: String,
    pub(super) item: Item,
}

impl Import {
    /// Whether it is a function with so many parameters.
    pub(super) fn has_params(&self, count: usize) -> bool {
        matches!(&self.item, Item::Function(signature) if signature.params.len() == count)
    }
}

/// As messages name it.
impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Item::Typed => write!(f, "`{}`", brief(&self.module)),
            _ => write!(f, "`{}` of `{}`", brief(&self.name), brief(&self.module)),
        }
    }
}

/// Something that it gives.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) name: String,
    pub(super) item: Item,
    /// Its index among those of its kind.
    pub(super) index: u32,
}

/// What is imported or exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Function(Signature),
    Memory {
        is_64_bit: bool,
        is_shared: bool,
    },
    Global,
    Table,
    Tag,
    /// Something of a component.
    Typed,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Function(_) => "function",
            Self::Memory { .. } => "memory",
            Self::Global => "global",
            Self::Table => "table",
            Self::Tag => "tag",
            Self::Typed => "item of a component",
        })
    }
}

/// The type of a core function. It is shown as authors write it: `(func (param i32 i64) (result i32))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) params: Vec<ValType>,
    pub(super) results: Vec<ValType>,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(func")?;
        for (word, types) in [("param", &self.params), ("result", &self.results)] {
            if !types.is_empty() {
                write!(f, " ({word}")?;
                types.iter().try_for_each(|value| write!(f, " {value}"))?;
                f.write_str(")")?;
            }
        }
        f.write_str(")")
    }
}

impl From<&FuncType> for Signature {
    fn from(function: &FuncType) -> Self {
        Self { params: function.params().to_vec(), results: function.results().to_vec() }
    }
}

impl Outline {
    /// Reads a binary. Of the modules inside a component only that they are whole and valid counts.
    ///
    /// # Errors
    /// If it breaks off, contradicts itself, or is not valid.
    pub(super) fn read(binary: &[u8]) -> Result<Self, EncodeError> {
        let mut outline = Self::default();
        let mut indices = Vec::new();
        let mut depth = 0_u32;
        // All of it before anything is judged: what breaks off is told apart from what is whole and wrong.
        for payload in Parser::new(0).parse_all(binary) {
            let payload = payload.map_err(EncodeError::damaged)?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                Payload::Version { encoding, .. } => outline.is_component = encoding == Encoding::Component,
                Payload::CustomSection(section) => {
                    outline.has_type |= section.name().starts_with(TYPE_SECTION);
                    outline.is_library |= section.name() == LIBRARY_SECTION;
                    outline.is_object |= section.name() == OBJECT_SECTION;
                    outline.is_go |= section.name() == GO_SECTION;
                }
                Payload::ComponentImportSection(imports) => {
                    for import in imports {
                        let module = import.map_err(EncodeError::damaged)?.name.name.to_owned();
                        outline.imports.push(Import { module, name: String::new(), item: Item::Typed });
                    }
                }
                Payload::ComponentExportSection(exports) => {
                    for export in exports {
                        let export = export.map_err(EncodeError::damaged)?;
                        let (name, index) = (export.name.name.to_owned(), export.index);
                        outline.exports.push(Export { name, index, item: Item::Typed });
                    }
                }
                Payload::MemorySection(memories) => outline.memories += memories.count(),
                Payload::ExportSection(exports) => {
                    for export in exports {
                        indices.push(export.map_err(EncodeError::damaged)?.index);
                    }
                }
                _ => {}
            }
        }
        let types =
            Validator::new_with_features(WasmFeatures::all()).validate_all(binary).map_err(EncodeError::invalid)?;
        outline.add_core(types.as_ref(), indices);
        Ok(outline)
    }

    /// Adds a core module's imports and exports, of which the validator alone knows the types.
    fn add_core(&mut self, types: TypesRef<'_>, indices: Vec<u32>) {
        let item = |entity: EntityType| match entity {
            EntityType::Func(id) | EntityType::FuncExact(id) => {
                match types.get(id).map(|ty| &ty.composite_type.inner) {
                    Some(wasmparser::CompositeInnerType::Func(function)) => Item::Function(function.into()),
                    _ => Item::Typed,
                }
            }
            EntityType::Memory(memory) => Item::Memory { is_64_bit: memory.memory64, is_shared: memory.shared },
            EntityType::Global(_) => Item::Global,
            EntityType::Table(_) => Item::Table,
            EntityType::Tag(_) => Item::Tag,
        };
        for (module, name, entity) in types.core_imports().into_iter().flatten() {
            self.memories += u32::from(matches!(entity, EntityType::Memory(_)));
            self.imports.push(Import { module: module.to_owned(), name: name.to_owned(), item: item(entity) });
        }
        // The validator keeps exports in their order.
        for ((name, entity), index) in types.core_exports().into_iter().flatten().zip(indices) {
            self.exports.push(Export { name: name.to_owned(), item: item(entity), index });
        }
    }

    pub(super) fn imports_from(&self, module: &str) -> bool {
        self.imports.iter().any(|import| import.module == module)
    }

    pub(super) fn export(&self, name: &str) -> Option<&Export> {
        self.exports.iter().find(|export| export.name == name)
    }

    pub(super) fn exports_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.export(name).is_some())
    }

    /// The names of the interfaces that it imports and exports, as far as they are such names.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = Interface> {
        let names = self.imports.iter().map(|import| &import.module);
        names.chain(self.exports.iter().map(|export| &export.name)).filter_map(|name| Interface::parse(name))
    }
}

/// The name of an interface, as in `cometbot:plugin/comet@1.0.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) package: PackageName,
    pub(super) name: String,
}

impl Interface {
    /// None if `name` is no such name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        // The reader of names is one for names that were validated: a core module's may be anything.
        let (package, rest) = name.split_once('/')?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_/@.+".contains(&byte));
        if package.split(':').count() != 2 || !is_plain(name) || rest.contains('/') {
            return None;
        }
        // A version that is none, as in `@1`, leaves the rest of the name readable.
        let (bare, version) = name.split_once('@').unwrap_or((name, ""));
        let name = ComponentName::new(bare, 0).ok()?;
        let ComponentNameKind::Interface(interface) = name.kind() else { return None };
        Some(Self {
            package: PackageName {
                namespace: interface.namespace().to_string(),
                name: interface.package().to_string(),
                version: version.parse().ok(),
            },
            name: interface.interface().to_string(),
        })
    }

    /// Whether it is the same interface of whatever version.
    pub(super) fn is_version_of(&self, other: &Self) -> bool {
        self.name == other.name
            && self.package.namespace == other.package.namespace
            && self.package.name == other.package.name
    }
}
