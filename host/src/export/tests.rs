//! Rows as files have them, against expectations written by hand from the specification.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{
    component::descriptor::Basis,
    ledger::record::{CostRecord, Period},
};
use std::collections::BTreeMap;

/// A line of a bill with what a provider usually tells.
fn record(change: impl FnOnce(&mut CostRecord)) -> CostRecord {
    let text = r#"{
        "ChargePeriod": {"start": "2026-08-01T00:00:00Z", "end": "2026-08-02T00:00:00Z"},
        "BillingPeriod": {"start": "2026-08-01T00:00:00Z", "end": "2026-09-01T00:00:00Z"},
        "ChargeCategory": "Usage", "Finality": "open", "Basis": "billed",
        "BillingAccountId": "0042", "ServiceProviderName": "Acme", "ServiceName": "Compute",
        "ServiceCategory": "Compute", "BillingCurrency": "USD",
        "BilledCost": "1.5", "EffectiveCost": "1.25",
        "PricingQuantity": "3", "PricingUnit": "Hours"
    }"#;
    let mut record: CostRecord = serde_json::from_str(text).unwrap();
    change(&mut record);
    record
}

/// Rows of records that stand nowhere.
struct Made(Vec<(CostRecord, Standing)>);

impl Made {
    fn of(records: impl IntoIterator<Item = CostRecord>) -> Self {
        Self(
            records
                .into_iter()
                .map(|record| (record, Standing::Regular))
                .collect(),
        )
    }
}

impl Rows for Made {
    fn each(&self, take: &mut dyn FnMut(&Row<'_>) -> Result<(), ExportError>) -> Result<(), ExportError> {
        for (index, (record, standing)) in self.0.iter().enumerate() {
            let origin = Origin {
                source: "acme/0042".to_owned(),
                stream: "daily".to_owned(),
                partition: "2026-08-01T00:00:00Z".parse().unwrap(),
                key: format!("key{index}"),
            };
            take(&Row {
                record,
                origin: &origin,
                standing: *standing,
            })?;
        }
        Ok(())
    }
}

fn survey(rows: &Made, version: FocusVersion) -> Survey {
    let mut survey = Survey::new(version);
    rows.each(&mut |row| survey.add(row)).unwrap();
    survey
}

/// The text of a file, and what was told of it.
fn written(
    rows: &Made,
    version: FocusVersion,
    format: Format,
    strictness: Strictness,
) -> Result<(Vec<u8>, Written), ExportError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let survey = survey(rows, version);
    let sink = Sink::file(&path)?;
    let (told, finished) = write_records(rows, &survey, (version, format), strictness, sink)?;
    assert!(!path.exists(), "a file is not there before it is whole");
    finished.put()?;
    let left = std::fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(left, 1, "nothing is left beside it");
    Ok((std::fs::read(&path).unwrap(), told))
}

fn csv(rows: &Made, version: FocusVersion) -> String {
    let (bytes, _) = written(rows, version, Format::Csv, Strictness::Lenient).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The first row by column.
fn cells(text: &str) -> BTreeMap<String, String> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    names
        .iter()
        .map(str::to_owned)
        .zip(row.iter().map(str::to_owned))
        .collect()
}

#[test]
fn a_row_is_written_column_by_column_in_each_version() {
    let rows = Made::of([record(|_| {})]);
    let ours = "x_Basis,x_ContractedCostSource,x_Finality,x_LineCount,x_ListCostSource,x_Partition,x_RecordKey,\
                x_Source,x_Stream";
    let ours_row = "billed,none,open,1,none,2026-08-01T00:00:00Z,key0,acme/0042,daily";
    assert_eq!(
        csv(&rows, FocusVersion::V1_4),
        format!(
            "BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,\
             ChargeCategory,ChargeClass,ChargeDescription,ChargePeriodEnd,ChargePeriodStart,ContractedCost,EffectiveCost,\
             HostProviderName,InvoiceIssuerName,ListCost,PricingQuantity,PricingUnit,ServiceCategory,ServiceName,\
             ServiceProviderName,{ours}\n\
             1.5,0042,,USD,2026-09-01T00:00:00Z,2026-08-01T00:00:00Z,Usage,,,2026-08-02T00:00:00Z,\
             2026-08-01T00:00:00Z,1.5,1.25,Acme,Acme,1.5,3,Hours,Compute,Compute,Acme,{ours_row}\n"
        )
    );
    assert_eq!(
        csv(&rows, FocusVersion::V1_2),
        format!(
            "BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,\
             ChargeCategory,ChargeClass,ChargeDescription,ChargePeriodEnd,ChargePeriodStart,ContractedCost,EffectiveCost,\
             InvoiceIssuerName,ListCost,PricingQuantity,PricingUnit,ProviderName,PublisherName,ServiceCategory,\
             ServiceName,{ours}\n\
             1.5,0042,,USD,2026-09-01T00:00:00Z,2026-08-01T00:00:00Z,Usage,,,2026-08-02T00:00:00Z,\
             2026-08-01T00:00:00Z,1.5,1.25,Acme,1.5,3,Hours,Acme,Acme,Compute,Compute,{ours_row}\n"
        )
    );
}

