"""Translates Sigma rules with pySigma's Splunk backend, for `make pysigma`.

Each field is asked for in the spelling of the rule, in snake_case and in
camelCase, since audit events come in both; the rest is pySigma's own doing.
Writes a JSON list of {"id", "title", "search"} to standard output.
"""

import dataclasses
import json
import re
import sys

from sigma.backends.splunk import SplunkBackend
from sigma.collection import SigmaCollection
from sigma.conditions import ConditionAND, ConditionOR
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations.base import DetectionItemTransformation
from sigma.rule import SigmaDetection
from sigma.types import SigmaExists, SigmaNull


def spellings(field):
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda m: "_" + m[1].lower(), field)
    camel = re.sub(r"(?<=[A-Za-z0-9])_([a-z0-9])", lambda m: m[1].upper(), field)
    return list(dict.fromkeys([field, snake, camel]))


@dataclasses.dataclass
class BothSpellings(DetectionItemTransformation):
    """Asks for a field in each spelling. One of them must do, but a field is
    absent only if it is so in each."""

    def apply_detection_item(self, item):
        names = spellings(item.field or "")
        if item.field is None or len(names) == 1:
            return None
        absent = any(isinstance(v, SigmaNull) or isinstance(v, SigmaExists) and not v for v in item.value)
        return SigmaDetection(
            [dataclasses.replace(item, field=name, auto_modifiers=False) for name in names],
            item_linking=ConditionAND if absent else ConditionOR,
        )


def main():
    backend = SplunkBackend(
        processing_pipeline=ProcessingPipeline(items=[ProcessingItem(transformation=BothSpellings())])
    )
    out = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            rules = SigmaCollection.from_yaml(file.read())
        for rule in rules:
            (search,) = backend.convert_rule(rule)
            out.append({"id": str(rule.id), "title": rule.title, "search": search})
    json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
