"""A program whose dump has 50 MB: records, documents that do not compress, eight threads with variables of their own.

    python salvage.py RECORDS DOCUMENTS     makes them, says "ready", and holds them until its input ends
"""
import random
import sys
import threading

import records


def document(number):
    """Bytes of a few hundred that say nothing."""
    return random.Random(number).getrandbits(8 * 240).to_bytes(240, "little")


def work(number, started, ends):
    job = {"number": number, "name": "job %d" % number}
    step(number, job, started, ends)


def step(number, job, started, ends):
    progress = [number, number * 0.5, "step of %s" % job["name"]]
    started.wait()
    ends.wait()
    return progress


def main():
    held = records.batches(int(sys.argv[1]))
    documents = {"document %d" % number: document(number) for number in range(int(sys.argv[2]))}
    started, ends = threading.Barrier(9), threading.Event()
    for number in range(8):
        threading.Thread(target=work, args=(number, started, ends), name="worker %d" % number, daemon=True).start()
    started.wait()
    print("ready", flush=True)
    sys.stdin.read()
    return held, documents


if __name__ == "__main__":
    main()
