/* The extension module `ledger` of the tests: a static type and one of the heap, with fields that only C knows. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    char *holder;
    int64_t cents;
    PyObject *parent;
    PyObject **entries;
    Py_ssize_t entry_count;
    int32_t journal;
    uint8_t currency;
    uint8_t flags;
    double opened_at;
    struct {
        char country[4];
        PyObject *owner;
    } where;
} AccountObject;

static int account_init(PyObject *self, PyObject *arguments, PyObject *keywords) {
    AccountObject *account = (AccountObject *)self;
    static char *names[] = {"holder", "cents", "parent", "entries", "journal", NULL};
    const char *holder, *journal = NULL;
    long long cents;
    PyObject *parent = NULL, *entries = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sL|OO!s", names, &holder, &cents, &parent, &PyTuple_Type, &entries,
                                     &journal))
        return -1;
    account->holder = strdup(holder);
    account->cents = cents;
    account->parent = parent == Py_None ? NULL : parent;
    Py_XINCREF(account->parent);
    account->entry_count = entries ? PyTuple_GET_SIZE(entries) : 0;
    account->entries = malloc(sizeof(PyObject *) * (size_t)(account->entry_count + 1));
    for (Py_ssize_t at = 0; at < account->entry_count; at++) {
        account->entries[at] = PyTuple_GET_ITEM(entries, at);
        Py_INCREF(account->entries[at]);
    }
    account->journal = journal ? open(journal, O_RDONLY) : -1;
    account->currency = 1;
    account->flags = 6;
    account->opened_at = 1.5;
    memcpy(account->where.country, "ch", 3);
    account->where.owner = PyUnicode_FromString("the bank");
    return 0;
}

static PyTypeObject account_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "ledger.Account",
    .tp_basicsize = sizeof(AccountObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_new = PyType_GenericNew,
    .tp_init = account_init,
};

static PyType_Slot vault_slots[] = {{Py_tp_init, account_init}, {0, NULL}};
static PyType_Spec vault_spec = {"ledger.Vault", sizeof(AccountObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                 vault_slots};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "ledger", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_ledger(void) {
    PyObject *module = PyModule_Create(&definition);
    PyObject *vault = PyType_FromSpec(&vault_spec);
    if (!module || !vault || PyType_Ready(&account_type) < 0)
        return NULL;
    Py_INCREF(&account_type);
    PyModule_AddObject(module, "Account", (PyObject *)&account_type);
    PyModule_AddObject(module, "Vault", vault);
    return module;
}
