/* disk. */
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/queries.h"

enum { POLL_MS = 200, DEADLINE_MS = 15 * 60 * 1000 };

static err *ask(struct cli *cli, json_t **ret_disk) {
  auto_json *data = NULL;
  TRY(cli_query(cli, query_disk, NULL, &data));
  *ret_disk = json_incref(json_object_get(data, "tramwayDisk"));
  return NULL;
}

/* Has the server look (and collect), and waits until it has. */
static err *look(struct cli *cli, bool collects, json_t **ret_disk) {
  auto_json *data = NULL, *disk = NULL;
  TRY(cli_query(cli, mutation_disk_look, json_pack("{s:b}", "collect", collects), &data));
  int64_t runs = json_get_int(data, "tramwayDiskLook", 0), end_ms = clock_monotonic_ms() + DEADLINE_MS;
  TRY(ask(cli, &disk));
  while (json_get_int(disk, "runs", 0) < runs) {
    if (clock_monotonic_ms() > end_ms)
      return err_new(ERR_BUSY, "the server is still looking at its disk after 15 minutes; see its log");
    out_moving(&cli->out, collects ? "Collecting…" : "Looking…");
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    json_decref(disk);
    disk = NULL;
    TRY(ask(cli, &disk));
  }
  out_moving_end(&cli->out);
  *ret_disk = json_incref(disk);
  return NULL;
}

static void size_of(const json_t *object, const char *name, char text[FORMAT_SIZE]) {
  format_bytes((int64_t)json_number_value(json_object_get(object, name)), text);
}

static void print_kinds(struct cli *cli, const json_t *disk) {
  auto_table table;
  table_init(&table, 4);
  table_add(&table, "WHAT", "COUNT", "ON DISK", "RECLAIMABLE", NULL);
  size_t i;
  const json_t *kind;
  json_array_foreach(json_object_get(disk, "kinds"), i, kind) {
    char bytes[FORMAT_SIZE], reclaimable[FORMAT_SIZE];
    long long count = json_get_int(kind, "count", 0);
    auto_free char *counted = count ? str_format("%lld", count) : str_dup("");
    size_of(kind, "bytes", bytes);
    size_of(kind, "reclaimableBytes", reclaimable);
    table_add(&table, json_get_text(kind, "name"), counted, bytes, reclaimable, NULL);
  }
  out_table(&cli->out, &table);
}

static void print(struct cli *cli, const json_t *disk) {
  char used[FORMAT_SIZE], free_text[FORMAT_SIZE], total[FORMAT_SIZE], reserve[FORMAT_SIZE], budget[FORMAT_SIZE];
  size_of(disk, "usedBytes", used);
  size_of(disk, "freeBytes", free_text);
  size_of(disk, "totalBytes", total);
  size_of(disk, "reserveBytes", reserve);
  size_of(disk, "budgetBytes", budget);
  print_kinds(cli, disk);
  out_line(&cli->out, "Tramway has %s of a disk of %s; %s are free, and builds leave %s", used, total, free_text, reserve);
  out_line(&cli->out, "Images, caches, snapshots and mirrors may take %s together", budget);
}

static err *run_disk(struct cli *cli, const struct args *args) {
  auto_json *disk = NULL;
  bool collects = args_has(args, "collect");
  TRY(cli_need_token(cli));
  TRY(look(cli, collects, &disk));
  const char *problem = json_get_text(disk, "problem");
  if (args_has(args, "json")) {
    out_json(&cli->out, disk);
  } else {
    print(cli, disk);
    char freed[FORMAT_SIZE];
    size_of(disk, "freedBytes", freed);
    if (collects)
      out_line(&cli->out, "Removed %lld items; that freed %s", (long long)json_get_int(disk, "removedItems", 0), freed);
  }
  return problem ? err_new(ERR_IO, "the server could not do all of it: %s", problem) : NULL;
}

/* clang-format off */
static const struct flag disk_flags[] = {
  { "collect", NULL, "first remove what nothing needs any more" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_disk = {
    .name = "disk",
    .usage = "",
    .summary = "Show what takes the server's disk, and make room",
    .details = "RECLAIMABLE is what neither runs nor is kept for a rollback: it goes by itself when it gets old "
               "or room\nis needed, as [disk] in tramway.toml says. For admins of the installation.",
    .examples = "disk\ndisk --collect",
    .flags = disk_flags,
    .run = run_disk,
};
