//! The contract as `plugin-sdk/wit` has it, or the component type that a module brings: which functions there are, and
//! what they look like in a core module.

use std::sync::LazyLock;

use wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;
use wasmparser::ValType;
use wit_component::{StringEncoding, embed_component_metadata, metadata};
use wit_parser::{
    Function, PackageName, Resolve, Type, TypeDefKind, UnresolvedPackageGroup, WorldId, WorldItem, WorldKey,
    abi::{AbiVariant, FlatTypes, WasmSignature, WasmType},
};

use super::{
    brought,
    error::{EncodeError, Wanted},
    outline::{Interface, Item, Outline, Signature},
};
use crate::report::brief;

/// The contract and what it builds on.
const CONTRACT: (&str, &str) = ("cometbot.wit", include_str!("../../../../plugin-sdk/wit/cometbot.wit"));
const CONTRACT_DEPENDENCIES: [(&str, &str); 5] = [
    ("deps/clocks.wit", include_str!("../../../../plugin-sdk/wit/deps/clocks.wit")),
    ("deps/config.wit", include_str!("../../../../plugin-sdk/wit/deps/config.wit")),
    ("deps/io.wit", include_str!("../../../../plugin-sdk/wit/deps/io.wit")),
    ("deps/logging.wit", include_str!("../../../../plugin-sdk/wit/deps/logging.wit")),
    ("deps/random.wit", include_str!("../../../../plugin-sdk/wit/deps/random.wit")),
];
/// The world of every plugin.
const PLUGIN: &str = "plugin";
/// The world of those whose memory outlives a reload.
const STATEFUL: &str = "stateful";

/// The adapter that keeps no state, and what it builds on; see there.
const STATELESS_ADAPTER: &str = include_str!("preview1.wat");
const STATELESS_ADAPTER_WIT: (&str, &str) = ("preview1.wit", include_str!("preview1.wit"));

/// A world, with all that it builds on.
pub(super) struct Contract {
    resolve: Resolve,
    world: WorldId,
}

/// The adapter for modules whose runtime leaves no memory to others.
///
/// # Errors
/// None, as a test shows.
pub(super) fn stateless_adapter() -> Result<Vec<u8>, EncodeError> {
    let module = wat::parse_str(STATELESS_ADAPTER).map_err(EncodeError::contract)?;
    Contract::parse(STATELESS_ADAPTER_WIT, PLUGIN)?.give_type(module)
}

/// What a contract gives under the name of an interface.
pub(super) enum Given {
    /// The function.
    Function(Wanted),
    /// The interface, which has these functions and no such one.
    Interface(Vec<String>),
    /// No such interface.
    Nothing,
}

impl Contract {
    /// The contract that this cometbot speaks.
    ///
    /// # Errors
    /// None, as a test shows.
    pub(super) fn ours() -> Result<Self, EncodeError> {
        Self::parse(CONTRACT, PLUGIN)
    }

    /// The same with what a plugin exports whose memory outlives a reload.
    ///
    /// # Errors
    /// None, as a test shows.
    pub(super) fn stateful(&self) -> Result<Self, EncodeError> {
        let package = self.resolve.worlds.get(self.world).and_then(|world| world.package);
        let world = self.resolve.select_world(package.as_slice(), Some(STATEFUL)).map_err(EncodeError::contract)?;
        Ok(Self { resolve: self.resolve.clone(), world })
    }

