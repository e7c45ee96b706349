//! Which addresses are dialled: what a name resolves to, and literals that a rule names. In a network namespace where every
//! address leads to the same recording server.

mod hostile {
    use finops_host::{
        sandbox::{FailureKind, RunError},
        schedule::RunSummary,
    };
    use finops_tests::hostile::{
        Act, Answer, Names, Recorder, Stage, assert_done, assert_failed,
        elsewhere::{self, SEARCHED, Side},
    };
    use std::{future::Future, net::IpAddr};
    use tokio::net::{TcpListener, TcpStream};

    /// All private ranges, as wide as they can be granted.
    const PRIVATE: &str =
        r#"addresses = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]"#;

    /// Never dialled for a guest, even where all private ranges are granted.
    const FORBIDDEN: &[(&str, &str)] = &[
        ("metadata of AWS, Azure, GCP", "169.254.169.254"),
        ("metadata of ECS tasks", "169.254.170.2"),
        ("Azure's wire server", "168.63.129.16"),
        ("metadata of Alibaba", "100.100.100.200"),
        ("metadata of AWS over IPv6", "fd00:ec2::254"),
        ("metadata of AWS, a neighbour", "fd00:ec2::23"),
        ("metadata of GCP over IPv6", "fd20:ce::254"),
        ("metadata as IPv6-mapped", "::ffff:169.254.169.254"),
        ("metadata as IPv6-compatible", "::169.254.169.254"),
        ("metadata behind NAT64", "64:ff9b::a9fe:a9fe"),
        ("metadata behind 6to4", "2002:a9fe:a9fe::1"),
        ("metadata behind Teredo", "2001:0:808:808::5601:5601"),
        ("link-local", "169.254.1.1"),
        ("unspecified", "0.0.0.0"),
        ("unspecified IPv6", "::"),
        ("this network", "0.1.2.3"),
        ("loopback", "127.0.0.1"),
        ("loopback, another", "127.255.255.254"),
        ("loopback IPv6", "::1"),
        ("loopback as IPv6-mapped", "::ffff:127.0.0.1"),
        ("loopback behind NAT64", "64:ff9b::7f00:1"),
        ("protocol assignments", "192.0.0.192"),
        ("documentation", "203.0.113.5"),
        ("documentation IPv6", "2001:db8::1"),
        ("benchmarks", "198.18.0.1"),
        ("reserved", "240.0.0.1"),
        ("site-local", "fec0::1"),
        ("NAT64 of this network", "64:ff9b:1::7f00:1"),
    ];

    fn inside<F: Future<Output = ()>>(name: &str, test: impl FnOnce() -> F) {
        if elsewhere::enter(&format!("addresses::hostile::{name}")).unwrap() == Side::Inside {
            tokio::runtime::Runtime::new().unwrap().block_on(test());
        }
    }

    async fn server() -> Recorder {
        let listener = TcpListener::bind("[::]:80").await.unwrap();
        // Closed each time, so that each call dials.
        Recorder::on(listener, None, |_| {
            Answer::status(200, &[("connection", "close")], "fine")
        })
        .unwrap()
    }

    /// The addresses that were dialled.
    async fn dialled(server: &Recorder) -> Vec<IpAddr> {
        let connections = server.connections().await.unwrap();
        connections
            .iter()
            .map(|connection| connection.local.ip().to_canonical())
            .collect()
    }

    fn call(host: &str, more: &str) -> Act {
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        Act::new("call")
            .set("url", format!("http://{host}/"))
            .with(&format!(
                "[[allow]]\nhost = \"{host}\"\ninsecure-http = true\n{more}\n"
            ))
    }

    /// A name's look-up is no business of the guest: it hears the same as of a host that is down. The operator is told.
    #[track_caller]
    fn assert_unreachable(what: &str, summary: &RunSummary) {
        assert_failed(
            what,
            summary,
            FailureKind::Unreachable,
            "the host cannot be reached or does not answer in time",
        );
    }

    #[test]
    fn forbidden_addresses_are_not_dialled_whether_named_or_written_even_with_private_ranges_granted() {
        let test =
            "forbidden_addresses_are_not_dialled_whether_named_or_written_even_with_private_ranges_granted";
        inside(test, || async {
            let stage = Stage::new().unwrap();
            let server = server().await;
            let names = Names::serve().await.unwrap();
            for (what, address) in FORBIDDEN {
                let ip: IpAddr = address.parse().unwrap();
                // The attack would succeed: the server is there.
                TcpStream::connect((ip, 80))
                    .await
                    .unwrap_or_else(|error| panic!("{what}: {error}"));
                let before = dialled(&server).await.len();

                names.set("name.test", &[&[address]]).unwrap();
                let summary = stage.perform(&call("name.test", PRIVATE)).await.unwrap();
                assert_unreachable(what, &summary);
                assert_eq!(summary.egress.denied.len(), 1, "{what}: {summary:?}");
                assert!(
                    summary.egress.denied[0].why.contains("name.test"),
                    "{what}: {summary:?}"
                );

                // As a literal; a rule for a loopback literal is the operator's own wish.
                if !ip.to_canonical().is_loopback() {
                    let summary = stage.perform(&call(address, PRIVATE)).await.unwrap();
                    assert_failed(what, &summary, FailureKind::Denied, "not granted");
                }
                assert_eq!(dialled(&server).await.len(), before, "{what}: dialled");
            }
            assert_eq!(server.requests(), []);
            stage.assert_unharmed(&[&server]).await.unwrap();
        });
    }

