//! What runs in the simulated organization: EC2 and RDS as XML, EKS and Lambda as JSON, S3's list of buckets, CloudWatch.
//! Everything is in eu-west-1; us-east-1 is empty, as most regions are.

use super::{
    reply::{Dialect, Reply, escaped},
    server::Call,
};
use serde_json::{Value, json};

/// What a function's environment holds: it must be found nowhere.
pub const FUNCTION_SECRET: &str = "postgres-password-of-f1-0123456789";

/// Id, type, state, lifecycle, tags.
type Instance = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const INSTANCES: [Instance; 5] = [
    (
        "i-0aaa",
        "m5.large",
        "running",
        "",
        &[("team", "core"), ("Name", "api & <web>")],
    ),
    ("i-0bbb", "m5.large", "running", "spot", &[("team", "web")]),
    ("i-0ccc", "c5.xlarge", "stopped", "", &[]),
    ("i-0ddd", "t3.micro", "terminated", "", &[]),
    (
        "i-0eee",
        "t3.micro",
        "pending",
        "",
        &[("eks:cluster-name", "prod")],
    ),
];
const VOLUMES: [(&str, &str, u32, &str, &str); 2] = [
    ("vol-01", "gp3", 100, "in-use", "i-0aaa"),
    ("vol-02", "gp2", 8, "available", ""),
];

/// Answers an operation of the inventory; none where it is another.
pub(crate) fn answer(call: &Call<'_>, operation: &str) -> Option<Reply> {
    let here = call.region == "eu-west-1";
    Some(match operation {
        "ec2:DescribeInstances" => instances(call, here),
        "ec2:DescribeVolumes" => volumes(here),
        "rds:DescribeDBInstances" => databases(call, here),
        "eks:ListClusters" => {
            Reply::json(&json!({"clusters": if here { vec!["prod"] } else { vec![] }, "nextToken": null}))
        }
        "eks:DescribeCluster" => Reply::json(
            &json!({"cluster": {"name": "prod", "arn": "arn:aws:eks:eu-west-1:1:cluster/prod",
            "createdAt": 1_736_500_000.123, "version": "1.33", "status": "ACTIVE", "tags": {"team": "core"}}}),
        ),
        "eks:ListNodegroups" => match call.query("nextToken").as_deref() {
            None => Reply::json(&json!({"nodegroups": ["blue"], "nextToken": "n1"})),
            Some("n1") => Reply::json(&json!({"nodegroups": ["green"], "nextToken": null})),
            Some(_) => Reply::error(Dialect::Rest, 400, "InvalidParameterException", "bad token"),
        },
        "eks:DescribeNodegroup" => node_group(call),
        "lambda:ListFunctions" => functions(call, here),
        "s3:ListAllMyBuckets" => buckets(call),
        "cloudwatch:GetMetricData" => metrics(call),
        "tagging:GetResources" => tagged(call, here),
        _ => return None,
    })
}

fn ec2(action: &str, inner: &str) -> Reply {
    Reply::xml(format!(
        "<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>{inner}</{action}Response>"
    ))
}

/// Two instances a page.
fn instances(call: &Call<'_>, here: bool) -> Reply {
    if call.form("Version").as_deref() != Some("2016-11-15") {
        return Reply::error(
            Dialect::Ec2,
            400,
            "NoSuchVersion",
            "The requested version is not valid.",
        );
    }
    if !here {
        return ec2("DescribeInstances", "<reservationSet/>");
    }
    let token = call.form("NextToken");
    let Ok(first) = token.as_deref().map_or(Ok(0), str::parse::<usize>) else {
        return Reply::error(
            Dialect::Ec2,
            400,
            "InvalidParameterValue",
            "Unable to parse pagination token",
        );
    };
    let mut items = String::new();
    for (id, kind, state, lifecycle, tags) in INSTANCES.iter().skip(first).take(2) {
        let lifecycle = match *lifecycle {
            "" => String::new(),
            text => format!("<instanceLifecycle>{text}</instanceLifecycle>"),
        };
        let tags: String = tags
            .iter()
            .map(|(key, value)| format!("<item><key>{key}</key><value>{}</value></item>", escaped(value)))
            .collect();
        let tags = if tags.is_empty() {
            "<tagSet/>".to_owned()
        } else {
            format!("<tagSet>{tags}</tagSet>")
        };
        items.push_str(&format!(
            "<item><reservationId>r-1</reservationId><ownerId>210987654321</ownerId><groupSet/><instancesSet><item>\
             <instanceId>{id}</instanceId><instanceState><code>16</code><name>{state}</name></instanceState>\
             <instanceType>{kind}</instanceType><launchTime>2025-01-10T07:11:02.000Z</launchTime><placement>\
             <availabilityZone>eu-west-1a</availabilityZone><tenancy>default</tenancy></placement>{lifecycle}\
             <platformDetails>Linux/UNIX</platformDetails>{tags}</item></instancesSet></item>"
        ));
    }
    let next = first + 2;
    let token = match next < INSTANCES.len() {
        true => format!("<nextToken>{next}</nextToken>"),
        false => String::new(),
    };
    ec2(
        "DescribeInstances",
        &format!("<reservationSet>{items}</reservationSet>{token}"),
    )
}

