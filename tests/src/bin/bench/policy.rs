//! What the steps of egress cost, against the same HTTP client alone: small calls, and one large reply.
//! The server is in this process, so its CPU time is in both figures alike.

use crate::{
    figure::{CALLS_JUDGED, CALLS_UNJUDGED, REPLY_JUDGED, REPLY_UNJUDGED, Samples},
    stopwatch::Stopwatch,
};
use axum::{Router, body::Bytes, routing::get};
use finops_host::{
    clock::SystemClock,
    config::Config,
    egress::{Egress, Grant, Request, Unjudged, UserAgent},
};
use finops_tests::Error;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Calls whose mean is one sample.
const CALLS: u64 = 500;
const LARGE: usize = 64 << 20;
const ROW: &str = "{\"rows\": [1, 2, 3]}\n";
const TOKEN: &str = "a-token-that-is-looked-for-in-replies";

/// The server that is called.
pub(crate) struct Server {
    config: Config,
    /// Where the token lies.
    _directory: tempfile::TempDir,
}

impl Server {
    /// Starts it.
    pub(crate) async fn start() -> Result<Self, Error> {
        let rows = ROW.repeat(LARGE / ROW.len() + 1).into_bytes();
        let large = Bytes::from(rows).slice(..LARGE);
        let routes = Router::new()
            .route("/v1/small", get(|| async { "{\"ok\": true}" }))
            .route("/v1/large", get(move || async move { large.clone() }));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let directory = tempfile::tempdir()?;
        let secret = directory.path().join("token");
        std::fs::write(&secret, TOKEN)?;
        let text = format!(
            "[[allow]]\nhost = \"api.example.com\"\npaths = [\"/v1\"]\nconnect-to = \"{address}\"\n\
             insecure-http = true\ncredential = \"api\"\n\
             [credentials.api]\nscheme = \"bearer\"\ntoken = {{ file = \"token\" }}\n\
             [limits]\nwall = \"1h\"\nrequests = 1000000\n"
        );
        let config = Config::parse(&text, &directory.path().join("bench.toml"))?;
        Ok(Self {
            config,
            _directory: directory,
        })
    }

    /// One round.
    pub(crate) async fn measure(&self, samples: &mut Samples) -> Result<(), Error> {
        let egress = self.egress()?;
        let unjudged = Unjudged::over(&egress).ok_or("the file has no rule")?;
        let small = "http://api.example.com/v1/small";
        let large = "http://api.example.com/v1/large";
        // The first call makes the connection.
        judged(&egress, small).await?;

        let watch = Stopwatch::start()?;
        for _ in 0..CALLS {
            judged(&egress, small).await?;
        }
        samples.add(&CALLS_JUDGED, watch.spent()?.cpu / CALLS);
        let watch = Stopwatch::start()?;
        for _ in 0..CALLS {
            unjudged.get(small, TOKEN).await?;
        }
        samples.add(&CALLS_UNJUDGED, watch.spent()?.cpu / CALLS);

        let watch = Stopwatch::start()?;
        let whole = judged(&egress, large).await?;
        samples.add(&REPLY_JUDGED, watch.spent()?.cpu);
        let watch = Stopwatch::start()?;
        let same = unjudged.get(large, TOKEN).await?;
        samples.add(&REPLY_UNJUDGED, watch.spent()?.cpu);
        if whole != same || whole != u64::try_from(LARGE)? {
            return Err(format!("a reply of {LARGE} bytes came as {whole} and {same}").into());
        }
        Ok(())
    }

    fn egress(&self) -> Result<Egress, Error> {
        let grant = Grant {
            rules: self.config.rules.clone(),
            credentials: self.config.credentials.clone(),
        };
        let agent = UserAgent {
            collector: "bench".to_owned(),
            version: "0".to_owned(),
        };
        let clock = Arc::new(SystemClock::default());
        Ok(Egress::new(grant, &self.config.limits, &agent, clock, None)?)
    }
}

/// A call through all steps, its body read to the end. Gives its bytes.
async fn judged(egress: &Egress, url: &str) -> Result<u64, Error> {
    let request = Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        ..Request::default()
    };
    let mut reply = egress
        .send(request)
        .await
        .map_err(|refusal| refusal.to_string())?;
    let mut bytes = 0;
    while let Some(piece) = reply.body.chunk(0).await.map_err(|refusal| refusal.to_string())? {
        bytes += u64::try_from(piece.len())?;
    }
    Ok(bytes)
}
