/* What programs die of: each function does it in C, without the interpreter lock unless it says otherwise. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int *volatile nowhere = NULL;
static volatile int zero = 0, sum = 0;

static PyObject *null(PyObject *self, PyObject *none)
{
    Py_BEGIN_ALLOW_THREADS
    *nowhere = 7;
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *null_with_lock(PyObject *self, PyObject *none)
{
    *nowhere = 7;
    Py_RETURN_NONE;
}

/* A page of a file that was cut. */
static PyObject *bus(PyObject *self, PyObject *none)
{
    char name[] = "/tmp/fault-XXXXXX";
    int file = mkstemp(name);
    unlink(name);
    if (ftruncate(file, 8192) != 0)
        Py_RETURN_NONE;
    volatile char *page = mmap(NULL, 8192, PROT_READ, MAP_SHARED, file, 0);
    if (ftruncate(file, 0) != 0)
        Py_RETURN_NONE;
    Py_BEGIN_ALLOW_THREADS
    sum += page[4096];
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *divide(PyObject *self, PyObject *none)
{
    Py_BEGIN_ALLOW_THREADS
    sum += 7 / zero;
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *illegal(PyObject *self, PyObject *none)
{
    Py_BEGIN_ALLOW_THREADS
    __asm__ volatile("ud2");
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *aborts(PyObject *self, PyObject *none)
{
    Py_BEGIN_ALLOW_THREADS
    abort();
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

__attribute__((noinline)) static int deeper(volatile char *above)
{
    volatile char here[4096];
    here[0] = above[0];
    return deeper(here) + here[0];
}

static PyObject *overflow(PyObject *self, PyObject *none)
{
    volatile char top[1] = {1};
    Py_BEGIN_ALLOW_THREADS
    sum += deeper(top);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* Calls without a look at the limit of recursions. */
static PyObject *call(PyObject *self, PyObject *function)
{
    return PyObject_CallObject(function, NULL);
}

static void *in_thread(void *nothing)
{
    *nowhere = 7;
    return NULL;
}

/* A thread of which Python knows nothing. */
static PyObject *null_in_native_thread(PyObject *self, PyObject *none)
{
    Py_BEGIN_ALLOW_THREADS
    pthread_t thread;
    if (pthread_create(&thread, NULL, in_thread, NULL) == 0)
        pthread_join(thread, NULL);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static sigjmp_buf mended;

static void mend(int number)
{
    siglongjmp(mended, 1);
}

/* As libraries do that try whether memory can be read. */
static PyObject *recover(PyObject *self, PyObject *none)
{
    struct sigaction ours, before;
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = mend;
    sigaction(SIGSEGV, &ours, &before);
    int came = sigsetjmp(mended, 1);
    if (came == 0)
        *nowhere = 7;
    sigaction(SIGSEGV, &before, NULL);
    return PyBool_FromLong(came);
}

static void leave(int number)
{
    static const char text[] = "own handler\n";
    if (write(1, text, sizeof text - 1) > 0)
        _exit(3);
}

static PyObject *own_handler(PyObject *self, PyObject *none)
{
    struct sigaction ours;
    memset(&ours, 0, sizeof ours);
    ours.sa_handler = leave;
    sigaction(SIGSEGV, &ours, NULL);
    Py_RETURN_NONE;
}

/* With the interpreter lock held, until a file descriptor is readable. */
static PyObject *hang(PyObject *self, PyObject *argument)
{
    char byte;
    long descriptor = PyLong_AsLong(argument);
    while (read((int)descriptor, &byte, 1) < 0)
        ;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"null", null, METH_NOARGS, NULL},
    {"null_with_lock", null_with_lock, METH_NOARGS, NULL},
    {"bus", bus, METH_NOARGS, NULL},
    {"divide", divide, METH_NOARGS, NULL},
    {"illegal", illegal, METH_NOARGS, NULL},
    {"aborts", aborts, METH_NOARGS, NULL},
    {"overflow", overflow, METH_NOARGS, NULL},
    {"call", call, METH_O, NULL},
    {"null_in_native_thread", null_in_native_thread, METH_NOARGS, NULL},
    {"recover", recover, METH_NOARGS, NULL},
    {"own_handler", own_handler, METH_NOARGS, NULL},
    {"hang", hang, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fault", NULL, -1, methods};

PyMODINIT_FUNC PyInit_fault(void)
{
    PyObject *made = PyModule_Create(&module);
#ifdef Py_GIL_DISABLED
    if (made != NULL)
        PyUnstable_Module_SetGIL(made, Py_MOD_GIL_NOT_USED);
#endif
    return made;
}
