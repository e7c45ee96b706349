//! The ledger: too much of everything, half of something, and other people's money.

use super::{Ended, Scene};
use finops_collector::{
    CostRecord, Decimal, Failure, Observation, Outcome, PartitionWriter, Period, Seal, Source, commit,
    record::{Location, Pricing, Quantity},
};

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    Some(
        match scene.settings.act.as_str() {
            "behave" => write_day(scene, 0),
            // A day that lies `count` days before yesterday.
            "write-day" => write_day(scene, scene.settings.count),
            "write-days" => scene.times().try_for_each(|day| write_day(scene, day)),
            "extreme-days" => extreme_days(scene),
            // Ten credits at a price of the settings: `text` is its card.
            "priced-day" => one(scene, |record| {
                record.pricing = Some(priced(&scene.settings.text))
            }),
            "empty-day" => empty_day(scene, scene.settings.count),
            "records" => records(scene),
            "batch" => batch(scene),
            "never-committed" => never_committed(scene),
            "half-written" => half_written(scene),
            "half-committed" => half_committed(scene),
            "committed-twice" => committed_twice(scene),
            "writers" => keep_writers(scene),
            "drop-writers" => drop_writers(scene),
            "partitions" => partitions(scene),
            "long-sources" => long_sources(scene),
            "outside-partition" => outside_partition(scene),
            "wrong-provider" => open(scene, "spend", &Source::new("snowflake", "acct", "")),
            "unknown-stream" => open(scene, "no-such-stream", &scene.source()),
            "huge-record" => one(scene, |record| {
                record.description = Some("z".repeat(scene.size()))
            }),
            "wide-record" => one(scene, |record| widen(record, &"w".repeat(scene.size()))),
            "tags" => one(scene, |record| record.tags = pairs("", scene.settings.count)),
            "extra" => one(scene, |record| record.extra = pairs("x_", scene.settings.count)),
            "checkpoint" => checkpoint(scene),
            "observations" => observations(scene),
            "large-observations" => large_observations(scene),
            "wrong-observation" => observe(scene, &[observation(scene, "no-such-kind", scene.source())]),
            "foreign-observation" => {
                let foreign = Source::new("snowflake", "acct", "");
                observe(scene, &[observation(scene, "state", foreign)])
            }
            _ => return None,
        }
        .map(|()| Outcome::done()),
    )
}

impl Scene<'_> {
    fn size(&self) -> usize {
        self.settings.size as usize
    }

    fn writer(&self, day: u64) -> Result<PartitionWriter<'_>, Failure> {
        PartitionWriter::open(self.host, "spend", &self.source(), &[self.day(day).start])
    }

    fn complete(&self) -> Seal {
        Seal::complete(self.request.now)
    }
}

/// Good manners, to show that the host still serves others.
fn write_day(scene: &Scene<'_>, day: u64) -> Result<(), Failure> {
    let mut writer = scene.writer(day)?;
    writer.write(scene.record(scene.day(day), scene.amount()?))?;
    commit(scene.host, vec![writer.seal(&scene.complete())?])?;
    Ok(())
}

/// Says that a day costs nothing any more.
fn empty_day(scene: &Scene<'_>, day: u64) -> Result<(), Failure> {
    let writer = scene.writer(day)?;
    commit(scene.host, vec![writer.seal(&scene.complete())?])?;
    Ok(())
}

/// What a price list of the settings leaves on a record.
fn priced(card: &str) -> Pricing {
    Pricing {
        quantity: Some(Quantity::new(Decimal::from(10_u32), "Credits")),
        card: Some(card.to_owned()),
        ..Pricing::default()
    }
}

/// Days at the ends of all calendars, whatever the host says to each.
fn extreme_days(scene: &Scene<'_>) -> Result<(), Failure> {
    const BEGIN: i64 = -377_705_116_800;
    const END: i64 = 253_402_300_800;
    const DAY: i64 = 86_400;
    let mut taken = 0;
    for start in [
        i64::MIN,
        BEGIN - DAY,
        BEGIN,
        -DAY,
        0,
        END - 2 * DAY,
        END - DAY,
        END,
        i64::MAX,
    ] {
        let day = Period {
            start,
            end: start.saturating_add(DAY),
        };
        taken += u64::from(write(scene, day).is_ok());
    }
    scene.host.info(format!("{taken} days were taken"));
    Ok(())
}

fn write(scene: &Scene<'_>, day: Period) -> Result<(), Failure> {
    let mut writer = PartitionWriter::open(scene.host, "spend", &scene.source(), &[day.start])?;
    writer.write(scene.record(day, scene.amount()?))?;
    let seal = Seal::complete(day.end);
    commit(scene.host, vec![writer.seal(&seal)?])?;
    Ok(())
}

fn records(scene: &Scene<'_>) -> Result<(), Failure> {
    let mut writer = scene.writer(0)?;
    for number in scene.times() {
        writer.write(numbered(scene, number))?;
    }
    commit(scene.host, vec![writer.seal(&scene.complete())?])?;
    Ok(())
}

fn numbered(scene: &Scene<'_>, number: u64) -> CostRecord {
    let mut record = scene.record(scene.day(0), Decimal::ONE);
    record.line_id = Some(number.to_string());
    record.description = Some("d".repeat(scene.size()));
    record
}

/// `count` records in one call.
fn batch(scene: &Scene<'_>) -> Result<(), Failure> {
    let records: Vec<CostRecord> = scene.times().map(|number| numbered(scene, number)).collect();
    let writer = scene.host.open("spend", &scene.source(), &[scene.day(0).start])?;
    scene.host.write(writer, &records)?;
    scene.host.seal(writer, &scene.complete())?;
    scene.host.commit(&[writer])?;
    Ok(())
}