    /// What a later cometbot would speak: the same by another version.
    ///
    /// # Panics
    /// If it is no version.
    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "tests")]
    pub(super) fn later(version: &str) -> Self {
        let (path, text) = CONTRACT;
        Self::parse(
            (path, &text.replace("package cometbot:plugin@1.1.0;", &format!("package cometbot:plugin@{version};"))),
            PLUGIN,
        )
        .unwrap()
    }

    fn parse(main: (&str, &str), world: &str) -> Result<Self, EncodeError> {
        let parse = |(path, text): (&str, &str)| {
            UnresolvedPackageGroup::parse(path, text).map_err(|(_, error)| EncodeError::contract(error))
        };
        let dependencies = CONTRACT_DEPENDENCIES.into_iter().map(parse).collect::<Result<_, _>>()?;
        let mut resolve = Resolve::default();
        let package = resolve.push_groups(parse(main)?, dependencies).map_err(EncodeError::contract)?;
        let world = resolve.select_world(&[package], Some(world)).map_err(EncodeError::contract)?;
        Ok(Self { resolve, world })
    }

    /// The world that a module says it is of.
    ///
    /// # Errors
    /// If what it says cannot be read.
    pub(super) fn of(typed: &[u8]) -> Result<Self, EncodeError> {
        brought::check(typed)?;
        let (_, brought) = metadata::decode(typed).map_err(EncodeError::contract)?;
        brought::check_packages(&brought.resolve)?;
        Ok(Self { resolve: brought.resolve, world: brought.world })
    }

    /// Writes the world into a module, as guest toolchains do.
    ///
    /// # Errors
    /// Those of the encoder.
    pub(super) fn give_type(&self, mut module: Vec<u8>) -> Result<Vec<u8>, EncodeError> {
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8)
            .map_err(EncodeError::contract)?;
        Ok(module)
    }

    /// The package of the contract, with its version; none if the world knows nothing of it.
    pub(super) fn package(&self) -> Option<&PackageName> {
        self.resolve.package_names.keys().find(|package| package.namespace == "cometbot" && package.name == "plugin")
    }

    /// The world's name, as in `cometbot:plugin/plugin@1.0.0`.
    pub(super) fn world_name(&self) -> String {
        let world = self.resolve.worlds.get(self.world);
        let package = world.and_then(|world| self.resolve.packages.get(world.package?));
        package.zip(world).map(|(package, world)| package.name.interface_id(&world.name)).unwrap_or_default()
    }

    /// Judges the versions of the contract that a binary names, if it names any.
    ///
    /// # Errors
    /// If one of them is not served.
    pub(super) fn serves<'a>(&self, named: impl Iterator<Item = &'a PackageName>) -> Result<(), EncodeError> {
        let Some((spoken, ours)) = self.package().and_then(|ours| Some((ours.version.as_ref()?, ours))) else {
            return Ok(());
        };
        let same_package = named.filter(|package| package.namespace == ours.namespace && package.name == ours.name);
        for built in same_package.filter_map(|package| package.version.as_ref()) {
            let track = PackageName::version_compat_track;
            let advice = if built > spoken {
                "use a newer cometbot or build it with this one's kit"
            } else if track(built) == track(spoken) {
                continue;
            } else {
                "build it anew with this one's kit"
            };
            return Err(EncodeError::Version { built: brief(&built.to_string()), spoken: spoken.to_string(), advice });
        }
        Ok(())
    }

    /// The packages that it builds on.
    pub(super) fn packages(&self) -> impl Iterator<Item = &PackageName> {
        self.resolve.package_names.keys()
    }

    /// A function that the world exports by this name.
    pub(super) fn export(&self, name: &str) -> Option<Wanted> {
        Some(self.wanted(AbiVariant::GuestExport, self.exported(name)?))
    }

    /// What cleans up after a function that the world exports by this name: it gets the result.
    pub(super) fn post_return(&self, name: &str) -> Option<Wanted> {
        let function = self.resolve.wasm_signature(AbiVariant::GuestExport, self.exported(name)?);
        let signature = Signature { params: core(&function.results), results: Vec::new() };
        let parts = format!("the parameter is what `{name}` answered");
        Some(Wanted::Function { signature, parts })
    }

    /// The names of the interfaces that a module may import.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = String> {
        let world = self.resolve.worlds.get(self.world);
        world.into_iter().flat_map(|world| world.imports.keys()).filter_map(|key| self.key(key))
    }

    /// What there is under these names for a core module.
    pub(super) fn import(&self, module: &str, name: &str) -> Given {
        let Some(world) = self.resolve.worlds.get(self.world) else { return Given::Nothing };
        let find = |fits: &dyn Fn(&str) -> bool| {
            world.imports.iter().find(|(key, _)| self.key(key).is_some_and(|imported| fits(&imported)))
        };
        // A later version of an interface serves those who name an earlier one, here as in the encoder and the engine.
        match find(&|imported| imported == module).or_else(|| find(&|imported| is_compatible(module, imported))) {
            Some((_, WorldItem::Interface { id, .. })) => {
                let functions = self.resolve.interfaces.get(*id).map(|interface| &interface.functions);
                match functions.and_then(|functions| functions.get(name)) {
                    Some(function) => Given::Function(self.wanted(AbiVariant::GuestImport, function)),
                    None => Given::Interface(functions.into_iter().flat_map(|named| named.keys().cloned()).collect()),
                }
            }
            _ => Given::Nothing,
        }
    }

    fn key(&self, key: &WorldKey) -> Option<String> {
        match key {
            WorldKey::Name(name) => Some(name.clone()),
            WorldKey::Interface(id) => {
                let interface = self.resolve.interfaces.get(*id)?;
                Some(self.resolve.packages.get(interface.package?)?.name.interface_id(interface.name.as_ref()?))
            }
        }
    }

    fn exported(&self, name: &str) -> Option<&Function> {
        let exports = &self.resolve.worlds.get(self.world)?.exports;
        match exports.get(&WorldKey::Name(name.to_owned()))? {
            WorldItem::Function(function) => Some(function),
            _ => None,
        }
    }

    fn wanted(&self, variant: AbiVariant, function: &Function) -> Wanted {
        let WasmSignature { params, results, indirect_params, retptr } = self.resolve.wasm_signature(variant, function);
        let signature = Signature { params: core(&params), results: core(&results) };
        let mut parts = Vec::new();
        if indirect_params {
            parts.push("the address of the parameters: i32".to_owned());
        } else {
            for param in &function.params {
                // A record is shown by its fields, which are what is passed one after the other.
                match self.fields(&param.ty) {
                    Some(fields) => parts.extend(fields.map(|(name, ty)| self.part(name, ty))),
                    None => parts.push(self.part(&param.name, &param.ty)),
                }
            }
        }
        let mut parts = parts.join(", ");
        if retptr {
            parts.push_str(match (variant, parts.is_empty()) {
                (AbiVariant::GuestImport, true) => "the address for the answer: i32",
                (AbiVariant::GuestImport, false) => ", the address for the answer: i32",
                (_, true) => "the result is the address of the answer",
                (_, false) => "; the result is the address of the answer",
            });
        }
        Wanted::Function { signature, parts }
    }

    fn fields(&self, ty: &Type) -> Option<impl Iterator<Item = (&str, &Type)>> {
        let mut ty = ty;
        loop {
            let Type::Id(id) = ty else { return None };
            match &self.resolve.types.get(*id)?.kind {
                TypeDefKind::Type(same) => ty = same,
                TypeDefKind::Record(record) => {
                    return Some(record.fields.iter().map(|field| (field.name.as_str(), &field.ty)));
                }
                _ => return None,
            }
        }
    }

    fn part(&self, name: &str, ty: &Type) -> String {
        let mut room = [WasmType::I32; Resolve::MAX_FLAT_PARAMS];
        let mut flat = FlatTypes::new(&mut room);
        self.resolve.push_flat(ty, &mut flat);
        let values: Vec<String> = core(&flat.to_vec()).iter().map(ToString::to_string).collect();
        format!("{name}: {}", values.join(" "))
    }
}

