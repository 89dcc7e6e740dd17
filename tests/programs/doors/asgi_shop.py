"""The shop behind Starlette and behind FastAPI: as middleware of the application, and around it."""
import asyncio

import fastapi
import shop
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route


async def fail(request):
    return PlainTextResponse(str(shop.checkout("Grace")))


async def fine(request):
    return PlainTextResponse("fine")


async def stream(request):
    async def parts():
        yield b"the price: "
        await asyncio.sleep(0)
        yield str(shop.checkout("Grace")).encode()

    return StreamingResponse(parts())


starlette = Starlette(routes=[Route("/fail", fail), Route("/", fine), Route("/stream", stream)])
api = fastapi.FastAPI()


@api.get("/fail")
def api_fail():
    return shop.checkout("Grace")


@api.get("/")
async def api_fine():
    return "fine"


@api.get("/stream")
async def api_stream():
    raise fastapi.HTTPException(404, "is no failure")


if shop.DUMPS:
    from heapsake.doors import asgi

    starlette = asgi.Middleware(starlette, shop.DUMPS, once=False)
    api.add_middleware(asgi.Middleware, directory=shop.DUMPS, once=False)