    #[test]
    fn private_and_public_addresses_are_dialled_as_granted() {
        inside("private_and_public_addresses_are_dialled_as_granted", || async {
            let stage = Stage::new().unwrap();
            let server = server().await;
            let names = Names::serve().await.unwrap();
            let only = r#"addresses = ["10.20.0.0/16"]"#;
            let cases: [(&str, &str, &str, bool); 9] = [
                ("public", "93.184.216.34", "", true),
                ("public IPv6", "2606:4700::1111", "", true),
                ("private, granted", "10.20.1.2", only, true),
                ("private, not granted", "10.20.1.2", "", false),
                ("private, next to what is granted", "10.21.1.2", only, false),
                ("private, mapped, granted", "::ffff:10.20.1.2", only, true),
                ("private, mapped, not granted", "::ffff:10.21.1.2", only, false),
                ("carriers' NAT, not granted", "100.64.0.1", only, false),
                ("unique local, not granted", "fd12:3456::1", only, false),
            ];
            for (what, address, more, granted) in cases {
                names.set("name.test", &[&[address]]).unwrap();
                let before = dialled(&server).await.len();
                let summary = stage.perform(&call("name.test", more)).await.unwrap();
                let new = dialled(&server).await.split_off(before);
                if granted {
                    assert_done(what, &summary);
                    assert_eq!(new, [address.parse::<IpAddr>().unwrap().to_canonical()], "{what}");
                } else {
                    assert_unreachable(what, &summary);
                    assert_eq!(new, [] as [IpAddr; 0], "{what}");
                }
            }
            stage.assert_unharmed(&[&server]).await.unwrap();
        });
    }

    #[test]
    fn a_name_that_has_good_and_bad_addresses_leads_to_the_good_ones_alone() {
        inside(
            "a_name_that_has_good_and_bad_addresses_leads_to_the_good_ones_alone",
            || async {
                let stage = Stage::new().unwrap();
                let server = server().await;
                let names = Names::serve().await.unwrap();
                for bad in [
                    "127.0.0.1",
                    "169.254.169.254",
                    "10.0.0.1",
                    "::1",
                    "fd00:ec2::254",
                    "::ffff:7f00:1",
                ] {
                    let addresses: &[&str] = &[bad, "93.184.216.34"];
                    names.set("both.test", &[addresses]).unwrap();
                    let summary = stage.perform(&call("both.test", "")).await.unwrap();
                    assert_done(bad, &summary);
                }
                let good: IpAddr = "93.184.216.34".parse().unwrap();
                assert_eq!(dialled(&server).await, [good; 6]);
                stage.assert_unharmed(&[&server]).await.unwrap();
            },
        );
    }

    #[test]
    fn a_name_that_turns_from_public_to_private_is_followed_no_further() {
        inside(
            "a_name_that_turns_from_public_to_private_is_followed_no_further",
            || async {
                let stage = Stage::new().unwrap();
                let server = server().await;
                let names = Names::serve().await.unwrap();
                for then in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1"] {
                    names.set("turns.test", &[&["93.184.216.34"], &[then]]).unwrap();
                    let before = dialled(&server).await.len();
                    // The first call goes well; each dials anew.
                    let often = call("turns.test", "").set("act", "call-often").set("count", 3);
                    let summary = stage.perform(&often).await.unwrap();
                    assert_unreachable(then, &summary);
                    assert_eq!(names.asked("turns.test"), 2, "{then}");
                    let good: IpAddr = "93.184.216.34".parse().unwrap();
                    assert_eq!(dialled(&server).await.split_off(before), [good], "{then}");
                }
                stage.assert_unharmed(&[&server]).await.unwrap();
            },
        );
    }

    #[test]
    fn a_name_is_fully_qualified_so_that_no_search_domain_answers_for_it() {
        inside(
            "a_name_is_fully_qualified_so_that_no_search_domain_answers_for_it",
            || async {
                let stage = Stage::new().unwrap();
                let server = server().await;
                let below = format!("api.corp.{SEARCHED}");
                let names = Names::serve().await.unwrap();
                names.set(&below, &[&["93.184.216.34"]]).unwrap();
                let summary = stage.perform(&call("api.corp", "")).await.unwrap();
                assert_unreachable("searched", &summary);
                assert_eq!(names.asked(&below), 0);
                assert!(names.asked("api.corp") > 0);
                assert_eq!(dialled(&server).await, [] as [IpAddr; 0]);
                // The system's resolver would have searched.
                TcpStream::connect("api.corp:80").await.unwrap();
                assert_eq!(names.asked(&below), 1);
                stage.assert_unharmed(&[&server]).await.unwrap();
            },
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_grants_forbidden_addresses_is_refused_before_the_run() {
        let stage = Stage::new().unwrap();
        for range in [
            "0.0.0.0/0",
            "::/0",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "169.254.169.254/32",
            "168.63.129.16/32",
            "100.100.100.200/32",
            "fd00:ec2::254/128",
            "10.0.0.0/7",
            "::ffff:0:0/96",
            "224.0.0.0/4",
        ] {
            let refused = stage
                .perform(&call("name.test", &format!("addresses = [\"{range}\"]")))
                .await;
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("addresses"), "{range}: {error}");
        }
        for to in [
            "169.254.169.254:80",
            "168.63.129.16:80",
            "100.100.100.200:80",
            "[fd00:ec2::254]:80",
            "[::ffff:169.254.169.254]:80",
            "0.0.0.0:80",
            "[::]:80",
            "224.0.0.1:80",
        ] {
            let refused = stage
                .perform(&call("name.test", &format!("connect-to = \"{to}\"")))
                .await;
            let error = refused.unwrap_err();
            assert!(
                matches!(error.downcast_ref(), Some(RunError::Grant(_)))
                    || error.to_string().contains("connect-to"),
                "{to}: {error}"
            );
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }
}
