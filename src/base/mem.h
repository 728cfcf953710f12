/* Memory.  Running out of it aborts here, in one place; therefore every size that comes from
 * outside is bounded before it is used.  `auto_free` frees at the end of the scope. */
#ifndef TRAMWAY_BASE_MEM_H
#define TRAMWAY_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_realloc_array(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));
void *mem_dup(const void *data, size_t size) __attribute__((malloc, returns_nonnull));

/* Grows `array` (of `size`-byte items) so that at least `needed` fit; doubles. */
void *mem_grow(void *array, size_t *capacity, size_t needed, size_t size)
    __attribute__((returns_nonnull));

void mem_cleanup_(void *pointer_to_pointer);
#define auto_free __attribute__((cleanup(mem_cleanup_)))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The struct that `pointer` is the member `member` of. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
