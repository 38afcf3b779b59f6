"""Converts a list of Keras files with kconvert on Spark.

    spark-submit convert.py FILES.txt OUT [--to onnx] [--kconvert PATH] [--report REPORT]

FILES.txt names one model per line, on storage that every executor sees. Spark hands out partitions of the list and tries
a partition again when an executor is lost; `kconvert batch` converts each file in a process of its own, skips what is
converted already, and says in one line of JSON what became of it. REPORT is a folder of those lines as Parquet.
"""

import argparse
import pathlib
import subprocess
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

# What kconvert says of a file; see the article on converting many models.
SCHEMA = (
    "file string, status string, code int, reason string, "
    "unsupported array<struct<class: string, layers: array<string>>>, seconds double, "
    "input struct<bytes: bigint, sha256: string>, "
    "outputs array<struct<file: string, bytes: bigint, sha256: string>>, options string"
)


def convert(out: str, to: str, kconvert: str):
    def lines(files):
        for file in files:
            # A folder per file, named by its whole path: its log is nobody else's.
            folder = pathlib.Path(out, *pathlib.Path(file).absolute().parts[1:])
            command = [kconvert, "batch", file, "--to", to, "--out", str(folder), "--jobs", "1"]
            done = subprocess.run(command, capture_output=True, text=True)
            if not done.stdout:
                raise RuntimeError(done.stderr)  # Not the file's fault: Spark tries again.
            yield (done.stdout.splitlines()[-1],)

    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", help="a text file with one model per line")
    parser.add_argument("out")
    parser.add_argument("--to", default="onnx")
    parser.add_argument("--kconvert", default="kconvert", help="the command, at the same path on every node")
    parser.add_argument("--report", help="a folder for the report")
    options = parser.parse_args()

    spark = SparkSession.builder.appName("kconvert").getOrCreate()
    files = spark.sparkContext.textFile(options.files, minPartitions=4 * spark.sparkContext.defaultParallelism)
    named = files.map(str.strip).filter(bool)
    lines = spark.createDataFrame(named.mapPartitions(convert(options.out, options.to, options.kconvert)), "line string")
    report = lines.select(F.from_json("line", SCHEMA).alias("of")).select("of.*").cache()
    if options.report:
        report.write.mode("overwrite").parquet(options.report)
    report.groupBy("status").count().orderBy("status").show()
    refused = report.select(F.explode("unsupported").alias("refused")).groupBy("refused.class").count()
    refused.orderBy(F.desc("count")).show(truncate=False)
    failed = report.where("status = 'failed'").count()
    spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