fn volumes(here: bool) -> Reply {
    if !here {
        return ec2("DescribeVolumes", "<volumeSet/>");
    }
    let items: String = VOLUMES
        .iter()
        .map(|(id, kind, size, state, instance)| {
            let attached = match *instance {
                "" => "<attachmentSet/>".to_owned(),
                id => format!("<attachmentSet><item><instanceId>{id}</instanceId></item></attachmentSet>"),
            };
            format!(
                "<item><volumeId>{id}</volumeId><size>{size}</size><snapshotId/><availabilityZone>eu-west-1a</availabilityZone>\
                 <status>{state}</status>{attached}<volumeType>{kind}</volumeType></item>"
            )
        })
        .collect();
    ec2("DescribeVolumes", &format!("<volumeSet>{items}</volumeSet>"))
}

fn databases(call: &Call<'_>, here: bool) -> Reply {
    let (inner, marker) = match (here, call.form("Marker").as_deref()) {
        (false, _) => (String::new(), ""),
        (true, None) => (
            database("db-1", "db.r6g.large", "postgres", 200),
            "<Marker>m1</Marker>",
        ),
        (true, Some("m1")) => (database("docs-1", "db.t3.medium", "docdb", 1), ""),
        (true, Some(_)) => return Reply::error(Dialect::Query, 400, "InvalidParameterValue", "bad marker"),
    };
    Reply::xml(format!(
        "<DescribeDBInstancesResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><DescribeDBInstancesResult>{marker}\
         <DBInstances>{inner}</DBInstances></DescribeDBInstancesResult><ResponseMetadata><RequestId>r</RequestId>\
         </ResponseMetadata></DescribeDBInstancesResponse>"
    ))
}

fn database(id: &str, class: &str, engine: &str, storage: u32) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceClass>{class}</DBInstanceClass>\
         <Engine>{engine}</Engine><DBInstanceStatus>available</DBInstanceStatus><MultiAZ>false</MultiAZ>\
         <AllocatedStorage>{storage}</AllocatedStorage><StorageType>gp3</StorageType>\
         <AvailabilityZone>eu-west-1b</AvailabilityZone><TagList><Tag><Key>team</Key><Value>data</Value></Tag></TagList></DBInstance>"
    )
}

fn node_group(call: &Call<'_>) -> Reply {
    let (kind, capacity, size) = match call.arrived.uri.path().rsplit('/').next() {
        Some("blue") => ("m5.large", "ON_DEMAND", 3),
        _ => ("c5.xlarge", "SPOT", 5),
    };
    Reply::json(
        &json!({"nodegroup": {"nodegroupName": "g", "capacityType": capacity, "instanceTypes": [kind], "status": "ACTIVE",
        "scalingConfig": {"minSize": 1, "maxSize": 9, "desiredSize": size}, "diskSize": 20, "createdAt": 1_736_500_000.123,
        "resources": {"autoScalingGroups": [{"name": "asg"}]}, "tags": {}}}),
    )
}

fn functions(call: &Call<'_>, here: bool) -> Reply {
    let function = |name: &str, memory: u32| {
        json!({"FunctionName": name, "FunctionArn": format!("arn:aws:lambda:eu-west-1:210987654321:function:{name}"),
            "MemorySize": memory, "Architectures": ["arm64"], "Runtime": "python3.13", "EphemeralStorage": {"Size": 512},
            "Environment": {"Variables": {"DB_PASSWORD": FUNCTION_SECRET}}, "LastModified": "2025-01-02T03:04:05.000+0000"})
    };
    Reply::json(&match (here, call.query("Marker").as_deref()) {
        (false, _) => json!({"Functions": [], "NextMarker": null}),
        (true, None) => json!({"Functions": [function("f1", 512)], "NextMarker": "after f1"}),
        (true, Some("after f1")) => json!({"Functions": [function("f2", 128)]}),
        (true, Some(_)) => {
            return Reply::error(Dialect::Rest, 400, "InvalidParameterValueException", "bad marker");
        }
    })
}

