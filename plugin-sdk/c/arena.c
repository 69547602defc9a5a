/* Memory until the end of the call. What the generated bindings define for this is weak, and gives way to it. */

#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One block after the other; most calls need no more than the first, which stays. */
typedef struct block {
    struct block *before;
    size_t bytes;
    _Alignas(16) char room[];
} block;

enum { BLOCK_BYTES = 64 * 1024 };

static block *newest;
static size_t used;

void *cometbot_arena_room(size_t bytes, size_t alignment) {
    size_t start = (used + alignment - 1) & ~(alignment - 1);
    if (newest == NULL || start + bytes > newest->bytes) {
        size_t length = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block *made = malloc(sizeof(block) + length);
        /* No words: the host may be asking for room just now, and must not be called then. Its log says why. */
        if (made == NULL) __builtin_trap();
        *made = (block){.before = newest, .bytes = length};
        newest = made;
        start = 0;
    }
    used = start + bytes;
    return &newest->room[start];
}

/* The names of the contract's canonical ABI. */
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(
    void *old, size_t old_bytes, size_t alignment, size_t bytes) {
    /* Where nothing is stored any address will do, if it is aligned. */
    if (bytes == 0) return (void *)alignment;
    void *room = cometbot_arena_room(bytes, alignment);
    if (old_bytes > 0) memcpy(room, old, old_bytes < bytes ? old_bytes : bytes);
    return room;
}

/* What starts an instance stays, so that a plugin can keep its settings as they are. */
static void keep(void) {
    newest = NULL;
    used = 0;
}

static void give_back(void) {
    while (newest != NULL && (newest->before != NULL || newest->bytes > BLOCK_BYTES)) {
        block *before = newest->before;
        free(newest);
        newest = before;
    }
    used = 0;
}

__attribute__((export_name("cabi_post_setup"))) void __wasm_export_exports_plugin_setup_post_return(uint8_t *answer) {
    (void)answer;
    keep();
}

__attribute__((export_name("cabi_post_restore"))) void __wasm_export_exports_plugin_restore_post_return(uint8_t *answer) {
    (void)answer;
    keep();
}

__attribute__((export_name("cabi_post_handle"))) void __wasm_export_exports_plugin_handle_post_return(uint8_t *answer) {
    (void)answer;
    give_back();
}

__attribute__((export_name("cabi_post_save"))) void __wasm_export_exports_plugin_save_post_return(uint8_t *answer) {
    (void)answer;
    give_back();
}
