"""Asks the worker for the tasks, one after the other, and prints what becomes of them."""
from celery_shop import crash, fine, order

for task, arguments in ((order, ("Grace",)), (fine, ()), (crash, ("Grace",)), (order, ("Ada",)), (fine, ())):
    asked = task.delay(*arguments)
    answer = asked.get(timeout=100, propagate=False, interval=0.02)
    print(asked.state, type(answer).__name__, answer)
    print(asked.traceback)
