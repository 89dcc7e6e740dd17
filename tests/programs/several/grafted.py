"""A program that loads the library of another CPython, which runs nothing, as a wheel does that has one among its own."""
import ctypes
import os
import sys

marker = ["the one that runs", 42]
other = ctypes.CDLL(sys.argv[1])
os.write(1, b"ready\n")
os.read(0, 1)
