"""Transforms templates of SAM with AWS's own translator, as far as it is installed.

Reads a list of templates as JSON, writes a list of what is made of them: a
template, or the error that the translator gives. With --read DIR, writes what
the YAML files of DIR say instead.
"""
import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

if sys.argv[1:2] == ["--read"]:
    from samtranslator.yaml_helper import yaml_parse

    found = {}
    for name in os.listdir(sys.argv[2]):
        if name.endswith(".yaml"):
            with open(os.path.join(sys.argv[2], name), encoding="utf-8") as f:
                found[name[: -len(".yaml")]] = yaml_parse(f.read())
    json.dump(found, sys.stdout, default=str)
    sys.exit()

made = []
for template in json.load(sys.stdin):
    parameters = {name: p["Default"] for name, p in template.get("Parameters", {}).items() if "Default" in p}
    try:
        made.append({"template": Translator({}, Parser()).translate(template, parameters)})
    except InvalidDocumentException as e:
        made.append({"error": sorted(c.message for c in e.causes) if e.causes else [e.message]})
    except Exception as e:  # the translator itself fails on some templates
        made.append({"failed": repr(e)})
json.dump(made, sys.stdout)
