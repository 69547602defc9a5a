//! `cometbot check`: is the configuration right, does every plugin load, and what does each ask for? Connects to nothing.

use std::sync::Arc;

use serde_json::json;

use super::{CliError, Common, output::Output, words::to_grant};
use crate::{
    bot::roster::admit,
    comet::{
        link::{Port, timing::Timing},
        outbox::Bounds,
    },
    config::Config,
    metrics::Metrics,
    plugins::{
        folder::{Change, Folder},
        grants::{AskedFor, Granted, Grants},
        kept::Kept,
        manifest::Manifest,
        package::{Compiler, Package},
        sandbox::{Room, Sandbox},
        slot::{Starter, Version},
    },
};

pub(super) async fn run(common: &Common) -> Result<(), CliError> {
    let config = common.load()?;
    let output = Output::new(common.json);
    let path = common.config_path();
    let mut text = format!("{}: ok", path.display());
    config.warnings().for_each(|warning| text.push_str(&format!("\n  ! {warning}")));
    let value = json!({"config": path, "ok": true, "exposed": config.exposed});
    output.line(&text, &value)?;
    let sandbox = Sandbox::new(Room::wanted_by(&config.plugins)).map_err(CliError::failed)?;
    let sandbox = Arc::new(sandbox);
    let compiler = Compiler::apart(config.plugins.compile).map_err(CliError::failed)?;
    let changes = Folder::new(&config.plugins.folder).look().map_err(CliError::failed)?;
    if changes.is_empty() && !common.json {
        let folder = config.plugins.folder.display();
        output.line(&format!("{folder}: no plugin: put a .wasm or .wat file there"), &json!(null))?;
    }
    let mut failed = 0;
    let mut admitted: Vec<Arc<Grants>> = Vec::new();
    for change in changes {
        match change {
            Change::Present { name, path } => match load(&config, &sandbox, &compiler, &name, &path).await {
                Ok(version) => {
                    let grants = Arc::clone(&version.grants);
                    if let Err(rejection) = admit(admitted.iter().map(AsRef::as_ref), &grants, config.plugins.max) {
                        failed += 1;
                        let why = rejection.to_string();
                        output.line(&format!("{name}: {why}"), &json!({"plugin": name, "ok": false, "why": why}))?;
                        continue;
                    }
                    show(output, &config, &name, &version)?;
                    admitted.push(grants);
                }
                Err(Wrong { why, manifest }) => {
                    failed += 1;
                    let announced = manifest.as_ref().map(|manifest| announced(manifest)).unwrap_or_default();
                    let value = json!({"plugin": name, "ok": false, "why": why, "manifest": manifest.as_deref()});
                    output.foreign_line(&format!("{name}: {why}{announced}"), &value)?;
                }
            },
            Change::Ignored { path, why } => {
                failed += 1;
                output.foreign_line(
                    &format!("{}: {why}", path.display()),
                    &json!({"file": path, "ok": false, "why": why}),
                )?;
            }
            Change::Removed { .. } => {}
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err(CliError::failed("one plugin would not run")),
        many => Err(CliError::failed(format!("{many} plugins would not run"))),
    }
}

async fn load(
    config: &Config,
    sandbox: &Arc<Sandbox>,
    compiler: &Compiler,
    name: &str,
    path: &std::path::Path,
) -> Result<Version, Wrong> {
    // Nothing that `setup` asks of the server is answered: there is none.
    let port = Port::new(Arc::default(), Timing::default().answer);
    let bounds = Bounds { bytes: config.service.outbox_bytes, sends: config.service.outbox_sends };
    let wrong = |why: String| Wrong { why, manifest: None };
    let bytes = Package::read(path, config.plugins.file_bytes).map_err(|error| wrong(error.to_string()))?;
    let package = Package::load_with(sandbox, compiler, None, &bytes).map_err(|error| wrong(error.to_string()))?;
    // Nothing of it was run yet, and this is shown whatever comes of that.
    let manifest = package.manifest.clone();
    let wrong = |why: String| Wrong { why, manifest };
    let starter = Starter::new(
        Arc::clone(sandbox),
        name,
        config.plugins.terms(name).clone(),
        &port,
        bounds,
        Metrics::new().plugin(name),
    );
    starter.granting(granted(config, name)).start(package).await.map_err(|error| wrong(error.to_string()))
}

/// Why a plugin would not run, and what it says of itself all the same.
struct Wrong {
    why: String,
    manifest: Option<Arc<Manifest>>,
}

/// A manifest, as a line below a plugin's.
fn announced(manifest: &Manifest) -> String {
    format!("\n    manifest: {manifest}")
}

/// What bot.toml grants, with what was granted by command.
fn granted(config: &Config, name: &str) -> Granted {
    Granted::new(config.plugins.terms(name), &Kept::granted_in(&config.service.state_folder, name))
}

/// What a plugin asks for, and what of it is not granted. That is no mistake: it runs with the rest.
fn show(output: Output, config: &Config, name: &str, version: &Version) -> Result<(), CliError> {
    let Version { label, asks, grants, .. } = version;
    let missing = granted(config, name).missing(asks);
    let mut text = format!("{name} {label}: ok, {asks}");
    let manifest = version.package().manifest.as_ref();
    text.push_str(&manifest.map(|manifest| announced(manifest)).unwrap_or_default());
    if !missing.is_empty() {
        let how = to_grant(name, asks).replace('\n', "\n    ");
        text.push_str(&format!("\n    granted: {grants}\n  ! not granted: {}\n    {how}", AskedFor(&missing)));
    }
    let allowed = &config.plugins.terms(name).allowed;
    let unused: Vec<&str> = allowed.unused().collect();
    for verb in &unused {
        text.push_str(&format!("\n    granted to no effect: `{verb}`, as no function of this version needs it"));
    }
    let value = json!({
        "plugin": name, "version": &**label, "ok": true, "asks": **asks, "granted": **grants, "missing": missing,
        "unused": unused, "manifest": manifest.map(AsRef::<Manifest>::as_ref),
    });
    output.line(&text, &value)
}
