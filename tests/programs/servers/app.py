"""A small application, as WSGI and as ASGI: each answer needs a moment of computing, and names the request."""
import asyncio
import hashlib

SEEN = {"requests": 0}


def work(path):
    SEEN["requests"] += 1
    digest = path.encode()
    for _ in range(200):
        digest = hashlib.sha256(digest).digest()
    return digest.hex().encode()


def wsgi(environ, start_response):
    body = work(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = work(scope["path"])
    await asyncio.sleep(0.001)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
