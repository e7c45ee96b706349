//! S3: the objects of the bucket that exports are delivered to.

use super::{
    Account,
    reply::{Dialect, Reply},
    server::Call,
    sigv4::decoded,
};

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
    match account.objects().get(&key) {
        Some(object) => Reply::bytes(object.bytes.clone(), &object.etag),
        None => Reply::error(Dialect::S3, 404, "NoSuchKey", "The specified key does not exist."),
    }
}
