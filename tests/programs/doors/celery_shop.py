"""The shop as tasks of Celery, whose broker is a folder."""
import ctypes
import os

import celery
import shop

home = os.environ["SHOP_HOME"]
app = celery.Celery("celery_shop", broker="filesystem://", backend="file://" + os.path.join(home, "results"))
queue = os.path.join(home, "queue")
for folder in (queue, os.path.join(home, "results")):
    os.makedirs(folder, exist_ok=True)
app.conf.broker_transport_options = {"data_folder_in": queue, "data_folder_out": queue, "control_folder": os.path.join(home, "control"),
                                     "polling_interval": 0.05}
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True, worker_lost_wait=0.2)


@app.task(name="shop.order")
def order(customer):
    return shop.checkout(customer)


@app.task(name="shop.fine")
def fine():
    return "fine"


@app.task(name="shop.crash")
def crash(customer):
    order = {"customer": customer, "number": 4711}
    return ctypes.string_at(0), order


if shop.DUMPS:
    from heapsake.doors.celery import install

    assert install(shop.DUMPS, once=False)
