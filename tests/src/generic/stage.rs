//! Operator's files of the tests: the simulated Prometheus and the simulated file server, the narrowest rules that work.

use super::{FILES, PROMETHEUS, USER};
use std::net::SocketAddr;

/// The rate card and the meters that the golden records are made with.
pub const RATES: &str = r#"rates = [
  "cpu: 0.0310 per core-hour list 0.0350",
  "cpu: 0.0290 per core-hour from 2026-08-03",
  "cpu: 0.0265 per core-hour where dc = ams2",
  "memory: 0.0041 per GiB-hour",
  "gpu: 2.90 per GPU-hour",
  "gpu: 2.35 per GPU-hour list 2.90 where modelName = 'NVIDIA H100*'",
  "container-cpu: 0.0123 per core-hour",
  "rack-power: 0.2134567 per kWh",
]
meters = [
  "cpu in Core-Hours as Compute = sum by (instance, dc) (increase(node_cpu_seconds_total{mode!=\"idle\"}[1h])) / 3600",
  "rack-power in kWh as Power sparse = sum by (rack) (increase(rack_joules_total[1h])) / 3600000",
]"#;

/// What the columns of the bill are.
pub const FIELDS: &str = r#"fields = [
  "day = date", "cost = amount", "service = product", "charge = kind", "region = room", "quantity = kwh", "unit = unit",
  "tag team = team",
]"#;

/// The same of the JSON file.
pub const JSON_FIELDS: &str = r#"fields = [
  "day = date", "cost = amount", "service = product", "charge = kind", "region = room", "quantity = kwh", "unit = unit",
  "tag team = owner.team",
]
rows = "data.items""#;

/// A file that leads to the simulated Prometheus; `settings` stand among the settings, `more` at the end.
#[must_use]
pub fn prometheus(addr: SocketAddr, settings: &str, more: &str) -> String {
    format!(
        r#"[collector]
name = "on-premises"

[settings]
host = "{PROMETHEUS}"
account = "hq"
scope = "fra1"
currency = "EUR"
{settings}

[[allow]]
host = "{PROMETHEUS}"
methods = ["POST"]
paths = ["/api/v1/query_range"]
credential = "source"
connect-to = "{addr}"
ca = "secrets/ca.pem"

[credentials.source]
scheme = "basic"
username = "{USER}"
password = {{ file = "secrets/password.txt" }}

{more}
"#
    )
}

/// A file that leads to the file server; `settings` name the kind and the path.
#[must_use]
pub fn files(addr: SocketAddr, settings: &str) -> String {
    format!(
        r#"[collector]
name = "colocation"

[settings]
host = "{FILES}"
account = "colo-1"
provider = "Example Colocation"
currency = "EUR"
billed = true
{settings}

[[allow]]
host = "{FILES}"
paths = ["/costs"]
credential = "source"
connect-to = "{addr}"
ca = "secrets/ca.pem"

[credentials.source]
scheme = "bearer"
token = {{ file = "secrets/token.txt" }}
"#
    )
}