/// Writes and seals, and says that it is done.
fn never_committed(scene: &Scene<'_>) -> Result<(), Failure> {
    let writer = scene.host.open("spend", &scene.source(), &[scene.day(0).start])?;
    scene.host.write(writer, &[numbered(scene, 0)])?;
    scene.host.seal(writer, &scene.complete())
}

fn half_written(scene: &Scene<'_>) -> Result<(), Failure> {
    let mut writer = scene.writer(0)?;
    writer.write(scene.record(scene.day(0), Decimal::ONE))?;
    let _sealed = writer.seal(&scene.complete())?;
    panic!("before the commit");
}

/// One day is committed; the second is sealed and the third half written when the guest dies.
fn half_committed(scene: &Scene<'_>) -> Result<(), Failure> {
    write_day(scene, 0)?;
    let mut second = scene.writer(1)?;
    second.write(scene.record(scene.day(1), scene.amount()?))?;
    let _sealed = second.seal(&scene.complete())?;
    let third = scene.host.open("spend", &scene.source(), &[scene.day(2).start])?;
    scene
        .host
        .write(third, &[scene.record(scene.day(2), scene.amount()?)])?;
    panic!("between two commits");
}

/// The same writer twice in one commit.
fn committed_twice(scene: &Scene<'_>) -> Result<(), Failure> {
    let writer = scene.host.open("spend", &scene.source(), &[scene.day(0).start])?;
    scene
        .host
        .write(writer, &[scene.record(scene.day(0), scene.amount()?)])?;
    scene.host.seal(writer, &scene.complete())?;
    scene.host.commit(&[writer, writer])?;
    Ok(())
}

fn keep_writers(scene: &Scene<'_>) -> Result<(), Failure> {
    let mut open = Vec::new();
    for number in scene.times() {
        open.push(scene.writer(number)?);
    }
    Ok(())
}

/// Opens writers and gives each up again.
fn drop_writers(scene: &Scene<'_>) -> Result<(), Failure> {
    for number in scene.times() {
        scene.writer(number)?;
    }
    Ok(())
}

fn partitions(scene: &Scene<'_>) -> Result<(), Failure> {
    let starts: Vec<i64> = scene.times().map(|number| scene.day(number).start).collect();
    PartitionWriter::open(scene.host, "spend", &scene.source(), &starts)?;
    Ok(())
}

/// Claims sources with long names, one after the other.
fn long_sources(scene: &Scene<'_>) -> Result<(), Failure> {
    for number in scene.times() {
        let account = format!("{number}{}", "a".repeat(scene.size()));
        open(scene, "spend", &Source::new("hostile", &account, ""))?;
    }
    Ok(())
}

fn outside_partition(scene: &Scene<'_>) -> Result<(), Failure> {
    let mut writer = scene.writer(1)?;
    writer.write(scene.record(scene.day(0), Decimal::ONE))?;
    commit(scene.host, vec![writer.seal(&scene.complete())?])?;
    Ok(())
}

fn open(scene: &Scene<'_>, stream: &str, source: &Source) -> Result<(), Failure> {
    PartitionWriter::open(scene.host, stream, source, &[scene.day(0).start])?;
    Ok(())
}

/// Commits one record after it was changed.
fn one(scene: &Scene<'_>, change: impl Fn(&mut CostRecord)) -> Result<(), Failure> {
    let mut record = scene.record(scene.day(0), scene.amount()?);
    change(&mut record);
    let mut writer = scene.writer(0)?;
    writer.write(record)?;
    commit(scene.host, vec![writer.seal(&scene.complete())?])?;
    Ok(())
}

/// Spreads a text over columns that are easily forgotten when sizes are counted.
fn widen(record: &mut CostRecord, text: &str) {
    record.region = Some(Location {
        id: "r".into(),
        name: None,
        zone: Some(text.into()),
    });
    record.consumed = Some(Quantity::new(Decimal::ONE, text));
}

fn pairs(prefix: &str, count: u64) -> Vec<(String, String)> {
    (0..count)
        .map(|number| (format!("{prefix}{number}"), "v".to_owned()))
        .collect()
}

/// A checkpoint of `size` bytes.
fn checkpoint(scene: &Scene<'_>) -> Result<(), Failure> {
    let seal = scene.complete().checkpoint(Some(vec![b'c'; scene.size()]));
    let mut writer = scene.writer(0)?;
    writer.write(scene.record(scene.day(0), scene.amount()?))?;
    commit(scene.host, vec![writer.seal(&seal)?])?;
    Ok(())
}

fn observation(scene: &Scene<'_>, name: &str, source: Source) -> Observation {
    Observation {
        name: name.into(),
        source,
        at: scene.request.now,
        dimensions: Vec::new(),
        value: Decimal::ONE,
        unit: "Things".into(),
    }
}

fn observe(scene: &Scene<'_>, observations: &[Observation]) -> Result<(), Failure> {
    scene.host.observe(observations)
}

fn observations(scene: &Scene<'_>) -> Result<(), Failure> {
    for number in scene.times() {
        let mut one = observation(scene, "state", scene.source());
        one.dimensions = vec![("number".into(), number.to_string())];
        observe(scene, &[one])?;
    }
    Ok(())
}

/// Observations whose key has `size` bytes.
fn large_observations(scene: &Scene<'_>) -> Result<(), Failure> {
    for number in scene.times() {
        let mut one = observation(scene, "state", scene.source());
        one.dimensions = vec![("number".into(), format!("{number}{}", "k".repeat(scene.size())))];
        observe(scene, &[one])?;
    }
    Ok(())
}
