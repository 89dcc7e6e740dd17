"""Ends in the way that its argument names."""
import sys, threading, asyncio
def inner(a, *rest, **kw):
    local = {"a": a, "rest": rest}
    return 1 / a
def thread_main():
    x = "in thread"
    raise ValueError("thread died")
async def sib(i):
    marker = "sib-%d" % i
    await asyncio.sleep(100)
async def amain():
    ts=[asyncio.ensure_future(sib(i)) for i in range(5)]
    await asyncio.sleep(0)
    raise RuntimeError("async boom")
mode = sys.argv[1]
print("argv", sys.argv[1:], __name__)
if mode == "thread":
    threading.excepthook = lambda a: print("own hook", a.exc_type)
    t = threading.Thread(target=thread_main, name="T1"); t.start(); t.join()
elif mode == "exit": sys.exit(3)
elif mode == "async": asyncio.run(amain())
elif mode == "asyncok":
    try: asyncio.run(amain())
    except RuntimeError as e: print("caught", e)
elif mode == "raw":
    import _thread, time
    _thread.start_new_thread(thread_main, ()); time.sleep(1)
else: inner(0, 1, 2, k=3)
