#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer) {
  if (pointer) return pointer;
  fputs("tramway: out of memory\n", stderr);
  abort();
}

void *mem_alloc(size_t size) {
  return checked(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size) {
  return checked(calloc(1, size ? size : 1));
}

void *mem_realloc_array(void *pointer, size_t count, size_t size) {
  if (count == 0) count = 1;
  return checked(reallocarray(pointer, count, size));
}

void *mem_dup(const void *data, size_t size) {
  void *copy = mem_alloc(size);
  if (size) memcpy(copy, data, size);
  return copy;
}

void *mem_grow(void *array, size_t *capacity, size_t needed, size_t size) {
  if (needed <= *capacity && array) return array;
  size_t grown = *capacity ? *capacity : 8;
  while (grown < needed) grown *= 2;
  array = mem_realloc_array(array, grown, size);
  *capacity = grown;
  return array;
}

void mem_cleanup_(void *pointer_to_pointer) {
  free(*(void **)pointer_to_pointer);
}
