# Runs a program as Python itself would, and tells the supervisor of exceptions that nobody catches.
"""Started as a script by ``heapsake run``, with two descriptors and the program's command line as arguments.

It leaves nothing that the program would stumble over: ``sys.argv``, ``sys.path``, ``__main__`` and tracebacks are as without
it.  The module's documentation of ``frontends/cli/src/run`` says what is caught, where, and why there.
"""


def start(label, ignored, traced, ignores_children):
    import _signal
    import _thread
    import _weakref
    import gc
    import os
    import sys
    import types

    if ignores_children:
        # As the supervisor was told to; it cannot itself, or it would not hear how the program ended.
        _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)
    here = "/proc/self/fd/" + sys.argv[2]
    channel, script = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(channel, False)
    os.set_inheritable(script, False)
    ours = [os.fstat(channel)[1:3], os.fstat(script)[1:3]]
    program = sys.argv[3:]
    original_line = getattr(sys, "orig_argv", [])
    if here in original_line:
        at = original_line.index(here)
        del original_line[at : at + 3]
    teller = [os.getpid(), _thread.allocate_lock(), 0]
    left = {}
    pause = _thread.allocate_lock()
    pause.acquire()

    def is_ignored(exception):
        """By the classes themselves: an exception may say of its class what it likes."""
        for kind in type.__dict__["__mro__"].__get__(type(exception)):
            name = type.__dict__["__qualname__"].__get__(kind)
            module = type.__dict__["__dict__"].__get__(kind).get("__module__", "builtins")
            if name in ignored or "%s.%s" % (module, name) in ignored:
                return True
        return False

    def objects(trace):
        while trace is not None:
            for found in gc.get_referents(trace.tb_frame):
                yield trace, found
            trace = trace.tb_next

    def marks(exception, loop):
        """Weak references that tell the exception from a later one at its address, as most exceptions allow none.

        They are to what only this run of the loop has, its task for one, in the frames that have ended.
        """
        found = []
        for trace, value in objects(exception.__traceback__):
            if trace is not exception.__traceback__ or value is loop:
                try:
                    found.append(_weakref.ref(value))
                except TypeError:
                    pass
            if len(found) == 64:
                break
        return found

    def has_left(exception):
        """The number under which this thread told that this very exception was leaving, or 0."""
        number, address, known = left.pop(_thread.get_ident(), (0, 0, []))
        if address != id(exception) or not known:
            return 0
        held = {id(value) for _, value in objects(exception.__traceback__)}
        # What is dead is None, which has no place among them.
        held.discard(id(None))
        return number if all(id(mark()) in held for mark in known) else 0

    def write(message):
        """Nobody may listen any more: that must not be the end of a program that lets SIGPIPE end it."""
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, [_signal.SIGPIPE])
        try:
            os.write(channel, message)
        except BrokenPipeError:
            if _signal.SIGPIPE not in before:
                _signal.sigtimedwait([_signal.SIGPIPE], 0)
            raise
        finally:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)

    def tell(kind, exception, loop=None):
        """Waits until the supervisor has seen the exception; whatever goes wrong here stays here."""
        if exception is None:
            return
        try:
            if is_ignored(exception):
                return
            process, before = os.getpid(), has_left(exception)
            known = [] if loop is None else marks(exception, loop)
            if teller[0] != process:
                # A forked child: what was being told when it split off is its parent's matter.
                teller[:] = [process, _thread.allocate_lock(), 0]
            with teller[1]:
                # A program that closes all descriptors may have others of these numbers since.
                if [os.fstat(channel)[1:3], os.fstat(script)[1:3]] != ours:
                    return
                # Among processes; the kernel undoes it for one that dies.
                os.lockf(script, os.F_LOCK, 0)
                try:
                    teller[2] += 1
                    native = getattr(_thread, "get_native_id", _thread.get_ident)()
                    words = (kind, process, teller[2], before, id(exception), _thread.get_ident(), native)
                    if loop is not None:
                        left[_thread.get_ident()] = teller[2], id(exception), known
                    # What the program may have written there by mistake ends with the first line's end.
                    write(b"\n%s %d %d %d %d %d %d\n" % words)
                    expected, answer = b"%d %d\n" % (process, teller[2]), b""
                    # Before ours may lie the answer to one that died while it waited.
                    while not answer.endswith(expected):
                        more = os.read(channel, 64)
                        if not more:
                            break
                        answer += more
                finally:
                    os.lockf(script, os.F_ULOCK, 0)
        except Exception:
            # What a handler of a signal raises to end the program (KeyboardInterrupt, SystemExit) is the program's.
            pass

    def announce():
        """Has this process traced, so that the signal that ends it is seen before it does; waits a moment for that."""
        try:
            if [os.fstat(channel)[1:3], os.fstat(script)[1:3]] != ours:
                return False
            write(b"\nhere %d 0 0 0 0 0\n" % os.getpid())
            for _ in range(250):
                status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if b"\nTracerPid:\t0\n" not in os.read(status, 4096):
                        return True
                finally:
                    os.close(status)
                pause.acquire(True, 0.001)
        except Exception:
            pass
        return False

    def passes(exception, frame):
        """Whether the exception comes through the frame, not from one that handles it and called this."""
        trace = getattr(exception, "__traceback__", None)
        return trace is not None and trace.tb_frame is frame

    def without_us(trace):
        while trace is not None and trace.tb_frame.f_code.co_filename in (here, label):
            trace = trace.tb_next
        return trace

    def patch_threading(module):
        # Its threads report by themselves.
        for name, begin in begins.items():
            if hasattr(module, "_" + name):
                setattr(module, "_" + name, begin)
        if not hasattr(module, "_make_invoke_excepthook"):
            # Up to 3.7 there is no hook: a thread writes what it died of, and forms that text first.
            form = module._format_exc

            def _format_exc(*arguments, **keywords):
                tell(b"thread", sys.exc_info()[1])
                return form(*arguments, **keywords)

            module._format_exc = _format_exc
            return
        make = module._make_invoke_excepthook
        information = sys.exc_info

        def exc_info():
            found = information()
            tell(b"thread", found[1])
            return found

        def _make_invoke_excepthook():
            # What calls `threading.excepthook`, whatever that is by then, asks for the exception first.
            invoke = make()
            at = invoke.__code__.co_freevars.index("sys_exc_info")
            invoke.__closure__[at].cell_contents = exc_info
            return invoke

        _make_invoke_excepthook()
        module._make_invoke_excepthook = _make_invoke_excepthook

    def patch_runners(module):
        cancel = module._cancel_all_tasks

        def _cancel_all_tasks(loop):
            exception, frame = sys.exc_info()[1], sys._getframe(1)
            for _ in range(4):
                if frame is not None and passes(exception, frame):
                    tell(b"leaving", exception, loop)
                    break
                frame = frame and frame.f_back
            return cancel(loop)

        module._cancel_all_tasks = _cancel_all_tasks

    def patch_process(module):
        # A worker handles its exceptions itself: it asks for its own name to report them.
        name, code = module.BaseProcess.name, module.BaseProcess._bootstrap.__code__

        def get(self):
            frame = sys._getframe(1)
            if frame.f_code is code and passes(sys.exc_info()[1], frame):
                tell(b"uncaught", sys.exc_info()[1])
            return name.fget(self)

        module.BaseProcess.name = property(get, name.fset, name.fdel, name.__doc__)

    def patch_spawning(module):
        spawn = module.spawnv_passfds

        def spawnv_passfds(path, args, passfds):
            try:
                at = args.index("-c")
                if "spawn_main" in args[at + 1] or "multiprocessing.forkserver" in args[at + 1]:
                    args = args[:at] + [here, str(channel), str(script)] + args[at:]
                    passfds = list(passfds) + [channel, script]
            except Exception:
                pass
            return spawn(path, args, passfds)

        module.spawnv_passfds = spawnv_passfds

    patches = {
        "threading": patch_threading,
        "asyncio.runners": patch_runners,
        "multiprocessing.process": patch_process,
        "multiprocessing.util": patch_spawning,
    }

    def patch(module, name):
        try:
            patches.pop(name)(module)
        except Exception:
            pass
        if not patches and Finder in sys.meta_path:
            sys.meta_path.remove(Finder)

    class Finder:
        """Patches a module when it is first imported, and is gone when all are."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name not in patches:
                return None
            for finder in list(sys.meta_path):
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
                    patch(module, name)

                def __getattr__(self, name):
                    return getattr(loader, name)

            spec.loader = Loader()
            return spec

    REPORT = "sys.unraisablehook"
    watched = []

    def reported(event, arguments):
        """The audit hook: the C function that reports an exception raises this event, whatever hook there is."""
        if event == REPORT:
            try:
                report = arguments[1]
                if report.err_msg.startswith("Exception ignored in thread started by"):
                    tell(b"thread", report.exc_value)
            except Exception:
                pass

    class Report:
        """A key that the name of that event finds, and no other: ``dict.get`` is a hook that costs next to nothing."""

        def __hash__(self):
            return hash(REPORT)

        def __eq__(self, event):
            if event == REPORT and len(watched) == 1:
                watched.append(reported)
                # Events are given to the hooks in turn, so also this one to the new hook.
                sys.addaudithook(reported)
            return False

    def watch():
        if not watched and hasattr(sys, "addaudithook"):
            watched.append({Report(): None})
            try:
                sys.addaudithook(watched[0].get)
            except BaseException:
                pass

    def watching(begin):
        def start_new_thread(*arguments, **keywords):
            watch()
            return begin(*arguments, **keywords)

        for name in ("__name__", "__qualname__", "__doc__", "__text_signature__"):
            setattr(start_new_thread, name, getattr(begin, name, None))
        start_new_thread.__module__ = "_thread"
        return start_new_thread

    names = ("start_new_thread", "start_new", "start_joinable_thread")
    begins = {name: getattr(_thread, name) for name in names if hasattr(_thread, name)}
    for name, begin in begins.items():
        setattr(_thread, name, watching(begin))

    sys.meta_path.insert(0, Finder)
    for name in list(patches):
        if name in sys.modules:
            patch(sys.modules[name], name)

    # What a forked child executes is none of ours, and `subprocess` does not call this.
    if traced and announce():
        os.register_at_fork(after_in_child=announce)

    main = types.ModuleType("__main__")
    original, sys.modules["__main__"] = sys.modules["__main__"], main
    for name in ("__annotations__", "__builtins__"):
        if name in original.__dict__:
            main.__dict__[name] = original.__dict__[name]
    safe = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if not safe and sys.path:
        del sys.path[0]

    def prepend(entry):
        if not safe:
            sys.path.insert(0, entry)

    def importer(path):
        for hook in sys.path_hooks:
            try:
                return hook(path)
            except ImportError:
                pass
        return None

    def run(source, name):
        exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)

    def execute():
        kind = program[0]
        if kind == "-c":
            main.__loader__ = sys.__spec__.loader
            sys.argv[:] = ["-c"] + program[2:]
            prepend("")
            code = compile(program[1], "<string>", "exec", dont_inherit=True)
            if sys.version_info >= (3, 13):
                import linecache

                key = code if hasattr(linecache, "_interactive_cache") else "<string>"
                linecache._register_code(key, program[1], "<string>")
            exec(code, main.__dict__)
        elif kind == "-m":
            import runpy

            sys.argv[:] = ["-m"] + program[2:]
            prepend(os.getcwd())
            runpy._run_module_as_main(program[1])
        elif kind == "-":
            sys.argv[:] = program
            prepend("")
            main.__loader__ = sys.__spec__.loader
            main.__file__ = "<stdin>"
            main.__cached__ = None
            pieces = []
            while not pieces or pieces[-1]:
                pieces.append(os.read(0, 1 << 16))
            run(b"".join(pieces), "<stdin>")
        else:
            sys.argv[:] = program
            whole = sys.version_info >= (3, 9) and not os.path.isabs(kind)
            path = os.getcwd() + "/" + kind if whole else kind
            if importer(kind) is not None:
                import runpy

                sys.path.insert(0, path)
                runpy._run_module_as_main("__main__", False)
                return
            try:
                with open(kind, "rb") as file:
                    source = file.read()
            except OSError as problem:
                text = "%s: can't open file %r: [Errno %d] %s\n"
                sys.stderr.write(text % (sys.executable, path, problem.errno, problem.strerror))
                raise SystemExit(2) from None
            prepend(os.path.dirname(os.path.realpath(kind)))
            from importlib.machinery import SourceFileLoader, SourcelessFileLoader

            compiled = kind.endswith(".pyc")
            loader = SourcelessFileLoader if compiled else SourceFileLoader
            main.__loader__ = loader("__main__", path)
            main.__file__ = path
            main.__cached__ = None
            if compiled:
                exec(main.__loader__.get_code("__main__"), main.__dict__)
            else:
                run(source, path)

    try:
        execute()
    except BaseException as exception:
        # The program's own tracing is no business of ours, nor is ours of it.
        tracer = sys.gettrace()
        sys.settrace(None)
        if without_us(exception.__traceback__) is not None:
            tell(b"uncaught", exception)
        hook = getattr(sys, "excepthook", None)

        def excepthook(kind, value, trace):
            sys.excepthook = hook
            trace = without_us(trace)
            try:
                value.__traceback__ = sys.last_traceback = trace
            except Exception:
                pass
            sys.settrace(tracer)
            try:
                hook(kind, value, trace)
            except SystemExit:
                raise
            except BaseException as problem:
                # As the interpreter says it, which would show this frame.
                if sys.stderr is not None:
                    sys.stderr.write("Error in sys.excepthook:\n")
                    problem.__traceback__ = without_us(problem.__traceback__)
                    sys.__excepthook__(type(problem), problem, problem.__traceback__)
                    sys.stderr.write("\nOriginal exception was:\n")
                    sys.__excepthook__(kind, value, trace)

        if hook is not None:
            sys.excepthook = excepthook
        raise


def renamed(code, name):
    """The code under a name that no tracer takes for a file of the program."""
    inner = tuple(renamed(part, name) if hasattr(part, "co_code") else part for part in code.co_consts)
    if hasattr(code, "replace"):
        return code.replace(co_filename=name, co_consts=inner)
    # 3.7.
    return type(code)(code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code,
                      inner, code.co_names, code.co_varnames, name, code.co_name, code.co_firstlineno, code.co_lnotab,
                      code.co_freevars, code.co_cellvars)


start.__code__ = renamed(start.__code__, "<heapsake run>")
