"""Doors: a file for each test runner and framework whose failures leave a dump; nothing is imported of one that is not used.

A door hands on what it was given, unchanged: exceptions, results, exit statuses.  What goes wrong in making a dump is one
sentence on stderr.
"""
