//! What the old SaaS agent knows, and the operator's file that takes each service's place.
//! What must hold: a file holds no secret, and grants only what its collector's README names.

use std::path::PathBuf;
use toml_edit::Value;

/// A key of a service in the old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Its name there.
    pub(super) name: &'static str,
    /// What becomes of it.
    pub(super) becomes: Becomes,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Becomes {
    /// A secret: read from this variable, or from a file.
    Secret(&'static str),
    /// A name that stands in the new file.
    Name,
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// A service of the old agent.
pub(super) struct Service {
    /// Its key in the old file.
    pub(super) key: &'static str,
    /// Its collector, which names the new file and the instance.
    pub(super) collector: &'static str,
    /// For people.
    pub(super) title: &'static str,
    /// Its keys there, besides `enabled`.
    pub(super) keys: &'static [Key],
    /// What the old file does not tell: variables to set, and what they hold.
    pub(super) wanted: &'static [(&'static str, &'static str)],
    /// What is different now.
    pub(super) different: &'static str,
    /// The new file, below its head.
    body: fn(&Answers<'_>) -> String,
}

/// What a new file is made of.
pub(super) struct Answers<'a> {
    /// A name that the old file gives.
    pub(super) name: &'a dyn Fn(&str) -> String,
    /// Where the secret of a key is read.
    pub(super) secret: &'a dyn Fn(&str) -> SecretPlace,
}

/// Where a secret is read.
pub(super) enum SecretPlace {
    /// From this variable.
    Variable(&'static str),
    /// From this file.
    File(PathBuf),
}

impl SecretPlace {
    fn toml(&self) -> String {
        match self {
            Self::Variable(name) => format!("{{ env = {} }}", text(name)),
            Self::File(path) => format!("{{ file = {} }}", text(&path.display().to_string())),
        }
    }
}

/// A text as TOML has it.
fn text(text: &str) -> String {
    Value::from(text).to_string()
}

impl Service {
    /// The operator's file.
    pub(super) fn file(&self, answers: &Answers<'_>) -> String {
        let Self { title, collector, .. } = self;
        let body = (self.body)(answers);
        format!(
            "# {title}, in the place of the old SaaS agent. Review every line: this file is all that the collector may do.\n\
             # Rights of the credential: collectors/{collector}/README.md.\n\
             \n\
             [collector]\n\
             name = \"{collector}\"\n\
             interval = \"1h\"                        # the old agent's default\n\
             \n\
             {body}\n\
             # Without this table the ledger on this machine is the destination. Where the old agent's figures already stand at\n\
             # the server, `start = \"now\"` keeps the past from being counted there a second time: docs/migrate.md.\n\
             # [openfinops]\n\
             # endpoint = \"http://localhost:8080\"\n\
             # start = \"now\"\n"
        )
    }
}

/// All that the old agent knows.
pub(super) static SERVICES: [Service; 4] = [
    Service {
        key: "mongodb_atlas",
        collector: "mongodb-atlas",
        title: "MongoDB Atlas",
        keys: &[
            Key {
                name: "public_key",
                becomes: Becomes::Secret("MONGODB_ATLAS_PUBLIC_KEY"),
            },
            Key {
                name: "private_key",
                becomes: Becomes::Secret("MONGODB_ATLAS_PRIVATE_KEY"),
            },
            Key {
                name: "project_id",
                becomes: Becomes::Nothing(
                    "invoices are of the organization; each line names its project, as SubAccountId",
                ),
            },
        ],
        wanted: &[(
            "MONGODB_ATLAS_ORGANIZATION",
            "the organization's id: 24 hexadecimal digits (Organization Settings)",
        )],
        different: "the key pair must be the organization's, with Organization Billing Viewer; money is what the invoices say, \
                    no longer hours times a price list",
        body: |answers| {
            let (public, private) = ((answers.secret)("public_key"), (answers.secret)("private_key"));
            format!(
                "[settings]\n\
                 organization = {{ env = \"MONGODB_ATLAS_ORGANIZATION\" }}\n\
                 \n\
                 [[allow]]\n\
                 host = \"cloud.mongodb.com\"\n\
                 methods = [\"GET\"]\n\
                 # Narrow the first path to /api/atlas/v2/orgs/ORGANIZATION/invoices.\n\
                 paths = [\"/api/atlas/v2/orgs\", \"/api/atlas/v2/groups\"]\n\
                 credential = \"atlas\"\n\
                 \n\
                 [credentials.atlas]\n\
                 scheme = \"digest\"\n\
                 username = {}\n\
                 password = {}\n",
                public.toml(),
                private.toml()
            )
        },
    },
    Service {
        key: "redis_cloud",
        collector: "redis-cloud",
        title: "Redis Cloud",
        keys: &[
            Key {
                name: "api_key",
                becomes: Becomes::Secret("REDIS_CLOUD_API_KEY"),
            },
            Key {
                name: "secret_key",
                becomes: Becomes::Secret("REDIS_CLOUD_SECRET_KEY"),
            },
            Key {
                name: "account_id",
                becomes: Becomes::Name,
            },
        ],
        wanted: &[],
        different: "money is what the cost report says, by day; cost reports must be enabled for the account",
        body: |answers| {
            let (key, secret) = ((answers.secret)("api_key"), (answers.secret)("secret_key"));
            format!(
                "[settings]\n\
                 account = {}\n\
                 \n\
                 [[allow]]\n\
                 host = \"api.redislabs.com\"\n\
                 methods = [\"GET\", \"POST\"]\n\
                 paths = [\"/v1/cost-report\"]            # nothing can be changed there\n\
                 credential = \"redis\"\n\
                 \n\
                 [[allow]]\n\
                 host = \"api.redislabs.com\"\n\
                 methods = [\"GET\"]\n\
                 paths = [\"/v1/tasks\", \"/v1/subscriptions\", \"/v1/fixed/subscriptions\"]\n\
                 credential = \"redis\"\n\
                 \n\
                 [credentials.redis]\n\
                 scheme = \"headers\"\n\
                 \n\
                 [credentials.redis.headers]\n\
                 x-api-key = {}\n\
                 x-api-secret-key = {}\n",
                text(&(answers.name)("account_id")),
                key.toml(),
                secret.toml()
            )
        },
    },
    Service {
        key: "github_actions",
        collector: "github-actions",
        title: "GitHub",
        keys: &[
            Key {
                name: "token",
                becomes: Becomes::Secret("GITHUB_TOKEN"),
            },
            Key {
                name: "org_name",
                becomes: Becomes::Name,
            },
        ],
        wanted: &[],
        different: "the billing call of the old agent is retired; the usage report tells all products by day, and the token needs \
                    Administration: read of the organization",
        body: |answers| {
            let org = (answers.name)("org_name");
            format!(
                "[settings]\n\
                 account = {}\n\
                 \n\
                 [[allow]]\n\
                 host = \"api.github.com\"\n\
                 methods = [\"GET\"]\n\
                 paths = [{}]\n\
                 headers = {{ x-github-api-version = [\"2022-11-28\"] }}\n\
                 credential = \"github\"\n\
                 \n\
                 [credentials.github]\n\
                 scheme = \"bearer\"\n\
                 token = {}\n",
                text(&org),
                text(&format!("/organizations/{org}/settings/billing/usage")),
                (answers.secret)("token").toml()
            )
        },
    },
    Service {
        key: "datadog",
        collector: "datadog",
        title: "Datadog",
        keys: &[
            Key {
                name: "api_key",
                becomes: Becomes::Secret("DD_API_KEY"),
            },
            Key {
                name: "app_key",
                becomes: Becomes::Secret("DD_APP_KEY"),
            },
        ],
        wanted: &[(
            "DATADOG_ACCOUNT",
            "the account's public id; with a wrong one the first run's error names the right one, and nothing is booked",
        )],
        different: "money is what Datadog estimates and bills, no longer hosts times a price; the application key must be scoped to \
                    usage_read and billing_read on the parent organization",
        body: |answers| {
            let (key, app) = ((answers.secret)("api_key"), (answers.secret)("app_key"));
            format!(
                "[settings]\n\
                 account = {{ env = \"DATADOG_ACCOUNT\" }}\n\
                 site = \"datadoghq.com\"                 # the only one that the old agent knew\n\
                 usage = [\"infra_hosts\"]\n\
                 \n\
                 [[allow]]\n\
                 host = \"api.datadoghq.com\"\n\
                 methods = [\"GET\"]\n\
                 paths = [\n    \
                     \"/api/v2/usage/estimated_cost\",\n    \
                     \"/api/v2/usage/historical_cost\",\n    \
                     \"/api/v2/usage/hourly_usage\",\n\
                 ]\n\
                 credential = \"datadog\"\n\
                 \n\
                 [credentials.datadog]\n\
                 scheme = \"headers\"\n\
                 \n\
                 [credentials.datadog.headers]\n\
                 DD-API-KEY = {}\n\
                 DD-APPLICATION-KEY = {}\n",
                key.toml(),
                app.toml()
            )
        },
    },
];