#[test]
fn names_of_who_sells_hosts_and_invoices_are_in_the_versions_that_have_them() {
    let rows = Made::of([record(|record| {
        record.host_provider_name = Some("AWS".to_owned());
        record.invoice_issuer_name = Some("Reseller".to_owned());
        record.invoice_detail_id = Some("7".to_owned());
    })]);
    let of = |version, names: &[&str]| -> Vec<String> {
        let cells = cells(&csv(&rows, version));
        names
            .iter()
            .map(|name| cells.get(*name).cloned().unwrap_or_else(|| "absent".to_owned()))
            .collect()
    };
    let names = [
        "ProviderName",
        "PublisherName",
        "ServiceProviderName",
        "HostProviderName",
        "InvoiceIssuerName",
        "InvoiceDetailId",
    ];
    assert_eq!(
        of(FocusVersion::V1_2, &names),
        ["Acme", "Acme", "absent", "absent", "Reseller", "absent"]
    );
    assert_eq!(
        of(FocusVersion::V1_3, &names),
        ["Acme", "Acme", "Acme", "AWS", "Reseller", "absent"]
    );
    assert_eq!(
        of(FocusVersion::V1_4, &names),
        ["absent", "absent", "Acme", "AWS", "Reseller", "7"]
    );
}

#[test]
fn values_are_written_as_they_are_and_null_is_an_empty_field() {
    let rows = Made::of([
        record(|record| {
            record.charge_description = Some("a \"b\", c\nd".to_owned());
            record.billed_cost = "-0.000000000000000001".parse().unwrap();
            record.list_cost = Some("12345678901234567890.123456789012345678".parse().unwrap());
            record.region_name = Some(String::new());
            record.tags.insert("team".to_owned(), "red, \"blue\"".to_owned());
            record.extra.insert("x_Warehouse".to_owned(), "WH".to_owned());
            record.extra.insert("x_LineCount".to_owned(), "theirs".to_owned());
        }),
        record(|_| {}),
    ]);
    let text = csv(&rows, FocusVersion::V1_4);
    let cells = cells(&text);
    assert_eq!(cells["ChargeDescription"], "a \"b\", c\nd");
    assert_eq!(cells["BilledCost"], "-0.000000000000000001");
    assert_eq!(cells["ListCost"], "12345678901234567890.123456789012345678");
    assert_eq!(cells["x_ListCostSource"], "provider");
    assert_eq!(cells["ContractedCost"], "-0.000000000000000001");
    assert_eq!(cells["Tags"], r#"{"team":"red, \"blue\""}"#);
    assert_eq!(cells["x_Warehouse"], "WH");
    assert_eq!(
        (
            cells["x_LineCount"].as_str(),
            cells["x_Provider_LineCount"].as_str()
        ),
        ("1", "theirs")
    );
    assert!(
        !cells.contains_key("RegionName"),
        "an empty text is NULL, and the column unused"
    );
    assert!(!text.contains('+'));
}

#[test]
fn json_lines_hold_exact_texts_and_nulls() {
    let rows = Made::of([record(|record| {
        record.tags.insert("team".to_owned(), "red".to_owned());
    })]);
    let (bytes, _) = written(&rows, FocusVersion::V1_4, Format::Jsonl, Strictness::Lenient).unwrap();
    let lines: Vec<serde_json::Value> = std::str::from_utf8(&bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["BilledCost"], "1.5");
    assert_eq!(lines[0]["ChargeClass"], serde_json::Value::Null);
    assert_eq!(lines[0]["ChargePeriodStart"], "2026-08-01T00:00:00Z");
    assert_eq!(lines[0]["Tags"], serde_json::json!({ "team": "red" }));
    assert_eq!(lines[0]["x_LineCount"], 1);
}

#[test]
fn a_correction_of_ours_stands_in_the_open_period_with_its_own_charge_period_and_the_other_sign() {
    let september = Period::new(
        "2026-09-01T00:00:00Z".parse().unwrap(),
        "2026-10-01T00:00:00Z".parse().unwrap(),
    )
    .unwrap();
    let old = record(|record| record.list_unit_price = Some("0.5".parse().unwrap()));
    let rows = Made(vec![(old, Standing::TakesBack(september))]);
    let cells = cells(&csv(&rows, FocusVersion::V1_4));
    for (name, value) in [
        ("ChargeClass", "Correction"),
        ("BillingPeriodStart", "2026-09-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-10-01T00:00:00Z"),
        ("ChargePeriodStart", "2026-08-01T00:00:00Z"),
        ("BilledCost", "-1.5"),
        ("EffectiveCost", "-1.25"),
        ("ListCost", "-1.5"),
        ("ContractedCost", "-1.5"),
        ("PricingQuantity", "-3"),
        ("ListUnitPrice", "0.5"),
        ("x_Posting", "takes-back"),
    ] {
        assert_eq!(cells[name], value, "{name}");
    }
    assert_eq!(survey(&rows, FocusVersion::V1_4).findings(), []);
}

#[test]
fn a_provider_s_own_correction_passes_through() {
    let rows = Made::of([record(|record| record.correction = true)]);
    let cells = cells(&csv(&rows, FocusVersion::V1_4));
    assert_eq!(
        (cells["ChargeClass"].as_str(), cells["BilledCost"].as_str()),
        ("Correction", "1.5")
    );
}

#[test]
fn sums_are_exact_by_currency_and_fill_what_the_provider_does_not_tell() {
    let rows = Made::of([
        record(|record| record.billed_cost = "0.1".parse().unwrap()),
        record(|record| {
            record.billed_cost = "0.2".parse().unwrap();
            record.list_cost = Some("7".parse().unwrap());
        }),
        record(|record| record.billing_currency = "EUR".to_owned()),
    ]);
    let survey = survey(&rows, FocusVersion::V1_4);
    let dollars = survey.sums["USD"];
    assert_eq!(dollars.billed.to_string(), "0.3");
    assert_eq!(dollars.list.to_string(), "7.1");
    assert_eq!(dollars.contracted.to_string(), "0.3");
    assert_eq!(survey.sums["EUR"].billed.to_string(), "1.5");
    assert_eq!((survey.rows, survey.open), (3, 3));
}

/// A record, the rule that it breaks, and what is said of it.
type Broken = (fn(&mut CostRecord), Rule, &'static str);

#[test]
fn every_rule_names_the_row_that_breaks_it_and_a_good_row_breaks_none() {
    let good = record(|record| {
        record.list_unit_price = Some("0.1234567891".parse().unwrap());
        record.pricing_quantity = Some("3.0001".parse().unwrap());
        // 0.1234567891 x 3.0001, by hand: 0.3703703673 + 0.00001234567891
        record.list_cost = Some("0.37038271297891".parse().unwrap());
        record.consumed_quantity = Some("3".parse().unwrap());
        record.consumed_unit = Some("Hours".to_owned());
    });
    assert_eq!(survey(&Made::of([good]), FocusVersion::V1_4).findings(), []);
    let broken: [Broken; 13] = [
        (|it| it.billing_currency = "usd".to_owned(), Rule::Currency, "usd"),
        (|it| it.service_name.clear(), Rule::MandatoryValue, "ServiceName"),
        (
            |it| {
                it.list_unit_price = Some("0.5".parse().unwrap());
                it.list_cost = Some("1.51".parse().unwrap());
            },
            Rule::ListCost,
            "1.51 is not 0.5 x 3",
        ),
        (
            |it| {
                it.contracted_unit_price = Some("0.5".parse().unwrap());
                it.contracted_cost = Some("1.5000001".parse().unwrap());
            },
            Rule::ContractedCost,
            "1.5000001",
        ),
        (
            |it| it.list_unit_price = Some("-1".parse().unwrap()),
            Rule::UnitPriceSign,
            "-1",
        ),
        (|it| it.pricing_unit = None, Rule::QuantityAndUnit, "PricingUnit"),
        (
            |it| {
                it.pricing_quantity = None;
                it.pricing_unit = None;
            },
            Rule::PricingQuantityMissing,
            "Usage",
        ),
        (
            |it| it.charge_category = crate::ledger::record::ChargeCategory::Tax,
            Rule::PricingQuantityOfTax,
            "3",
        ),
        (
            |it| {
                it.charge_category = crate::ledger::record::ChargeCategory::Purchase;
                it.consumed_quantity = Some("1".parse().unwrap());
                it.consumed_unit = Some("Hours".to_owned());
            },
            Rule::ConsumedOutsideUsage,
            "Purchase",
        ),
        (
            |it| it.service_category = "Computing".to_owned(),
            Rule::UnknownValue,
            "Computing",
        ),
        (
            |it| {
                it.charge_period = Period::new(
                    "2026-07-31T00:00:00Z".parse().unwrap(),
                    "2026-08-01T00:00:00Z".parse().unwrap(),
                )
                .unwrap();
            },
            Rule::ChargeOutsideBillingPeriod,
            "2026-07-31",
        ),
        (
            |it| {
                it.charge_category = crate::ledger::record::ChargeCategory::Credit;
                it.effective_cost = "9".parse().unwrap();
            },
            Rule::AmortisedTaxOrCredit,
            "9",
        ),
        (
            |it| {
                it.charge_category = crate::ledger::record::ChargeCategory::Purchase;
                it.charge_frequency = Some(crate::ledger::record::ChargeFrequency::UsageBased);
            },
            Rule::UsageBasedPurchase,
            "Usage-Based",
        ),
    ];
    for (break_it, rule, says) in broken {
        let findings = survey(&Made::of([record(|_| {}), record(break_it)]), FocusVersion::V1_4).findings();
        let finding = findings.iter().find(|finding| finding.rule == rule).unwrap();
        assert_eq!(
            (finding.rows, finding.examples[0].key.as_str()),
            (1, "key1"),
            "{rule:?}"
        );
        assert!(finding.examples[0].says.contains(says), "{finding:?}");
    }
}

#[test]
fn what_makes_money_unreadable_is_refused_and_all_else_only_where_the_operator_is_strict() {
    let unreadable = Made::of([record(|record| record.billing_currency = "dollars".to_owned())]);
    let refused = written(&unreadable, FocusVersion::V1_4, Format::Csv, Strictness::Lenient).unwrap_err();
    assert!(refused.to_string().contains("ISO 4217"), "{refused}");
    let odd = Made::of([record(|record| record.service_category = "Computing".to_owned())]);
    let (_, told) = written(&odd, FocusVersion::V1_4, Format::Csv, Strictness::Lenient).unwrap();
    assert_eq!(told.findings.len(), 1);
    let refused = written(&odd, FocusVersion::V1_4, Format::Csv, Strictness::Strict).unwrap_err();
    assert!(refused.to_string().contains("acme/0042 daily"), "{refused}");
}

#[test]
fn a_number_of_more_than_38_digits_makes_its_column_text_in_parquet_and_is_told() {
    let rows = Made::of([record(|record| {
        record.pricing_quantity = Some("123456789012345678901.5".parse().unwrap());
    })]);
    let (bytes, told) = written(&rows, FocusVersion::V1_4, Format::Parquet, Strictness::Lenient).unwrap();
    assert_eq!(told.text_columns, ["PricingQuantity"]);
    let (csv, told) = written(&rows, FocusVersion::V1_4, Format::Csv, Strictness::Lenient).unwrap();
    assert!(
        String::from_utf8(csv)
            .unwrap()
            .contains("123456789012345678901.5")
    );
    assert!(told.text_columns.is_empty());
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[test]
fn parquet_reads_back_value_by_value_over_several_row_groups() {
    use ::parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };
    let count = 100_001;
    let rows = Made::of((0..count).map(|index| {
        record(|record| {
            record.basis = Basis::Billed;
            record.billed_cost = finops_decimal::Decimal::from_units(-i128::from(index));
            record.region_id = (index % 2 == 0).then(|| format!("region {index}"));
        })
    }));
    let (bytes, told) = written(&rows, FocusVersion::V1_4, Format::Parquet, Strictness::Lenient).unwrap();
    assert_eq!(told.rows, u64::try_from(count).unwrap());
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
    assert!(reader.num_row_groups() > 1);
    for (index, row) in reader.get_row_iter(None).unwrap().enumerate() {
        let row = row.unwrap();
        let field = |name: &str| {
            row.get_column_iter()
                .find(|(column, _)| *column == name)
                .unwrap()
                .1
                .clone()
        };
        let Field::Decimal(billed) = field("BilledCost") else {
            unreachable!("{:?}", field("BilledCost"))
        };
        let units = i128::from_be_bytes(billed.data().try_into().unwrap());
        assert_eq!((units, billed.scale()), (-i128::try_from(index).unwrap(), 18));
        let region = match field("RegionId") {
            Field::Null => None,
            Field::Str(text) => Some(text),
            other => unreachable!("{other:?}"),
        };
        assert_eq!(region, (index % 2 == 0).then(|| format!("region {index}")));
        if index > 2_000 && index < 99_000 {
            continue;
        }
        assert_eq!(field("ServiceName"), Field::Str("Compute".to_owned()));
    }
}
