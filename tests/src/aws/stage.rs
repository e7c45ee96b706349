//! A stage for end-to-end tests: the simulated organization, and the program with an operator's file that leads to it.

use super::{Options, Simulator, golden, hosts};
use crate::{
    Error, artifacts,
    program::{Place, Ran},
};
use std::path::PathBuf;

/// A simulator and a place for the program.
pub struct Stage {
    /// The provider.
    pub simulator: Simulator,
    /// Where the program runs.
    pub place: Place,
    config: PathBuf,
}

/// The settings that have the bill read from the FOCUS export.
pub const FROM_EXPORT: &str = "export-bucket = \"acme-billing\"\nexport-region = \"eu-west-1\"\n\
    export-prefix = \"focus\"\nexport-name = \"daily\"";

/// The operator's file of the tests; `settings` goes into its settings, `more` to its end.
#[must_use]
pub fn config(simulator: &Simulator, settings: &str, more: &str) -> String {
    let mut text = format!(
        "[collector]\nname = \"aws-test\"\n\n[settings]\naccount = \"123456789012\"\npace = 0\n{settings}\n"
    );
    let address = simulator.addr();
    let dialled = format!("connect-to = \"{address}\"\nca = \"secrets/ca.pem\"\n");
    let keys = "access-key-id = { file = \"secrets/key-id.txt\" }\nsecret-access-key = { file = \"secrets/secret-key.txt\" }\n";
    text.push_str(&format!(
        "\n[[allow]]\nhost = \"ce.us-east-1.amazonaws.com\"\nmethods = [\"POST\"]\nprice = \"0.01\"\ncredential = \"aws\"\n\
         headers = {{ X-Amz-Target = [\"AWSInsightsIndexService.GetCostAndUsage\", \
         \"AWSInsightsIndexService.GetCostAndUsageWithResources\"] }}\n{dialled}"
    ));
    text.push_str(&format!("\n[credentials.aws]\nscheme = \"aws-sigv4\"\n{keys}"));
    for host in hosts() {
        let Some((service, _)) = host
            .strip_suffix(".amazonaws.com")
            .and_then(|name| name.rsplit_once('.'))
        else {
            continue;
        };
        let service = service.rsplit('.').next().unwrap_or(service);
        if service == "ce" {
            continue;
        }
        let headers = match service {
            "monitoring" => {
                "headers = { X-Amz-Target = [\"GraniteServiceVersion20100801.GetMetricData\"] }\n"
            }
            "tagging" => {
                "headers = { X-Amz-Target = [\"ResourceGroupsTaggingAPI_20170126.GetResources\"] }\n"
            }
            _ => "",
        };
        let methods = if matches!(service, "ec2" | "rds" | "monitoring" | "tagging") {
            "POST"
        } else {
            "GET"
        };
        text.push_str(&format!(
            "\n[[allow]]\nhost = \"{host}\"\nmethods = [\"{methods}\"]\ncredential = \"aws\"\n{headers}{dialled}"
        ));
    }
    text.push_str(more);
    text
}

impl Stage {
    /// A stage with default options.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn new(settings: &str, more: &str) -> Result<Self, Error> {
        Self::with(Options::default(), settings, more).await
    }

    /// A stage with these options of the simulator.
    ///
    /// # Errors
    /// Where the simulator cannot start.
    pub async fn with(options: Options, settings: &str, more: &str) -> Result<Self, Error> {
        let simulator = Simulator::start(options).await?;
        let place = Place::new()?;
        simulator.write_files(&place.path().join("secrets"))?;
        let config = place.file("aws.toml", config(&simulator, settings, more))?;
        Ok(Self {
            simulator,
            place,
            config,
        })
    }

    /// Writes the operator's file anew.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn configure(&self, text: &str) -> Result<(), Error> {
        Ok(std::fs::write(&self.config, text)?)
    }

    /// Sets the clocks of provider and program.
    ///
    /// # Errors
    /// Where it is no time.
    pub fn set_now(&mut self, now: &str) -> Result<(), Error> {
        self.simulator.set_now(now.parse()?);
        self.place.set_now(now);
        Ok(())
    }

    /// Brings provider and clock to a state of the golden records.
    ///
    /// # Errors
    /// Where the patch was applied before.
    pub fn go_to(&mut self, state: golden::State) -> Result<(), Error> {
        if let Some(patch) = state.patch() {
            self.simulator.apply(patch)?;
        }
        self.set_now(&state.now()?.to_string())
    }

    /// A run, as a person starts it.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect(&self) -> Result<Ran, Error> {
        self.collect_with(&[])
    }

    /// A run with these further arguments.
    ///
    /// # Errors
    /// Where the program cannot be started.
    pub fn collect_with(&self, more: &[&str]) -> Result<Ran, Error> {
        let wasm = artifacts::collector("aws")?;
        let mut command = self.place.command()?;
        command
            .arg("run")
            .arg(wasm)
            .arg("--config")
            .arg(&self.config)
            .arg("--json")
            .args(more);
        tokio::task::block_in_place(|| Ok(Ran::of(&command.output()?)))
    }
}
