"""A Celery worker's tasks: one that is answered at once, and one that waits in C for a pipe that another process writes to."""
import os

from celery import Celery

HOME = os.environ["SERVERS_HOME"]
app = Celery(
    "tasks",
    broker="filesystem://",
    backend="file://" + os.path.join(HOME, "results"),
    broker_transport_options={
        "data_folder_in": os.path.join(HOME, "queue"),
        "data_folder_out": os.path.join(HOME, "queue"),
        "control_folder": os.path.join(HOME, "control"),
    },
)


@app.task
def add(one, other):
    return one + other


@app.task
def read_order(order, path):
    # In C, where no signal handler of Python runs: opening a pipe for reading waits for who writes.
    with open(path) as pipe:
        return order["name"] + pipe.read()
