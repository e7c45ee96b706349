//! When a call is made again.

use super::{
    super::RefusalKind,
    server::{Server, answer},
    *,
};

const URL: &str = "http://api.example.com/v1/cost";

async fn statuses(answers: &[(u16, &[&str])], request: Request) -> (u16, usize, Vec<Duration>) {
    let answers = answers
        .iter()
        .map(|(status, headers)| answer(*status, headers, b"x"))
        .collect();
    let server = Server::start(answers).await;
    let setup = Setup::new(vec![plain(server.address)]);
    let reply = setup.egress().send(request).await.unwrap();
    let slept = setup.clock.slept.lock().unwrap().clone();
    (reply.status, server.seen().len(), slept)
}

#[tokio::test]
async fn a_get_is_made_again_after_a_failure_of_the_server() {
    let (status, calls, slept) = statuses(&[(503, &[]), (502, &[]), (200, &[])], get(URL)).await;
    assert_eq!((status, calls, slept.len()), (200, 3, 2));
}

#[tokio::test]
async fn the_last_answer_stands_when_all_fail() {
    let (status, calls, _) = statuses(&[(503, &[])], get(URL)).await;
    assert_eq!((status, calls), (503, 4));
}

#[tokio::test]
async fn a_post_is_made_again_after_503_only_if_it_is_repeatable() {
    let answers: [(u16, &[&str]); 2] = [(503, &[]), (200, &[])];
    let (status, calls, _) = statuses(&answers, post(URL, "x")).await;
    assert_eq!((status, calls), (503, 1));
    let request = Request {
        repeatable: true,
        ..post(URL, "x")
    };
    let (status, calls, _) = statuses(&answers, request).await;
    assert_eq!((status, calls), (200, 2));
}

#[tokio::test]
async fn retry_after_is_waited_for_on_the_clock() {
    let wait: [(u16, &[&str]); 3] = [
        (429, &["retry-after: 17"]),
        (429, &["retry-after: Sat, 01 Aug 2026 00:01:00 GMT"]),
        (200, &[]),
    ];
    let (status, calls, slept) = statuses(&wait, post(URL, "x")).await;
    assert_eq!((status, calls), (200, 3));
    assert_eq!(slept, [Duration::from_secs(17), Duration::from_secs(43)]);
}

#[tokio::test]
async fn a_providers_own_counter_is_waited_for_where_it_sends_no_retry_after() {
    let qpu = "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after: 31";
    let tenant = "x-ms-ratelimit-microsoft.costmanagement-tenant-retry-after: 5";
    let (status, calls, slept) = statuses(&[(429, &[qpu, tenant]), (200, &[])], post(URL, "x")).await;
    assert_eq!((status, calls), (200, 2));
    assert_eq!(slept, [Duration::from_secs(31)]);
}

#[tokio::test]
async fn a_wait_longer_than_allowed_gives_the_answer_back() {
    let (status, calls, slept) = statuses(&[(429, &["retry-after: 121"])], get(URL)).await;
    assert_eq!((status, calls, slept.len()), (429, 1, 0));
}

#[tokio::test]
async fn attempts_count_as_requests_of_the_run() {
    let server = Server::start(vec![answer(503, &[], b"")]).await;
    let mut setup = Setup::new(vec![plain(server.address)]);
    setup.limits.requests = 2;
    let egress = setup.egress();
    assert_eq!(
        egress.send(get(URL)).await.unwrap_err().kind,
        RefusalKind::Throttled
    );
    assert_eq!((egress.report().requests, egress.report().attempts), (1, 2));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_whatever_the_method() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let setup = Setup::new(vec![plain(address)]);
    let egress = setup.egress();
    let refusal = egress.send(post(URL, "x")).await.unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Unreachable);
    assert_eq!(
        refusal.message,
        "the host cannot be reached or does not answer in time"
    );
    assert_eq!(egress.report().attempts, 4);
}

#[tokio::test]
async fn nothing_goes_out_after_the_runs_time() {
    let server = Server::start(vec![answer(200, &[], b"")]).await;
    let setup = Setup::new(vec![plain(server.address)]);
    let egress = setup.egress();
    setup.clock.forward(setup.limits.wall);
    assert_eq!(
        egress.send(get(URL)).await.unwrap_err().kind,
        RefusalKind::Throttled
    );
    assert_eq!(server.seen().len(), 0);
}
