//! What the collector says of itself: settings, streams, observations, and the hosts that it would like to call.

use finops_collector::descriptor::{
    Anchor, Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Role, Setting,
    SettingKind, Stream, Supersede,
};

/// The bill from Cost Explorer.
pub(crate) const SPEND: &str = "spend";
/// The bill from a FOCUS export.
pub(crate) const EXPORT: &str = "spend-export";
/// It by the hour.
pub(crate) const HOURLY: &str = "hourly";
/// It by one tag.
pub(crate) const BY_TAG: &str = "by-tag";
/// It by one cost category.
pub(crate) const BY_COST_CATEGORY: &str = "by-cost-category";
/// Some services of it by resource.
pub(crate) const BY_RESOURCE: &str = "by-resource";

const DAY: u64 = 86_400;
/// Cost Explorer keeps the open month and 13 before it.
const RETENTION: u32 = 395;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "aws".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "aws".to_owned(),
        text: "The bill of an AWS organization by day, account, service and usage type from Cost Explorer, whose every page \
               costs 0.01 USD, or line by line from a FOCUS export in S3; the same money by hour, tag, cost category or \
               resource; what runs in the regions as observations, whose rules are in examples/aws/aws.toml."
            .to_owned(),
        settings: settings(),
        streams: streams(),
        observations: observations(),
        hosts: hosts(),
        credentials: credentials(),
    }
}

fn credentials() -> Vec<CredentialWish> {
    let wish = |name: &str, text: &str| CredentialWish {
        name: name.to_owned(),
        schemes: [
            "aws-sigv4",
            "aws-web-identity",
            "aws-container",
            "aws-instance",
            "aws-profile",
        ]
        .map(str::to_owned)
        .to_vec(),
        text: text.to_owned(),
    };
    vec![
        wish(
            "aws-billing",
            "A role or user of the management account that may call ce:GetCostAndUsage, and for the view by resource \
             ce:GetCostAndUsageWithResources.",
        ),
        wish(
            "aws-export",
            "May call s3:GetObject below the export's prefix; may be the same.",
        ),
    ]
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, Integer, Text};
    vec![
        Setting::required("account", Text, "The 12 digits of the account that pays: the organization's management account."),
        Setting::optional("net", Boolean, "Costs after private discounts (NetUnblendedCost, NetAmortizedCost); false: before them.")
            .default_value(true),
        Setting::optional("pace", Integer, "Milliseconds before each call of Cost Explorer, which slows down who hurries.")
            .default_value(1_000),
        Setting::optional("hourly", Boolean, "Also the view by the hour of the last days (switched on in AWS, at a price there).")
            .default_value(false),
        Setting::optional("tag", Text, "Also the view by the values of this cost allocation tag."),
        Setting::optional("cost-category", Text, "Also the view by the values of this cost category."),
        Setting::optional(
            "resource-services",
            Text,
            "Also the view by resource of these services, as Cost Explorer names them (switched on in AWS); a paid call each.",
        )
        .list(),
        Setting::optional(
            "export-bucket",
            Text,
            "Bucket of a FOCUS export (text/csv, gzip, overwriting). With it the bill comes from there and Cost Explorer is not called.",
        ),
        Setting::optional("export-region", Text, "The bucket's region.").default_value("us-east-1"),
        Setting::optional("export-prefix", Text, "The export's prefix in the bucket.").default_value(""),
        Setting::optional("export-name", Text, "The export's name."),
        Setting::optional("regions", Text, "Regions whose inventory is observed; none: no inventory.").list(),
        Setting::optional("inventory", Text, "What of it is observed; none named: all.")
            .one_of(&["ec2", "ebs", "eks", "lambda", "rds", "s3"])
            .list(),
        Setting::optional(
            "cloudwatch",
            Boolean,
            "Also CPU, invocations, durations and bucket sizes from CloudWatch, which charges about 0.01 USD per 1,000 metrics.",
        )
        .default_value(false),
        Setting::optional(
            "bucket-tags",
            Boolean,
            "Also the tags of buckets, from the tagging API; needs a rule for tagging.REGION.amazonaws.com and tag:GetResources.",
        )
        .default_value(false),
    ]
}

