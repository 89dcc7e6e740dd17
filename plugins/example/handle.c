/* What the handles of `my_package` hold, in C. Compile with `cc -shared -fPIC -I plugins/include handle.c -o handle.so`. */
#include "heapsake_plugin.h"

#include <string.h>

/* The struct of the extension; pointers are addresses of the target. */
struct handle {
    uint64_t refcount, type;
    uint64_t path;
    int64_t position;
    uint64_t parent;
    char open;
};

/* A CBOR map of three facts: text, number, yes or no. */
static uint64_t facts(unsigned char *into, const char *path, uint64_t length, int64_t position, int open) {
    unsigned char *at = into;
    *at++ = 0xa3;
    memcpy(at, "\x64path\x79", 6), at += 6;
    *at++ = (unsigned char)(length >> 8), *at++ = (unsigned char)length;
    memcpy(at, path, length), at += length;
    memcpy(at, "\x68position", 9), at += 9;
    *at++ = position < 0 ? 0x3b : 0x1b;
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (unsigned char)((uint64_t)(position < 0 ? ~position : position) >> shift);
    memcpy(at, "\x64open", 5), at += 5;
    *at++ = open ? 0xf5 : 0xf4;
    return (uint64_t)(at - into);
}

static int32_t unreadable(const heapsake_host *host, heapsake_object *object) {
    host->fail(object, HEAPSAKE_UNREADABLE, "its fields", 10);
    return HEAPSAKE_REFUSED;
}

static int32_t reduce(const heapsake_host *host, heapsake_object *object, void *data) {
    struct handle handle;
    char path[4096];
    unsigned char cbor[sizeof path + 64];
    uint64_t length = 0;
    (void)data;
    if (host->read(object, host->address(object), &handle, 41) != HEAPSAKE_OK)
        return unreadable(host, object);
    do {
        if (host->read(object, handle.path + length, path + length, 1) != HEAPSAKE_OK)
            return unreadable(host, object);
    } while (path[length] && ++length < sizeof path);
    host->state(object, cbor, facts(cbor, path, length, handle.position, handle.open));
    if (handle.parent)
        host->edge(object, HEAPSAKE_ATTRIBUTE, "parent", 6, handle.parent);
    return HEAPSAKE_OK;
}

static const heapsake_type types[] = {{HEAPSAKE_BASE, 0, HEAPSAKE_TEXT_OF("my_package.Handle")}};

static const heapsake_reducer reducers[] = {{
    types,
    1,
    HEAPSAKE_TEXT_OF("path, position, open, parent"),
    HEAPSAKE_TEXT_OF("handle.c"),
    reduce,
    0,
}};

const heapsake_plugin *heapsake_plugin_v1(void) {
    static const heapsake_plugin plugin = {
        .magic = HEAPSAKE_MAGIC,
        .size = sizeof(heapsake_plugin),
        .major = HEAPSAKE_MAJOR,
        .minor = HEAPSAKE_MINOR,
        .name = HEAPSAKE_TEXT_OF("handle"),
        .version = HEAPSAKE_TEXT_OF("0.1.0"),
        .reducer_size = sizeof(heapsake_reducer),
        .reducer_count = 1,
        .reducers = reducers,
        .description = HEAPSAKE_TEXT_OF("what the handles of my_package hold"),
    };
    return &plugin;
}