fn buckets(call: &Call<'_>) -> Reply {
    let wanted = call.query("bucket-region");
    let bucket = |(name, region): &(&str, &str)| {
        let shown = wanted.as_deref().is_none_or(|wanted| wanted == *region);
        shown.then(|| {
            format!(
                "<Bucket><Name>{name}</Name><CreationDate>2025-01-01T00:00:00.000Z</CreationDate>\
                 <BucketRegion>{region}</BucketRegion></Bucket>"
            )
        })
    };
    let inner: String = [
        ("lake", "eu-west-1"),
        ("acme-billing", "eu-west-1"),
        ("far", "us-east-1"),
    ]
    .iter()
    .filter_map(bucket)
    .collect();
    Reply::xml(format!(
        "<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Buckets>{inner}</Buckets><Owner><ID>o</ID></Owner>\
         </ListAllMyBucketsResult>"
    ))
}

/// The tagged resources of a region, one a page; a bucket without tags is not among them.
fn tagged(call: &Call<'_>, here: bool) -> Reply {
    let Ok(body) = serde_json::from_slice::<Value>(call.arrived.body) else {
        return Reply::error(Dialect::Json, 400, "SerializationException", "no JSON");
    };
    if body.get("ResourceTypeFilters") != Some(&json!(["s3"])) {
        return Reply::error(
            Dialect::Json,
            400,
            "InvalidParameterException",
            "the simulator knows s3 alone",
        );
    }
    let of = |name: &str, tags: Value| json!({"ResourceARN": format!("arn:aws:s3:::{name}"), "Tags": tags});
    let lake = of(
        "lake",
        json!([{"Key": "team", "Value": "data"}, {"Key": "stage", "Value": "prod"}]),
    );
    let gone = of("gone", json!([{"Key": "team", "Value": "core"}]));
    let (list, next) = match (here, body.get("PaginationToken").and_then(Value::as_str)) {
        (false, _) => (vec![], ""),
        (true, None | Some("")) => (vec![gone], "t1"),
        (true, Some("t1")) => (vec![lake], ""),
        (true, Some(_)) => {
            return Reply::error(Dialect::Json, 400, "PaginationTokenExpiredException", "bad token");
        }
    };
    Reply::json(&json!({"PaginationToken": next, "ResourceTagMappingList": list}))
}

/// One point for what is known, none for the rest.
fn metrics(call: &Call<'_>) -> Reply {
    let Ok(body) = serde_json::from_slice::<Value>(call.arrived.body) else {
        return Reply::error(Dialect::Json, 400, "SerializationException", "no JSON");
    };
    let time = |name: &str| body.get(name).and_then(Value::as_i64);
    let (start, end) = (time("StartTime"), time("EndTime"));
    let (Some(start), Some(end)) = (start, end) else {
        return Reply::error(
            Dialect::Json,
            400,
            "ValidationError",
            "StartTime and EndTime are numbers",
        );
    };
    let result = |query: &Value| {
        let stat = &query["MetricStat"];
        let metric = &stat["Metric"];
        let of = |name: &str| {
            let dimensions = metric["Dimensions"].as_array().into_iter().flatten();
            let mut named = dimensions.filter(|dimension| dimension["Name"] == name);
            named.find_map(|dimension| dimension["Value"].as_str())
        };
        let value = match (metric["MetricName"].as_str(), stat["Stat"].as_str()) {
            (Some("CPUUtilization"), Some("Average")) if of("InstanceId") == Some("i-0aaa") => {
                Some("12.345678901234567")
            }
            (Some("Invocations"), Some("Sum")) if of("FunctionName") == Some("f1") => Some("38.0"),
            (Some("Duration"), Some("Sum")) if of("FunctionName") == Some("f1") => Some("81234.56"),
            (Some("BucketSizeBytes"), _)
                if (of("BucketName"), of("StorageType")) == (Some("lake"), Some("StandardStorage")) =>
            {
                Some("1.5E12")
            }
            (Some("NumberOfObjects"), _) if of("BucketName") == Some("lake") => Some("123456.0"),
            _ => None,
        };
        // The older point comes first, with a value that must not be taken.
        let step = stat["Period"].as_i64().unwrap_or(3_600);
        let (timestamps, values): (Vec<i64>, Vec<Value>) =
            match value.and_then(|text| serde_json::from_str(text).ok()) {
                Some(value) if end - start > step => (vec![start, end - step], vec![json!(1), value]),
                Some(value) => (vec![end - step], vec![value]),
                None => (vec![], vec![]),
            };
        json!({"Id": query["Id"], "Label": metric["MetricName"], "Timestamps": timestamps, "Values": values, "StatusCode": "Complete"})
    };
    let results: Vec<Value> = body
        .get("MetricDataQueries")
        .and_then(Value::as_array)
        .map(|queries| queries.iter().map(result).collect())
        .unwrap_or_default();
    Reply::json(&json!({"MetricDataResults": results, "Messages": []}))
}
