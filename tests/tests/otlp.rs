//! What the program tells by OTLP, over real sockets: spans of runs, requests and deliveries, and metrics; what it never tells; and
//! receivers that misbehave. It is the program of a build of its own (`--features telling-host`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    artifacts, books,
    crash::Errand,
    hostile,
    openai::{
        self, ADMIN_KEY, OpenAi, Options,
        stage::{State, stage},
    },
    openfinops::{Outcome, Recorder, Route, Storage},
    otlp::{Manner, Receiver, attribute, metrics, whole_numbers},
    program::{Place, Ran},
    proof::{assert_done, assert_laws},
    provider::{Act, Fault, Stage},
    served::Served,
    tls::{Authority, Front},
};
use opentelemetry_proto::tonic::{metrics::v1::metric::Data, trace::v1::Span};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

/// The next calls tell this receiver what they do.
fn tells(place: &mut Place, endpoint: &str) {
    place.set_program(Path::new(env!("CARGO_BIN_EXE_telling-host")));
    place.set_variable(ENDPOINT, endpoint);
    place.set_variable(HEADERS, "authorization=Bearer%20canary-of-headers");
}

/// A simulated OpenAI, and where its bill is sent.
async fn bill(recorder: &Recorder) -> Stage<OpenAi> {
    let more = format!("[openfinops]\nendpoint = \"{}\"\n", recorder.url());
    stage(Options::default(), "", &more).await.unwrap()
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn of(span: &Span, name: &str) -> String {
    attribute(&span.attributes, name)
}

/// OTLP's number of an error.
const ERROR: i32 = 2;

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == ERROR)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_each_of_its_requests_and_each_delivery_has_a_span_and_none_holds_a_secret() {
    let (receiver, recorder) = (Receiver::start(Manner::Well).unwrap(), Recorder::start().unwrap());
    let mut stage = bill(&recorder).await;
    let throttled = Act::Answer(openai::throttled(Some(0)));
    stage
        .simulator
        .faults()
        .add(Fault::new(throttled).at("costs").times(1));
    tells(&mut stage.place, &receiver.url());
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    let spans = receiver.spans().unwrap();

    let [run] = named(&spans, "run")[..] else {
        panic!("{spans:#?}")
    };
    let told = ran.json().unwrap()["runs"][0].clone();
    assert!(run.parent_span_id.is_empty() && !is_error(run), "{run:?}");
    assert_eq!(of(run, "finops.instance"), "openai-test");
    assert_eq!(of(run, "finops.collector.name"), "openai");
    assert_eq!(of(run, "finops.outcome"), "done");
    for (name, pointer) in [
        ("finops.records", "/counts/records"),
        ("finops.commits", "/counts/receipts/commits"),
        ("finops.requests", "/egress/attempts"),
        ("finops.memory_bytes", "/usage/memory"),
        ("finops.cpu_ms", "/usage/cpu_ms"),
    ] {
        assert_eq!(
            of(run, name),
            told.pointer(pointer).unwrap().to_string(),
            "{name}"
        );
    }

    let asked = stage.simulator.asked();
    let requests = named(&spans, "request");
    assert_eq!(requests.len(), asked.len());
    let mut paths = BTreeMap::<String, usize>::new();
    for request in &requests {
        assert_eq!(request.trace_id, run.trace_id);
        assert_eq!(request.parent_span_id, run.span_id);
        assert_eq!(of(request, "http.request.method"), "GET");
        assert_eq!(of(request, "server.address"), "api.openai.com");
        assert_eq!(of(request, "server.port"), "443");
        assert_eq!(of(request, "finops.by"), "collector");
        *paths.entry(of(request, "url.template")).or_default() += 1;
    }
    // What the file allows, as often as the simulator was asked for something below it.
    let mut allowed = BTreeMap::<String, usize>::new();
    for (_, asked) in &asked {
        let path: Vec<&str> = asked.path.split('/').take(4).collect();
        *allowed.entry(path.join("/")).or_default() += 1;
    }
    assert_eq!(paths, allowed);
    let failed: Vec<_> = requests.iter().filter(|request| is_error(request)).collect();
    let [throttled] = failed[..] else {
        panic!("{failed:?}")
    };
    assert_eq!(of(throttled, "http.response.status_code"), "429");
    assert_eq!(of(throttled, "error.type"), "429");

    let deliveries = named(&spans, "deliver");
    let batches: BTreeSet<String> = deliveries.iter().map(|span| of(span, "finops.batch")).collect();
    let sent = recorder.received(Route::Ingest);
    let stored: BTreeSet<String> = recorder
        .stored()
        .iter()
        .map(|row| row["metrics"]["batch_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((deliveries.len(), &batches), (sent.len(), &stored));
    assert!(!batches.is_empty());
    let entries: u64 = deliveries
        .iter()
        .map(|span| of(span, "finops.entries").parse::<u64>().unwrap())
        .sum();
    assert_eq!(books::entries(&stage.place.state()).unwrap()["settled"], entries);
    for delivery in &deliveries {
        assert!(delivery.parent_span_id.is_empty() && delivery.trace_id != run.trace_id);
        assert_eq!(of(delivery, "finops.outcome"), "settled");
        assert_eq!(of(delivery, "server.address"), "127.0.0.1");
    }
    assert_eq!(spans.len(), 1 + requests.len() + deliveries.len());

    // Secrets, and each query and each of its values: in no byte.
    let mut never: BTreeSet<String> = [ADMIN_KEY, "org-AbC123", "canary", "Bearer"]
        .map(str::to_owned)
        .into();
    for (_, asked) in &asked {
        never.insert(asked.query.clone());
        let values = asked.query.split('&').filter_map(|pair| pair.split_once('='));
        never.extend(
            values
                .map(|(_, value)| value.to_owned())
                .filter(|value| value.len() > 3),
        );
    }
    never.remove("");
    assert!(never.len() > 5, "{never:?}");
    for message in receiver.arrived() {
        let text = String::from_utf8_lossy(&message.body);
        for secret in &never {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let head = message.head.to_ascii_lowercase();
        assert!(head.contains("authorization: bearer canary-of-headers"), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    }
    for said in [&ran.stdout, &ran.stderr] {
        assert!(!said.contains("canary"), "{said}");
        assert!(!said.contains("finops_host::trace"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_misbehaves_changes_no_book_and_no_exit_code() {
    for manner in [Manner::Resets, Manner::Silent, Manner::Fails, Manner::Endless] {
        let (receiver, recorder) = (Receiver::start(manner).unwrap(), Recorder::start().unwrap());
        let mut stage = bill(&recorder).await;
        tells(&mut stage.place, &receiver.url());
        let ran = stage.collect(&[]).unwrap();
        assert_done(&ran);
        // Spans of this run went there.
        let arrived = receiver.arrived();
        assert!(!arrived.is_empty(), "{manner:?}");
        assert!(!receiver.spans().unwrap().is_empty(), "{manner:?}");
        let golden = State::Initial.golden().unwrap();
        golden.held_by(&stage.place.state(), "spend").unwrap();
        assert_laws(&stage.place);
        let complaints = ran.stderr.matches("cannot be sent by OTLP").count();
        let expected = usize::from(matches!(manner, Manner::Resets | Manner::Fails));
        assert_eq!(complaints, expected, "{manner:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_listens_changes_nothing_either() {
    let recorder = Recorder::start().unwrap();
    let mut stage = bill(&recorder).await;
    // The discard port of this machine, where nothing is.
    tells(&mut stage.place, "http://127.0.0.1:9");
    let ran = stage.collect(&[]).unwrap();
    assert_done(&ran);
    assert_eq!(
        ran.stderr.matches("cannot be sent by OTLP").count(),
        1,
        "{}",
        ran.stderr
    );
    let golden = State::Initial.golden().unwrap();
    golden.held_by(&stage.place.state(), "spend").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_behind_https_is_trusted_by_the_certificates_that_the_environment_names() {
    let (own, stranger) = (
        Authority::generate("localhost").unwrap(),
        Authority::generate("localhost").unwrap(),
    );
    let receiver = Receiver::start(Manner::Well).unwrap();
    let front = Front::start(&own, receiver.address()).await.unwrap();
    let mut errand = Errand::new().unwrap();
    tells(
        &mut errand.place,
        &format!("https://localhost:{}", front.addr().port()),
    );
    for (authority, amount, told) in [(&stranger, "1.00", false), (&own, "2.00", true)] {
        let path = errand.place.file("authority.pem", &authority.ca_pem).unwrap();
        errand.place.set_variable(CERTIFICATE, path.to_str().unwrap());
        let ran = tokio::task::block_in_place(|| errand.run(amount)).unwrap();
        assert_done(&ran);
        assert_eq!(receiver.spans().unwrap().is_empty(), !told);
        assert_eq!(ran.stderr.contains("cannot be sent by OTLP"), !told, "{ran:?}");
        assert_eq!(ran.stderr.contains("certificate"), !told, "{ran:?}");
    }
}

#[test]
fn an_answer_that_is_lost_shows_as_an_error_and_the_look_up_after_it_as_what_it_found() {
    let receiver = Receiver::start(Manner::Well).unwrap();
    let mut errand = Errand::new().unwrap();
    tells(&mut errand.place, &receiver.url());
    errand
        .recorder
        .script(Route::Ingest, [Outcome::error(500, Storage::Kept)]);
    assert_done(&errand.run("1.00").unwrap());
    let spans = receiver.spans().unwrap();
    let deliveries = named(&spans, "deliver");
    let told: Vec<_> = deliveries
        .iter()
        .map(|span| {
            let [step, outcome, status] =
                ["finops.step", "finops.outcome", "http.response.status_code"].map(|name| of(span, name));
            (step, outcome, status, is_error(span))
        })
        .collect();
    let expected = [
        ("send", "ambiguous", "500", true),
        ("look-up", "found", "200", false),
    ];
    assert_eq!(
        told,
        expected.map(|(step, outcome, status, error)| {
            (step.to_owned(), outcome.to_owned(), status.to_owned(), error)
        })
    );
    let batches: BTreeSet<String> = deliveries.iter().map(|span| of(span, "finops.batch")).collect();
    assert_eq!(batches.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_holds_up_nobody() {
    /// More than wait in the queue and in the message that is not taken.
    const PAGES: u64 = 3_000;
    let receiver = Receiver::start(Manner::Silent).unwrap();
    let provider = hostile::Recorder::plain(|asked| {
        let number: u64 = asked.target().rsplit('/').next().unwrap().parse().unwrap();
        let start = 1_785_628_800; // 2026-08-02
        let page = json!({"account": "errand", "start": start, "records": [], "more": number + 1 < PAGES});
        hostile::Answer::ok(page.to_string())
    })
    .await
    .unwrap();
    let mut errand = Errand::new().unwrap();
    tells(&mut errand.place, &receiver.url());
    // The first message waits for its answer until the program ends.
    errand.place.set_variable("OTEL_EXPORTER_OTLP_TIMEOUT", "3600000");
    let settings = format!(
        "act = \"bill\"\nurl = \"http://bill.example\"\ncount = 1\n\n[limits]\nrequests = {PAGES}\n\n\
         [[allow]]\nhost = \"bill.example\"\npaths = [\"/\"]\nconnect-to = \"{}\"\ninsecure-http = true",
        provider.address()
    );
    let mut command = errand.command("errand", &settings).unwrap();
    let ran = tokio::task::block_in_place(|| Ran::of(&command.output().unwrap()));
    assert_done(&ran);
    let told = ran.json().unwrap()["runs"][0].clone();
    assert_eq!(told.pointer("/egress/attempts"), Some(&PAGES.into()));
    assert_eq!(u64::try_from(provider.requests().len()).unwrap(), PAGES);
    let spans = receiver.spans().unwrap().len();
    assert!((1..=512).contains(&spans), "{spans}");
}

#[test]
fn an_endpoint_that_is_none_is_a_wrong_command_line_that_names_the_variable_alone() {
    let errand = Errand::new().unwrap();
    for (name, text) in [
        (ENDPOINT, "ftp://user:canary@localhost"),
        (HEADERS, "canary"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc-canary"),
        (CERTIFICATE, "/canary/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "canary"),
    ] {
        let mut command = errand.command("errand", "act = \"behave\"").unwrap();
        let mut told = std::process::Command::new(env!("CARGO_BIN_EXE_telling-host"));
        told.args(command.get_args()).env_clear();
        told.envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        told.env(ENDPOINT, "http://localhost:4318").env(name, text);
        let ran = Ran::of(&told.output().unwrap());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(
            ran.stderr.contains(name) && !ran.stderr.contains("canary"),
            "{ran:?}"
        );
        // Without anything of the kind it runs.
        assert_done(&Ran::of(&command.output().unwrap()));
    }
}

#[test]
fn a_build_without_it_says_so_once_and_runs() {
    let mut errand = Errand::new().unwrap();
    errand.place.set_variable(ENDPOINT, "http://127.0.0.1:9");
    let ran = errand.run("1.00").unwrap();
    assert_done(&ran);
    assert_eq!(
        ran.stderr.matches("this build has no OTLP").count(),
        1,
        "{}",
        ran.stderr
    );
}

/// `/metrics` of a running program: the samples that are whole numbers, and the families.
fn prometheus(address: SocketAddr) -> (BTreeMap<String, i64>, BTreeSet<String>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let mut families = BTreeSet::new();
    let mut numbers = BTreeMap::new();
    for line in reply.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            families.insert(family.split(' ').next().unwrap().to_owned());
        } else if line.starts_with("finops_")
            && let Some((name, value)) = line.rsplit_once(' ')
            && let Ok(value) = value.parse()
        {
            numbers.insert(name.to_owned(), value);
        }
    }
    (numbers, families)
}

/// What moves by itself, is money, or belongs to a histogram.
fn is_compared(name: &str) -> bool {
    ![
        "resident_memory",
        "file_bytes",
        "disk_free",
        "_usd",
        "_bucket",
        "_count",
        "_sum",
    ]
    .iter()
    .any(|part| name.contains(part))
}

#[test]
fn serve_sends_the_metrics_that_it_serves_but_for_money() {
    let receiver = Receiver::start(Manner::Well).unwrap();
    let mut errand = Errand::new().unwrap();
    tells(&mut errand.place, &receiver.url());
    errand.place.set_variable("OTEL_METRIC_EXPORT_INTERVAL", "200");
    errand.place.set_variable("OTEL_SERVICE_NAME", "costs-of-acme");
    let directory = errand.place.path().join("instances");
    std::fs::create_dir(&directory).unwrap();
    let text = format!(
        "[collector]\nname = \"acme\"\ncomponent = \"{}\"\ninterval = \"1h\"\n\n\
         [settings]\naccount = \"acme\"\nact = \"behave\"\namount = \"7.25\"\n\n[openfinops]\nendpoint = \"{}\"\n",
        artifacts::guest("hostile").unwrap().display(),
        errand.recorder.url()
    );
    std::fs::write(directory.join("acme.toml"), text).unwrap();
    let mut served = Served::start(&errand.place, &directory, &[]).unwrap();
    let address = served.address().unwrap();
    served.says("delivered").unwrap();

    // Both are readings of moments: at some pair of them nothing has moved between.
    let mut seen = 0;
    let (body, families) = loop {
        let (mut numbers, families) = prometheus(address);
        numbers.retain(|name, _| is_compared(name));
        let arrived = receiver.wait_for(seen + 1).unwrap();
        seen = arrived.len();
        let Some(last) = arrived.iter().rfind(|message| message.path == "/v1/metrics") else {
            continue;
        };
        let mut told = whole_numbers(&last.body).unwrap();
        told.retain(|name, _| is_compared(name));
        if told == numbers && told.get("finops_runs_total{instance=\"acme\",outcome=\"done\"}") == Some(&1) {
            assert!(told.len() > 20, "{told:?}");
            break (last.body.clone(), families);
        }
    };
    let told = metrics(&body).unwrap();
    let names: BTreeSet<String> = told.iter().map(|metric| metric.name.clone()).collect();
    let but_money: BTreeSet<String> = families
        .into_iter()
        .filter(|name| !name.contains("_usd"))
        .collect();
    assert_eq!(names, but_money);
    let durations = told
        .iter()
        .find(|metric| metric.name == "finops_run_duration_seconds")
        .unwrap();
    let Some(Data::Histogram(durations)) = &durations.data else {
        panic!("{durations:?}")
    };
    let counted = &durations.data_points[0];
    assert_eq!(counted.count, 1);
    assert_eq!(counted.bucket_counts.iter().sum::<u64>(), 1);
    assert_eq!(counted.bucket_counts.len(), counted.explicit_bounds.len() + 1);
    assert!(String::from_utf8_lossy(&body).contains("costs-of-acme"));

    let (code, lines) = served.stop().unwrap();
    assert_eq!(code, Some(0), "{lines:#?}");
    // The spans of the run and of what it delivered are there by the end.
    let spans = receiver.spans().unwrap();
    assert_eq!(named(&spans, "run").len(), 1);
    assert_eq!(named(&spans, "deliver").len(), 1);
}
