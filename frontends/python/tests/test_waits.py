"""What threads and tasks wait for, from inside, against what this program knows."""
import asyncio
import os
import tempfile
import threading
import time
import unittest

import heapsake


def still(thread):
    with open("/proc/self/task/%d/stat" % thread.native_id) as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "S"


class Waits(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "one.heapsake")

    def load(self):
        heapsake.dump(self.path)
        return heapsake.load(self.path)

    def test_a_deadlock_of_threads(self):
        locks, barrier = [threading.Lock(), threading.Lock()], threading.Barrier(3)

        def take(one, two):
            one.acquire()
            barrier.wait()
            two.acquire()

        threads = [
            threading.Thread(target=take, args=order, name=name)
            for order, name in [(locks, "forwards"), (locks[::-1], "backwards")]
        ]
        for thread in threads:
            thread.daemon = True
            thread.start()
        barrier.wait()
        # Nothing says that a thread waits for a lock but the kernel that it sleeps.
        deadline = time.monotonic() + 60
        quiet = 0
        while quiet < 20 and time.monotonic() < deadline:
            quiet = quiet + 1 if all(map(still, threads)) else 0
            time.sleep(0.002)
        dump = self.load()
        for lock in locks:
            lock.release()
        for thread in threads:
            thread.join()
        self.assertEqual(dump.tasks, [])
        named = {thread.name: thread for thread in dump.threads}
        forwards, backwards = named["forwards"], named["backwards"]
        self.assertEqual(forwards.waits_for.kind, "lock")
        self.assertEqual(forwards.waits_for.object.address, id(locks[1]))
        self.assertEqual([one.name for one in forwards.waits_for.needs], ["backwards"])
        self.assertEqual(backwards.waits_for.object.address, id(locks[0]))
        self.assertIn("held by forwards as the source says", str(backwards.waits_for))
        self.assertIsNone(named[threading.current_thread().name].waits_for)
        [deadlock] = dump.deadlocks
        self.assertEqual({one.name for one in deadlock.cycle}, {"forwards", "backwards"})
        self.assertFalse(deadlock.is_certain)

    def test_who_has_a_lock_and_sleeps_does_not_wait_for_it(self):
        lock, mine, free = threading.Lock(), threading.RLock(), threading.RLock()
        done, ready = os.pipe(), threading.Barrier(5)

        def inside():
            ready.wait()
            with lock: os.read(done[0], 1)

        def again():
            ready.wait()
            with mine: os.read(done[0], 1)

        def gave_up():
            ready.wait()
            free.acquire(timeout=0); free.release(); os.read(done[0], 1)

        def limited(held=threading.Lock()):
            held.acquire()
            ready.wait()
            held.acquire(timeout=600)

        self.addCleanup(lambda: [os.close(end) for end in done])
        started = [threading.Thread(target=function, name=function.__name__, daemon=True) for function in (inside, again, gave_up, limited)]
        for thread in started:
            thread.start()
        ready.wait()
        deadline, quiet = time.monotonic() + 60, 0
        while quiet < 20 and time.monotonic() < deadline:
            quiet = quiet + 1 if all(map(still, started)) else 0
            time.sleep(0.002)
        dump = self.load()
        os.write(done[1], b"xxx")
        limited.__defaults__[0].release()
        for thread in started:
            thread.join()
        waits = {thread.name: thread.waits_for for thread in dump.threads}
        for name in ("inside", "again", "gave_up"):
            self.assertEqual((waits[name].kind, waits[name].needs), ("file", []), name)
        self.assertEqual(waits["limited"].kind, "lock")
        self.assertEqual(dump.deadlocks, [])

    def test_tasks(self):
        async def inner(future):
            here = 5
            return await future, here

        async def outer(task):
            await task

        async def main():
            future = asyncio.get_running_loop().create_future()
            one = asyncio.ensure_future(inner(future))
            two = asyncio.ensure_future(outer(one))
            while two._fut_waiter is None:
                await asyncio.sleep(0)
            fresh = asyncio.ensure_future(outer(one))
            names = [task.get_name() for task in (one, two, fresh, asyncio.current_task())]
            dump = self.load()
            future.set_result(1)
            await two
            await fresh
            return dump, names, id(future), id(one)

        dump, names, future, task = asyncio.run(main())
        tasks = {one.name: one for one in dump.tasks}
        self.assertEqual(set(tasks), set(names))
        one, two, fresh, current = [tasks[name] for name in names]
        self.assertEqual([one.state, two.state, fresh.state, current.state], ["pending", "pending", "ready", "running"])
        self.assertEqual((one.waits_for.kind, one.waits_for.object.address), ("future", future))
        self.assertEqual((two.waits_for.kind, two.waits_for.object.address), ("task", task))
        self.assertEqual([task.name for task in two.waits_for.needs], [one.name])
        self.assertEqual([task.name for task in one.awaited_by], [two.name])
        self.assertEqual(one.frames[-1].function, "inner")
        self.assertEqual(one.frames[-1].locals["here"].value, 5)
        self.assertEqual(one.coroutine.type_name, "coroutine")
        self.assertEqual(one.view.address, task)
        self.assertEqual(current.thread.name, threading.current_thread().name)
        self.assertIsNone(current.waits_for)
        self.assertEqual(dump.deadlocks, [])


if __name__ == "__main__":
    unittest.main()
