//! A bill that is read page by page and committed day by day: good manners throughout, each step told in the log, so that
//! a test knows where the program stands when it kills it.
//! What must hold: the steps of a part come in one order: page, written, page, written, committing, committed.

use super::{Ended, Scene};
use finops_collector::{
    CostRecord, Decimal, Failure, HttpRequest, Outcome, Period, Seal, Source, record::Finality,
};
use serde::Deserialize;

/// One part of the bill: a day of an account, in pages.
#[derive(Deserialize)]
struct Page {
    account: String,
    start: i64,
    records: Vec<Line>,
    /// More pages of this part.
    more: bool,
    /// Whether the provider calls it final.
    #[serde(default, rename = "final")]
    is_final: bool,
}

/// A line of the bill.
#[derive(Deserialize)]
struct Line {
    id: String,
    service: String,
    cost: String,
    /// USD where it is not said.
    currency: Option<String>,
}

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    (scene.settings.act == "bill").then(|| bill(scene).map(|()| Outcome::done()))
}

/// Reads `count` parts from `url` and commits each.
fn bill(scene: &Scene<'_>) -> Result<(), Failure> {
    for part in 0..scene.settings.count {
        let mut number = 0;
        let mut page = fetch(scene, part, number)?;
        let source = Source::new("hostile", &page.account, "");
        let writer = scene.host.open("spend", &source, &[page.start])?;
        loop {
            let period = Period {
                start: page.start,
                end: page.start + 86_400,
            };
            let records = page.records.iter().map(|line| record(&page, period, line));
            scene
                .host
                .write(writer, &records.collect::<Result<Vec<_>, _>>()?)?;
            scene.host.info(format_args!("bill: written {part} {number}"));
            if !page.more {
                break;
            }
            number += 1;
            page = fetch(scene, part, number)?;
        }
        scene.host.info(format_args!("bill: committing {part} 0"));
        scene.host.seal(writer, &Seal::complete(scene.request.now))?;
        scene.host.commit(&[writer])?;
        scene.host.info(format_args!("bill: committed {part} 0"));
    }
    scene.host.info("bill: collected 0 0");
    Ok(())
}

fn fetch(scene: &Scene<'_>, part: u64, page: u64) -> Result<Page, Failure> {
    let url = format!("{}/{part}/{page}", scene.settings.url);
    scene.host.send(&HttpRequest::get(url))?.success()?.json()
}

fn record(page: &Page, period: Period, line: &Line) -> Result<CostRecord, Failure> {
    let cost: Decimal = line
        .cost
        .parse()
        .map_err(|_| Failure::malformed("a cost is no decimal"))?;
    let service = (line.service.as_str(), "Other");
    let currency = line.currency.as_deref().unwrap_or("USD");
    let mut record = CostRecord::new(period, &page.account, "Hostile", service, (cost, currency));
    record.line_id = Some(line.id.clone());
    if page.is_final {
        record.finality = Finality::Final;
    }
    Ok(record)
}
