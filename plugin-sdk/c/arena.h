/* Memory until the end of the call. For the kit alone. */

#ifndef COMETBOT_ARENA_H
#define COMETBOT_ARENA_H

#include <stddef.h>

#ifdef __cplusplus
extern "C"
#endif
void *cometbot_arena_room(size_t bytes, size_t alignment);

#endif
