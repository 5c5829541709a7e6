import json


def pets(event, context):
    return {"statusCode": 200, "body": json.dumps({"pet": (event.get("pathParameters") or {}).get("id")})}


def chat(event, context):
    return {"statusCode": 200}
