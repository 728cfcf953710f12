/* Table: receipts. */
#ifndef TRAMWAY_STORE_RECEIPT_H
#define TRAMWAY_STORE_RECEIPT_H

#include "model/receipt.h"
#include "store/db.h"

/* Fills the id.  A deployment that has one already keeps that: *r is then not what is stored. */
fallible receipt_insert(db *d, struct receipt *r);
fallible receipt_find(db *d, const char *deployment_id, bool *ret_found, struct receipt *ret_receipt);
fallible receipt_list_open(db *d, struct receipt_list *ret_list); /* that are not counted yet */

/* Each is recorded once: the first time stands. */
fallible receipt_set_switched(db *d, const char *deployment_id, int64_t now_us);
fallible receipt_set_drained(db *d, const char *previous_id, int64_t now_us);
fallible receipt_set_ended(db *d, const char *id, int64_t log_to, int64_t now_us);

fallible receipt_set_counts(db *d, const struct receipt *r); /* counted, and all after it */

#endif
