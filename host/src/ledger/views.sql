-- Views for other programs that read the ledger (docs/focus-files.md). Their names and columns stay; amounts are exact text.

DROP VIEW IF EXISTS finops_current_cost;
CREATE VIEW finops_current_cost AS
SELECT json_extract(content, '$.AvailabilityZone') AS AvailabilityZone,
       billed AS BilledCost,
       json_extract(content, '$.BillingAccountId') AS BillingAccountId,
       json_extract(content, '$.BillingAccountName') AS BillingAccountName,
       currency AS BillingCurrency,
       json_extract(content, '$.BillingPeriod.end') AS BillingPeriodEnd,
       json_extract(content, '$.BillingPeriod.start') AS BillingPeriodStart,
       json_extract(content, '$.CapacityReservationId') AS CapacityReservationId,
       json_extract(content, '$.CapacityReservationStatus') AS CapacityReservationStatus,
       json_extract(content, '$.ChargeCategory') AS ChargeCategory,
       iif(json_extract(content, '$.Correction'), 'Correction', NULL) AS ChargeClass,
       json_extract(content, '$.ChargeDescription') AS ChargeDescription,
       json_extract(content, '$.ChargeFrequency') AS ChargeFrequency,
       json_extract(content, '$.ChargePeriod.end') AS ChargePeriodEnd,
       json_extract(content, '$.ChargePeriod.start') AS ChargePeriodStart,
       json_extract(content, '$.CommitmentDiscountCategory') AS CommitmentDiscountCategory,
       json_extract(content, '$.CommitmentDiscountId') AS CommitmentDiscountId,
       json_extract(content, '$.CommitmentDiscountName') AS CommitmentDiscountName,
       json_extract(content, '$.CommitmentDiscountQuantity') AS CommitmentDiscountQuantity,
       json_extract(content, '$.CommitmentDiscountStatus') AS CommitmentDiscountStatus,
       json_extract(content, '$.CommitmentDiscountType') AS CommitmentDiscountType,
       json_extract(content, '$.CommitmentDiscountUnit') AS CommitmentDiscountUnit,
       json_extract(content, '$.ConsumedQuantity') AS ConsumedQuantity,
       json_extract(content, '$.ConsumedUnit') AS ConsumedUnit,
       COALESCE(contracted, billed) AS ContractedCost,
       json_extract(content, '$.ContractedUnitPrice') AS ContractedUnitPrice,
       effective AS EffectiveCost,
       COALESCE(json_extract(content, '$.HostProviderName'), json_extract(content, '$.ServiceProviderName')) AS HostProviderName,
       json_extract(content, '$.InvoiceDetailId') AS InvoiceDetailId,
       json_extract(content, '$.InvoiceId') AS InvoiceId,
       COALESCE(json_extract(content, '$.InvoiceIssuerName'), json_extract(content, '$.ServiceProviderName')) AS InvoiceIssuerName,
       COALESCE(list, billed) AS ListCost,
       json_extract(content, '$.ListUnitPrice') AS ListUnitPrice,
       json_extract(content, '$.PricingCategory') AS PricingCategory,
       json_extract(content, '$.PricingCurrency') AS PricingCurrency,
       json_extract(content, '$.PricingQuantity') AS PricingQuantity,
       json_extract(content, '$.PricingUnit') AS PricingUnit,
       json_extract(content, '$.RegionId') AS RegionId,
       json_extract(content, '$.RegionName') AS RegionName,
       json_extract(content, '$.ResourceId') AS ResourceId,
       json_extract(content, '$.ResourceName') AS ResourceName,
       json_extract(content, '$.ResourceType') AS ResourceType,
       json_extract(content, '$.ServiceCategory') AS ServiceCategory,
       service AS ServiceName,
       json_extract(content, '$.ServiceProviderName') AS ServiceProviderName,
       json_extract(content, '$.ServiceSubcategory') AS ServiceSubcategory,
       json_extract(content, '$.SkuId') AS SkuId,
       json_extract(content, '$.SkuMeter') AS SkuMeter,
       json_extract(content, '$.SkuPriceId') AS SkuPriceId,
       json_extract(content, '$.SubAccountId') AS SubAccountId,
       json_extract(content, '$.SubAccountName') AS SubAccountName,
       json_extract(content, '$.SubAccountType') AS SubAccountType,
       COALESCE((SELECT json_patch(json_group_object(own.name, own.value), COALESCE(json_extract(content, '$.Tags'), '{}'))
                 FROM instance_tag AS own WHERE own.instance = source.instance HAVING count(*) > 0),
                json_extract(content, '$.Tags')) AS Tags,
       (SELECT file FROM archive WHERE archive.partition = partition.id) AS x_Archive,
       json_extract(content, '$.Basis') AS x_Basis,
       iif(contracted IS NULL, 'none', 'provider') AS x_ContractedCostSource,
       json_extract(content, '$.Extra') AS x_Extra,
       json_extract(content, '$.Finality') AS x_Finality,
       instance AS x_Instance,
       iif(content = '{}', NULL, COALESCE(json_extract(content, '$.LineCount'), 1)) AS x_LineCount,
       json_extract(content, '$.LineId') AS x_LineId,
       iif(list IS NULL, 'none', 'provider') AS x_ListCostSource,
       strftime('%Y-%m-%dT%H:%M:%SZ', start, 'unixepoch') AS x_Partition,
       json_extract(content, '$.PriceCard') AS x_PriceCard,
       provider AS x_Provider,
       lower(hex(record.key)) AS x_RecordKey,
       rtrim(provider || '/' || billing_account || '/' || scope, '/') AS x_Source,
       name AS x_Stream
FROM record JOIN partition ON partition.id = record.partition
     JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source
WHERE until_commit IS NULL AND record.counts = 1 AND source.counts = 1 AND view_of IS NULL;

DROP VIEW IF EXISTS finops_entry;
CREATE VIEW finops_entry AS
SELECT entry_id AS x_EntryId,
       destination.name AS x_Destination,
       epoch.number AS x_Epoch,
       entry.sequence AS x_Sequence,
       entry.state AS x_State,
       entry.reason AS x_Reason,
       amount AS x_Amount,
       total_after AS x_TotalAfter,
       posting.currency AS BillingCurrency,
       posting.key AS x_PostingKey,
       posting.dims AS x_Dimensions,
       strftime('%Y-%m-%dT%H:%M:%SZ', commits.at, 'unixepoch') AS x_PostedAt,
       rtrim(provider || '/' || billing_account || '/' || scope, '/') AS x_Source
FROM entry JOIN posting ON posting.id = entry.posting JOIN epoch ON epoch.id = posting.epoch
     JOIN destination ON destination.id = entry.destination JOIN commits ON commits.id = entry.commit_id
     JOIN source ON source.id = entry.source;

DROP VIEW IF EXISTS finops_coverage;
CREATE VIEW finops_coverage AS
SELECT rtrim(provider || '/' || billing_account || '/' || scope, '/') AS x_Source,
       name AS x_Stream,
       basis AS x_Basis,
       strftime('%Y-%m-%dT%H:%M:%SZ', start, 'unixepoch') AS x_PartitionStart,
       strftime('%Y-%m-%dT%H:%M:%SZ', stop, 'unixepoch') AS x_PartitionEnd,
       completeness AS x_Completeness,
       strftime('%Y-%m-%dT%H:%M:%SZ', observed_through, 'unixepoch') AS x_ObservedThrough,
       (source.counts = 1 AND view_of IS NULL AND retired_by IS NULL) AS x_Counts
FROM partition JOIN stream ON stream.id = partition.stream JOIN source ON source.id = stream.source;
