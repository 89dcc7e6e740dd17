"""Runs a program as Python itself would, and tells the supervisor of exceptions that nobody catches.

Started as a script by ``heapsake run`` with the channel's descriptor and the program's command line as arguments.  It leaves
no trace that the program would stumble over: ``sys.argv``, ``sys.path``, ``__main__`` and tracebacks are as without it.
"""


def start():
    import _thread
    import os
    import sys
    import types

    here = sys._getframe().f_code.co_filename
    channel, script = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(channel, False)
    os.close(script)
    owner, lock = os.getpid(), _thread.allocate_lock()

    def tell(kind, exception):
        """Waits until the supervisor has seen the exception; whatever goes wrong here stays here."""
        if isinstance(exception, (SystemExit, KeyboardInterrupt)) or os.getpid() != owner:
            return
        try:
            native = getattr(_thread, "get_native_id", _thread.get_ident)()
            with lock:
                os.write(channel, b"%s %d %d %d\n" % (kind, id(exception), _thread.get_ident(), native))
                os.read(channel, 1)
        except BaseException:
            pass

    def without_us(trace):
        while trace is not None and trace.tb_frame.f_code.co_filename == here:
            trace = trace.tb_next
        return trace

    def patch_threading(module):
        make = module._make_invoke_excepthook

        def _make_invoke_excepthook():
            invoke = make()

            def invoke_excepthook(thread):
                tell(b"thread", sys.exc_info()[1])
                return invoke(thread)

            return invoke_excepthook

        module._make_invoke_excepthook = _make_invoke_excepthook

    def patch_runners(module):
        cancel = module._cancel_all_tasks

        def _cancel_all_tasks(loop):
            exception = sys.exc_info()[1]
            if exception is not None:
                tell(b"leaving", exception)
            return cancel(loop)

        module._cancel_all_tasks = _cancel_all_tasks

    patches = {"threading": patch_threading, "asyncio.runners": patch_runners}

    class Finder:
        """Patches a module when it is first imported, and is gone when all are."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name not in patches:
                return None
            patch = patches.pop(name)
            if not patches:
                sys.meta_path.remove(Finder)
            for finder in sys.meta_path:
                spec = finder.find_spec(name, path, target) if finder is not Finder else None
                if spec is not None:
                    break
            else:
                return None
            loader = spec.loader
            if not hasattr(loader, "exec_module"):
                return spec

            class Loader:
                @staticmethod
                def create_module(spec):
                    return loader.create_module(spec)

                @staticmethod
                def exec_module(module):
                    spec.loader = module.__loader__ = loader
                    loader.exec_module(module)
                    try:
                        patch(module)
                    except Exception:
                        pass

            spec.loader = Loader
            return spec

    sys.meta_path.insert(0, Finder)
    for name in list(patches):
        if name in sys.modules:
            try:
                patches.pop(name)(sys.modules[name])
            except Exception:
                pass

    begin = _thread.start_new_thread

    def start_new_thread(function, *arguments, **keywords):
        def run(*arguments, **keywords):
            try:
                function(*arguments, **keywords)
            except BaseException as exception:
                tell(b"thread", exception)
                exception.__traceback__ = without_us(exception.__traceback__)
                raise

        return begin(run if callable(function) else function, *arguments, **keywords)

    # ``threading`` reports by itself; what uses ``_thread`` alone has no other place to report.
    _thread.start_new_thread = _thread.start_new = start_new_thread

    program = sys.argv[3:]
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=sys.modules["builtins"], __file__=None)
    del main.__file__
    original, sys.modules["__main__"] = sys.modules["__main__"], main
    safe = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if not safe and sys.path:
        del sys.path[0]

    def prepend(entry):
        if not safe:
            sys.path.insert(0, entry)

    def execute():
        kind = program[0] if program else ""
        if kind == "-c":
            sys.argv[:] = ["-c"] + program[2:]
            prepend("")
            exec(compile(program[1] if len(program) > 1 else "", "<string>", "exec", dont_inherit=True), main.__dict__)
        elif kind == "-m":
            import runpy

            sys.argv[:] = ["-m"] + program[2:]
            prepend(os.getcwd())
            runpy._run_module_as_main(program[1])
        else:
            sys.argv[:] = program
            if os.path.isdir(kind) or is_archive(kind):
                import runpy

                sys.path.insert(0, kind)
                runpy._run_module_as_main("__main__", False)
                return
            try:
                with open(kind, "rb") as file:
                    source = file.read()
            except OSError as problem:
                text = "%s: can't open file %r: [Errno %d] %s\n"
                sys.stderr.write(text % (sys.executable, os.path.abspath(kind), problem.errno, problem.strerror))
                raise SystemExit(2) from None
            prepend(os.path.dirname(os.path.realpath(kind)))
            from importlib.machinery import SourceFileLoader

            path = os.path.abspath(kind) if sys.version_info >= (3, 9) else kind
            main.__dict__.update(__file__=path, __cached__=None, __loader__=SourceFileLoader("__main__", path))
            main.__dict__.setdefault("__annotations__", {})
            exec(compile(source, path, "exec", dont_inherit=True), main.__dict__)

    def is_archive(path):
        try:
            with open(path, "rb") as file:
                return file.read(4) == b"PK\x03\x04"
        except OSError:
            return False

    try:
        execute()
    except BaseException as exception:
        tell(b"uncaught", exception)
        hook = sys.excepthook

        def excepthook(kind, value, trace):
            sys.excepthook = hook
            trace = without_us(trace)
            try:
                value.__traceback__ = sys.last_traceback = trace
            except Exception:
                pass
            hook(kind, value, trace)

        sys.excepthook = excepthook
        raise
    finally:
        del original


start()
