#include "daemon/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_init(void) {
  mallopt(M_ARENA_MAX, 1); /* the pool's threads allocate too little to be worth a heap each */
}

/* Whether the linker has written to pages that are read-only now: those exist nowhere else. */
static bool has_text_relocations(const struct dl_phdr_info *object) {
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const ElfW(Dyn) *d = (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    for (; d->d_tag != DT_NULL; d++)
      if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL)) return true;
  }
  return false;
}

/* A page that was never writable is as its file says: dropping it loses nothing. */
static int let_go(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size, (void)unused;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  if (has_text_relocations(object)) return 0;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
    uintptr_t from = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
    uintptr_t to = object->dlpi_addr + segment->p_vaddr + segment->p_filesz;
    (void)madvise((void *)from, (to + page - 1 - from) & ~(page - 1), MADV_DONTNEED);
  }
  return 0;
}

void memory_trim(void) {
  malloc_trim(0);
  dl_iterate_phdr(let_go, NULL);
}
