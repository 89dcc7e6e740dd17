/* A plugin in C: one reducer that is well behaved, and one for every way of not being it.
 * -DMAJOR, -DMINOR, -DMAGIC, -DSIZE and -DCRASH_AT_START make plugins that are refused;
 * -DCRASHES, -DLOOPS and -DSTRAYS name types. */
#include "heapsake_plugin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MAGIC
#define MAGIC HEAPSAKE_MAGIC
#endif
#ifndef MAJOR
#define MAJOR HEAPSAKE_MAJOR
#endif
#ifndef MINOR
#define MINOR HEAPSAKE_MINOR
#endif
#ifndef CRASHES
#define CRASHES "shop.Crash"
#endif
#ifndef LOOPS
#define LOOPS "shop.Loop"
#endif
#ifndef STRAYS
#define STRAYS "shop.Stray"
#endif
#ifndef SIZE
#define SIZE sizeof(heapsake_plugin)
#endif

static int32_t fail(const heapsake_host *host, heapsake_object *object, uint32_t reason, const char *detail) {
    host->fail(object, reason, detail, strlen(detail));
    return HEAPSAKE_REFUSED;
}

/* A name behind a pointer at 16, a parent at 24. */
static int32_t article(const heapsake_host *host, heapsake_object *object, void *data) {
    uint64_t fields[2];
    char name[8], type[64], cbor[64] = "\xa2\x64name\x68", *end = cbor + 7;
    (void)data;
    if (host->read(object, host->address(object) + 16, fields, sizeof fields) != HEAPSAKE_OK)
        return fail(host, object, HEAPSAKE_UNREADABLE, "its fields");
    if (host->read(object, fields[0], name, sizeof name) != HEAPSAKE_OK)
        return fail(host, object, HEAPSAKE_UNREADABLE, "its name");
    memcpy(end, name, sizeof name);
    end += sizeof name;
    memcpy(end, "\x64type", 5);
    end += 5;
    int64_t length = host->type_name(object, type, sizeof type);
    *end++ = (char)(0x60 + length);
    memcpy(end, type, (size_t)length);
    end += length;
    host->state(object, cbor, (uint64_t)(end - cbor));
    if (host->is_object(object, fields[1]))
        host->edge(object, HEAPSAKE_ATTRIBUTE, "parent", 6, fields[1]);
    host->element(object, fields[1]);
    host->reduce_base(object);
    return HEAPSAKE_OK;
}

static int32_t crash(const heapsake_host *host, heapsake_object *object, void *data) {
    uint64_t word = 0;
    (void)data;
    host->read(object, host->address(object) + 16, &word, sizeof word);
    /* One of them is well. */
    if (word == 0x77)
        return host->element(object, word);
    abort();
}

static int32_t dereference(const heapsake_host *host, heapsake_object *object, void *data) {
    (void)data;
    /* As if the target were this process. */
    uint64_t word = *(volatile uint64_t *)(uintptr_t)(host->address(object) + 16);
    return host->element(object, word);
}

static int32_t loop(const heapsake_host *host, heapsake_object *object, void *data) {
    (void)object, (void)data;
    volatile uint64_t turns = 0;
    while (host)
        turns++;
    return (int32_t)turns;
}

static int32_t giant(const heapsake_host *host, heapsake_object *object, void *data) {
    static char bytes[1 << 20];
    (void)data;
    while (host->value(object, HEAPSAKE_BYTES, bytes, sizeof bytes) == HEAPSAKE_OK)
        ;
    return HEAPSAKE_OK;
}

static int32_t wild(const heapsake_host *host, heapsake_object *object, void *data) {
    char byte;
    (void)data;
    if (host->read(object, UINT64_C(0xffffffffffffffff), &byte, 1) == HEAPSAKE_OK ||
        host->read(object, 8, &byte, 1) == HEAPSAKE_OK || host->read(object, host->address(object), &byte, UINT64_MAX) == HEAPSAKE_OK)
        return HEAPSAKE_OK;
    return fail(host, object, HEAPSAKE_UNREADABLE, "nothing lies there");
}

static int32_t liar(const heapsake_host *host, heapsake_object *object, void *data) {
    (void)data;
    return host->state(object, "\xa0", UINT64_C(1) << 40);
}

static int32_t garbage(const heapsake_host *host, heapsake_object *object, void *data) {
    (void)data;
    return host->state(object, "\xa9\x61", 2);
}

