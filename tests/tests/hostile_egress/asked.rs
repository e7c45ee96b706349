//! What the property test asks for, and under which rules: granted pieces, and those made to be mistaken for them.

use crate::judge::Server;
use finops_host::egress::{
    Request,
    rule::{Matcher, Method},
};
use proptest::{
    prelude::*,
    sample::{Index, select},
};

/// The hosts that have servers, and the patterns that grant them.
pub(crate) const HOSTS: [&str; 3] = ["api.example.com", "other.example.com", "a.wild.example.com"];
pub(crate) const PATTERNS: [&str; 3] = ["api.example.com", "other.example.com", "*.wild.example.com"];

/// Rules as data; where they lead is filled in when the servers are known.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) host: usize,
    pub(crate) explicit_port: bool,
    pub(crate) methods: Vec<Method>,
    pub(crate) paths: Vec<&'static str>,
    pub(crate) headers: Vec<Matcher>,
    pub(crate) query: Vec<Matcher>,
    pub(crate) form: Vec<Matcher>,
    pub(crate) json: Vec<Matcher>,
    pub(crate) credential: bool,
    pub(crate) insecure_http: bool,
    pub(crate) encoded_slash: bool,
}

fn matchers(names: &'static [&'static str]) -> impl Strategy<Value = Vec<Matcher>> {
    let values = prop_oneof![
        Just(None),
        Just(Some(vec!["list".to_owned()])),
        Just(Some(vec!["list".to_owned(), "get".to_owned()])),
    ];
    let one = (select(names), values).prop_map(|(name, values)| Matcher {
        name: name.to_owned(),
        values,
    });
    prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(one, 1..=1)]
}

prop_compose! {
    pub(crate) fn given()(
        host in 0..3_usize,
        explicit_port in any::<bool>(),
        methods in proptest::sample::subsequence(vec![Method::Get, Method::Post, Method::Delete], 1..=2),
        paths in proptest::sample::subsequence(vec!["/", "/v1", "/v1/costs"], 1..=2),
        headers in matchers(&["x-op", "x-other", "accept"]),
        query in matchers(&["op", "Action"]),
        (form, json) in prop_oneof![
            2 => Just((Vec::new(), Vec::new())),
            1 => matchers(&["op"]).prop_map(|form| (form, Vec::new())),
            1 => matchers(&["op"]).prop_map(|json| (Vec::new(), json)),
        ],
        credential in any::<bool>(),
        insecure_http in any::<bool>(),
        encoded_slash in any::<bool>(),
    ) -> Given {
        Given {
            host, explicit_port, methods, paths, headers, query, form, json,
            credential: credential && host < 2, insecure_http, encoded_slash,
        }
    }
}

/// A request: what a rule grants, with each part as it is or replaced by one that is made to be mistaken for it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    rule: Index,
    clear: bool,
    scheme: Option<&'static str>,
    user: Option<&'static str>,
    host: Option<&'static str>,
    port: Option<&'static str>,
    path: Option<&'static str>,
    segments: Vec<&'static str>,
    drop_query: bool,
    pairs: Vec<&'static str>,
    end: Option<&'static str>,
    odd: Option<(Index, char)>,
    method: Option<&'static str>,
    headers: Vec<(&'static str, &'static str)>,
    drop_headers: bool,
    body: Option<(&'static str, &'static str)>,
}

/// One of these, once in `rarely` times.
fn twist<T: Clone + std::fmt::Debug + 'static>(
    rarely: u32,
    twists: &'static [T],
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![rarely - 1 => Just(None), 1 => select(twists).prop_map(Some)]
}

