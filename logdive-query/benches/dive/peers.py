"""Asks DuckDB and polars what the benchmark asks, over the same Parquet files.

Reads one JSON object from standard input (files by name, from and to in microseconds, runs) and
writes a JSON list to standard output. Every peer keeps its connection, uses all its threads, and
answers twice before it is timed; several formulations are tried where it is not plain which is
fastest, each under a name of its own.
"""

import json
import sys
import time
from datetime import datetime, timezone


def timed(runs, ask):
    """The rows of the answer, and the seconds of each run; counting rows is not timed."""
    answer, seconds = None, []
    for run in range(runs + 2):
        begin = time.perf_counter()
        answer = ask()
        if run >= 2:
            seconds.append(time.perf_counter() - begin)
    return answer.shape[0], seconds


def duckdb_answers(question):
    try:
        import duckdb
    except ImportError:
        print("DuckDB is not there", file=sys.stderr)
        return
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    # Footers are kept, as ours are.
    for setting in ("parquet_metadata_cache", "enable_external_file_cache"):
        try:
            connection.execute(f"SET {setting} = true")
        except duckdb.Error as error:
            print(f"DuckDB has no {setting}: {error}", file=sys.stderr)
    # Times as literals: a parameter is not known when row groups are left out.
    literal = [
        datetime.fromtimestamp(question[key] / 1e6, timezone.utc).strftime(
            "TIMESTAMPTZ '%Y-%m-%d %H:%M:%S.%f+00'"
        )
        for key in ("from", "to")
    ]
    inside = f"ts >= {literal[0]} AND ts < {literal[1]}"
    errors = f"{inside} AND layer = 'front' AND severity_number >= 17"

    def answer(query):
        # The rows stay in DuckDB: it is not charged for making Python objects of them.
        return connection.sql(query).materialize()

    for name, files in question["files"].items():
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
        logs = f"read_parquet([{listed}], hive_partitioning = false)"
        yield name, "errors", lambda: answer(
            f"SELECT * FROM {logs} WHERE {errors} ORDER BY ts DESC LIMIT 200"
        )
        yield name, "hops", lambda: answer(
            f"SELECT * FROM {logs} WHERE {inside} AND request_id IN "
            f"(SELECT request_id FROM {logs} WHERE {errors})"
        )

        def by_list():
            ids = connection.execute(
                f"SELECT DISTINCT request_id FROM {logs} WHERE {errors} AND request_id IS NOT NULL"
            ).fetchall()
            listed_ids = ", ".join(f"'{row[0]}'" for row in ids)
            return answer(f"SELECT * FROM {logs} WHERE {inside} AND request_id IN ({listed_ids})")

        yield name + ", two queries", "hops", by_list


def polars_answers(question):
    try:
        import polars
    except ImportError:
        print("polars is not there", file=sys.stderr)
        return
    begin, end = (
        polars.lit(question[key]).cast(polars.Datetime("us", "UTC")) for key in ("from", "to")
    )
    inside = (polars.col("ts") >= begin) & (polars.col("ts") < end)
    errors = inside & (polars.col("layer") == "front") & (polars.col("severity_number") >= 17)
    for name, files in question["files"].items():
        for engine in ("in-memory", "streaming"):
            logs = polars.scan_parquet(files, hive_partitioning=False)

            def newest(logs=logs, engine=engine):
                found = logs.filter(errors).sort("ts", descending=True).head(200)
                return found.collect(engine=engine)

            def hops(logs=logs, engine=engine):
                ids = logs.filter(errors).select("request_id").drop_nulls().unique()
                found = logs.filter(inside).join(ids, on="request_id", how="semi")
                return found.collect(engine=engine)

            def by_list(logs=logs, engine=engine):
                ids = logs.filter(errors).select("request_id").drop_nulls().unique()
                ids = ids.collect(engine=engine)["request_id"].implode()
                found = logs.filter(inside & polars.col("request_id").is_in(ids))
                return found.collect(engine=engine)

            yield f"{name}, {engine}", "errors", newest
            yield f"{name}, {engine}", "hops", hops
            yield f"{name}, {engine}, two queries", "hops", by_list


def main():
    question = json.load(sys.stdin)
    answers = []
    for peer, asked in (("duckdb", duckdb_answers), ("polars", polars_answers)):
        for name, what, ask in asked(question):
            by = f"{peer}, {name}"
            try:
                rows, seconds = timed(question["runs"], ask)
            except Exception as error:  # One formulation that fails leaves the others.
                print(f"{by}: {error}", file=sys.stderr)
                continue
            answers.append({"by": by, "question": what, "rows": rows, "seconds": seconds})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
