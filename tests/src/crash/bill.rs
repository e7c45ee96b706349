//! The provider's bill: parts (a day of an account) of lines, restated between rounds as providers do, served in pages.
//! What must hold: it alone says what is true; a restatement never takes so much of a part that the ledger would hold it.

use super::chance::Chance;
use crate::Error;
use finops_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;

/// Days of the bill, from this second on.
const FIRST_DAY: i64 = 1_785_542_400; // 2026-08-01
const DAY: i64 = 86_400;
/// Accounts: each is a source with batches of its own.
const ACCOUNTS: [&str; 2] = ["one", "two"];
const DAYS: i64 = 3;
/// Lines of a part in the beginning.
const LINES: u64 = 24;
const LINES_A_PAGE: usize = 16;
const SERVICES: u64 = 12;
/// The service that the destination refuses.
pub(super) const REFUSED: &str = "poison";

/// Account and first second of the day.
pub(super) type Place = (String, i64);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    service: String,
    cost: Decimal,
}

/// The whole bill as it stands.
#[derive(Debug)]
pub(super) struct Bill {
    parts: Vec<(Place, BTreeMap<u64, Line>)>,
    lines: u64,
}

impl Bill {
    pub(super) fn new(chance: &mut Chance) -> Self {
        let mut bill = Self {
            parts: Vec::new(),
            lines: 0,
        };
        for day in 0..DAYS {
            for account in ACCOUNTS {
                let mut lines = BTreeMap::new();
                for _ in 0..LINES {
                    bill.lines += 1;
                    lines.insert(bill.lines, line(chance));
                }
                let place = (account.to_owned(), FIRST_DAY + day * DAY);
                bill.parts.push((place, lines));
            }
        }
        bill
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Says something new of each part: another cost, another service, a line less, a line more; now and then one that the
    /// destination will refuse, and sometimes what it said before.
    pub(super) fn restate(&mut self, chance: &mut Chance) {
        for (_, lines) in &mut self.parts {
            let ids: Vec<u64> = lines.keys().copied().collect();
            for _ in 0..=chance.below(4) {
                let Some(id) = chance.one_of(&ids) else { continue };
                let before = lines.get(id).cloned();
                match chance.below(5) {
                    0 if lines.len() as u64 > LINES - 4 => drop(lines.remove(id)),
                    1 => {
                        self.lines += 1;
                        lines.insert(self.lines, line(chance));
                    }
                    2 => {
                        if let Some(line) = lines.get_mut(id) {
                            line.service = service(chance);
                        }
                    }
                    _ => {
                        if let Some(line) = lines.get_mut(id) {
                            let change = cents(1 + chance.below(40));
                            line.cost = line.cost.checked_add(change).unwrap_or(line.cost);
                        }
                    }
                }
                if chance.percent(10)
                    && let Some(before) = before
                {
                    lines.insert(*id, before);
                }
            }
            // Lines come and go; the part stays about as long as it was.
            while lines.len() as u64 > LINES + 4 {
                lines.pop_first();
            }
        }
        if chance.percent(15) {
            let index = usize::try_from(chance.below(self.parts.len() as u64)).unwrap_or(0);
            if let Some((_, lines)) = self.parts.get_mut(index)
                && let Some(line) = lines.values_mut().next()
            {
                line.service = REFUSED.to_owned();
            }
        }
    }

    /// A page as the guest reads it.
    pub(super) fn page(&self, part: usize, page: usize) -> Option<String> {
        let ((account, start), lines) = self.parts.get(part)?;
        let records: Vec<_> = lines
            .iter()
            .skip(page * LINES_A_PAGE)
            .take(LINES_A_PAGE)
            .map(|(id, line)| json!({"id": id.to_string(), "service": line.service, "cost": line.cost.to_string()}))
            .collect();
        let more = lines.len() > (page + 1) * LINES_A_PAGE;
        Some(json!({"account": account, "start": start, "records": records, "more": more}).to_string())
    }

    /// Service and cost of every line, by part, in order.
    pub(super) fn lines(&self) -> BTreeMap<Place, Vec<(String, Decimal)>> {
        let sorted = |lines: &BTreeMap<u64, Line>| {
            let mut sorted: Vec<_> = lines
                .values()
                .map(|line| (line.service.clone(), line.cost))
                .collect();
            sorted.sort();
            sorted
        };
        self.parts
            .iter()
            .map(|(place, lines)| (place.clone(), sorted(lines)))
            .collect()
    }

    /// What it comes to.
    pub(super) fn total(&self) -> Result<Decimal, Error> {
        let costs = self.parts.iter().flat_map(|(_, lines)| lines.values());
        Ok(Decimal::sum(costs.map(|line| line.cost))?)
    }
}

fn line(chance: &mut Chance) -> Line {
    Line {
        service: service(chance),
        cost: cents(1_000 + chance.below(500)),
    }
}

fn service(chance: &mut Chance) -> String {
    format!("service-{}", chance.below(SERVICES))
}

/// An amount that no float holds exactly.
fn cents(count: u64) -> Decimal {
    let text = format!("{}.{:02}0000000000000001", count / 100, count % 100);
    text.parse().unwrap_or(Decimal::ONE)
}
