//! Debian's packages.

use std::path::Path;

use super::{Remedy, find};
use crate::kit::invocation::Invocation;

/// Whether this system has them.
pub(super) fn is_here() -> bool {
    Path::new("/usr/bin/dpkg-query").exists() && find("apt-get", &[]).is_some()
}

/// What installs packages: without what they recommend, which is much, and without removing anything.
pub(super) fn install<S: Into<String>>(packages: impl IntoIterator<Item = S>) -> Remedy {
    let install = as_root()
        .arguments(["install", "-y", "-qq", "--no-install-recommends", "--no-remove"])
        .arguments(packages.into_iter().map(Into::into));
    Remedy::Run(vec![as_root().arguments(["update", "-qq"]), install])
}

/// The version of a package that is installed.
pub(super) async fn version(package: &str) -> Option<String> {
    let query = Invocation::new("dpkg-query").arguments(["-W", "-f", "${db:Status-Status} ${Version}", package]);
    Some(query.answer().await?.strip_prefix("installed ")?.to_owned())
}

/// The newest of packages that are called like `libc++-22-dev-wasm32`, by their number; as far as the lists are here.
pub(super) async fn newest(before: &str, after: &str) -> Option<u32> {
    let names = Invocation::new("apt-cache").arguments(["pkgnames", before]).answer().await?;
    names.lines().filter_map(|name| name.strip_prefix(before)?.strip_suffix(after)?.parse().ok()).max()
}

fn as_root() -> Invocation {
    let options = ["-o", "DPkg::Lock::Timeout=300"];
    if is_root() {
        Invocation::new("apt-get").variable("DEBIAN_FRONTEND", "noninteractive").arguments(options)
    } else {
        Invocation::new("sudo").arguments(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).arguments(options)
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