/// The signature of the function that gives the host room in a plugin's memory.
pub(super) fn realloc() -> Wanted {
    let signature = Signature { params: vec![ValType::I32; 4], results: vec![ValType::I32] };
    let parts = "old address: i32, old bytes: i32, alignment: i32, new bytes: i32; the result is the new address";
    Wanted::Function { signature, parts: parts.to_owned() }
}

/// What a runtime may export to be started before the first call.
pub(super) fn initialize() -> Wanted {
    Wanted::Function { signature: Signature { params: Vec::new(), results: Vec::new() }, parts: String::new() }
}

/// Whether what is called `given` serves those who ask for `asked`.
fn is_compatible(asked: &str, given: &str) -> bool {
    let (Some(asked), Some(given)) = (Interface::parse(asked), Interface::parse(given)) else { return false };
    let track = |interface: &Interface| interface.package.version.as_ref().map(PackageName::version_compat_track);
    asked.is_version_of(&given) && track(&asked).is_some() && track(&asked) == track(&given)
}

/// The contract's types in a core module, whose memory has 32-bit addresses.
fn core(types: &[WasmType]) -> Vec<ValType> {
    let core = |ty: &WasmType| match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    };
    types.iter().map(core).collect()
}

/// What the adapter for WASI 0.1 gives by this name.
pub(super) fn adapted(name: &str) -> Given {
    // It can be read, as the scenarios show that load modules of WASI 0.1.
    static ADAPTER: LazyLock<Outline> =
        LazyLock::new(|| Outline::read(WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER).unwrap_or_default());
    match ADAPTER.export(name).map(|export| &export.item) {
        Some(Item::Function(signature)) => {
            Given::Function(Wanted::Function { signature: signature.clone(), parts: String::new() })
        }
        _ => Given::Interface(ADAPTER.exports.iter().map(|export| export.name.clone()).collect()),
    }
}
