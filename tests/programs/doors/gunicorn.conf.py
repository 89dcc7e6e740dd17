"""The settings of gunicorn, with the door for workers that are silent."""
import shop

workers = 1
timeout = 2
graceful_timeout = 5
if shop.DUMPS:
    from heapsake.doors.gunicorn import hooks

    post_fork, worker_abort = hooks(shop.DUMPS)