const SCHEMES: &[&str] = &[
    "HTTPS://",
    "http://",
    "https:",
    "https:/",
    "https:\\\\",
    "ftp://",
    "//",
    "https:///",
    "",
];
const USERS: &[&str] = &[
    "@",
    "u@",
    "u:p@",
    "api.example.com@",
    "api.example.com:443@",
    "%40",
];
const NAMES: &[&str] = &[
    "api.example.com",
    "other.example.com",
    "a.wild.example.com",
    "API.Example.COM",
    "api.example.com.",
    "evil.test",
    "api.example.com.evil.test",
    "b.c.wild.example.com",
    "wild.example.com",
    ".wild.example.com",
    "xwild.example.com",
    "api%2eexample.com",
    "api\u{3002}example.com",
    "\u{ff41}pi.example.com",
    "\u{430}pi.example.com",
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost",
    "0",
    "169.254.169.254",
    "api.example.com%00",
    "api.example.com\\",
    "",
];
const PORTS: &[&str] = &["", ":80", ":443", ":8443", ":0", ":", ":99999", ":PORT"];
const PATHS: &[&str] = &[
    "",
    "/",
    "/v1",
    "/v1/costs",
    "/V1",
    "/v1x",
    "//v1",
    "/./v1",
    "/x/../v1",
    "/%76%31",
    "/v1%2fcosts",
    "*",
];
const SEGMENTS: &[&str] = &[
    "x",
    "costs",
    "..",
    ".",
    "%2e%2e",
    "%2E.",
    "",
    "%2f",
    "a%2Fb",
    "..%2f..",
    "%5c",
    "\\",
    ";x",
    "v1;x=1",
    "%3b",
    "%00",
    "%0d%0aHost:%20evil.test",
    "%25",
    "%252e%252e",
    "%c0%ae",
    "%ff",
    "%zz",
    "%4",
    "\u{e9}",
    "%c3%a9",
    "a%20b",
    "a b",
    "*",
    "'",
    "\"",
    "{}",
    "~",
    "^",
    "|",
];
const PAIRS: &[&str] = &[
    "x=1",
    "op=list",
    "Action=list",
    "op=delete",
    "OP=delete",
    "op",
    "op=",
    "%6fp=delete",
    "op=l%69st",
    "op=list%00",
    "op=list;op=delete",
    "op[]=list",
    "sig=1",
    "X-Amz-Signature=1",
    "%73ig=1",
    "access_token=1",
    "q=\u{e9}",
    "q='",
    "q=%zz",
    "q=a+b",
    "?",
    "=",
    "q=/../",
    "action=delete",
];
const ENDS: &[&str] = &[
    "#",
    "#@api.example.com",
    " ",
    "\t",
    "\n",
    "\r\nHost: evil.test",
    "\0",
];
const ODD: &[char] = &[
    '\t', '\n', '\\', '@', '#', '?', '/', ';', '%', '.', ':', '&', '\u{ad}', '\u{202e}', '\0', ' ',
];
const METHODS: &[&str] = &[
    "GET",
    "POST",
    "DELETE",
    "get",
    "PUT",
    "TRACE",
    "CONNECT",
    "",
    "GET /v1 HTTP/1.1\r\nX: ",
    "G\0T",
];
const HEADERS: &[(&str, &str)] = &[
    ("if-match", "*"),
    ("range", "bytes=0-1"),
    ("x-op", "list"),
    ("X-Op", "get"),
    ("accept", "text/csv"),
    ("x-other", "any"),
    ("x-op", "delete"),
    ("x-op", "list, delete"),
    ("x-op", "list\r\nhost: evil.test"),
    ("x-op", "list\u{e9}"),
    ("x-op", ""),
    ("Host", "evil.test"),
    ("Authorization", "Bearer mine"),
    ("Transfer-Encoding", "chunked"),
    ("Content-Length", "3"),
    ("Connection", "authorization"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Forwarded-Host", "evil.test"),
    ("Cookie", "a=b"),
    ("User-Agent", "me"),
    ("Expect", "100-continue"),
    (":authority", "evil.test"),
    ("x op", "list"),
    ("", "x"),
];
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const BODIES: &[(&str, &str)] = &[
    (FORM, "op=list"),
    (FORM, "a=1&op=get"),
    (FORM, "op=list&op=delete"),
    (FORM, "op=delete"),
    (FORM, "op=list&%6fp=delete"),
    (FORM, "OP=delete&op=list"),
    (JSON, r#"{"op": "list"}"#),
    ("application/json; charset=utf-8", r#"{"a": [1], "op": "get"}"#),
    ("text/plain", "op=list"),
    ("", "op=list"),
    (JSON, r#"{"op": "list", "op": "delete"}"#),
    (JSON, r#"{"op": "delete", "op": "list"}"#),
    (JSON, r#"{"op": "list", "\u006fp": "delete"}"#),
    (JSON, r#"{"op": ["list"]}"#),
    (JSON, r#"{"op": "list"} {"op": "delete"}"#),
    (JSON, r#"{"OP": "delete", "op": "list"}"#),
    ("text/json", r#"{"op": "list"}"#),
    (JSON, "op=list"),
    (JSON, r#"{"x": {"op": "list"}}"#),
    (FORM, ""),
];

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let place = (
        (
            any::<Index>(),
            any::<bool>(),
            twist(12, SCHEMES),
            twist(25, USERS),
        ),
        (twist(8, NAMES), twist(12, PORTS), twist(8, PATHS)),
        proptest::collection::vec(select(SEGMENTS), 0..2),
        (
            proptest::bool::weighted(0.1),
            proptest::collection::vec(select(PAIRS), 0..2),
        ),
        (twist(20, ENDS), twist(20, ODD), any::<Index>()),
    );
    let content = (
        twist(12, METHODS),
        prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(select(HEADERS), 1..3)],
        proptest::bool::weighted(0.1),
        twist(6, BODIES),
    );
    (place, content).prop_map(|(place, (method, headers, drop_headers, body))| {
        let ((rule, clear, scheme, user), (host, port, path), segments, (drop_query, pairs), (end, odd, at)) =
            place;
        Plan {
            rule,
            clear,
            scheme,
            user,
            host,
            port,
            path,
            segments,
            drop_query,
            pairs,
            end,
            odd: odd.map(|odd| (at, odd)),
            method,
            headers,
            drop_headers,
            body,
        }
    })
}

impl Plan {
    pub(crate) fn request(&self, rules: &[Given], servers: &[Server]) -> Request {
        let rule = &rules[self.rule.index(rules.len())];
        // A value that the matcher allows.
        let value = |matcher: &Matcher| {
            matcher
                .values
                .as_ref()
                .map_or("any".to_owned(), |values| values[0].clone())
        };
        let pair = |matcher: &Matcher| format!("{}={}", matcher.name, value(matcher));

        let clear = self.clear && rule.insecure_http;
        let scheme = self.scheme.unwrap_or(if clear { "http://" } else { "https://" });
        let host = self.host.unwrap_or(HOSTS[rule.host]);
        let port = self.port.unwrap_or(if rule.explicit_port { ":PORT" } else { "" });
        let port = port.replace("PORT", &servers[rule.host].recorder.address().port().to_string());
        let mut path = self
            .path
            .unwrap_or(rule.paths[0])
            .trim_end_matches('/')
            .to_owned();
        for segment in &self.segments {
            path = format!("{path}/{segment}");
        }
        let mut query: Vec<String> = self.pairs.iter().map(|pair| (*pair).to_owned()).collect();
        if !self.drop_query {
            query.extend(rule.query.iter().map(pair));
        }
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{}", query.join("&"))
        };
        let (user, end) = (self.user.unwrap_or_default(), self.end.unwrap_or_default());
        let mut url: Vec<char> = format!("{scheme}{user}{host}{port}{path}{query}{end}")
            .chars()
            .collect();
        if let Some((place, odd)) = &self.odd {
            url.insert(place.index(url.len() + 1), *odd);
        }

        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if !self.drop_headers {
            headers.extend(
                rule.headers
                    .iter()
                    .map(|matcher| (matcher.name.clone(), value(matcher))),
            );
        }
        let fields: Vec<_> = rule.form.iter().map(pair).collect();
        let members: Vec<_> = rule
            .json
            .iter()
            .map(|matcher| format!("\"{}\": \"{}\"", matcher.name, value(matcher)))
            .collect();
        let body = match self.body {
            Some((media, text)) => Some((media, text.to_owned())),
            None if !fields.is_empty() => Some((FORM, fields.join("&"))),
            None if !members.is_empty() => Some((JSON, format!("{{{}}}", members.join(", ")))),
            None => None,
        };
        if let Some((media, _)) = body.as_ref().filter(|(media, _)| !media.is_empty()) {
            headers.push(("Content-Type".to_owned(), (*media).to_owned()));
        }
        Request {
            method: self.method.unwrap_or(rule.methods[0].as_str()).to_owned(),
            url: url.into_iter().collect(),
            headers,
            body: body.map(|(_, text)| text.into()),
            ..Request::default()
        }
    }
}
