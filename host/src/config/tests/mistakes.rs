//! What each mistake says: where it is, what was meant, and never a secret.

use super::*;

#[test]
fn all_errors_are_shown_at_once_in_order_with_their_lines() {
    let text =
        "[collectr]\nname = \"x\"\n[limits]\nmemory = 5\nwal = \"1m\"\n[[allow]]\nmethods = [\"get\"]\n";
    let errors = parse(text).unwrap_err();
    let lines: Vec<_> = errors
        .errors()
        .iter()
        .map(|error| error.place.as_ref().unwrap().line)
        .collect();
    assert_eq!(lines, [1, 4, 5, 6, 7], "{errors}");
    assert_eq!(errors.labels().unwrap().count(), 5);
}

#[test]
fn an_unknown_key_names_its_line_and_the_key_that_was_meant() {
    says(
        "[[allow]]\nhost = \"a.b\"\nmethod = [\"GET\"]\n",
        &[
            "snowflake-prod.toml:3:1: `allow.method`: unknown key",
            "did you mean `methods`?",
        ],
    );
    says(
        "[credential.x]\n",
        &[":1:2: `credential`: unknown key", "did you mean `credentials`?"],
    );
    says(
        "[limits]\nvelocity = 1\n",
        &["`limits.velocity`", "known here: memory, cpu"],
    );
}

#[test]
fn an_inline_secret_is_refused_without_being_shown() {
    for text in [
        "[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\"\n",
        "[credentials.x]\nscheme = \"snowflake-key-pair\"\naccount = \"A\"\nuser = \"B\"\nprivate-key = \"\"\"\nHUNTER2\n\"\"\"\n",
        "[credentials.x]\nscheme = \"headers\"\nheaders = { \"X-Key\" = \"HUNTER2\" }\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { env = \"TOKEN\" }\nheaders = { Authorization = \"HUNTER2\" }\n",
        "[credentials]\nx = \"HUNTER2\"\n",
        "credentials.x.scheme = \"bearer\"\ncredentials.x.token = \"HUNTER2\"\n",
    ] {
        let (plain, fancy) = refused(text);
        assert!(plain.contains("never the value itself"), "{plain}");
        assert!(
            plain.contains("{ file = ") && plain.contains("{ env = "),
            "{plain}"
        );
        assert!(
            !plain.contains("HUNTER2") && !fancy.contains("HUNTER2"),
            "{plain} {fancy}"
        );
    }
    let errors = parse("[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\"\n").unwrap_err();
    assert_eq!(errors.errors()[0].key, "credentials.x.token");
    assert_eq!(errors.errors()[0].place.as_ref().unwrap().line, 3);
    assert!(!format!("{errors:?}").contains("HUNTER2"));
}

#[test]
fn other_mistakes_near_secrets_do_not_show_them_either() {
    for text in [
        "[credentials.x]\nscheme = \"bearer\"\ntoken = HUNTER2\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = \"HUNTER2\n",
        "[credentials.x]\nscheme = \"bearer\"\ntokn = \"HUNTER2\"\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { env = \"HUNTER2 \" }\n",
        "[credentials.x]\nscheme = \"bearer\"\ntoken = { value = \"HUNTER2\" }\n",
        "[credentials.x]\nscheme = \"nothing\"\n# was token = \"HUNTER2\"\n",
        "[[allow]]\nhost = \"me:HUNTER2@api.example.com\"\n",
        "[[allow]]\nhost = \"a.b\"\nheaders = { authorization = \"HUNTER2\" }\n",
        "[openfinops]\nendpoint = \"http://me:HUNTER2@localhost\"\n",
        "[settings]\na = \n[credentials.x]\ntoken = \"HUNTER2\"\n",
    ] {
        let (plain, fancy) = refused(text);
        assert!(
            !plain.contains("HUNTER2") && !fancy.contains("HUNTER2"),
            "{plain} {fancy}"
        );
    }
}

#[test]
fn broken_toml_names_line_and_column() {
    says(
        "[settings]\naccount = MYORG\n",
        &["snowflake-prod.toml:2:11:", "quotes"],
    );
    says("[settings]\na = 1\na = 2\n", &[":3:1:", "duplicate key"]);
}

#[test]
fn a_wrong_scheme_lists_the_known_ones() {
    says(
        "[credentials.x]\nscheme = \"snowflake-keypair\"\n",
        &[
            ":2:10:",
            "did you mean `snowflake-key-pair`?",
            "bearer, headers, snowflake-key-pair",
        ],
    );
    says("[credentials.x]\n", &["`scheme` is missing", "bearer, headers"]);
    says(
        "[credentials.x]\nscheme = \"snowflake-key-pair\"\n",
        &[
            "`account` is missing",
            "`user` is missing",
            "`private-key` is missing",
        ],
    );
}
