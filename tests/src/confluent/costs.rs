//! `GET /billing/v1/costs`: what is asked for, checked, and a page of the list.

use super::{Confluent, HOST, error};
use crate::provider::{Asked, Reply};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

/// Rows on a page where the client does not say.
const PAGE: usize = 5_000;

pub(super) fn list(confluent: &Confluent, asked: &Asked) -> Reply {
    match checked(asked) {
        Err(reply) => *reply,
        Ok((window, size)) => page(confluent, asked, window, size.min(confluent.page())),
    }
}

fn bad(parameter: &str, detail: &str) -> Box<Reply> {
    Box::new(error::reply(400, "invalid_filter", detail, parameter))
}

/// The days and the page size.
fn checked(asked: &Asked) -> Result<((Date, Date), usize), Box<Reply>> {
    let date = |name: &str| {
        let text = asked
            .param(name)
            .ok_or_else(|| bad(name, &format!("{name} is required")))?;
        let date: Date = text
            .parse()
            .map_err(|_| bad(name, "dates are written YYYY-MM-DD"))?;
        Ok::<_, Box<Reply>>(date)
    };
    let (first, end) = (date("start_date")?, date("end_date")?);
    if end <= first {
        return Err(bad("end_date", "end date must be after start date"));
    }
    if end > first.saturating_add(1.month()) {
        return Err(bad("end_date", "the range must not exceed one month"));
    }
    let today = asked.now.strftime("%F").to_string().parse::<Date>();
    let today = today.map_err(|_| bad("start_date", "the simulator has no day"))?;
    if first < today.saturating_sub(1.year()) {
        return Err(bad("start_date", "start date is too far in the past"));
    }
    let size = asked.param("page_size").map_or(Ok(PAGE), |size| size.parse());
    match size {
        Ok(size @ 1..=10_000) => Ok(((first, end), size)),
        _ => Err(bad("page_size", "page_size must be between 1 and 10000")),
    }
}

fn page(confluent: &Confluent, asked: &Asked, window: (Date, Date), size: usize) -> Reply {
    let rows = confluent.rows().list(asked.now, window, confluent.shape());
    // A token is good for the list that it came with.
    let mark = |at: usize| BASE64_URL_SAFE_NO_PAD.encode(format!("{}/{}/{at}", window.0, window.1));
    let start = match asked.param("page_token") {
        None => 0,
        Some(token) => match (0..rows.len()).step_by(size.max(1)).find(|at| mark(*at) == token) {
            Some(start) => start,
            None => return *bad("page_token", "invalid page token"),
        },
    };
    let end = (start + size).min(rows.len());
    let next =
        (end < rows.len()).then(|| format!("https://{HOST}/billing/v1/costs?page_token={}", mark(end)));
    let here: Vec<_> = (start..end).filter_map(|at| rows.row(at)).collect();
    let data = match here.is_empty() {
        true => Value::Null,
        false => json!(here),
    };
    Reply::json(
        200,
        &json!({"api_version": "billing/v1", "kind": "CostList", "data": data,
            "metadata": {"first": format!("https://{HOST}/billing/v1/costs"), "next": next, "total_size": rows.len()}}),
    )
}
