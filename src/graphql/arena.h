/* An arena: memory that is taken in pieces and given back whole.  A parsed document, and all that
 * validating and executing it needs, lives in one. */
#ifndef TRAMWAY_GRAPHQL_ARENA_H
#define TRAMWAY_GRAPHQL_ARENA_H

#include <stddef.h>

typedef struct graphql_arena graphql_arena;

graphql_arena *graphql_arena_new(void);
void graphql_arena_free(graphql_arena *arena); /* accepts NULL */

/* `size` zeroed bytes, aligned for any type; they live as long as the arena. */
void *graphql_arena_alloc(graphql_arena *arena, size_t size) __attribute__((returns_nonnull));

/* A copy of `len` bytes and a NUL. */
char *graphql_arena_text(graphql_arena *arena, const char *text, size_t len)
    __attribute__((returns_nonnull));

#define GRAPHQL_NEW(arena, type) ((type *)graphql_arena_alloc((arena), sizeof(type)))

#endif
