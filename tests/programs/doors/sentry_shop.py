"""The shop with Sentry: what would be sent is printed."""
import sys

import sentry_sdk
import shop
from sentry_sdk.transport import Transport

sent = []


class Kept(Transport):
    def capture_envelope(self, envelope):
        sent.extend(item.payload.json for item in envelope.items if item.type == "event")


def own(event, hint):
    event["tags"] = dict(event.get("tags", {}), own="here")
    return event


before = own
if shop.DUMPS:
    from heapsake.doors import sentry

    before = sentry.before_send(shop.DUMPS, then=own)

sentry_sdk.init(dsn="https://key@nowhere.invalid/1", transport=Kept, before_send=before)
for _ in range(2):
    try:
        shop.checkout("Grace")
    except KeyError as exception:
        sentry_sdk.capture_exception(exception)
sentry_sdk.capture_message("no exception")
sentry_sdk.flush()
for event in sent:
    tags, context = event.get("tags", {}), event.get("contexts", {}).get("heapsake", {})
    print(event.get("level"), sorted(event), tags.get("own"), len(event.get("exception", {}).get("values", ())))
    if shop.DUMPS and event.get("exception"):
        import os

        assert tags["heapsake"] == os.path.basename(context["path"]) and os.path.isfile(context["path"]), (tags, context)
sys.stdout.flush()
