//! `cometbot check`: is the configuration right, does every plugin load, and what does each ask for? Connects to nothing.

use std::sync::Arc;

use serde_json::json;

use super::{CliError, Common, output::Output};
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
        grants::Grants,
        package::{Compiler, Package},
        sandbox::{Room, Sandbox},
        slot::Starter,
    },
};

pub(super) async fn run(common: &Common) -> Result<(), CliError> {
    let config = common.load()?;
    let output = Output::new(common.json);
    let path = common.config_path();
    output.line(&format!("{}: ok", path.display()), &json!({"config": path, "ok": true}))?;
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
                Ok((label, wants)) => {
                    if let Err(rejection) = admit(admitted.iter().map(AsRef::as_ref), &wants, config.plugins.max) {
                        failed += 1;
                        let why = rejection.to_string();
                        output.line(&format!("{name}: {why}"), &json!({"plugin": name, "ok": false, "why": why}))?;
                        continue;
                    }
                    let text = format!("{name} {label}: ok, {wants}");
                    output.line(&text, &json!({"plugin": name, "version": &*label, "ok": true, "asks": *wants}))?;
                    admitted.push(wants);
                }
                Err(why) => {
                    failed += 1;
                    output
                        .foreign_line(&format!("{name}: {why}"), &json!({"plugin": name, "ok": false, "why": why}))?;
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
) -> Result<(Arc<str>, Arc<Grants>), String> {
    // Nothing that `setup` asks of the server is answered: there is none.
    let port = Port::new(Arc::default(), Timing::default().answer);
    let bounds = Bounds { bytes: config.service.outbox_bytes, sends: config.service.outbox_sends };
    let bytes = Package::read(path, config.plugins.file_bytes).map_err(|error| error.to_string())?;
    let package = Package::load_with(sandbox, compiler, None, &bytes).map_err(|error| error.to_string())?;
    let starter = Starter::new(
        Arc::clone(sandbox),
        name,
        config.plugins.terms(name).clone(),
        &port,
        bounds,
        Metrics::new().plugin(name),
    );
    let version = starter.start(package).await.map_err(|error| error.to_string())?;
    Ok((Arc::clone(&version.label), Arc::clone(&version.grants)))
}
