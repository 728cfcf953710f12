#include "engine/local/netavark_rules.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "loop/spawn.h"

enum { NFT_DEADLINE_MS = 10000, RULESET_LIMIT = 4 * 1024 * 1024 };

static const char forward4[] = "/proc/sys/net/ipv4/ip_forward";
static const char forward6[] = "/proc/sys/net/ipv6/conf/all/forwarding";

/* --- What to remove -------------------------------------------------------------- */

struct plan {
  struct str rules, flushes, chains, tables;
  char table[256], chain[256];
  bool table_used, in_use;
  const char *known_tables;
};

static bool is_network_chain(const char *name) {
  return str_starts(name, "NETAVARK-") && !str_starts(name, "NETAVARK-HOSTPORT-") &&
         !str_starts(name, "NETAVARK-DN-");
}

/* Copies the words up to " {" of "table ip nat { # handle 5". */
static void copy_name(const char *line, const char *keyword, char name[256]) {
  const char *begin = line + strlen(keyword), *end = strstr(begin, " {");
  size_t len = end ? (size_t)(end - begin) : 0;
  if (len >= 256) len = 0;
  memcpy(name, begin, len);
  name[len] = '\0';
}

static bool is_known(const struct plan *p) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, p->known_tables, '\n');
  auto_free char *line = str_format("table %s", p->table);
  return strv_has(&lines, line);
}

static void end_table(struct plan *p) {
  if (!p->table_used && !is_known(p)) str_addf(&p->tables, "delete table %s\n", p->table);
  *p->table = '\0';
}

static void read_rule(struct plan *p, const char *line) {
  if (str_starts(line, "type ") || str_starts(p->chain, "NETAVARK")) return;
  const char *handle = strstr(line, "# handle ");
  if (strstr(line, "jump NETAVARK") && handle)
    str_addf(&p->rules, "delete rule %s %s handle %d\n", p->table, p->chain,
             atoi(handle + strlen("# handle ")));
  else
    p->table_used = true;
}

static void read_line(struct plan *p, const char *line) {
  if (str_starts(line, "table ")) {
    copy_name(line, "table ", p->table);
    /* Only tables that iptables makes are ours to judge. */
    p->table_used = !str_ends(p->table, " nat") && !str_ends(p->table, " filter");
  } else if (str_starts(line, "chain ")) {
    copy_name(line, "chain ", p->chain);
    if (is_network_chain(p->chain)) p->in_use = true;
    if (!str_starts(p->chain, "NETAVARK")) return;
    str_addf(&p->flushes, "flush chain %s %s\n", p->table, p->chain);
    str_addf(&p->chains, "delete chain %s %s\n", p->table, p->chain);
  } else if (str_eq(line, "}")) {
    if (*p->chain)
      *p->chain = '\0';
    else if (*p->table)
      end_table(p);
  } else if (*p->chain && *line) {
    read_rule(p, line);
  } else if (*p->table && *line) {
    p->table_used = true;                     /* a set, a map */
    snprintf(p->chain, sizeof p->chain, "-"); /* until its closing brace */
  }
}

char *netavark_rules_plan(const char *ruleset, const char *tables) {
  struct plan p = {.known_tables = tables};
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, ruleset, '\n');
  for (size_t i = 0; i < lines.len; i++)
    read_line(&p, str_trim(lines.items[i]));
  auto_str out = STR_EMPTY;
  if (!p.in_use)
    str_addf(&out, "%s%s%s%s", str_text(&p.rules), str_text(&p.flushes), str_text(&p.chains),
             str_text(&p.tables));
  str_done(&p.rules);
  str_done(&p.flushes);
  str_done(&p.chains);
  str_done(&p.tables);
  return str_take(&out);
}

/* --- Doing it -------------------------------------------------------------------- */

struct run {
  loop *loop;
  char *note_path;
  netavark_rules_done_fn *done;
  void *arg;
};

static struct run *run_new(loop *l, const char *run_dir, netavark_rules_done_fn *done, void *arg) {
  struct run *r = mem_zalloc(sizeof *r);
  *r = (struct run){.loop = l,
                    .note_path = path_join(run_dir, "before-first-network.json"),
                    .done = done,
                    .arg = arg};
  return r;
}

static void finish(struct run *r, err *e) {
  struct run ended = *r;
  free(r);
  free(ended.note_path);
  ended.done(ended.arg, err_wrap(e, "netavark's rules"));
}

