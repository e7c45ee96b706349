"""Runs moto's server on loopback with some resources in it.

Usage: moto_server.py REGION checked|unchecked

`checked`: signatures and permissions are checked from then on. moto 5.2.1 does so for EC2, RDS and S3; GETs of EKS and
Lambda it refuses whoever signs them, boto3 included.

Prints one line of JSON when all is there, {"ready": true, "port": N, "key_id": ..., "secret_key": ..., "instances": [...],
"volumes": [...]}, and ends when its standard input closes, so that it never outlives whoever started it.
"""

import io
import json
import os
import sys
import threading
import urllib.request
import zipfile

# Functions are listed, never run.
os.environ["MOTO_LAMBDA_SIMPLE"] = "true"
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "inf"

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

ACTIONS = [
    "ec2:DescribeInstances",
    "ec2:DescribeVolumes",
    "eks:ListClusters",
    "eks:DescribeCluster",
    "eks:ListNodegroups",
    "eks:DescribeNodegroup",
    "lambda:ListFunctions",
    "rds:DescribeDBInstances",
    "s3:ListAllMyBuckets",
    "cloudwatch:GetMetricData",
]
TAGS = [{"Key": "team", "Value": "core & <web>"}]


def end_with_starter():
    sys.stdin.buffer.read()
    os._exit(0)


def fill(client, region):
    ec2 = client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    reply = ec2.run_instances(
        ImageId=image, InstanceType="m5.large", MinCount=3, MaxCount=3,
        TagSpecifications=[{"ResourceType": "instance", "Tags": TAGS}],
    )  # fmt: skip
    instances = [instance["InstanceId"] for instance in reply["Instances"]]
    ec2.stop_instances(InstanceIds=instances[2:])
    ec2.create_volume(AvailabilityZone=f"{region}a", Size=100, VolumeType="gp3")

    role = client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    eks = client("eks")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for name in ("prod", "test"):
        eks.create_cluster(name=name, roleArn=role, resourcesVpcConfig={"subnetIds": [subnet]})
        eks.create_nodegroup(
            clusterName=name, nodegroupName="blue", nodeRole=role, subnets=[subnet], instanceTypes=["t3.medium"],
            scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 2},
        )  # fmt: skip
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("f.py", "def handle(event, context): pass")
    for number in range(3):
        client("lambda").create_function(
            FunctionName=f"f{number}", Runtime="python3.12", Role=role, Handler="f.handle", MemorySize=256,
            Code={"ZipFile": archive.getvalue()}, Environment={"Variables": {"PASSWORD": "moto-function-secret"}},
        )  # fmt: skip
    for number in range(2):
        client("rds").create_db_instance(
            DBInstanceIdentifier=f"db-{number}", DBInstanceClass="db.t3.micro", Engine="postgres", AllocatedStorage=20,
            MasterUsername="me", MasterUserPassword="moto-database-secret",
        )  # fmt: skip
    for name in ("moto-one", "moto-two"):
        client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    pages = ec2.get_paginator("describe_volumes").paginate()
    volumes = [volume["VolumeId"] for page in pages for volume in page["Volumes"]]
    pages = ec2.get_paginator("describe_instances").paginate()
    instances = [i["InstanceId"] for page in pages for r in page["Reservations"] for i in r["Instances"]]
    return instances, volumes


def key(client):
    iam = client("iam")
    iam.create_user(UserName="finops")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}]}
    iam.put_user_policy(UserName="finops", PolicyName="read", PolicyDocument=json.dumps(policy))
    return iam.create_access_key(UserName="finops")["AccessKey"]


def main():
    region, checked = sys.argv[1], sys.argv[2] == "checked"
    threading.Thread(target=end_with_starter, daemon=True).start()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    address = f"http://127.0.0.1:{port}"

    def client(service):
        return boto3.client(
            service, endpoint_url=address, region_name=region, aws_access_key_id="any", aws_secret_access_key="any"
        )

    instances, volumes = fill(client, region)
    pair = key(client)
    if checked:
        request = urllib.request.Request(f"{address}/moto-api/reset-auth", data=b"0", method="POST")
        request.add_header("Content-Type", "text/plain")
        urllib.request.urlopen(request).read()
    ready = {
        "ready": True,
        "port": port,
        "key_id": pair["AccessKeyId"],
        "secret_key": pair["SecretAccessKey"],
        "instances": instances,
        "volumes": volumes,
    }
    print(json.dumps(ready), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
