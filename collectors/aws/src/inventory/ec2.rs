//! EC2: instances with type, state and tags, their CPU where CloudWatch may be asked, and EBS volumes.

use super::{
    Region,
    metrics::{self, Metric},
    query::{Action, at, child, descendants, tags, whole},
};
use finops_collector::{Decimal, Failure};

const VERSION: &str = "2016-11-15";
const PAGE: [(&str, &str); 1] = [("MaxResults", "500")];

pub(super) fn instances(region: &mut Region<'_>) -> Result<(), Failure> {
    let action = Action {
        service: "ec2",
        name: "DescribeInstances",
        version: VERSION,
        parameters: &PAGE,
        token: ("NextToken", "nextToken"),
    };
    let mut running = Vec::new();
    action.pages(region, |region, root| {
        for reservation in child(root, "reservationSet")
            .into_iter()
            .flat_map(|set| set.children())
        {
            let owner = at(reservation, "ownerId");
            let set = child(reservation, "instancesSet");
            for instance in set.into_iter().flat_map(|set| set.children()) {
                let id = at(instance, "instanceId");
                if id.is_empty() {
                    continue;
                }
                let state = at(instance, "instanceState/name");
                let lifecycle = match at(instance, "instanceLifecycle") {
                    "" => "on-demand",
                    other => other,
                };
                let counts = matches!(state, "pending" | "running");
                let dimensions = [
                    ("instance", id),
                    ("type", at(instance, "instanceType")),
                    ("zone", at(instance, "placement/availabilityZone")),
                    ("tenancy", at(instance, "placement/tenancy")),
                    ("lifecycle", lifecycle),
                    ("platform", at(instance, "platformDetails")),
                    ("account", owner),
                ];
                let value = if counts { Decimal::ONE } else { Decimal::ZERO };
                region.see(
                    ("instance", "Instances"),
                    value,
                    &dimensions,
                    &tags(child(instance, "tagSet")),
                );
                if state == "running" {
                    running.push((id.to_owned(), at(instance, "instanceType").to_owned()));
                }
            }
        }
        Ok(())
    })?;
    if !region.cloudwatch {
        return Ok(());
    }
    let hour = metrics::last_hour(region.now);
    let asked: Vec<Metric> = running
        .iter()
        .map(|(id, _)| {
            Metric::new(
                "AWS/EC2",
                "CPUUtilization",
                &[("InstanceId", id)],
                "Average",
                hour,
            )
        })
        .collect();
    let values = metrics::read(region, &asked)?;
    for ((id, kind), value) in running.iter().zip(values) {
        if let Some(value) = value {
            region.see(
                ("instance-cpu", "Percent"),
                value,
                &[("instance", id), ("type", kind)],
                &[],
            );
        }
    }
    Ok(())
}

pub(super) fn volumes(region: &mut Region<'_>) -> Result<(), Failure> {
    let action = Action {
        service: "ec2",
        name: "DescribeVolumes",
        version: VERSION,
        parameters: &PAGE,
        token: ("NextToken", "nextToken"),
    };
    action.pages(region, |region, root| {
        for volume in child(root, "volumeSet")
            .into_iter()
            .flat_map(|set| set.children())
        {
            let id = at(volume, "volumeId");
            if id.is_empty() {
                continue;
            }
            let instance =
                child(volume, "attachmentSet").and_then(|set| descendants(set, "instanceId").next());
            let dimensions = [
                ("volume", id),
                ("type", at(volume, "volumeType")),
                ("zone", at(volume, "availabilityZone")),
            ];
            let size = whole(at(volume, "size"), "a volume's size")?;
            region.see(
                ("volume", "GB"),
                size,
                &dimensions,
                &tags(child(volume, "tagSet")),
            );
            let attached = if instance.is_some() {
                Decimal::ONE
            } else {
                Decimal::ZERO
            };
            region.see(("volume-attached", "Volumes"), attached, &dimensions, &[]);
        }
        Ok(())
    })
}
