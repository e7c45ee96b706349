//! The page of `costs --html` in a real browser: it runs nothing, asks for nothing and fits, in both colour schemes, whatever
//! providers call their services. Ignored where tests run alone: `cargo xtask test-extra` runs it where Debian's package is
//! installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use finops_tests::{
    chromium::{Chromium, Scheme},
    program::Place,
    three_providers,
};
use std::{
    net::TcpListener,
    path::{Path, PathBuf},
};

fn page(place: &Place, name: &str, more: &[&str]) -> PathBuf {
    let ran = place.call(&[&["costs", "--html", name], more].concat()).unwrap();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    place.path().join(name)
}

/// Changes what stands in the ledger of a place.
fn doctor(place: &Place, sql: &str, parameter: &str) -> usize {
    let connection = rusqlite::Connection::open(place.state().join("ledger.db")).unwrap();
    connection.execute(sql, [parameter]).unwrap()
}

/// Where pictures are kept for a person to look at, if asked.
fn kept(name: &str, place: &Place) -> PathBuf {
    match std::env::var_os("FINOPS_TEST_PICTURES") {
        Some(directory) => Path::new(&directory).join(name),
        None => place.path().join(name),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's package chromium: cargo xtask test-extra"]
async fn the_page_fits_wide_and_narrow_in_both_colour_schemes() {
    let place = three_providers::place().await.unwrap();
    let services = page(&place, "services.html", &["--by", "provider,service"]);
    let compared = page(
        &place,
        "compared.html",
        &[
            "--by",
            "service,category",
            "--since",
            "30d",
            "--compare",
            "previous",
            "--top",
            "12",
            "--quantities",
        ],
    );
    let months = page(
        &place,
        "months.html",
        &["--by", "month,provider", "--measure", "billed"],
    );
    let browser = Chromium::new().unwrap();
    for (name, page) in [
        ("services", &services),
        ("compared", &compared),
        ("months", &months),
    ] {
        let mut backgrounds = Vec::new();
        for scheme in [Scheme::Light, Scheme::Dark] {
            for width in [1280, 400] {
                let layout = browser.layout(page, width, scheme).unwrap();
                assert_eq!(layout.window, i64::from(width), "{name}: the window is as asked");
                assert!(
                    layout.document <= i64::from(width),
                    "{name} at {width}: {layout:?}"
                );
                assert!(layout.beyond.is_empty(), "{name} at {width}: {layout:?}");
                assert_eq!(layout.resources, 0, "{layout:?}");
                assert!(layout.elements["rect"].as_u64().unwrap() > 5, "{layout:?}");
                assert_ne!(layout.colours.0, layout.colours.1, "{layout:?}");
                backgrounds.push(layout.colours.0);
            }
            let (dom, console) = browser.shown(page, scheme).unwrap();
            assert_eq!(console, [""; 0], "{name}");
            assert!(dom.contains("role=\"img\"") && dom.contains("<caption>"), "{dom}");
            for (width, height) in [(1280, 1500), (500, 1700)] {
                let picture = kept(&format!("{name}-{width}-{scheme:?}.png"), &place);
                browser.picture(page, (width, height), scheme, &picture).unwrap();
            }
        }
        assert_eq!(backgrounds[0], backgrounds[1]);
        assert_ne!(backgrounds[0], backgrounds[2], "{name}: dark is other than light");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's package chromium: cargo xtask test-extra"]
async fn hostile_names_run_nothing_and_ask_for_nothing() {
    let place = three_providers::place().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let (tell, asked) = std::sync::mpsc::channel();
    // Whoever asks is sent away at once: a browser would wait for an answer as long as the page does.
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            drop(connection);
            if tell.send(()).is_err() {
                return;
            }
        }
    });
    let hostile = format!(
        "</title></style></td><img src=\"{url}\" onerror=\"fetch('{url}')\"><script>fetch('{url}')</script>\
         <link rel=stylesheet href={url}><svg onload=fetch('{url}')>'\"&lt;{}",
        "long".repeat(40)
    );
    let named = "UPDATE record SET content = json_set(content, '$.ServiceName', ?1)
                 WHERE content ->> '$.ServiceName' IN (SELECT content ->> '$.ServiceName' FROM record ORDER BY 1 LIMIT 1)";
    assert!(doctor(&place, named, &hostile) > 0);
    let page = page(&place, "hostile.html", &["--by", "service"]);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("onerror"), "the name is on the page");
    let browser = Chromium::new().unwrap();
    let (dom, console) = browser.shown(&page, Scheme::Light).unwrap();
    assert_eq!(console, [""; 0]);
    for element in ["<img", "<script", "<link", "<svg onload"] {
        assert!(!dom.contains(element), "{element}");
    }
    for width in [1280, 400] {
        let layout = browser.layout(&page, width, Scheme::Light).unwrap();
        assert!(
            layout.document <= i64::from(width) && layout.beyond.is_empty(),
            "{layout:?}"
        );
        for element in ["img", "link"] {
            assert!(layout.elements[element].is_null(), "{layout:?}");
        }
        // Its own measuring script alone.
        assert_eq!(layout.elements["script"], 1, "{layout:?}");
    }
    assert!(asked.try_recv().is_err(), "the page asked for {url}");
    // The same name as markup does ask, so that this test would have seen it.
    let naive = place
        .file("naive.html", format!("<!doctype html><body>{hostile}"))
        .unwrap();
    browser.shown(&naive, Scheme::Light).unwrap();
    assert!(asked.try_recv().is_ok(), "a page without escaping asks");
}
