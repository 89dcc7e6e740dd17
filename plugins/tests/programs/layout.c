/* Says where everything of the header lies. */
#include "heapsake_plugin.h"

#include <stddef.h>
#include <stdio.h>

#define SAY(type, field) printf(#type "." #field " %zu\n", offsetof(type, field))
#define SIZE(type) printf(#type " %zu\n", sizeof(type))

int main(void) {
    SIZE(heapsake_text);
    SIZE(heapsake_member);
    SIZE(heapsake_type);
    SAY(heapsake_type, name);
    SIZE(heapsake_reducer);
    SAY(heapsake_reducer, type_count);
    SAY(heapsake_reducer, saves);
    SAY(heapsake_reducer, file);
    SAY(heapsake_reducer, reduce);
    SAY(heapsake_reducer, data);
    SIZE(heapsake_plugin);
    SAY(heapsake_plugin, size);
    SAY(heapsake_plugin, major);
    SAY(heapsake_plugin, minor);
    SAY(heapsake_plugin, name);
    SAY(heapsake_plugin, version);
    SAY(heapsake_plugin, reducer_size);
    SAY(heapsake_plugin, reducer_count);
    SAY(heapsake_plugin, reducers);
    SAY(heapsake_plugin, description);
    SIZE(heapsake_host);
    SAY(heapsake_host, address);
    SAY(heapsake_host, read);
    SAY(heapsake_host, type_name);
    SAY(heapsake_host, is_object);
    SAY(heapsake_host, type_name_of);
    SAY(heapsake_host, reduce_base);
    SAY(heapsake_host, state);
    SAY(heapsake_host, edge);
    SAY(heapsake_host, indexed_edge);
    SAY(heapsake_host, element);
    SAY(heapsake_host, entry);
    SAY(heapsake_host, value);
    SAY(heapsake_host, fail);
    SAY(heapsake_host, base);
    SAY(heapsake_host, member);
    SAY(heapsake_host, process_fact);
    printf("magic %llu\n", (unsigned long long)HEAPSAKE_MAGIC);
    printf("version %d.%d\n", HEAPSAKE_MAJOR, HEAPSAKE_MINOR);
    return 0;
}
