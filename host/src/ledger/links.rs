//! Which stream gives way to which: what descriptors declare, and what the operator retired. Pure.
//! What must hold: a stream gives way to one other at most; a stream that is retired without a successor has no say;
//! one that is retired in favour of another gives way to it and keeps its own place in the chain below it.

use crate::component::descriptor::{Grain, Supersede};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the operator has retired a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Retirement {
    /// It has not.
    Standing,
    /// It has: nothing of it counts.
    Whole,
    /// It has, in favour of this one: it counts where that one has nothing.
    InFavourOf(String),
}

impl Retirement {
    /// From the column `stream.retired_by`.
    pub(super) fn read(retired_by: Option<String>) -> Self {
        match retired_by {
            None => Self::Standing,
            Some(name) if name.is_empty() => Self::Whole,
            Some(name) => Self::InFavourOf(name),
        }
    }
}

/// A counted stream of a source.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) id: i64,
    pub(super) grain: Grain,
    pub(super) supersedes: Option<Supersede>,
    pub(super) retirement: Retirement,
}

/// The counted streams of a source by name.
pub(super) type Links = BTreeMap<String, Link>;

/// The streams that have a say, with the links that rule.
pub(super) fn settle(mut links: Links) -> Links {
    let successions: Vec<(String, String)> = links
        .iter()
        .filter_map(|(name, link)| match &link.retirement {
            Retirement::InFavourOf(successor) => Some((name.clone(), successor.clone())),
            Retirement::Standing | Retirement::Whole => None,
        })
        .filter(|(_, successor)| {
            links
                .get(successor)
                .is_some_and(|link| link.retirement == Retirement::Standing)
        })
        .collect();
    for (retired, successor) in successions {
        succeed(&mut links, &retired, &successor);
    }
    let bypass: BTreeMap<String, Option<Supersede>> = links
        .iter()
        .filter(|(_, link)| link.retirement == Retirement::Whole)
        .map(|(name, link)| (name.clone(), link.supersedes.clone()))
        .collect();
    links.retain(|name, _| !bypass.contains_key(name));
    for link in links.values_mut() {
        let mut seen = BTreeSet::new();
        while let Some(target) = link.supersedes.as_ref().map(|to| to.stream.clone()) {
            let Some(next) = bypass.get(&target) else { break };
            link.supersedes = next.clone().filter(|_| seen.insert(target));
        }
    }
    links
}

/// Puts a successor above the stream that was retired for it: what was above that one is now above the successor.
fn succeed(links: &mut Links, retired: &str, successor: &str) {
    let declared = links.get(successor).and_then(|link| link.supersedes.clone());
    if declared.as_ref().is_some_and(|to| to.stream == retired) {
        return;
    }
    let mut by = declared.as_ref().and_then(|to| to.by.clone());
    for (name, link) in links.iter_mut() {
        if name == successor {
            continue;
        }
        if let Some(to) = link.supersedes.as_mut().filter(|to| to.stream == retired) {
            by = by.or_else(|| to.by.clone());
            successor.clone_into(&mut to.stream);
        }
    }
    if let Some(link) = links.get_mut(retired) {
        let below = link.supersedes.take().or(declared);
        by = by.or_else(|| below.as_ref().and_then(|to| to.by.clone()));
        link.supersedes = below;
    }
    if let Some(link) = links.get_mut(successor) {
        let stream = retired.to_owned();
        link.supersedes = Some(Supersede { stream, by });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(supersedes: Option<&str>, retirement: Retirement) -> Link {
        Link {
            id: 0,
            grain: Grain::Day,
            supersedes: supersedes.map(|stream| Supersede {
                stream: stream.to_owned(),
                by: None,
            }),
            retirement,
        }
    }

    fn settled(links: &[(&str, Option<&str>, Retirement)]) -> Vec<String> {
        let links = links
            .iter()
            .map(|(name, to, retirement)| ((*name).to_owned(), link(*to, retirement.clone())));
        settle(links.collect())
            .into_iter()
            .map(|(name, link)| match link.supersedes {
                Some(to) => format!("{name} > {}", to.stream),
                None => name,
            })
            .collect()
    }

    fn favour(name: &str) -> Retirement {
        Retirement::InFavourOf(name.to_owned())
    }

    #[test]
    fn a_successor_stands_where_the_retired_stream_stood_and_above_it() {
        use Retirement::Standing;
        let plain = [("a", None, favour("b")), ("b", None, Standing)];
        assert_eq!(settled(&plain), ["a", "b > a"]);
        let absent = [("a", None, favour("b"))];
        assert_eq!(settled(&absent), ["a"], "until it comes, nothing changes");
        let amid = [
            ("bill", Some("estimate"), favour("hourly")),
            ("estimate", None, Standing),
            ("hourly", Some("estimate"), Standing),
            ("invoice", Some("bill"), Standing),
        ];
        let wanted = ["bill > estimate", "estimate", "hourly > bill", "invoice > hourly"];
        assert_eq!(settled(&amid), wanted);
    }

    #[test]
    fn a_retired_stream_is_passed_over() {
        use Retirement::{Standing, Whole};
        let amid = [
            ("bill", Some("estimate"), Whole),
            ("estimate", None, Standing),
            ("invoice", Some("bill"), Standing),
        ];
        assert_eq!(settled(&amid), ["estimate", "invoice > estimate"]);
        let circle = [
            ("a", Some("b"), Whole),
            ("b", Some("a"), Whole),
            ("c", Some("a"), Standing),
        ];
        assert_eq!(settled(&circle), ["c"]);
    }
}
