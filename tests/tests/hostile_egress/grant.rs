//! The operator's file that the attacks run under: one host behind a recording server, with the secret as its credential.

use finops_host::schedule::RunSummary;
use finops_tests::{
    hostile::{Act, Answer, Recorder, Stage, assert_done},
    tls::Authority,
};

/// The granted host.
pub(crate) const HOST: &str = "api.example.com";

/// A stage whose operator grants GET and POST on `https://api.example.com/api/v2/statements`.
pub(crate) struct Granted {
    pub(crate) stage: Stage,
    /// The granted host's server.
    pub(crate) server: Recorder,
}

impl Granted {
    /// With a server that answers `fine`.
    pub(crate) async fn new() -> Self {
        Self::answering(|_| Answer::ok("fine")).await
    }

    /// With a server that answers like this.
    pub(crate) async fn answering(
        answers: impl Fn(&finops_tests::hostile::Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let stage = Stage::new().unwrap();
        let authority = Authority::generate(HOST).unwrap();
        stage.place().file("ca.pem", &authority.ca_pem).unwrap();
        let server = Recorder::tls(&authority, answers).await.unwrap();
        Self { stage, server }
    }

    /// The operator's file without settings; `more` goes into the rule.
    pub(crate) fn file(&self, more: &str) -> String {
        format!(
            r#"[[allow]]
host = "{HOST}"
methods = ["GET", "POST"]
paths = ["/api/v2/statements"]
credential = "api"
connect-to = "{}"
ca = "ca.pem"
{more}

[credentials.api]
scheme = "bearer"
token = {{ file = "canary" }}
"#,
            self.server.address()
        )
    }

    /// A call to this URL under that file.
    pub(crate) fn call(&self, url: &str) -> Act {
        self.call_with(url, "")
    }

    /// The same, with more in the rule.
    pub(crate) fn call_with(&self, url: &str, more: &str) -> Act {
        Act::new("call").set("url", url).with(&self.file(more))
    }

    pub(crate) async fn perform(&self, act: &Act) -> RunSummary {
        self.stage.perform(act).await.unwrap()
    }

    /// Asserts that the granted form of the call works: once, with the credential, as it was written.
    pub(crate) async fn assert_granted(&self, what: &str, act: &Act) {
        let before = self.server.requests().len();
        assert_done(what, &self.perform(act).await);
        let requests = self.server.requests();
        assert_eq!(requests.len(), before + 1, "{what}");
        let request = requests.last().unwrap();
        let bearer = format!("Bearer {}", self.stage.canary().secret());
        assert_eq!(
            request.header("authorization"),
            Some(bearer.clone()),
            "{what}: {request:?}"
        );
        let rest = request.head.replace(&bearer, "");
        assert_eq!(
            self.stage.canary().found_in(rest),
            None,
            "{what}: the secret stands elsewhere, too"
        );
    }
}
