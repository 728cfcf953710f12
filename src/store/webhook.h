/* Tables: webhooks, webhook_deliveries, commit_checks.  Inserts fill id and created_us where they are
 * empty. */
#ifndef TRAMWAY_STORE_WEBHOOK_H
#define TRAMWAY_STORE_WEBHOOK_H

#include "model/webhook.h"
#include "store/db.h"

fallible webhook_insert(db *d, struct webhook *hook);
fallible webhook_get(db *d, const char *id, struct webhook *ret_hook);
fallible webhook_find(db *d, const char *id, bool *ret_found, struct webhook *ret_hook);
fallible webhook_list(db *d, const char *project_id, struct webhook_list *ret_list); /* oldest first */
fallible webhook_delete(db *d, const char *id); /* with its deliveries */

/* The journal.  `ret_is_new` is false when one with its replay key is there: nothing is written then. */
fallible webhook_delivery_insert(db *d, struct webhook_delivery *delivery, bool *ret_is_new);
fallible webhook_delivery_list_open(db *d, struct webhook_delivery_list *ret_list); /* oldest first; some */
fallible webhook_delivery_close(db *d, const char *id, const char *outcome, int64_t now_us);
fallible webhook_delivery_list(db *d, const char *webhook_id, int limit,
                               struct webhook_delivery_list *ret_list); /* newest first */

/* Forgets checks that were heard of, and deliveries that were taken, before these times; open ones stay. */
fallible webhook_forget_old(db *d, int64_t checks_before_us, int64_t deliveries_before_us);

fallible commit_check_find(db *d, const char *project_id, const char *sha, const char *name, bool *ret_found,
                           struct commit_check *ret_check);
fallible commit_check_set(db *d, struct commit_check *check); /* adds or replaces the one of that name */
fallible commit_check_list(db *d, const char *project_id, const char *sha, struct commit_check_list *ret_list);

#endif
