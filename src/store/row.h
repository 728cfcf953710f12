/* Rows of a table as structs of the model: the SQL that every table needs, made from the struct's
 * shape.  A text member whose column is in the table of store/sealed.h is encrypted.  Only store/
 * includes this.
 *
 * A column has the name of its member.  Queries give the part after "SELECT … FROM <table> AS t".
 */
#ifndef TRAMWAY_STORE_ROW_H
#define TRAMWAY_STORE_ROW_H

#include "model/shape.h"
#include "store/db.h"
#include "store/page.h"

struct table {
  const char *name;
  const struct shape *shape;
};

#define ROW_FIELDS_MAX 32

/* Inserts *item.  Where it has them, an empty `id` gets a new one, a zero `created_us` the time
 * now, and a zero `updated_us` the same as `created_us`. */
fallible row_insert(db *d, const struct table *t, void *item);

/* The same with an ON CONFLICT clause after it.  What it keeps of an old row is not read back. */
fallible row_upsert(db *d, const struct table *t, const char *tail, void *item);

/* The one row that `tail` finds.  `row_get`: ERR_NOT_FOUND "project '<key>' does not exist" when
 * there is none; `row_find`: *ret_found says.  The caller ends *ret_item. */
fallible row_get(db *d, const struct table *t, const char *tail, struct db_values values,
                 const char *key, void *ret_item);
fallible row_find(db *d, const struct table *t, const char *tail, struct db_values values,
                  bool *ret_found, void *ret_item);

/* All rows that `tail` finds; the caller owns them.  ROW_LIST puts them in a typed list. */
struct rows {
  void *items;
  size_t len;
  bool has_more;
};
fallible row_list(db *d, const struct table *t, const char *tail, struct db_values values,
                  struct rows *ret_rows);

/* Newest first, one page of them.  `where` is a condition with ?1 … ?n; `page` may be NULL. */
fallible row_list_page(db *d, const struct table *t, const char *where, struct db_values values,
                       const struct page *page, struct rows *ret_rows);

#define ROW_LIST(ret_list, call)                                                                   \
  do {                                                                                             \
    struct rows rows_;                                                                             \
    TRY(call);                                                                                     \
    (ret_list)->items = rows_.items;                                                               \
    (ret_list)->len = rows_.len;                                                                   \
    (ret_list)->has_more = rows_.has_more;                                                         \
    return NULL;                                                                                   \
  } while (0)

/* An UPDATE or DELETE that must change a row: ERR_NOT_FOUND "<what> '<key>' does not exist" when it
 * changes none. */
fallible row_change(db *d, const struct table *t, const char *sql, struct db_values values,
                    const char *key);

/* Gives a violated UNIQUE constraint words for the user: when `e` is one, it becomes ERR_CONFLICT
 * with this text alone; any other error is returned as it is. */
fallible row_taken(err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
