import json


def handler(event, context):
    path = event.get("path", event.get("rawPath"))
    return {"statusCode": 200, "body": json.dumps({"path": path})}
