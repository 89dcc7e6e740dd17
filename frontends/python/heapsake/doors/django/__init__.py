"""Django: an exception that a request ends with is dumped; the answer stays as it is.

    INSTALLED_APPS = [..., "heapsake.doors.django"]
    HEAPSAKE = {"directory": "/dumps", "at_most": 10}

Without the setting ``HEAPSAKE`` dumps go where every door puts them.
"""