static int32_t impostor(const heapsake_host *host, heapsake_object *object, void *data) {
    (void)host, (void)object, (void)data;
    ssize_t written = write(0, "\xff\xff\xff\x7f garbage on the channel", 27);
    return written == 27 ? HEAPSAKE_OK : HEAPSAKE_REFUSED;
}

static int32_t quiet(const heapsake_host *host, heapsake_object *object, void *data) {
    (void)host, (void)object, (void)data;
    return 7;
}

static int32_t keeper(const heapsake_host *host, heapsake_object *object, void *data) {
    static heapsake_object *kept;
    (void)data;
    if (kept && host->element(kept, 1) == HEAPSAKE_OK)
        return fail(host, object, HEAPSAKE_FAILED, "an old handle still serves");
    kept = object;
    return HEAPSAKE_OK;
}

/* Everything that 1.1 added, with room that is too small at first. */
static int32_t modern(const heapsake_host *host, heapsake_object *object, void *data) {
    char text[16];
    heapsake_member member;
    (void)data;
    if (host->size < sizeof *host || !host->process_fact)
        return fail(host, object, HEAPSAKE_FAILED, "an older host");
    for (uint32_t position = 0;; position++) {
        int64_t length = host->base(object, position, text, sizeof text);
        if (length < 0)
            break;
        host->edge(object, HEAPSAKE_INTERNAL, text, (uint64_t)length, 0);
    }
    for (uint32_t position = 0;; position++) {
        int64_t length = host->member(object, position, text, sizeof text, &member);
        if (length < 0)
            break;
        host->edge(object, HEAPSAKE_BORROWED, text, (uint64_t)length, member.offset);
    }
    int64_t length = host->process_fact(object, "pid", 3, text, sizeof text);
    return host->value(object, HEAPSAKE_TEXT, text, (uint64_t)(length < 0 ? 0 : length));
}

/* Points everywhere but at objects. */
static int32_t stray(const heapsake_host *host, heapsake_object *object, void *data) {
    const uint64_t address = host->address(object), wild[] = {1, 8, address + 1, address + 8, UINT64_C(0xffff800000000000), UINT64_MAX};
    (void)data;
    for (int at = 0; at < 6; at++) {
        host->edge(object, HEAPSAKE_ATTRIBUTE, "wild", 4, wild[at]);
        host->indexed_edge(object, HEAPSAKE_WEAK, (uint32_t)at, wild[at]);
        host->element(object, wild[at]);
    }
    host->edge(object, HEAPSAKE_ATTRIBUTE, "\xff\xfe no text", 10, address);
    return HEAPSAKE_OK;
}

#define TYPE(name) (const heapsake_type[]){{HEAPSAKE_BASE, 0, HEAPSAKE_TEXT_OF(name)}}
#define REDUCER(name, function) {TYPE(name), 1, HEAPSAKE_TEXT_OF("what a test needs"), HEAPSAKE_TEXT_OF(__FILE__), function, 0}

static const heapsake_reducer *reducers(uint32_t *count) {
    static heapsake_reducer all[13];
    const heapsake_reducer made[] = {
        REDUCER("shop.Article", article), REDUCER(CRASHES, crash),       REDUCER("shop.Dereference", dereference),
        REDUCER(LOOPS, loop),       REDUCER("shop.Giant", giant),       REDUCER("shop.Wild", wild),
        REDUCER("shop.Liar", liar),       REDUCER("shop.Garbage", garbage),   REDUCER("shop.Impostor", impostor),
        REDUCER("shop.Quiet", quiet),     REDUCER("shop.Keeper", keeper),     REDUCER("shop.Modern", modern),
        REDUCER(STRAYS, stray),
    };
    static heapsake_type types[13];
    memcpy(all, made, sizeof made);
    for (int at = 0; at < 13; at++) {
        types[at] = *made[at].types;
        all[at].types = &types[at];
    }
    *count = 13;
    return all;
}

const heapsake_plugin *heapsake_plugin_v1(void) {
    static heapsake_plugin plugin = {
        .magic = MAGIC,
        .size = SIZE,
        .major = MAJOR,
        .minor = MINOR,
        .name = HEAPSAKE_TEXT_OF("shop"),
        .version = HEAPSAKE_TEXT_OF("0.3"),
        .reducer_size = sizeof(heapsake_reducer),
        .description = HEAPSAKE_TEXT_OF("a shop"),
    };
#ifdef CRASH_AT_START
    abort();
#endif
    plugin.reducers = reducers(&plugin.reducer_count);
    return &plugin;
}
