//! The same money in other cuts, where the operator asked for them: by resource, by resource group, by one tag.
//! What must hold: each view says what it does not attribute, so that it adds up to the counted stream of the same days.

use crate::{
    descriptor::{BY_RESOURCE, BY_RESOURCE_GROUP, BY_TAG},
    measures::{Costs, Measures},
    query::{Group, Question},
    spend::{Bill, Reading},
};
use finops_collector::{
    Book, CostRecord, Failure, Request, commit, descriptor::Grain, jiff::civil::Date, record::Resource,
};
use std::collections::BTreeMap;

/// One view.
#[derive(Clone, Copy)]
enum View<'a> {
    Resource,
    ResourceGroup,
    Tag(&'a str),
}

/// Reads and commits the views that are switched on, for days that were just read.
pub(crate) fn read(bill: &Bill<'_>, request: &Request, reading: &Reading) -> Result<(), Failure> {
    let mut views = Vec::new();
    views.extend(bill.settings.resources.then_some(View::Resource));
    views.extend(bill.settings.resource_groups.then_some(View::ResourceGroup));
    views.extend(bill.settings.tag.as_deref().map(View::Tag));
    for view in views {
        if request.wanted(view.stream())?.is_some() {
            view.read(bill, request, reading)
                .map_err(|failure| failure.context(view.stream()))?;
        }
    }
    Ok(())
}

impl View<'_> {
    fn stream(&self) -> &'static str {
        match self {
            Self::Resource => BY_RESOURCE,
            Self::ResourceGroup => BY_RESOURCE_GROUP,
            Self::Tag(_) => BY_TAG,
        }
    }

    fn group(&self) -> Group {
        match self {
            Self::Resource => Group::Dimension("ResourceId"),
            Self::ResourceGroup => Group::Dimension("ResourceGroupName"),
            Self::Tag(key) => Group::Tag((*key).to_owned()),
        }
    }

    fn read(&self, bill: &Bill<'_>, request: &Request, reading: &Reading) -> Result<(), Failure> {
        let groups = [self.group(), Group::Dimension("ServiceName")];
        let question = Question {
            first: reading.first,
            last: reading.last,
            groups: &groups,
            filter: None,
        };
        let measures = Measures::read(bill.questions, &question, false)?.ok_or_else(|| {
            Failure::incomplete("Azure has no content, but has for the bill of the same days")
        })?;
        let host = bill.questions.api.host;
        let mut book = Book::open(host, self.stream(), bill.source, Grain::Day, reading.days.clone())?;
        let mut told: BTreeMap<(Date, String, String), Costs> = BTreeMap::new();
        for row in measures.iter() {
            let [value, service] = row.keys else {
                return Err(Failure::internal("a view groups by two"));
            };
            let record = bill.mapping.base(row.day, service, row.currency, &row.costs);
            let of = (row.day, record.service_name.clone(), row.currency.to_owned());
            told.entry(of)
                .or_default()
                .add(&row.costs)
                .map_err(Failure::malformed)?;
            if !row.costs.are_zero() {
                book.write(self.labelled(record, value))?;
            }
        }
        for (of, sum) in &reading.sums {
            let left = sum
                .less(&told.remove(of).unwrap_or_default())
                .map_err(Failure::malformed)?;
            residual(bill, &mut book, of, &left)?;
        }
        // What the bill does not have any more.
        for (of, sum) in &told {
            let left = Costs::default().less(sum).map_err(Failure::malformed)?;
            residual(bill, &mut book, of, &left)?;
        }
        commit(host, book.seal(request.now, &[])?)?;
        Ok(())
    }

    fn labelled(&self, mut record: CostRecord, value: &str) -> CostRecord {
        match self {
            Self::Resource => {
                record.resource = resource(value);
                record
            }
            Self::ResourceGroup => record.extra("x_ResourceGroupName", &value.to_ascii_lowercase()),
            Self::Tag(key) => {
                if !value.is_empty() {
                    record = record.tag(key, value);
                }
                record.extra("x_TagKey", key).extra("x_TagValue", value)
            }
        }
    }
}

fn residual(
    bill: &Bill<'_>,
    book: &mut Book<'_>,
    (day, service, currency): &(Date, String, String),
    left: &Costs,
) -> Result<(), Failure> {
    if left.are_zero() {
        return Ok(());
    }
    let record = bill.mapping.base(*day, service, currency, left);
    book.write(record.extra("x_Attribution", "unattributed"))
}

/// A resource by its id: `.../providers/Microsoft.Compute/virtualMachines/web-01`. Azure's APIs differ in its case.
pub(crate) fn resource(id: &str) -> Option<Resource> {
    let id = id.to_ascii_lowercase();
    if id.is_empty() {
        return None;
    }
    let kind = id.rsplit_once("/providers/").map(|(_, named)| {
        let mut parts = named.split('/');
        let mut kind: Vec<&str> = parts.next().into_iter().collect();
        kind.extend(parts.step_by(2));
        kind.join("/")
    });
    let name = id.rsplit('/').next().map(str::to_owned);
    Some(Resource { kind, name, id })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_resources_id_tells_its_name_and_type() {
        let id = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.Sql/servers/Main/databases/Orders";
        let resource = resource(id).unwrap();
        assert_eq!(resource.id, id.to_ascii_lowercase());
        assert_eq!(resource.name.unwrap(), "orders");
        assert_eq!(resource.kind.unwrap(), "microsoft.sql/servers/databases");
        assert_eq!(super::resource(""), None);
    }
}
