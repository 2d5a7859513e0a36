"""The same sums by DuckDB, from a table with a row for each mark; run by `cargo bench --bench summary_arithmetic`.

Arguments: a folder with `packed`, the years of 732 bytes each, and `shut`, the 732 bytes that are 0 where a session is
open; the stored bytes of each class as `attended=1,2,3`; how often to ask. It prints one line of JSON: DuckDB's version,
rows, the best time in seconds of each way to ask, and the sums.
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import numpy

PLACES = 732


def runs(codes):
    """A condition on `code`: ranges, which are compared faster than lists."""
    found = []
    for code in sorted(codes):
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return " OR ".join(f"code BETWEEN {first} AND {last}" for first, last in found)


folder, times = Path(sys.argv[1]), int(sys.argv[-1])
classes = {}
for word in sys.argv[2:-1]:
    name, codes = word.split("=")
    classes[name] = [int(code) for code in codes.split(",")]

is_open = numpy.fromfile(folder / "shut", dtype=numpy.uint8) == 0
years = numpy.fromfile(folder / "packed", dtype=numpy.uint8).reshape(-1, PLACES)[:, is_open]
class_of = numpy.zeros(256, dtype=numpy.uint8)
for number, name in enumerate(["attended", "authorised", "unauthorised"], start=1):
    class_of[classes[name]] = number
pupils, sessions = years.shape
source = {
    "pupil": numpy.repeat(numpy.arange(pupils, dtype=numpy.uint32), sessions),
    "session": numpy.tile(numpy.flatnonzero(is_open).astype(numpy.uint16), pupils),
    "code": years.reshape(-1),
    "class": class_of[years].reshape(-1),
}

database = duckdb.connect()
database.execute("PRAGMA threads=2")
# The stored byte of each code, and the class that it has, looked up beforehand: the narrowest forms that there are. The
# rows lie in the order of pupils. No mark is no row.
database.execute("CREATE TABLE marks AS SELECT pupil, session, code, class FROM source WHERE code <> 0")
rows = database.execute("SELECT count(*) FROM marks").fetchone()[0]

BY_CODE = {name: runs(codes) for name, codes in classes.items()}
BY_CLASS = {"attended": "class = 1", "authorised": "class = 2", "unauthorised": "class = 3"}


def question(conditions):
    """Every pupil's four sums; what is asked for is their totals, so that no row has to leave the database."""
    any_of = " OR ".join(f"({condition})" for condition in conditions.values())
    sums = ", ".join(f"count(*) FILTER ({condition}) AS {name}" for name, condition in conditions.items())
    return (
        "SELECT count(*), sum(possible), sum(attended), sum(authorised), sum(unauthorised) FROM "
        f"(SELECT pupil, count(*) FILTER ({any_of}) AS possible, {sums} FROM marks GROUP BY pupil)"
    )


best, found = {}, set()
for way, conditions in {"by code": BY_CODE, "by class": BY_CLASS}.items():
    text = question(conditions)
    for _ in range(times):
        begun = time.perf_counter()
        answer = database.execute(text).fetchone()
        taken = time.perf_counter() - begun
        best[way] = min(best.get(way, taken), taken)
        found.add(tuple(int(number) for number in answer))
assert len(found) == 1, found
print(json.dumps({"version": duckdb.__version__, "rows": rows, "best": best, "sums": found.pop()}))
