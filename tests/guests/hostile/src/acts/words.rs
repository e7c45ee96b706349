//! Words: floods of them, and words that would fool a terminal, a log, a table or a TOML file.

use super::{Ended, Scene};
use finops_collector::{
    CostRecord, Failure, FailureKind, HttpRequest, Level, Observation, Outcome, PartitionWriter, Seal,
    Source, commit,
    record::{Location, Quantity, Resource, SubAccount},
};

/// What `trickery` puts in: a terminal escape in 7 and 8 bits, a line of its own, TOML, a reversed reading, a bell, and a
/// delete. The tests look for the word FORGED at the start of a line, and for the characters themselves.
const TRICKS: &str =
    "\u{1b}[2J\u{9b}31m\r\nFORGED = 1\n[[allow]]\nhost = \"*\" #\"\"\"'''\u{202e}\u{2066}\u{7}\u{7f}\u{200b}";

/// A text with tricks behind it.
pub(crate) fn trickery(text: &str) -> String {
    format!("{text}{TRICKS}")
}

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    let host = scene.host;
    let size = scene.settings.size as usize;
    let done = Some(Ok(Outcome::done()));
    match scene.settings.act.as_str() {
        "flood-log" => {
            scene.times().for_each(|_| host.info("x".repeat(4096)));
            done
        }
        "flood-empty-log" => {
            scene.times().for_each(|_| host.log(Level::Info, ""));
            done
        }
        "flood-stdout" => {
            scene.times().for_each(|_| println!("{}", "y".repeat(1000)));
            done
        }
        "long-line" => {
            host.info("l".repeat(size));
            done
        }
        "forge-log" => {
            host.info("\u{1b}[2Jfine\n{\"level\":\"INFO\"} forged");
            done
        }
        "long-note" => Some(Ok(Outcome::done().note("n".repeat(size)))),
        "long-failure" => Some(Err(Failure::internal("f".repeat(size)))),
        "say" => Some(say(scene)),
        "say-note" => Some(Ok(Outcome::done().note(trickery("note")))),
        "say-failure" => Some(Err(Failure::new(FailureKind::Provider, trickery("failure")))),
        "say-stream" => Some(
            host.open(&trickery("stream"), &scene.source(), &[])
                .map(|_| Outcome::done()),
        ),
        "say-partition" => Some(say_partition(scene)),
        "say-control" => Some(say_control(scene)),
        _ => None,
    }
}

/// Tricks in every text that reaches the books, the log and the list of denied calls.
fn say(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let host = scene.host;
    for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
        host.log(level, &trickery("line"));
    }
    println!("{}", trickery("standard output"));
    eprintln!("{}", trickery("standard error"));
    let sent = [
        HttpRequest::get(trickery("https://denied.example/")),
        HttpRequest::get(format!("https://denied.example/{}", trickery("path"))),
        HttpRequest::get("https://denied.example/").header("accept", &trickery("value")),
        HttpRequest::get("https://denied.example/").header(&trickery("name"), "value"),
        HttpRequest::get("https://denied.example/%1b%5b2J'%22%5d%0aFORGED"),
        HttpRequest {
            method: trickery("GET"),
            ..HttpRequest::get("https://denied.example/")
        },
    ];
    for request in &sent {
        if host.send(request).is_ok() {
            return Err(Failure::internal("a forged request was sent"));
        }
    }
    if host.reveal(&trickery("credential")).is_ok() {
        return Err(Failure::internal("a secret of no credential"));
    }
    let source = Source::new("hostile", &trickery("account"), &trickery("scope"));
    let period = scene.day(0);
    let mut writer = PartitionWriter::open(host, "spend", &source, &[period.start])?;
    writer.write(tricky(scene))?;
    let seal = Seal::complete(scene.request.now).checkpoint(Some(trickery("checkpoint").into_bytes()));
    commit(host, vec![writer.seal(&seal)?])?;
    host.observe(&[Observation {
        name: "state".into(),
        source,
        at: scene.request.now,
        dimensions: vec![(trickery("dimension"), trickery("value"))],
        value: scene.amount()?,
        unit: trickery("unit"),
    }])?;
    Ok(Outcome::done().note(trickery("note")))
}

/// A record with tricks in all its texts.
fn tricky(scene: &Scene<'_>) -> CostRecord {
    let text = |what: &str| Some(trickery(what));
    CostRecord {
        description: text("description"),
        line_id: text("line"),
        billing_account_name: text("account name"),
        sub_account: Some(SubAccount {
            id: trickery("sub account"),
            name: text("sub account name"),
            kind: text("sub account type"),
        }),
        host_provider: text("host provider"),
        invoice_issuer: text("issuer"),
        service_subcategory: text("subcategory"),
        region: Some(Location {
            id: trickery("region"),
            name: text("region name"),
            zone: text("zone"),
        }),
        resource: Some(Resource {
            id: trickery("resource"),
            name: text("resource name"),
            kind: text("resource type"),
        }),
        consumed: Some(Quantity {
            amount: scene.amount().unwrap_or_default(),
            unit: trickery("unit"),
        }),
        tags: vec![(trickery("tag"), trickery("tag value"))],
        extra: vec![(format!("x_{}", trickery("column")), trickery("column value"))],
        ..CostRecord::new(
            scene.day(0),
            &trickery("account"),
            &trickery("Provider"),
            (&trickery("Service"), &trickery("Category")),
            (scene.amount().unwrap_or_default(), "USD"),
        )
    }
}

/// A record outside its partition, whose service is a trick: the refusal names it.
fn say_partition(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let mut writer = PartitionWriter::open(scene.host, "spend", &scene.source(), &[scene.day(1).start])?;
    writer.write(tricky(scene))?;
    writer.seal(&Seal::complete(scene.request.now))?;
    Ok(Outcome::done())
}

/// A control total of a currency that is a trick.
fn say_control(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let mut writer = PartitionWriter::open(scene.host, "spend", &scene.source(), &[scene.day(0).start])?;
    writer.write(scene.record(scene.day(0), scene.amount()?))?;
    let control = finops_collector::ControlTotals {
        rows: None,
        billed_cost: vec![(trickery("USD"), scene.amount()?)],
    };
    writer.seal(&Seal {
        control: Some(control),
        ..Seal::complete(scene.request.now)
    })?;
    Ok(Outcome::done())
}
