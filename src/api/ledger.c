#include "api/ledger.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

enum { KEY_SIZE = 201 };

struct item {
  struct list link;
  char key[KEY_SIZE];
  int64_t entry[]; /* as the head of the list is aligned, which LIST_FOREACH takes for an item at the end */
};

struct ledger {
  map *by_key;
  struct list recent; /* the last one was asked for last */
  size_t capacity, entry_size;
};

ledger *ledger_new(size_t capacity, size_t entry_size) {
  ledger *l = mem_zalloc(sizeof *l);
  l->by_key = map_new();
  l->capacity = capacity;
  l->entry_size = entry_size;
  list_init(&l->recent);
  return l;
}

static void forget(ledger *l, struct item *item) {
  map_remove(l->by_key, item->key);
  list_remove(&item->link);
  free(item);
}

void ledger_free(ledger *l) {
  if (!l) return;
  LIST_FOREACH(item, &l->recent, struct item, link) forget(l, item);
  map_free(l->by_key);
  free(l);
}

void *ledger_get(ledger *l, const char *key) {
  char text[KEY_SIZE];
  snprintf(text, sizeof text, "%s", key);
  struct item *item = map_get(l->by_key, text);
  if (!item) {
    if (map_len(l->by_key) >= l->capacity) forget(l, CONTAINER_OF(l->recent.next, struct item, link));
    item = mem_zalloc(sizeof *item + l->entry_size);
    list_init(&item->link);
    snprintf(item->key, sizeof item->key, "%s", text);
    map_set(l->by_key, item->key, item);
  }
  list_remove(&item->link);
  list_push(&l->recent, &item->link);
  return item->entry;
}

size_t ledger_len(const ledger *l) {
  return map_len(l->by_key);
}
