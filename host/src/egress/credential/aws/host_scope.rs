//! The region and service that the name of an AWS host tells, as AWS's endpoint rules write such names.

use super::spec::{Canonical, Signed};

/// Domains of AWS's own endpoints.
const DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];

/// What a signature for that host is for; none where its name does not tell.
pub(in crate::egress) fn of_host(host: &str) -> Option<Signed> {
    let own = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain))?;
    let mut labels = own.rsplit('.').filter(|label| *label != "dualstack");
    let last = labels.next()?;
    let (region, service) = match last {
        // The global names.
        "s3" | "sts" | "iam" => ("us-east-1", last),
        region => (region, labels.next()?),
    };
    let good = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let is_region = region.bytes().any(|b| b.is_ascii_digit()) && region.contains('-');
    (is_region && good(region) && good(service)).then(|| Signed {
        region: region.to_owned(),
        service: service.to_owned(),
        canonical: match service {
            "s3" => Canonical::S3,
            _ => Canonical::Usual,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_region_and_service() {
        for (host, expected) in [
            ("ce.us-east-1.amazonaws.com", Some(("us-east-1", "ce"))),
            ("ce.us-east-1.api.aws", Some(("us-east-1", "ce"))),
            (
                "api.pricing.eu-central-1.amazonaws.com",
                Some(("eu-central-1", "pricing")),
            ),
            (
                "monitoring.eu-west-1.amazonaws.com",
                Some(("eu-west-1", "monitoring")),
            ),
            ("s3.eu-west-1.amazonaws.com", Some(("eu-west-1", "s3"))),
            ("my.bucket.s3.eu-west-1.amazonaws.com", Some(("eu-west-1", "s3"))),
            (
                "my-bucket.s3.dualstack.us-gov-west-1.amazonaws.com",
                Some(("us-gov-west-1", "s3")),
            ),
            ("s3.amazonaws.com", Some(("us-east-1", "s3"))),
            ("sts.amazonaws.com", Some(("us-east-1", "sts"))),
            (
                "ce.cn-northwest-1.amazonaws.com.cn",
                Some(("cn-northwest-1", "ce")),
            ),
            ("ec2.amazonaws.com", None),
            ("eu-west-1.amazonaws.com", None),
            ("ec2.eu-west-1.example.com", None),
            ("ec2.eu-west-1.amazonaws.com.example.com", None),
            (".eu-west-1.amazonaws.com", None),
        ] {
            let found = of_host(host);
            let told = found
                .as_ref()
                .map(|signed| (signed.region.as_str(), signed.service.as_str()));
            assert_eq!(told, expected, "{host}");
            assert!(
                found.is_none_or(|signed| (signed.service == "s3") == (signed.canonical == Canonical::S3))
            );
        }
    }
}
