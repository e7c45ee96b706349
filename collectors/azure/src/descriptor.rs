//! What the collector says of itself: settings, streams, observations, and the hosts that it would like to call.

use finops_collector::{
    descriptor::{
        Anchor, Basis, CredentialWish, Descriptor, Grain, HostWish, LookBack, ObservationKind, Role, Setting,
        SettingKind, Stream, Supersede,
    },
    estimate,
};

/// The bill from Cost Management.
pub(crate) const SPEND: &str = "spend";
/// The bill from a FOCUS export.
pub(crate) const EXPORT: &str = "spend-export";
/// What runs, at public prices, until the bill shows the day.
pub(crate) const ESTIMATED: &str = "spend-estimated";
/// It by resource.
pub(crate) const BY_RESOURCE: &str = "by-resource";
/// It by resource group.
pub(crate) const BY_RESOURCE_GROUP: &str = "by-resource-group";
/// It by one tag.
pub(crate) const BY_TAG: &str = "by-tag";

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Azure answers for 37 months at most.
const RETENTION: u32 = 1_120;

/// The descriptor.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        name: "azure".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        provider: "azure".to_owned(),
        text: "The bill of an Azure subscription, resource group, management group or billing account by day, charge type, \
               service and meter from Cost Management, or line by line from a FOCUS export in blob storage; the same money by \
               resource, resource group or tag; what is running."
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
            "azure-workload-identity",
            "azure-managed-identity",
            "azure-client-certificate",
            "azure-client-secret",
        ]
        .map(str::to_owned)
        .to_vec(),
        text: text.to_owned(),
    };
    vec![
        wish(
            "azure",
            "Cost Management Reader at the scope; Reader for the inventory. Token scope https://management.azure.com/.default.",
        ),
        wish(
            "azure-storage",
            "Storage Blob Data Reader on the export's container. Token scope https://storage.azure.com/.default.",
        ),
    ]
}

fn settings() -> Vec<Setting> {
    use SettingKind::{Boolean, Integer, Text};
    vec![
        Setting::required(
            "scope",
            Text,
            "What is billed: subscriptions/ID, subscriptions/ID/resourceGroups/NAME, \
             providers/Microsoft.Management/managementGroups/ID, or providers/Microsoft.Billing/billingAccounts/ID and below.",
        ),
        Setting::optional(
            "detail",
            Text,
            "Use by service and meter, or by service alone (fewer calls; for many subscriptions).",
        )
        .default_value("meter")
        .one_of(&["meter", "service"]),
        Setting::optional(
            "groupings",
            Integer,
            "Most groupings of one question. Microsoft documents 2; where 4 work, a scope of many subscriptions is read at once.",
        )
        .default_value(2),
        Setting::optional("cost-column", Text, "What costs are called under the agreement; absent: found out.")
            .one_of(&["Cost", "PreTaxCost"]),
        Setting::optional("pace", Integer, "Seconds between two questions; Azure takes 4 a minute for a scope.")
            .default_value(15),
        Setting::optional("api-version", Text, "Version of the query API.").default_value("2025-03-01"),
        Setting::optional("management-host", Text, "Azure's management API; another one in sovereign clouds.")
            .default_value("management.azure.com"),
        Setting::optional("resources", Boolean, "Also the view by resource (subscriptions and resource groups).")
            .default_value(false),
        Setting::optional("resource-groups", Boolean, "Also the view by resource group.").default_value(false),
        Setting::optional("tag", Text, "Also the view by the values of this tag."),
        Setting::optional("inventory", Boolean, "Also what is running, from Resource Graph.").default_value(false),
        Setting::optional(
            "estimates",
            Boolean,
            "Also estimates of running virtual machines at public prices, for days of which the bill shows nothing yet.",
        )
        .default_value(false),
        Setting::optional(
            "estimate-currency",
            Text,
            "Currency of those prices: the bill's. Azure's own currency is USD, others are indicative.",
        )
        .default_value("USD"),
        Setting::optional(
            "inventory-subscriptions",
            Text,
            "Subscriptions whose inventory is observed; absent: the scope's own, or all that the identity sees.",
        )
        .list(),
        Setting::optional(
            "export-account",
            Text,
            "Storage account of a FOCUS export (CSV, partitioned). With it the bill comes from there and is not queried.",
        ),
        Setting::optional("export-container", Text, "The export's container."),
        Setting::optional("export-path", Text, "The export's directory in the container.").default_value(""),
        Setting::optional("export-name", Text, "The export's name."),
    ]
}

