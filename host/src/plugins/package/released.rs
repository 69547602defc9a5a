//! The contract of today against every one that was released: what was promised is still there, unchanged.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use wit_parser::{Function, PackageName, Resolve, Type, TypeDefKind, UnresolvedPackageGroup, WorldItem, WorldKey};

/// What a contract promises: the name of each type and function, and what it is, without comments.
type Promises = BTreeMap<String, String>;

#[test]
fn what_a_released_contract_promised_is_still_there_unchanged() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (today, version) = promises(&root.join("plugin-sdk/wit"));
    let mut compared = 0;
    for folder in fs::read_dir(root.join("tests/compatibility")).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        let (released, then) = promises(&folder.join("wit"));
        assert_eq!(then.version.as_ref().unwrap().to_string(), folder.file_name().unwrap().to_str().unwrap());
        let track = |package: &PackageName| PackageName::version_compat_track(package.version.as_ref().unwrap());
        if track(&then) != track(&version) {
            continue;
        }
        let broken = broken(&released, &today);
        assert!(broken.is_empty(), "the contract {then} promised otherwise: {broken:#?}\nmake it a new major version");
        if then == version {
            let added = self::broken(&today, &released);
            assert!(added.is_empty(), "{then} is released, so this belongs into a new version: {added:#?}");
        }
        compared += 1;
    }
    assert!(compared > 0, "no released contract was found");
}

#[test]
fn a_broken_promise_is_found_and_an_addition_is_none() {
    let released = read("a:b@1.0.0", "record r { x: u32 } f: func(r: r) -> result<_, string>;");
    let compare = |text: &str| broken(&released, &read("a:b@1.1.0", text));
    let none: [String; 0] = [];
    assert_eq!(compare("/// Said better.\nrecord r { x: u32 } f: func(r: r) -> result<_, string>;"), none);
    assert_eq!(compare("record r { x: u32 } f: func(r: r) -> result<_, string>; g: func();"), none);
    assert_eq!(compare("record r { x: u32, y: u32 } f: func(r: r) -> result<_, string>;").len(), 1);
    assert_eq!(compare("record r { y: u32 } f: func(r: r) -> result<_, string>;").len(), 1);
    assert_eq!(compare("record r { x: u32 } f: func(s: r) -> result<_, string>;").len(), 1);
    assert_eq!(compare("record r { x: u32 } f: func(r: r) -> result<u8, string>;").len(), 1);
    assert_eq!(compare("record r { x: u32 }").len(), 1);
}

/// What was promised once and is not so any more.
fn broken(released: &Promises, today: &Promises) -> Vec<String> {
    let differs = |(name, was): &(&String, &String)| today.get(*name) != Some(*was);
    let shown = |(name, was)| format!("{name}: {was}, and now: {}", today.get(name).map_or("nothing", String::as_str));
    released.iter().filter(differs).map(shown).collect()
}

/// The promises of the contract in a folder, and its package.
fn promises(folder: &Path) -> (Promises, PackageName) {
    let parse = |path: &Path| UnresolvedPackageGroup::parse(path, &fs::read_to_string(path).unwrap()).unwrap();
    let dependencies = fs::read_dir(folder.join("deps")).unwrap().map(|entry| entry.unwrap().path());
    let dependencies = dependencies.filter(|path| path.extension().is_some_and(|ending| ending == "wit"));
    let mut resolve = Resolve::default();
    let main = parse(&folder.join("cometbot.wit"));
    let package = resolve.push_groups(main, dependencies.map(|path| parse(&path)).collect()).unwrap();
    let name = resolve.packages[package].name.clone();
    (promised(&resolve, &name), name)
}

/// The promises of a package with one interface of this text.
fn read(package: &str, interface: &str) -> Promises {
    let text = format!("package {package}; interface i {{ {interface} }}");
    let mut resolve = Resolve::default();
    let group = UnresolvedPackageGroup::parse("a.wit", &text).unwrap();
    let package = resolve.push_groups(group, Vec::new()).unwrap();
    let name = resolve.packages[package].name.clone();
    promised(&resolve, &name)
}

