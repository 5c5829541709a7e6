"""Keeps pets as long as this instance runs: another one has pets of its own."""
import json

pets = {"1": {"name": "Rex", "kind": "dog"}}


def handler(event, context):
    if event["httpMethod"] == "POST":
        pets[str(len(pets) + 1)] = json.loads(event["body"])
        return answer(201, {"id": str(len(pets))})
    pet = pets.get((event["pathParameters"] or {}).get("id"))
    return answer(200, pet) if pet else answer(404, {"message": "no such pet"})


def answer(status, document):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(document)}
