"""A worker thread in which a function of C reads from where nothing is."""
import faulthandler
import threading


def work():
    if hasattr(faulthandler, "_read_null"):
        faulthandler._read_null()
    else:
        import ctypes
        ctypes.string_at(1)


worker = threading.Thread(target=work, name="worker")
worker.start()
worker.join()