/// Of other packages, such as WASI's, what is used counts and not the version: a later one serves those of before.
fn promised(resolve: &Resolve, package: &PackageName) -> Promises {
    let mut promises = Promises::new();
    let package = &resolve.packages[resolve.package_names[package]];
    for (name, id) in &package.interfaces {
        let interface = &resolve.interfaces[*id];
        for (ty, id) in &interface.types {
            promises.insert(format!("{name}.{ty}"), definition(resolve, &resolve.types[*id].kind));
        }
        for (function, described) in &interface.functions {
            promises.insert(format!("{name}.{function}"), signature(resolve, described));
        }
    }
    for (world, id) in &package.worlds {
        let world_items = &resolve.worlds[*id];
        for (way, items) in [("import", &world_items.imports), ("export", &world_items.exports)] {
            for (key, item) in items {
                let name = match key {
                    WorldKey::Name(name) => name.clone(),
                    WorldKey::Interface(id) => {
                        let interface = &resolve.interfaces[*id];
                        let package = &resolve.packages[interface.package.unwrap()].name;
                        format!("{}:{}/{}", package.namespace, package.name, interface.name.as_ref().unwrap())
                    }
                };
                let item = match item {
                    WorldItem::Function(function) => signature(resolve, function),
                    WorldItem::Interface { .. } => "an interface".to_owned(),
                    WorldItem::Type { id, .. } => definition(resolve, &resolve.types[*id].kind),
                };
                promises.insert(format!("{world}: {way} {name}"), item);
            }
        }
    }
    promises
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params = function.params.iter().map(|param| format!("{}: {}", param.name, shown(resolve, &param.ty)));
    let result = optional(resolve, function.result.as_ref());
    format!("{:?} ({}) -> {result}", function.kind, params.collect::<Vec<_>>().join(", "))
}

fn optional(resolve: &Resolve, ty: Option<&Type>) -> String {
    ty.map_or_else(|| "_".to_owned(), |ty| shown(resolve, ty))
}

/// A type where it is used: by its name if it has one.
fn shown(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => match &resolve.types[*id].name {
            Some(name) => name.clone(),
            None => definition(resolve, &resolve.types[*id].kind),
        },
        primitive => format!("{primitive:?}"),
    }
}

/// A type where it is defined.
fn definition(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let list = |items: Vec<String>| items.join(", ");
    let shown = |ty: &Type| shown(resolve, ty);
    match kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter().map(|field| format!("{}: {}", field.name, shown(&field.ty)));
            format!("record {{ {} }}", list(fields.collect()))
        }
        TypeDefKind::Variant(variant) => {
            let cases =
                variant.cases.iter().map(|case| format!("{}({})", case.name, optional(resolve, case.ty.as_ref())));
            format!("variant {{ {} }}", list(cases.collect()))
        }
        TypeDefKind::Enum(cases) => {
            format!("enum {{ {} }}", list(cases.cases.iter().map(|case| case.name.clone()).collect()))
        }
        TypeDefKind::Flags(flags) => {
            format!("flags {{ {} }}", list(flags.flags.iter().map(|flag| flag.name.clone()).collect()))
        }
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", list(tuple.types.iter().map(shown).collect())),
        TypeDefKind::Option(some) => format!("option<{}>", shown(some)),
        TypeDefKind::List(item) => format!("list<{}>", shown(item)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", optional(resolve, result.ok.as_ref()), optional(resolve, result.err.as_ref()))
        }
        TypeDefKind::Type(same) => format!("the same as {}", shown(same)),
        TypeDefKind::Resource => "resource".to_owned(),
        other => panic!("the contract has no {} so far: say here how it is compared", other.as_str()),
    }
}