fn streams() -> Vec<Stream> {
    let look_back = LookBack::Months {
        previous: 1,
        until_day: Some(8),
    };
    let view = |name: &str, text: &str| Stream {
        latency: DAY,
        cadence: Some(6 * HOUR),
        look_back,
        retention: Some(RETENTION),
        role: Role::ViewOf(SPEND.to_owned()),
        ..Stream::new(name, text, Grain::Day, Basis::Billed)
    };
    vec![
        Stream {
            latency: DAY,
            cadence: Some(6 * HOUR),
            look_back,
            retention: Some(RETENTION),
            supersedes: Some(Supersede {
                stream: ESTIMATED.to_owned(),
                by: None,
            }),
            ..Stream::new(
                SPEND,
                "The bill by day, subscription, charge type, service and meter.",
                Grain::Day,
                Basis::Billed,
            )
        },
        Stream {
            anchor: Anchor::BillingPeriod,
            latency: DAY,
            look_back,
            supersedes: Some(Supersede {
                stream: SPEND.to_owned(),
                by: None,
            }),
            ..Stream::new(
                EXPORT,
                "The bill line by line, from a FOCUS export in blob storage.",
                Grain::Month,
                Basis::Billed,
            )
        },
        estimate::stream(
            ESTIMATED,
            "Running virtual machines at public prices, for days of which the bill shows nothing yet.",
        ),
        view(BY_RESOURCE, "The bill by resource and service."),
        view(BY_RESOURCE_GROUP, "The bill by resource group and service."),
        view(BY_TAG, "The bill by the values of one tag and by service."),
    ]
}

fn observations() -> Vec<ObservationKind> {
    [
        (
            "instance",
            "Instances",
            "A virtual machine: 1 while it runs or starts, else 0.",
        ),
        (
            "cluster",
            "Clusters",
            "An AKS cluster: 0 while it is stopped, else 1.",
        ),
        ("nodes", "Nodes", "Nodes of an AKS cluster's pool."),
        ("site", "Sites", "A web or function app: 1 while it runs, else 0."),
        ("storage-account", "Accounts", "A storage account."),
        (
            "database",
            "Databases",
            "A SQL database: 0 while it is paused, else 1.",
        ),
    ]
    .map(|(name, unit, text)| ObservationKind::new(name, unit, text))
    .to_vec()
}

fn hosts() -> Vec<HostWish> {
    let management = HostWish {
        host: "{management-host}".to_owned(),
        methods: vec!["POST".to_owned()],
        paths: vec!["/subscriptions".to_owned(), "/providers".to_owned()],
        headers: Vec::new(),
        credential: Some("azure".to_owned()),
        text: "Asks what was billed and what is running.".to_owned(),
    };
    let blobs = HostWish {
        host: "{export-account}.blob.core.windows.net".to_owned(),
        methods: vec!["GET".to_owned()],
        paths: vec!["/".to_owned()],
        headers: vec!["x-ms-version".to_owned()],
        credential: Some("azure-storage".to_owned()),
        text: "Reads the FOCUS export, where one is configured.".to_owned(),
    };
    let prices = HostWish {
        host: "prices.azure.com".to_owned(),
        methods: vec!["GET".to_owned()],
        paths: vec!["/api/retail/prices".to_owned()],
        headers: Vec::new(),
        credential: None,
        text: "Asks for public prices, where estimates are switched on.".to_owned(),
    };
    vec![management, blobs, prices]
}
