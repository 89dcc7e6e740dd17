/* The interface between heapsake and a plugin; plugins/src/abi.rs is the same in Rust, and a test compares them.
 *
 * A plugin is a shared library that exports `heapsake_plugin_v1`. It runs in a process of its own: the target's memory is not
 * there, so an address is read with `host->read` and never dereferenced. A plugin that crashes costs the object that it was
 * asked about.
 *
 * Tables begin with their size and are only ever appended to. A function of the host that is newer than the host is null.
 */
#ifndef HEAPSAKE_PLUGIN_H
#define HEAPSAKE_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEAPSAKE_MAGIC UINT64_C(0x454b415350414548) /* "HEAPSAKE" */
#define HEAPSAKE_MAJOR 1
#define HEAPSAKE_MINOR 1

/* What the host's functions return. */
#define HEAPSAKE_OK 0
#define HEAPSAKE_MISSING 1 /* the target's memory does not have these bytes */
#define HEAPSAKE_REFUSED 2 /* the call made no sense, or too much was told */

/* heapsake_type.matched */
#define HEAPSAKE_EXACT 1 /* that very type */
#define HEAPSAKE_BASE 2  /* subclasses too, unless a nearer base has a reducer */

/* Kinds of edges. */
#define HEAPSAKE_ATTRIBUTE 1
#define HEAPSAKE_LOCAL 2
#define HEAPSAKE_INTERNAL 3
#define HEAPSAKE_WEAK 4
#define HEAPSAKE_BORROWED 5

/* Kinds of values. */
#define HEAPSAKE_INTEGER 1 /* 8 bytes, int64_t */
#define HEAPSAKE_FLOAT 2   /* 8 bytes, double */
#define HEAPSAKE_COMPLEX 3 /* 16 bytes, two doubles */
#define HEAPSAKE_TEXT 4    /* UTF-8 */
#define HEAPSAKE_BYTES 5
#define HEAPSAKE_BIG 6 /* a byte that is 1 below zero, then the magnitude, little endian */

/* Why an object is not complete. */
#define HEAPSAKE_UNREADABLE 1
#define HEAPSAKE_NOT_AN_OBJECT 2
#define HEAPSAKE_CORRUPT 3
#define HEAPSAKE_FAILED 4

/* The object that is being reduced. Good until the reducer returns. */
typedef struct heapsake_object heapsake_object;

/* Bytes that somebody else owns; text is UTF-8 and needs no NUL. */
typedef struct {
    const char *start;
    uint64_t length;
} heapsake_text;

typedef struct {
    uint32_t offset;
    int32_t kind; /* structmember.h */
    uint32_t is_object;
    uint32_t reserved;
} heapsake_member;

/* Functions that give text copy at most `capacity` bytes and return how many there are, or a negative number when there is
 * none. */
typedef struct {
    uint32_t size;
    uint16_t major, minor;
    uint64_t (*address)(heapsake_object *);
    int32_t (*read)(heapsake_object *, uint64_t address, void *into, uint64_t length); /* all or nothing */
    int64_t (*type_name)(heapsake_object *, char *into, uint64_t capacity);
    int32_t (*is_object)(heapsake_object *, uint64_t address);
    int64_t (*type_name_of)(heapsake_object *, uint64_t address, char *into, uint64_t capacity);
    int32_t (*reduce_base)(heapsake_object *); /* tells what the nearest known base would tell */
    int32_t (*state)(heapsake_object *, const void *cbor, uint64_t length); /* a CBOR map from names to plain values */
    int32_t (*edge)(heapsake_object *, uint32_t kind, const char *name, uint64_t length, uint64_t target);
    int32_t (*indexed_edge)(heapsake_object *, uint32_t kind, uint32_t index, uint64_t target);
    int32_t (*element)(heapsake_object *, uint64_t target);
    int32_t (*entry)(heapsake_object *, uint64_t key, uint64_t value);
    int32_t (*value)(heapsake_object *, uint32_t kind, const void *bytes, uint64_t length);
    int32_t (*fail)(heapsake_object *, uint32_t reason, const char *detail, uint64_t length);
    /* since 1.1 */
    int64_t (*base)(heapsake_object *, uint32_t position, char *into, uint64_t capacity); /* the type itself at 0 */
    int64_t (*member)(heapsake_object *, uint32_t position, char *into, uint64_t capacity, heapsake_member *filled);
    int64_t (*process_fact)(heapsake_object *, const char *name, uint64_t length, void *into, uint64_t capacity);
} heapsake_host;

/* Tells the object; HEAPSAKE_OK, or anything else after a call of `fail`. */
typedef int32_t (*heapsake_reduce)(const heapsake_host *, heapsake_object *, void *data);

typedef struct {
    uint32_t matched;
    uint32_t reserved;
    heapsake_text name; /* qualified: package.module.Type */
} heapsake_type;

typedef struct {
    const heapsake_type *types;
    uint64_t type_count;
    heapsake_text saves; /* what is saved, in one line */
    heapsake_text file;
    heapsake_reduce reduce;
    void *data;
} heapsake_reducer;

typedef struct {
    uint64_t magic;
    uint32_t size; /* sizeof(heapsake_plugin) */
    uint16_t major, minor;
    heapsake_text name;
    heapsake_text version;
    uint32_t reducer_size; /* sizeof(heapsake_reducer) */
    uint32_t reducer_count;
    const heapsake_reducer *reducers;
    /* since 1.1 */
    heapsake_text description;
} heapsake_plugin;

#define HEAPSAKE_TEXT_OF(literal) {literal, sizeof(literal) - 1}

/* What a plugin exports. */
const heapsake_plugin *heapsake_plugin_v1(void);

#ifdef __cplusplus
}
#endif

#endif
