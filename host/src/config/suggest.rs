//! "Did you mean": the known name nearest to one that is not known.

/// The nearest of the known names, if one is near enough to be a slip.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |candidate: &str| strsim::damerau_levenshtein(&plain(name), &plain(candidate));
    let allowed = |candidate: &str| (candidate.chars().count().max(3) / 3).min(4);
    known
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A remedy: the nearest name, or else all of them.
pub(super) fn remedy(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "nothing is known here: remove it".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_does_not() {
        let known = ["private-key", "account", "user", "ca"];
        assert_eq!(nearest("privat-key", known), Some("private-key"));
        assert_eq!(nearest("Private_Key", known), Some("private-key"));
        assert_eq!(nearest("acount", known), Some("account"));
        assert_eq!(nearest("password", known), None);
        assert_eq!(remedy("zzz", &["a-b", "c-d"]), "known here: a-b, c-d");
    }
}
