"""A WSGI application without a framework: it fails before it answers, in the midst of its answer, or not at all."""
import io
import time

import shop


def answers(customer):
    yield b"the price: "
    yield str(shop.checkout(customer)).encode()


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        shop.checkout("Grace")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/stream":
        return answers("Grace")
    if path == "/file":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"from a file"))
    if path == "/hang":
        order = {"customer": "Grace", "number": 4711}
        time.sleep(600 if order else 0)
    return [b"fine"]


if shop.DUMPS:
    from heapsake.doors import wsgi

    application = wsgi.Middleware(application, shop.DUMPS, once=False)