static void spawn_nft(struct run *r, const char *const *argv, const char *input,
                      spawn_done_fn *done) {
  struct spawn_options options = {.argv = argv,
                                  .input = input,
                                  .input_len = input ? strlen(input) : 0,
                                  .deadline_ms = NFT_DEADLINE_MS,
                                  .collect_limit = RULESET_LIMIT};
  err *e = spawn_start(r->loop, &options, done, r, NULL);
  if (e) finish(r, e);
}

static bool is_on(const char *file) {
  auto_str text = STR_EMPTY;
  auto_err *e = file_read(file, 64, &text);
  return !e && atoi(str_text(&text)) != 0;
}

static void write_text(const char *file, const char *text) {
  FILE *f = fopen(file, "we");
  if (!f) return;
  fputs(text, f);
  fclose(f);
}

/* A host that forwards no longer listens to router advertisements, and would lose its own IPv6
 * route, unless accept_ra is 2 (Linux Documentation/networking/ip-sysctl.rst). */
static void keep_router_advertisements(void) {
  static const char folder_path[] = "/proc/sys/net/ipv6/conf";
  DIR *folder = opendir(folder_path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    auto_free char *path = str_format("%s/%s/accept_ra", folder_path, entry->d_name);
    auto_str text = STR_EMPTY;
    auto_err *e = file_read(path, 64, &text);
    if (!e && str_eq(str_text(&text), "1\n")) write_text(path, "2\n");
  }
  if (folder) closedir(folder);
}

static void on_tables(void *arg, const struct spawn_result *result) {
  struct run *r = arg;
  err *e = spawn_result_err(result);
  if (!e) {
    auto_json *note = json_pack("{s:s, s:b, s:b}", "tables", result->output, "forward4",
                                is_on(forward4), "forward6", is_on(forward6));
    auto_free char *text = json_to_pretty_text(note);
    e = file_write_fast(r->note_path, text, strlen(text), 0600);
    keep_router_advertisements();
  }
  finish(r, e);
}

void netavark_rules_note(loop *l, const char *run_dir, netavark_rules_done_fn *done, void *arg) {
  struct run *r = run_new(l, run_dir, done, arg);
  static const char *const argv[] = {"nft", "list", "tables", NULL};
  if (file_exists(r->note_path))
    finish(r, NULL);
  else
    spawn_nft(r, argv, NULL, on_tables);
}

static bool is_any_bridge_left(void) {
  DIR *folder = opendir("/sys/class/net");
  bool found = false;
  for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
    auto_free char *path = str_format("/sys/class/net/%s/bridge", entry->d_name);
    found = entry->d_name[0] != '.' && file_exists(path);
  }
  if (folder) closedir(folder);
  return found;
}

static err *read_note(const struct run *r, json_t **ret_note) {
  auto_str text = STR_EMPTY;
  TRY(file_read(r->note_path, RULESET_LIMIT, &text));
  return json_parse(text.data, text.len, r->note_path, ret_note);
}

static void on_removed(void *arg, const struct spawn_result *result) {
  struct run *r = arg;
  auto_json *note = NULL;
  err *e = spawn_result_err(result);
  if (!e) e = read_note(r, &note);
  if (!e && !is_any_bridge_left()) {
    if (!json_get_bool(note, "forward4", true)) write_text(forward4, "0\n");
    if (!json_get_bool(note, "forward6", true)) write_text(forward6, "0\n");
  }
  if (!e) unlink(r->note_path);
  finish(r, e);
}

static void on_ruleset(void *arg, const struct spawn_result *result) {
  struct run *r = arg;
  auto_json *note = NULL;
  err *e = spawn_result_err(result);
  if (!e) e = read_note(r, &note);
  if (e) {
    finish(r, e);
    return;
  }
  const char *tables = json_get_text(note, "tables");
  auto_free char *commands = netavark_rules_plan(result->output, tables ? tables : "");
  static const char *const argv[] = {"nft", "-f", "-", NULL};
  spawn_nft(r, argv, commands, on_removed);
}

void netavark_rules_remove(loop *l, const char *run_dir, netavark_rules_done_fn *done, void *arg) {
  struct run *r = run_new(l, run_dir, done, arg);
  static const char *const argv[] = {"nft", "-a", "list", "ruleset", NULL};
  if (file_exists(r->note_path))
    spawn_nft(r, argv, NULL, on_ruleset);
  else
    finish(r, NULL);
}
