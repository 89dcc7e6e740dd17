"""Accounts and vaults of the extension module ``ledger``; waits, or dumps itself to the file that is named."""
import json
import os
import signal
import sys

sys.path.insert(0, sys.argv[1])
import ledger

journal = os.path.join(sys.argv[1], "journal.txt")


signal.signal(signal.SIGCHLD, lambda *_: print("a child of the program has ended", file=sys.stderr, flush=True))


class Trust(ledger.Account):
    pass


class Cellar(ledger.Vault):
    pass


def main(path):
    entries = (["first"], {"second": 2}, 3.5)
    bank = ledger.Account("Bank", 10**15)
    account = ledger.Account("Ada", -12345, bank, entries, journal)
    vault = ledger.Vault("Grace", 99, account, entries, journal)
    trust, cellar = Trust("Barbara", 1), Cellar("Radia", 2)
    trust.purpose = cellar.purpose = "to be subclasses"
    if path:
        import heapsake

        heapsake.dump(path)
    print(json.dumps({"parent": id(bank), "account": id(account), "entries": [id(entry) for entry in entries]}), flush=True)
    sys.stdin.readline()
    del vault, cellar


main(sys.argv[2] if len(sys.argv) > 2 else None)
