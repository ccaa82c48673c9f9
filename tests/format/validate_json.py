#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Validate JSON profiles against docs/profile.schema.json.

    validate_json.py FILE...          each file must be valid
    validate_json.py --self-test FILE break a valid file in ways that must be noticed

Beyond the schema: percentages of self add up, functions are in order, numbers keep all their
digits (duplicate keys and NaN are refused). Exit status: 0 valid, 1 not, 77 skipped because
python3-jsonschema is missing.
"""
import copy
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(77)

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "docs" / "profile.schema.json"


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"duplicate key among {keys}")
    return dict(pairs)


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def load(path):
    text = pathlib.Path(path).read_bytes().decode("utf-8")  # strict
    return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constant)


def consistency(profile):
    """What a schema cannot say; yields one line for each fault."""
    for counter in profile["counters"] + profile["supporting_counters"]:
        selves = [function["self"]["count"] for function in counter["functions"]]
        if selves != sorted(selves, reverse=True):
            yield f"{counter['name']}: functions are not in order of self"
        if counter["total_sampled"] is not None and sum(selves) > counter["total_sampled"]:
            yield f"{counter['name']}: self counts exceed total_sampled"
        for function in counter["functions"]:
            if function["self"]["count"] > function["total"]["count"]:
                yield f"{counter['name']}: {function['function']}: self exceeds total"
            if (function["samples"], function["percentage"]) != (
                function["self"]["samples"],
                function["self"]["percentage"],
            ):
                yield f"{counter['name']}: {function['function']}: not the samples of self"
        if "total_misses" in counter and counter["total_misses"] != counter["total"]:
            yield f"{counter['name']}: total_misses differs from total"
    of_function = {(f["function"], f["module"]): f for f in profile["functions"]}
    for line in profile.get("lines", []):
        function = of_function[line["function"], line["module"]]
        for kind in ("self", "total"):
            for event, weight in line[kind].items():
                if weight["count"] > function[kind][event]["count"]:
                    yield f"{line['file']}:{line['line']}: {kind} of {event} exceeds its function's"
    timeline = profile.get("timeline", {"threads": [], "threads_left_out": 0})
    for shown, thread in zip(timeline["threads"], profile["threads"]):
        if set(shown["counters"]) != set(thread["counters"]):
            yield f"timeline: thread {thread['tid']} has other events"
        for event, lists in shown["counters"].items():
            for kind in ("samples", "count"):
                if len(lists[kind]) != shown["buckets"] or sum(lists[kind]) != thread["counters"][event][kind]:
                    yield f"timeline: thread {thread['tid']}: {kind} of {event} are not the thread's"
        if shown["first_bucket"] + shown["buckets"] > timeline["buckets"]:
            yield f"timeline: thread {thread['tid']} goes on behind the end"
    if "timeline" in profile and len(timeline["threads"]) + timeline["threads_left_out"] != len(profile["threads"]):
        yield "timeline: threads are missing"
    base = profile["time_base"]
    for spot in profile.get("hotspots", []):
        if base is None or spot["samples"] == 0:
            yield f"hotspot {spot['function']} without samples of the time base"


def faults(validator, profile):
    found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(profile)]
    return found or list(consistency(profile))


def breakages(profile):
    """Valid profiles made invalid: (what, profile)."""

    def broken(what, change):
        other = copy.deepcopy(profile)
        change(other)
        return what, other

    yield broken("no version", lambda p: p.pop("version"))
    yield broken("unknown key", lambda p: p.update(extra=1))
    yield broken("negative count", lambda p: p.update(samples=-1))
    yield broken("no ipc", lambda p: p["derived_metrics"].pop("ipc"))
    yield broken("null without reason", lambda p: p["derived_metrics"].update(ipc=None, reasons={}))
    yield broken("unknown end", lambda p: p["stacks"]["ends"].update(tired=1))
    yield broken("local time", lambda p: p.update(timestamp="2025-01-01 12:00"))
    for key in ("counters", "supporting_counters"):
        for i, counter in enumerate(profile[key]):
            name = f"{key}[{i}]"
            yield broken(f"{name}: coverage null without its reason",
                         lambda p, k=key, i=i: p[k][i].update(coverage=None) or p[k][i].pop("coverage_reason", 0))
            yield broken(f"{name}: an unknown method", lambda p, k=key, i=i: p[k][i].update(method="guess"))
            if counter["available"]:
                yield broken(f"{name}: available with a reason",
                             lambda p, k=key, i=i: p[k][i].update(reason="x"))
                yield broken(f"{name}: available without total",
                             lambda p, k=key, i=i: p[k][i].update(total=None))
            else:
                yield broken(f"{name}: unavailable without reason",
                             lambda p, k=key, i=i: p[k][i].pop("reason"))
                yield broken(f"{name}: zero instead of null",
                             lambda p, k=key, i=i: p[k][i].update(total=0))
            if counter["functions"]:
                yield broken(f"{name}: self exceeds total",
                             lambda p, k=key, i=i: p[k][i]["functions"][0]["total"].update(count=0))
                yield broken(f"{name}: address is a number",
                             lambda p, k=key, i=i: p[k][i]["functions"][0].update(address=4096))


def self_test(validator, path):
    profile = load(path)
    missed = [what for what, other in breakages(profile) if not faults(validator, other)]
    for what in missed:
        print(f"{path}: not noticed: {what}")
    return bool(missed)


def main(arguments):
    schema = load(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    testing = arguments[:1] == ["--self-test"]
    failed = False

    if not arguments[testing:]:
        print(__doc__, file=sys.stderr)
        return 2
    for path in arguments[testing:]:
        try:
            found = faults(validator, load(path))
        except (OSError, ValueError) as error:
            found = [str(error)]
        for fault in found[:20]:
            print(f"{path}: {fault}")
        failed |= bool(found) or (testing and self_test(validator, path))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
