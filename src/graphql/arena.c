#include "graphql/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_CHUNK_BYTES 4096
#define LARGEST_CHUNK_BYTES (64 * 1024)

struct chunk {
  struct chunk *previous;
  size_t size;
  size_t used;
  alignas(max_align_t) char data[];
};

struct graphql_arena {
  struct chunk *current;
};

static struct chunk *chunk_new(size_t size, struct chunk *previous) {
  struct chunk *chunk = mem_zalloc(sizeof *chunk + size);
  chunk->previous = previous;
  chunk->size = size;
  return chunk;
}

graphql_arena *graphql_arena_new(void) {
  graphql_arena *arena = mem_alloc(sizeof *arena);
  arena->current = chunk_new(FIRST_CHUNK_BYTES, NULL);
  return arena;
}

void graphql_arena_free(graphql_arena *arena) {
  if (!arena) return;
  for (struct chunk *chunk = arena->current, *previous; chunk; chunk = previous) {
    previous = chunk->previous;
    free(chunk);
  }
  free(arena);
}

void *graphql_arena_alloc(graphql_arena *arena, size_t size) {
  size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
  struct chunk *chunk = arena->current;
  if (chunk->size - chunk->used < size) {
    size_t next = chunk->size * 2 < LARGEST_CHUNK_BYTES ? chunk->size * 2 : LARGEST_CHUNK_BYTES;
    chunk = arena->current = chunk_new(size > next ? size : next, chunk);
  }
  void *memory = chunk->data + chunk->used;
  chunk->used += size;
  return memory;
}

char *graphql_arena_text(graphql_arena *arena, const char *text, size_t len) {
  char *copy = graphql_arena_alloc(arena, len + 1);
  memcpy(copy, text, len);
  return copy;
}
