//! SDK for collectors of finops-host.
//!
//! A collector is a WebAssembly component that asks its host for HTTP, turns a provider's replies into exact cost
//! records and replaces whole partitions of the host's ledger. Implement [`Collector`], export it with [`export!`],
//! and build a `cdylib` for `wasm32-wasip2`: the resulting `.wasm` is the component.
//!
//! What holds everywhere: no float touches money ([`Decimal`]), days are [`jiff::civil::Date`]s in UTC, a failure is a
//! value with a kind ([`Failure`]), and everything outside comes through [`Host`], so that the same code runs natively
//! against [`testing::FakeHost`].
//!
//! ```
//! use finops_collector::{
//!     Collector, CostRecord, Decimal, Descriptor, Failure, Host, HttpRequest, Outcome, PartitionWriter, Period,
//!     Request, Seal, Source, commit,
//!     descriptor::{Basis, Grain, HostWish, Setting, SettingKind, Stream},
//!     period::day_of,
//! };
//! use serde::Deserialize;
//!
//! struct Example;
//!
//! #[derive(Deserialize)]
//! struct Settings {
//!     account: String,
//! }
//!
//! #[derive(Deserialize)]
//! struct Line {
//!     service: String,
//!     cost: Decimal, // read by its digits, as text or as a JSON number
//! }
//!
//! impl Collector for Example {
//!     fn describe() -> Descriptor {
//!         Descriptor {
//!             name: "example".into(),
//!             version: "0.1.0".into(),
//!             provider: "example".into(),
//!             text: "Daily bill of an example.".into(),
//!             settings: vec![Setting::required("account", SettingKind::Text, "The billed account.")],
//!             streams: vec![Stream {
//!                 latency: 86_400,
//!                 ..Stream::new("spend", "Daily bill by service.", Grain::Day, Basis::Billed)
//!             }],
//!             hosts: vec![HostWish {
//!                 host: "api.example".into(),
//!                 methods: vec!["GET".into()],
//!                 paths: vec!["/bill".into()],
//!                 text: "Reads the bill.".into(),
//!                 ..HostWish::default()
//!             }],
//!             ..Descriptor::default()
//!         }
//!     }
//!
//!     fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
//!         let settings: Settings = request.settings()?;
//!         let source = Source::new("example", &settings.account, "");
//!         let Some(spend) = request.wanted("spend")? else { return Ok(Outcome::done()) };
//!         for start in spend.begun(Grain::Day, request.now) {
//!             let day = day_of(start);
//!             let lines: Vec<Line> = host.send(&HttpRequest::get(format!("https://api.example/bill/{day}")))?.json()?;
//!             let mut writer = PartitionWriter::open(host, "spend", &source, &[start])?;
//!             for line in lines {
//!                 writer.write(CostRecord::new(
//!                     Period::of_day(day),
//!                     &settings.account,
//!                     "Example",
//!                     (&line.service, "Other"),
//!                     (line.cost, "USD"),
//!                 ))?;
//!             }
//!             commit(host, vec![writer.seal(&Seal::complete(request.now))?])?;
//!         }
//!         Ok(Outcome::done())
//!     }
//! }
//!
//! finops_collector::export!(Example);
//!
//! // Natively, against a fake host:
//! use finops_collector::testing::{FakeHost, reply};
//! let host = FakeHost::answering(|_| Ok(reply(200, r#"[{"service": "Things", "cost": 0.1}]"#)))
//!     .describing(Example::describe())
//!     .at(2 * 86_400);
//! host.run::<Example>(&serde_json::json!({"account": "a"}), Period { start: 0, end: 2 * 86_400 })?;
//! assert_eq!(host.records("spend").len(), 2);
//! # Ok::<(), Failure>(())
//! ```

mod amount;
mod asked;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
mod book;
#[cfg(target_arch = "wasm32")]
mod border;
mod buckets;
mod counts;
mod daily;
pub mod descriptor;
mod double;
mod escaping;
pub mod estimate;
mod failure;
#[cfg(feature = "focus-csv")]
pub mod focus;
mod form;
mod host;
pub mod http;
pub mod json;
mod names;
mod number;
mod paging;
mod partition;
pub mod parts;
mod patience;
pub mod period;
mod polling;
mod price;
mod probe;
pub mod record;
mod request;
mod row;
pub mod testing;
mod tokens;
mod unit_price;
mod waiting;
mod warnings;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod wasm;
mod window;

pub use amount::amount;
pub use asked::Asked;
pub use book::{Book, Partitions};
pub use buckets::{Bucket, each_bucket};
pub use counts::Counts;
pub use daily::Daily;
pub use descriptor::Descriptor;
pub use double::Double;
pub use escaping::escaped;
pub use failure::{Failure, FailureKind, excerpt};
pub use finops_decimal::{ArithmeticError, Decimal, PLACES, ParseError, SplitError};
pub use host::{ControlTotals, Host, Level, Receipt, Seal, WriterId};
pub use http::{Body, HttpRequest, Response};
pub use jiff;
pub use names::names_by_id;
pub use number::number;
pub use paging::{follow, onward};
pub use partition::{BATCH, PartitionWriter, Sealed, commit};
pub use patience::send_patiently;
pub use period::{Instant, Period};
pub use polling::{Delays, Poll, poll};
pub use price::{DatedPrice, DatedPrices};
pub use record::{CostRecord, Observation};
pub use request::{
    Checkpoint, CommittedPartition, Completeness, Outcome, Progress, Request, Source, StreamRequest,
};
pub use row::Row;
pub use tokens::turn_pages;
pub use unit_price::unit_price;
pub use waiting::{Refusal, send_waiting};
pub use warnings::Warnings;
pub use window::{Rereading, Window};

/// What a collector is.
pub trait Collector {
    /// What it is and would like to have. Runs without any grant: calls to the host fail.
    fn describe() -> Descriptor;

    /// Reads what is asked for and commits it.
    ///
    /// # Errors
    /// Why it did not work; what was committed before stays.
    fn collect(host: &dyn Host, request: &Request) -> Result<Outcome, Failure>;

    /// Tries what a run over this request would need, as cheaply as can be: `finops-host check --probe`. Nothing that is
    /// committed or observed is kept; the outcome's note tells the operator what the run would read or cost.
    ///
    /// Without one of its own, a collector reads the last day: see [`Request::of_the_last_day`].
    ///
    /// # Errors
    /// Why a run would not work.
    fn probe(host: &dyn Host, request: &Request) -> Result<Outcome, Failure> {
        Self::collect(host, &request.of_the_last_day())
    }
}

/// Makes the type that implements [`Collector`] the component's exports. Nothing happens on other targets than wasm32.
#[macro_export]
macro_rules! export {
    ($collector:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs, clippy::all, clippy::restriction)]
        const _: () = {
            type Exported = $crate::wasm::Exported<$collector>;
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