fn streams() -> Vec<Stream> {
    let months = LookBack::Months {
        previous: 1,
        until_day: Some(10),
    };
    let view = |name: &str, text: &str, grain, look_back, retention| Stream {
        latency: DAY,
        role: Role::ViewOf(SPEND.to_owned()),
        look_back,
        retention: Some(retention),
        ..Stream::new(name, text, grain, Basis::Billed)
    };
    vec![
        Stream {
            latency: DAY,
            look_back: months,
            retention: Some(RETENTION),
            ..Stream::new(
                SPEND,
                "The bill by day, account, service and usage type.",
                Grain::Day,
                Basis::Billed,
            )
        },
        Stream {
            anchor: Anchor::BillingPeriod,
            latency: DAY,
            look_back: months,
            supersedes: Some(Supersede {
                stream: SPEND.to_owned(),
                by: None,
            }),
            ..Stream::new(
                EXPORT,
                "The bill line by line, from a FOCUS export in S3.",
                Grain::Month,
                Basis::Billed,
            )
        },
        view(
            HOURLY,
            "The bill by the hour, service and usage type.",
            Grain::Hour,
            LookBack::Days(3),
            14,
        ),
        view(
            BY_TAG,
            "The bill by the values of one tag and by service.",
            Grain::Day,
            months,
            RETENTION,
        ),
        view(
            BY_COST_CATEGORY,
            "The bill by the values of one cost category and by service.",
            Grain::Day,
            months,
            RETENTION,
        ),
        view(
            BY_RESOURCE,
            "Some services of the bill by resource.",
            Grain::Day,
            LookBack::Days(3),
            14,
        ),
    ]
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "instance",
            "Instances",
            "An EC2 instance: 1 while it runs or starts, else 0.",
        ),
        (
            "instance-cpu",
            "Percent",
            "Average CPU of an instance in the last whole hour.",
        ),
        ("volume", "GB", "Size of an EBS volume."),
        (
            "volume-attached",
            "Volumes",
            "An EBS volume: 1 while an instance has it, else 0.",
        ),
        ("cluster", "Clusters", "An EKS cluster."),
        (
            "nodes",
            "Nodes",
            "Nodes that a managed group of a cluster shall have.",
        ),
        ("function-memory", "MB", "Memory of a Lambda function."),
        (
            "function-invocations",
            "Invocations",
            "Invocations of a function in the last whole hour.",
        ),
        (
            "function-duration",
            "Milliseconds",
            "How long a function ran in the last whole hour.",
        ),
        (
            "database",
            "Databases",
            "An RDS instance: 0 while it is stopped, else 1.",
        ),
        ("database-storage", "GB", "Storage allocated to an RDS instance."),
        ("bucket", "Buckets", "An S3 bucket."),
        ("bucket-size", "GB", "What a bucket holds, by class of storage."),
        ("bucket-objects", "Objects", "How many objects a bucket holds."),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .to_vec()
}

fn hosts() -> Vec<HostWish> {
    let cost_explorer = HostWish {
        host: "ce.us-east-1.amazonaws.com".to_owned(),
        methods: vec!["POST".to_owned()],
        paths: vec!["/".to_owned()],
        headers: vec!["X-Amz-Target".to_owned()],
        credential: Some("aws-billing".to_owned()),
        text: "Asks Cost Explorer what was billed. Give the rule X-Amz-Target = [\"AWSInsightsIndexService.GetCostAndUsage\"] and price = \"0.01\".".to_owned(),
    };
    let bucket = HostWish {
        host: "{export-bucket}.s3.{export-region}.amazonaws.com".to_owned(),
        methods: vec!["GET".to_owned()],
        paths: vec!["/".to_owned()],
        headers: Vec::new(),
        credential: Some("aws-export".to_owned()),
        text: "Reads the FOCUS export. Without one leave this rule and its credential out.".to_owned(),
    };
    vec![cost_explorer, bucket]
}
