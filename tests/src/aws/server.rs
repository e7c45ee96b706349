//! One server for all of AWS's hosts: told apart by the Host header, the signature checked, faults met, calls counted.

use super::{
    Account,
    ce::{self, Asking},
    ce_values, faults, inventory,
    reply::{Dialect, Reply},
    s3,
    sigv4::{Arrived, verify},
};
use axum::{
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, Method, Response, Uri},
};
use bytes::Bytes;
use std::sync::Arc;

/// What a request is about.
pub(crate) struct Call<'a> {
    pub(crate) service: String,
    pub(crate) region: String,
    /// The bucket of a host of its own.
    pub(crate) bucket: Option<String>,
    pub(crate) arrived: Arrived<'a>,
}

impl<'a> Call<'a> {
    fn of(host: &str, arrived: Arrived<'a>) -> Option<Self> {
        let name = host.strip_suffix(".amazonaws.com")?;
        let (name, bucket) = match name.split_once(".s3.") {
            Some((bucket, region)) => (format!("s3.{region}"), Some(bucket.to_owned())),
            None => (name.to_owned(), None),
        };
        let (service, region) = name.split_once('.')?;
        Some(Self {
            service: service.to_owned(),
            region: region.to_owned(),
            bucket,
            arrived,
        })
    }

    fn dialect(&self) -> Dialect {
        match self.service.as_str() {
            "ec2" => Dialect::Ec2,
            "rds" => Dialect::Query,
            "eks" | "lambda" => Dialect::Rest,
            "s3" => Dialect::S3,
            _ => Dialect::Json,
        }
    }

    /// The operation as a policy names it.
    fn operation(&self) -> String {
        let header = |name: &str| {
            self.arrived
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let path = self.arrived.uri.path();
        let operation = match self.dialect() {
            Dialect::Json => header("x-amz-target")
                .and_then(|target| target.split_once('.'))
                .map_or("", |(_, operation)| operation),
            Dialect::Ec2 | Dialect::Query => {
                return format!("{}:{}", self.service, self.form("Action").unwrap_or_default());
            }
            Dialect::Rest => match (
                self.service.as_str(),
                path.split('/').collect::<Vec<_>>().as_slice(),
            ) {
                ("eks", ["", "clusters"]) => "ListClusters",
                ("eks", ["", "clusters", _]) => "DescribeCluster",
                ("eks", ["", "clusters", _, "node-groups"]) => "ListNodegroups",
                ("eks", ["", "clusters", _, "node-groups", _]) => "DescribeNodegroup",
                ("lambda", ["", "2015-03-31", "functions"]) => "ListFunctions",
                _ => "",
            },
            Dialect::S3 => match (&self.bucket, self.arrived.uri.query()) {
                (None, _) => "ListAllMyBuckets",
                (Some(_), Some(query)) if query.starts_with("tagging") => "GetBucketTagging",
                (Some(_), _) => "GetObject",
            },
        };
        let service = match self.service.as_str() {
            "monitoring" => "cloudwatch",
            other => other,
        };
        format!("{service}:{operation}")
    }

    /// A field of the form in the body.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        field(std::str::from_utf8(self.arrived.body).ok()?, name)
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        field(self.arrived.uri.query()?, name)
    }
}

fn field(pairs: &str, name: &str) -> Option<String> {
    let mut pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    String::from_utf8(super::sigv4::decoded(value)).ok()
}

/// Answers every request of the HTTPS port.
pub(crate) async fn handle(
    Shared(account): Shared<Arc<Account>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let host = headers
        .get("host")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let arrived = Arrived {
        method: &method,
        uri: &uri,
        headers: &headers,
        body: &body,
    };
    let Some(call) = Call::of(host, arrived) else {
        return Reply::html(404).whole();
    };
    let (operation, dialect) = (call.operation(), call.dialect());
    account.count(&operation);
    let scope = match call.service.as_str() {
        "ce" => ("us-east-1", "ce"),
        service => (call.region.as_str(), service),
    };
    if let Err(refused) = verify(arrived, &account.keys(), scope, account.now()) {
        account.refuse(format!("{operation}: {}", refused.message));
        let status = if dialect == Dialect::Json { 400 } else { 403 };
        return Reply::error(dialect, status, refused.code, &refused.message).whole();
    }
    if account.is_denied(&operation) {
        return faults::denied(&operation, dialect).whole();
    }
    match account.faults.meet(&operation) {
        Some(act) => faults::answered(&act, &operation, dialect, || account.answer(&call, &operation)),
        None => account.answer(&call, &operation).whole(),
    }
}

impl Account {
    fn answer(&self, call: &Call<'_>, operation: &str) -> Reply {
        let content = call
            .arrived
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        let bill = self.bill();
        let asking = Asking {
            bill: &bill,
            now: self.now(),
            page: self.options.groups_per_page,
            resources: self.options.resources,
        };
        let body = call.arrived.body;
        if call.service == "ce" && content != Some("application/x-amz-json-1.1") {
            return Reply::error(
                Dialect::Json,
                400,
                "UnknownOperationException",
                "wrong content type",
            );
        }
        let found = match operation {
            "ce:GetCostAndUsage" => ce::cost_and_usage(asking, body, false),
            "ce:GetCostAndUsageWithResources" => ce::cost_and_usage(asking, body, true),
            "ce:GetDimensionValues" => ce_values::values(asking, body, false),
            "ce:GetTags" => ce_values::values(asking, body, true),
            "s3:GetObject" => return s3::object(self, call),
            _ => {
                let unknown = || {
                    let code = "UnknownOperationException";
                    Reply::error(call.dialect(), 400, code, "no such operation")
                };
                return inventory::answer(call, operation).unwrap_or_else(unknown);
            }
        };
        match found {
            Ok(found) => {
                self.pay(operation);
                Reply::json(&found)
            }
            Err((code, message)) => Reply::error(Dialect::Json, 400, code, &message),
        }
    }
}
