//! `serve`: its memory with twenty instances at rest, and a thousand instances on five-minute schedules.
//! What must hold: every instance ran, and what is measured is turns of the schedule, not the rush of the start.

use crate::{
    figure::{IDLE_MEMORY, LAG_MEDIAN, LAG_P99, RUN_OF_MANY, Samples, THOUSAND_MEMORY},
    setting::Setting,
};
use finops_tests::Error;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

/// Instances on a schedule.
const MANY: usize = 1_000;
/// Instances at rest: each collector once, and some twice.
const FEW: usize = 20;

/// Measures once: this takes as long as a schedule does.
pub(crate) fn measure(setting: &Setting, samples: &mut Samples) -> Result<(), Error> {
    at_rest(setting, samples)?;
    on_schedule(setting, samples)
}

/// A running `serve`, and its log.
struct Served {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Served {
    fn start(setting: &Setting, directory: &Path, state: &Path) -> Result<Self, Error> {
        let mut process = Command::new(&setting.arguments.host)
            .arg("serve")
            .arg(directory)
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(state)
            .env("FINOPS_BENCH", "a secret of nobody")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = process.stderr.take().ok_or("serve has no standard error")?;
        Ok(Self {
            process,
            log: BufReader::new(log),
        })
    }

    /// The next line of its log.
    fn line(&mut self) -> Result<Value, Error> {
        let mut line = String::new();
        if self.log.read_line(&mut line)? == 0 {
            return Err("serve has ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// A number of kB that the system tells of the process, in bytes.
    fn memory(&self, key: &str) -> Result<u64, Error> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with(key));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        let kilobytes: u64 = number.ok_or("the system does not tell its memory")?.parse()?;
        Ok(kilobytes * 1_024)
    }

    /// User and system time of the process so far, in nanoseconds.
    fn cpu(&self) -> Result<u64, Error> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse().unwrap_or(0)).sum();
        // A tick is a hundredth of a second on every Linux.
        Ok(ticks * 10_000_000)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn directory(setting: &Setting, name: &str) -> Result<PathBuf, Error> {
    let directory = setting.directory().join(name);
    fs::create_dir(&directory)?;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
    Ok(directory)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a line tells the end of a run.
fn ended(line: &Value) -> bool {
    matches!(
        text(line, "message").split(':').next(),
        Some("a run ended" | "a run failed")
    )
}

/// All collectors with the operator's files of the examples: each runs once, finds nobody at home, and waits for its day.
fn at_rest(setting: &Setting, samples: &mut Samples) -> Result<(), Error> {
    let (directory, state) = (directory(setting, "few")?, setting.fresh_state()?);
    let collectors = setting
        .arguments
        .collector
        .parent()
        .ok_or("no folder of collectors")?;
    let examples = collectors
        .parent()
        .ok_or("no folder of examples")?
        .join("examples");
    let mut names: Vec<String> = fs::read_dir(collectors)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".wasm")?.to_owned()))
        .collect();
    names.sort();
    for number in 0..FEW {
        let name = names.get(number % names.len()).ok_or("there are no collectors")?;
        let example = fs::read_to_string(examples.join(name).join("simulator.toml"))?;
        let component = collectors.join(name).with_extension("wasm");
        let keys = format!(
            "[collector]\ncron = \"0 0 1 1 *\"\ncomponent = \"{}\"\nname = \"{name}-{number}\"",
            component.display()
        );
        let text = without_files(&example).replacen("[collector]", &keys, 1);
        fs::write(directory.join(format!("{name}-{number}.toml")), text)?;
    }
    let mut served = Served::start(setting, &directory, state.path())?;
    let (mut over, mut said) = (BTreeSet::new(), String::new());
    while over.len() < FEW {
        let line = served.line()?;
        said.push_str(&format!("\n{line}"));
        if text(&line, "message") == "files are read" && line.get("refused") != Some(&0.into()) {
            return Err(format!("not all of the examples are served:{said}").into());
        }
        if ended(&line) {
            over.insert(text(&line, "instance").to_owned());
        }
    }
    samples.add(&IDLE_MEMORY, served.memory("VmRSS")?);
    Ok(())
}

/// An example without the files that a simulator would have written, and without a name of its own.
fn without_files(example: &str) -> String {
    let mut text = String::new();
    for line in example.lines() {
        if line.trim_start().starts_with("ca = ") || line.trim_start().starts_with("name = ") {
            continue;
        }
        let mut rest = line;
        while let Some((before, file)) = rest.split_once("{ file = ") {
            text.push_str(before);
            text.push_str("{ env = \"FINOPS_BENCH\" }");
            rest = file.split_once('}').map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        text.push('\n');
    }
    text
}

fn on_schedule(setting: &Setting, samples: &mut Samples) -> Result<(), Error> {
    let (directory, state) = (directory(setting, "many")?, setting.fresh_state()?);
    for number in 0..MANY {
        let text = format!(
            "[collector]\ncomponent = \"{}\"\ninterval = \"5m\"\n\n[settings]\nact = \"behave\"\namount = \"1\"\n\
             account = \"account-{number}\"\n",
            setting.arguments.guest.display()
        );
        fs::write(directory.join(format!("instance-{number:04}.toml")), text)?;
    }
    let mut served = Served::start(setting, &directory, state.path())?;
    let mut begun: BTreeMap<String, u32> = BTreeMap::new();
    let (mut lags, mut runs, mut cpu) = (Vec::new(), 0_u64, None);
    // Every instance has had a turn of its schedule: its first run was the start's.
    while begun.len() < MANY || begun.values().any(|runs| *runs < 2) {
        let line = served.line()?;
        if text(&line, "message").starts_with("a run failed") {
            return Err(format!("a run failed: {line}").into());
        }
        if text(&line, "message") != "a run begins" {
            continue;
        }
        let count = begun.entry(text(&line, "instance").to_owned()).or_default();
        *count += 1;
        if *count == 1 {
            continue;
        }
        if cpu.is_none() && begun.len() == MANY {
            cpu = Some(served.cpu()?);
            runs = 0;
        }
        runs += 1;
        let late = line.get("late_ms").and_then(Value::as_u64);
        lags.push(late.ok_or("a run does not say how late it is")? * 1_000_000);
    }
    lags.sort_unstable();
    let at = |hundredths: usize| lags.get((lags.len() * hundredths / 100).min(lags.len().saturating_sub(1)));
    samples.add(&LAG_P99, at(99).copied().ok_or("no run began")?);
    samples.add(&LAG_MEDIAN, at(50).copied().ok_or("no run began")?);
    samples.add(&THOUSAND_MEMORY, served.memory("VmHWM")?);
    if let Some(before) = cpu {
        samples.add(&RUN_OF_MANY, served.cpu()?.saturating_sub(before) / runs.max(1));
    }
    Ok(())
}
