"""What libraries of C know of their objects, and what lies in a file: a core has neither, and what was mapped has both."""
import hashlib
import mmap
import os
import sqlite3
import sys

connection = sqlite3.connect(":memory:")
connection.execute("create table orders (id integer)")
connection.executemany("insert into orders values (?)", [(1,), (2,), (3,)])
cursor = connection.execute("select id from orders where id > 1")
digest = hashlib.new("sha256")
with open(sys.argv[1], "w+b") as file:
    file.write(b"what lies in a file".ljust(8192, b"."))
    file.flush()
    shared = mmap.mmap(file.fileno(), 8192)
shared[:4] = b"WHAT"
os.write(1, b"ready\n")
os.read(0, 1)
