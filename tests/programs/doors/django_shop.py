"""The shop behind Django: a view and an asynchronous one that fail, one that is not there, and one that is forbidden."""
import asyncio
import sys

import django
import shop
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path


def order(request, customer):
    return HttpResponse(str(shop.checkout(customer)))


async def later(request, customer):
    await asyncio.sleep(0)
    return HttpResponse(str(shop.checkout(customer)))


def forbidden(request):
    raise PermissionDenied


urlpatterns = [path("order/<str:customer>", order), path("later/<str:customer>", later), path("forbidden", forbidden)]

settings.configure(
    ROOT_URLCONF="__main__",
    SECRET_KEY="nobody knows",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["heapsake.doors.django"] if shop.DUMPS else [],
    HEAPSAKE={"directory": shop.DUMPS, "once": False},
    LOGGING={"version": 1, "disable_existing_loggers": False, "handlers": {"all": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["all"]}},
)
django.setup()
client = Client(raise_request_exception=False)
for url in ("/order/Grace", "/missing", "/forbidden"):
    print(url, client.get(url).status_code)
print("/later", asyncio.run(AsyncClient(raise_request_exception=False).get("/later/Grace")).status_code)
sys.stdout.flush()
