#include "engine/local/nft_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

char *nft_text_table(const char *ruleset, const char *name) {
  auto_free char *start = str_format("table inet %s {", name);
  const char *found = str_starts(ruleset, start) ? ruleset : NULL;
  auto_free char *later = str_format("\n%s", start);
  const char *behind = found ? NULL : strstr(ruleset, later);
  if (behind) found = behind + 1;
  const char *end = found ? strstr(found, "\n}") : NULL;
  return end ? str_ndup(found, (size_t)(end - found) + strlen("\n}")) : str_dup("");
}

/* Without the handle, for people; the caller owns it. */
static char *without_handle(const char *line) {
  const char *handle = strstr(line, " # handle ");
  return handle ? str_ndup(line, (size_t)(handle - line)) : str_dup(line);
}

static void split_trimmed(const char *text, struct strv *lines) {
  strv_split(lines, text, '\n');
  for (size_t i = 0; i < lines->len; i++) {
    char *line = lines->items[i];
    const char *trimmed = str_trim(line);
    memmove(line, trimmed, strlen(trimmed) + 1);
  }
}

/* The first line of `from` that `in` has not; NULL: none. */
static const char *missing_line(const struct strv *from, const struct strv *in) {
  for (size_t i = 0; i < from->len; i++)
    if (*from->items[i] && !strv_has(in, from->items[i])) return from->items[i];
  return NULL;
}

char *nft_text_difference(const char *before, const char *now) {
  if (!*now) return *before ? str_dup("the table was gone") : NULL;
  auto_strv old = STRV_EMPTY, fresh = STRV_EMPTY;
  split_trimmed(before, &old);
  split_trimmed(now, &fresh);
  /* The table's own line has a handle that says nothing. */
  if (old.len && fresh.len) *old.items[0] = *fresh.items[0] = '\0';
  const char *gone = missing_line(&old, &fresh), *added = missing_line(&fresh, &old);
  if (!gone && !added) return NULL;
  auto_free char *text = without_handle(gone ? gone : added);
  return str_format("'%s' %s", text, gone ? "was gone or changed" : "was added");
}

/* --- netavark's rules -------------------------------------------------------------- */

/* What was seen of one subnet while reading the lines. */
struct reading {
  const char *family, *subnet;
  char *nat, *filter;     /* "table ip nat {", "table ip filter {" */
  const char *table;      /* one of these two, or NULL */
  char chain[64], own[64]; /* the one that is being read; the network's own */
  bool forward, from, to, driver;
  struct strv masquerading; /* chains of nat that do so for what leaves */
};

static void read_rule(struct reading *r, const char *line) {
  auto_free char *from = str_format("%s saddr %s ", r->family, r->subnet);
  auto_free char *to = str_format("%s daddr %s ", r->family, r->subnet);
  auto_free char *outside = str_format("%s daddr != ", r->family);
  const char *jump = strstr(line, "jump NETAVARK");
  if (r->table == r->nat && str_eq(r->chain, "POSTROUTING") && jump && str_starts(line, from)) {
    const char *name = jump + strlen("jump ");
    snprintf(r->own, sizeof r->own, "%.*s", (int)strcspn(name, " "), name);
  } else if (r->table == r->nat && str_starts(line, outside)) {
    strv_add(&r->masquerading, r->chain);
  } else if (r->table == r->filter && str_eq(r->chain, "FORWARD")) {
    r->forward |= jump && str_starts(jump, "jump NETAVARK_FORWARD");
  } else if (r->table == r->filter && str_eq(r->chain, "NETAVARK_FORWARD")) {
    r->from |= str_starts(line, from);
    r->to |= str_starts(line, to);
  }
}

static void read_line(struct reading *r, const char *line) {
  if (str_starts(line, "table ")) {
    r->table = str_starts(line, r->nat) ? r->nat : str_starts(line, r->filter) ? r->filter : NULL;
    r->driver |= str_starts(line, "table inet netavark ");
  } else if (str_starts(line, "chain ")) {
    const char *name = line + strlen("chain ");
    snprintf(r->chain, sizeof r->chain, "%.*s", (int)strcspn(name, " "), name);
  } else if (r->table) {
    read_rule(r, line);
  }
}

static char *lacks(const struct reading *r) {
  if (r->driver) return NULL;
  if (!*r->own || !strv_has(&r->masquerading, r->own))
    return str_format("the masquerading of %s was gone", r->subnet);
  if (!r->forward || !r->from || !r->to)
    return str_format("the forwarding of %s was gone", r->subnet);
  return NULL;
}

char *nft_text_network_lacks(const char *ruleset, const char *family, const char *subnet) {
  auto_strv lines = STRV_EMPTY;
  split_trimmed(ruleset, &lines);
  struct reading r = {.family = family, .subnet = subnet};
  r.nat = str_format("table %s nat {", family);
  r.filter = str_format("table %s filter {", family);
  for (size_t i = 0; i < lines.len; i++)
    read_line(&r, lines.items[i]);
  char *text = lacks(&r);
  strv_done(&r.masquerading);
  free(r.nat);
  free(r.filter);
  return text;
}
