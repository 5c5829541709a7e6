"""Uses an unmodified boto3 against the Cloud Map of a gatehouse; cloudmap_test.go
runs it."""
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

facts = json.loads(sys.argv[1])
# DiscoverInstances has a host of its own, with data- in front.
client = boto3.client("servicediscovery", endpoint_url=facts["endpoint"], region_name=facts["region"],
                      config=Config(retries={"max_attempts": 0}, inject_host_prefix=False))


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def refused(code, function, **arguments):
    try:
        function(**arguments)
    except ClientError as error:
        check(function.__name__, error.response["Error"]["Code"], code)
        return error.response["Error"]["Message"]
    sys.exit(f"{function.__name__}{arguments}: succeeded, want {code}")


def done(answer):
    operation = client.get_operation(OperationId=answer["OperationId"])["Operation"]
    check(operation["Type"], operation["Status"], "SUCCESS")
    return operation["Targets"]


namespace = done(client.create_http_namespace(Name="prod", CreatorRequestId="1", Tags=[{"Key": "a", "Value": "b"}]))["NAMESPACE"]
check("the same request", done(client.create_http_namespace(Name="prod", CreatorRequestId="1"))["NAMESPACE"], namespace)
refused("NamespaceAlreadyExists", client.create_http_namespace, Name="prod", CreatorRequestId="2")
service = client.create_service(Name="orders", NamespaceId=namespace, HealthCheckCustomConfig={"FailureThreshold": 1})["Service"]
check("service", (service["Type"], service["InstanceCount"], service["HealthCheckCustomConfig"]), ("HTTP", 0, {"FailureThreshold": 1}))

for n in range(5):
    targets = done(client.register_instance(ServiceId=service["Id"], InstanceId=f"i-{n}", Attributes={
        "AWS_INSTANCE_IPV4": f"10.0.0.{n}", "AWS_INSTANCE_PORT": "80", "zone": "ab"[n % 2]}))
    check("targets", targets, {"SERVICE": service["Id"], "INSTANCE": f"i-{n}"})
client.update_instance_custom_health_status(ServiceId=service["Id"], InstanceId="i-0", Status="UNHEALTHY")


def discover(**more):
    answer = client.discover_instances(NamespaceName="prod", ServiceName="orders", **more)
    return sorted(i["InstanceId"] for i in answer["Instances"])  # they come in no order


check("healthy ones", discover(), ["i-1", "i-2", "i-3", "i-4"])
check("all", len(discover(HealthStatus="ALL")), 5)
check("by attribute", discover(QueryParameters={"zone": "a"}), ["i-2", "i-4"])

pages = client.get_paginator("list_instances").paginate(ServiceId=service["Id"], PaginationConfig={"PageSize": 2})
check("pages", [[i["Id"] for i in page["Instances"]] for page in pages], [["i-0", "i-1"], ["i-2", "i-3"], ["i-4"]])
check("health", client.get_instances_health_status(ServiceId=service["Id"], Instances=["i-0", "i-1"])["Status"], {"i-0": "UNHEALTHY", "i-1": "HEALTHY"})
operations = client.list_operations(Filters=[{"Name": "TYPE", "Values": ["REGISTER_INSTANCE"]}, {"Name": "SERVICE_ID", "Values": [service["Id"]]}])
check("operations", len(operations["Operations"]), 5)
check("services", [s["Id"] for s in client.list_services(Filters=[{"Name": "NAMESPACE_ID", "Values": [namespace]}])["Services"]], [service["Id"]])

check("a missing member", refused("InvalidInput", client.register_instance, ServiceId=service["Id"], InstanceId="", Attributes={}) != "", True)
refused("ServiceNotFound", client.get_service, Id="srv-none")
refused("ResourceInUse", client.delete_service, Id=service["Id"])
refused("CustomHealthNotFound", client.update_instance_custom_health_status, Status="HEALTHY", InstanceId="i",
        ServiceId=client.create_service(Name="plain", NamespaceId=namespace)["Service"]["Id"])

for n in range(5):
    done(client.deregister_instance(ServiceId=service["Id"], InstanceId=f"i-{n}"))
refused("InstanceNotFound", client.deregister_instance, ServiceId=service["Id"], InstanceId="i-0")
for s in client.list_services()["Services"]:
    client.delete_service(Id=s["Id"])
done(client.delete_namespace(Id=namespace))
check("namespaces", client.list_namespaces()["Namespaces"], [])
print("boto3", boto3.__version__, "ok")
