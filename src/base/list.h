/* An intrusive doubly linked list: the links live in the listed struct, so adding and removing
 * allocate nothing.  A `struct list` is its own head; an item is found with CONTAINER_OF. */
#ifndef TRAMWAY_BASE_LIST_H
#define TRAMWAY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct list {
  struct list *next, *prev;
};

static inline void list_init(struct list *head) {
  head->next = head->prev = head;
}
static inline bool list_empty(const struct list *head) {
  return head->next == head;
}
static inline void list_push(struct list *head, struct list *item) { /* at the end */
  item->prev = head->prev;
  item->next = head;
  head->prev->next = item;
  head->prev = item;
}
/* Unlinks `item`; doing it twice, or to an item that was never linked but is list_init-ed, is harmless. */
static inline void list_remove(struct list *item) {
  item->prev->next = item->next;
  item->next->prev = item->prev;
  list_init(item);
}

/* Walks `head`; the body may remove (and free) the current item, but no other. */
#define LIST_FOREACH(item, head, type, member)                                                     \
  for (type *item = CONTAINER_OF((head)->next, type, member),                                      \
            *item##_next_ = CONTAINER_OF(item->member.next, type, member);                         \
       &item->member != (head);                                                                    \
       item = item##_next_, item##_next_ = CONTAINER_OF(item->member.next, type, member))

#endif
