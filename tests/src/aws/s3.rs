//! S3: the objects of the bucket that exports are delivered to.

use super::{
    Account,
    reply::{Dialect, Reply},
    server::Call,
    sigv4::decoded,
};
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

/// The bucket that exports are delivered to.
pub const BUCKET: &str = "acme-billing";
/// Its region.
pub const REGION: &str = "eu-west-1";

/// GetObject.
pub(crate) fn object(account: &Account, call: &Call<'_>) -> Reply {
    if call.bucket.as_deref() != Some(BUCKET) {
        return Reply::error(
            Dialect::S3,
            404,
            "NoSuchBucket",
            "The specified bucket does not exist",
        );
    }
    if call.region != REGION {
        return Reply::error(
            Dialect::S3,
            301,
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint.",
        )
        .header("x-amz-bucket-region", REGION);
    }
    let key = String::from_utf8(decoded(call.arrived.uri.path().trim_start_matches('/'))).unwrap_or_default();
    let since = call.arrived.headers.get("if-unmodified-since");
    let since = since.and_then(|date| DateTimeParser::new().parse_timestamp(date.to_str().ok()?).ok());
    match account.objects().get(&key) {
        Some(object) if since.is_some_and(|since| object.modified.as_second() > since.as_second()) => {
            Reply::error(
                Dialect::S3,
                412,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            )
        }
        Some(object) => {
            let modified = DateTimePrinter::new().timestamp_to_rfc9110_string(&object.modified);
            Reply::bytes(object.bytes.clone(), &object.etag)
                .header("last-modified", &modified.unwrap_or_default())
        }
        None => Reply::error(Dialect::S3, 404, "NoSuchKey", "The specified key does not exist."),
    }
}
