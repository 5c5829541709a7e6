"""Puts and reads metrics and alarms with an unmodified boto3."""
import datetime
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

facts = json.loads(sys.argv[1])
client = boto3.client("cloudwatch", endpoint_url=facts["endpoint"], region_name=facts["region"],
                      config=Config(retries={"max_attempts": 0}))


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


start = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0) - datetime.timedelta(hours=1)
data = [{"MetricName": "m", "Dimensions": [{"Name": "D", "Value": str(i % 2)}], "Timestamp": start + datetime.timedelta(minutes=i // 2),
         "Value": i, "Unit": "Count"} for i in range(200)]
for i in range(0, 200, 20):
    client.put_metric_data(Namespace="N", MetricData=data[i:i + 20])
got = [m["Dimensions"][0]["Value"] for page in client.get_paginator("list_metrics").paginate(Namespace="N") for m in page["Metrics"]]
check("metrics", sorted(got), ["0", "1"])


def query(name, value):
    return {"Id": name, "ReturnData": False, "MetricStat": {"Period": 60, "Stat": "Sum", "Metric": {
        "Namespace": "N", "MetricName": "m", "Dimensions": [{"Name": "D", "Value": value}]}}}


results = client.get_metric_data(StartTime=start, EndTime=start + datetime.timedelta(minutes=3), ScanBy="TimestampAscending",
                                 MetricDataQueries=[query("a", "0"), query("b", "1"), {"Id": "c", "Expression": "a + b"}])["MetricDataResults"]
check("results", [(r["Id"], r["Label"], r["Values"], r["StatusCode"]) for r in results], [("c", "c", [1.0, 5.0, 9.0], "Complete")])
check("first time", results[0]["Timestamps"][0], start)

client.put_metric_alarm(AlarmName="x", Namespace="N", MetricName="m", ExtendedStatistic="p90", Period=60, EvaluationPeriods=1, Threshold=1,
                        ComparisonOperator="LessThanThreshold", Tags=[{"Key": "k", "Value": "v"}])
client.put_composite_alarm(AlarmName="y", AlarmRule="ALARM(x)")
client.set_alarm_state(AlarmName="x", StateValue="ALARM", StateReason="why", StateReasonData='{"a": 1}')
alarm = client.describe_alarms(AlarmNames=["x"])["MetricAlarms"][0]
check("alarm", [alarm[k] for k in ("StateValue", "StateReason", "StateReasonData", "ExtendedStatistic")], ["ALARM", "why", '{"a": 1}', "p90"])
check("tags", client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"], [{"Key": "k", "Value": "v"}])
try:
    client.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="why")
    sys.exit("an alarm that is not there has a state")
except client.exceptions.ResourceNotFound as error:
    check("code", error.response["Error"]["Code"] in ("ResourceNotFound",), True)
try:
    client.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}}])
    sys.exit("a value and a set at once")
except ClientError as error:
    check("code", error.response["Error"]["Code"], "InvalidParameterCombination")
client.delete_alarms(AlarmNames=["x", "y"])
