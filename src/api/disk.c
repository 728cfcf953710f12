/* What lies on the disk: an extension of ours. */
#include "api/internal.h"
#include "base/mem.h"

static json_t *kind_json(const struct core_disk_kind *kind) {
  return json_pack("{s:s, s:I, s:f, s:f}", "name", kind->name, "count", (json_int_t)kind->count, "bytes",
                   (double)kind->bytes, "reclaimableBytes", (double)kind->reclaimable_bytes);
}

static json_t *kinds_json(const struct core_disk *disk) {
  json_t *kinds = json_array();
  for (size_t i = 0; i < CORE_DISK_KINDS && disk->looked_us; i++)
    json_array_append_new(kinds, kind_json(&disk->kinds[i]));
  return kinds;
}

RESOLVER(query_disk) {
  const struct core_disk *d = core_disk(core_of(call));
  *ret_value = json_pack("{s:I, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:I, s:f, s:s?}", "runs", (json_int_t)d->runs,
                         "lookedAt", time_json(d->looked_us), "totalBytes", (double)d->total_bytes, "freeBytes",
                         (double)d->free_bytes, "reserveBytes", (double)d->reserve_bytes, "budgetBytes",
                         (double)d->budget_bytes, "usedBytes", (double)d->used_bytes, "kinds", kinds_json(d),
                         "collectedAt", time_json(d->collected_us), "removedItems", (json_int_t)d->removed,
                         "freedBytes", (double)d->freed_bytes, "problem", *d->problem ? d->problem : NULL);
  return NULL;
}

RESOLVER(mutation_disk_look) {
  bool collects = json_is_true(json_object_get(call->args, "collect"));
  *ret_value = json_integer(core_disk_look(core_of(call), collects));
  return NULL;
}

/* clang-format off */
static const struct graphql_binding rows[] = {
  { "Query",    "tramwayDisk",     query_disk,         NULL },
  { "Mutation", "tramwayDiskLook", mutation_disk_look, NULL },
};
/* clang-format on */
const struct bindings bindings_disk = {rows, ARRAY_LEN(rows)};
