"""A data-frame job: sales joined with prices and summed by region, until a file holds what is no number."""
import io
import sys

import pandas

SALES = """day,region,item,count
2024-03-01,north,tea,3
2024-03-01,south,cup,1
2024-03-02,north,cup,2
2024-03-02,south,tea,many
"""
PRICES = {"tea": 3.2, "cup": 9.75}


def load(text):
    table = pandas.read_csv(io.StringIO(text), parse_dates=["day"])
    table["price"] = table["item"].map(PRICES)
    return table


def revenue(table):
    counts = table["count"]
    checked = counts.astype("int64")
    return (checked * table["price"]).groupby(table["region"]).sum()


class Job:
    def __init__(self, sources):
        self.sources = sources
        self.done = {}

    def run(self):
        for name, text in self.sources.items():
            table = load(text)
            self.done[name] = revenue(table)


def main():
    if "--install" in sys.argv:
        import heapsake

        heapsake.install(sys.argv[sys.argv.index("--install") + 1])
    job = Job({"february": SALES.replace("many", "4"), "march": SALES})
    job.run()


if __name__ == "__main__":
    main()
