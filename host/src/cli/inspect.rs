//! `inspect`: what a component is and asks for, before it is granted anything.

use super::{Failed, args, environment::state_dir, exit::Exit, render};
use crate::{
    component::{CacheDir, Compiler, ComponentFile, descriptor::Descriptor},
    config::Config,
    foreign::Foreign,
    sandbox::Runtime,
    schedule::{PrepareError, describe},
};
use std::{fmt::Write, path::Path};

/// Runs the command.
pub(super) async fn inspect(args: args::Inspect, state: Option<&Path>) -> Result<Exit, Failed> {
    let file = ComponentFile::read(&args.wasm, None)?;
    let descriptor = if args.only_static {
        None
    } else {
        let runtime = Runtime::new().map_err(PrepareError::from)?;
        let cache = CacheDir::open(&state_dir(state).map_err(Failed::config)?.join("cache"));
        let compiler = Compiler::this_program()?;
        Some(describe(&runtime, &file, &cache, &compiler).await?.1)
    };
    let wants = match (&args.config, &descriptor) {
        (Some(path), Some(descriptor)) => Some(wants(descriptor, &Config::load(path)?)?),
        _ => None,
    };
    if args.json {
        let value = serde_json::json!({
            "file": file.path, "sha256": file.sha256, "inspection": file.inspection, "descriptor": descriptor, "wants": wants,
        });
        super::print(&format!("{value:#}"));
        return Ok(Exit::Done);
    }
    let mut text = about_file(&file);
    if let Some(descriptor) = &descriptor {
        let _ = write!(text, "\n{}", about(descriptor));
    }
    if let Some(wants) = &wants {
        let rows = wants
            .iter()
            .map(|want| vec![want.what.clone(), want.granted.clone()]);
        let _ = write!(
            text,
            "\n\nWants and grants\n{}",
            render::table(&["wants", "granted"], rows)
        );
    }
    super::print(&text);
    Ok(Exit::Done)
}

/// A wish, and what the operator's file says to it.
#[derive(serde::Serialize)]
struct Want {
    what: String,
    granted: String,
}

fn wants(descriptor: &Descriptor, config: &Config) -> Result<Vec<Want>, Failed> {
    let settings = config.settings_for(descriptor)?;
    let hosts = descriptor.hosts.iter().map(|wish| {
        let host = wish.host_under(&settings);
        let rule = config.rules.iter().find(|rule| rule.host.matches(&host));
        Want {
            what: format!("call {} {}", wish.methods.join("|"), host),
            granted: rule.map_or_else(|| "no".to_owned(), |rule| format!("line {}", rule.line)),
        }
    });
    let credentials = descriptor.credentials.iter().map(|wish| {
        let spec = config.credentials.iter().find(|spec| spec.name == wish.name);
        Want {
            what: format!("credential {} ({})", wish.name, wish.schemes.join(" or ")),
            granted: match spec {
                Some(spec) if spec.reveal => {
                    format!("line {}, AND ITS SECRET IS REVEALED TO THE COLLECTOR", spec.line)
                }
                Some(spec) => format!("line {}", spec.line),
                None => "no".to_owned(),
            },
        }
    });
    Ok(hosts.chain(credentials).collect())
}

fn about_file(file: &ComponentFile) -> String {
    let inspection = &file.inspection;
    let mut text = format!("{}\n", file.path.display());
    let world = inspection
        .world
        .as_deref()
        .unwrap_or("without imports of the contract");
    let _ = writeln!(text, "  sha256  {}", file.sha256);
    let _ = writeln!(text, "  size    {} bytes", inspection.size);
    let _ = writeln!(text, "  world   finops:collector {}", Foreign::from(world));
    let _ = writeln!(
        text,
        "  inside  {} functions in {} modules, the largest of {} bytes",
        inspection.structure.functions, inspection.structure.modules, inspection.structure.largest_function
    );
    let _ = writeln!(text, "  imports");
    for import in &inspection.imports {
        let _ = writeln!(
            text,
            "    {:44} {}",
            Foreign::from(import.name.as_str()),
            import.kind.explain()
        );
    }
    text
}

fn about(descriptor: &Descriptor) -> String {
    let shown = |text: &str| Foreign::from(text).to_string();
    let mut text = format!(
        "{} {}: {}\n",
        shown(&descriptor.name),
        shown(&descriptor.version),
        shown(&descriptor.text)
    );
    let settings = descriptor.settings.iter().map(|setting| {
        let need = match &setting.default {
            _ if setting.required => "required".to_owned(),
            Some(default) => default.to_string(),
            None => String::new(),
        };
        vec![setting.key.clone(), need, setting.text.clone()]
    });
    let _ = writeln!(
        text,
        "\n{}",
        render::table(&["setting", "default", "meaning"], settings)
    );
    let streams = descriptor.streams.iter().map(|stream| {
        let role = stream
            .view_of
            .as_ref()
            .map_or("counted".to_owned(), |parent| format!("view of {parent}"));
        vec![
            stream.name.clone(),
            role,
            format!("{:?}", stream.basis).to_lowercase(),
            stream.text.clone(),
        ]
    });
    let _ = writeln!(
        text,
        "\n{}",
        render::table(&["stream", "role", "basis", "meaning"], streams)
    );
    let hosts = descriptor.hosts.iter().map(|wish| {
        vec![
            wish.host.clone(),
            wish.methods.join(" "),
            wish.paths.join(" "),
            wish.credential.clone().unwrap_or_default(),
            wish.text.clone(),
        ]
    });
    let _ = write!(
        text,
        "\nIt would like to call\n{}",
        render::table(&["host", "methods", "paths", "credential", "why"], hosts)
    );
    text
}
