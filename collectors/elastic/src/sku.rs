//! What a SKU tells: `aws.es.datahot.c6gd_us-east-1_4096_2` is a node type in a region, with so much RAM in so many zones.

/// Beginnings of SKUs and HostProviderName.
const CLOUDS: [(&str, &str); 3] = [("aws", "AWS"), ("azure", "Microsoft"), ("gcp", "Google Cloud")];

/// The cloud under it; none where the SKU does not begin with one.
pub(crate) fn cloud(sku: &str) -> Option<&'static str> {
    let (beginning, _) = sku.split_once('.')?;
    CLOUDS
        .iter()
        .find(|(known, _)| *known == beginning)
        .map(|(_, name)| *name)
}

/// The region; none where the SKU is not that of a capacity.
pub(crate) fn region(sku: &str) -> Option<&str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = sku.rsplitn(4, '_');
    let (zones, memory, region, node) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let fits = digits(zones) && digits(memory) && !region.is_empty() && !node.is_empty();
    fits.then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_tells_its_cloud_and_region_and_other_skus_tell_less() {
        for (sku, cloud_name, region_name) in [
            (
                "aws.es.datahot.c6gd_us-east-1_4096_2",
                Some("AWS"),
                Some("us-east-1"),
            ),
            (
                "gcp.es.datahot.n2.68x10x45_europe-west1_15360_3",
                Some("Google Cloud"),
                Some("europe-west1"),
            ),
            (
                "azure.kibana.e32sv3_azure-eastus2_1024_1",
                Some("Microsoft"),
                Some("azure-eastus2"),
            ),
            ("aws.data-transfer-out", Some("AWS"), None),
            ("serverless_search_vcu_1", None, None),
            ("a_b_c_d", None, None),
            ("", None, None),
        ] {
            assert_eq!((cloud(sku), region(sku)), (cloud_name, region_name), "{sku}");
        }
    }
}
