/* What is remembered of callers, by a text that names them: a bounded table that forgets whom it has not
 * heard of for longest.  Memory stays below capacity × (entry + key), whoever calls. */
#ifndef TRAMWAY_API_LEDGER_H
#define TRAMWAY_API_LEDGER_H

#include <stddef.h>

typedef struct ledger ledger;

ledger *ledger_new(size_t capacity, size_t entry_size);
void ledger_free(ledger *l); /* accepts NULL */

/* The entry of `key`, zeroed when it is new; valid until the next call.  Keys are cut at 200 bytes. */
void *ledger_get(ledger *l, const char *key);

size_t ledger_len(const ledger *l);

#endif
