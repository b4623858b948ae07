"""Reads a report of splunk-appinspect and fails unless the app is clean.

usage: report.py NAME REPORT
"""

import json
import sys

name, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    reports = json.load(file)["reports"]

bad = ("error", "failure", "future_failure", "manual_check")
counts = {}
for report in reports:
    for group in report["groups"]:
        for check in group["checks"]:
            result = check["result"]
            counts[result] = counts.get(result, 0) + 1
            if result in bad or result == "warning":
                for message in check["messages"]:
                    print(f"{result}: {check['name']}: {message['message']}")

print(f"{name}: " + ", ".join(f"{n} {result}" for result, n in sorted(counts.items())))
if counts.get("success", 0) < 50:
    sys.exit(f"{name}: AppInspect ran hardly any checks")
if any(counts.get(result) for result in bad):
    sys.exit(f"{name}: Splunk Cloud would refuse the app")
