#include "source/pkt_line.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LENGTH_LEN = 4, PROGRESS_MAX = 4000 };

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ssize_t pkt_line_read(const char *data, size_t len, struct pkt_line *ret_line) {
  if (len < LENGTH_LEN) return 0;
  int size = 0;
  for (int i = 0; i < LENGTH_LEN; i++) {
    int digit = hex_digit(data[i]);
    if (digit < 0) return -1;
    size = size * 16 + digit;
  }
  *ret_line = (struct pkt_line){0};
  if (size < LENGTH_LEN) return size == 3 ? -1 : LENGTH_LEN; /* flush, delimiter, end of answer */
  if (size > PKT_LINE_MAX) return -1;
  if (len < (size_t)size) return 0;
  *ret_line = (struct pkt_line){data + LENGTH_LEN, (size_t)size - LENGTH_LEN};
  return size;
}

void pkt_line_add(struct str *out, const void *payload, size_t len) {
  str_addf(out, "%04zx", len + LENGTH_LEN);
  str_add_bytes(out, payload, len);
}

void pkt_line_add_flush(struct str *out) {
  str_add(out, "0000");
}

void pkt_line_add_progress(struct str *out, const char *text) {
  size_t len = strnlen(text, PROGRESS_MAX);
  str_addf(out, "%04zx%c", len + LENGTH_LEN + 2, PKT_BAND_PROGRESS);
  str_add_bytes(out, text, len);
  str_add_char(out, '\n');
}

/* ---- what a push asks for ---- */

static bool is_sha(const char *text) {
  return strspn(text, "0123456789abcdef") == GIT_SHA_SIZE - 1;
}

/* "<before> <after> <ref>", NUL, capabilities with the first one; git ends it with a newline or not. */
static err *read_command(const char *payload, size_t len, struct ref_updates *u) {
  enum { SHA_LEN = GIT_SHA_SIZE - 1, REF_AT = 2 * GIT_SHA_SIZE, REF_MAX = 4096 };
  auto_free char *line = str_ndup(payload, len);
  size_t text_len = strlen(line);
  if (text_len < len && strstr(line + text_len + 1, "side-band-64k")) u->side_band = true;
  if (text_len && line[text_len - 1] == '\n') line[--text_len] = '\0';
  if (strncmp(line, "shallow ", 8) == 0) return NULL;
  if (text_len <= REF_AT || text_len > REF_AT + REF_MAX || !is_sha(line) || line[SHA_LEN] != ' ' ||
      !is_sha(line + GIT_SHA_SIZE) || line[GIT_SHA_SIZE + SHA_LEN] != ' ')
    return err_new(ERR_INVALID, "the push begins with what is no command of git's");
  if (u->len == REF_UPDATES_MAX)
    return err_new(ERR_LIMIT, "a push of more than %d branches and tags: push them in parts", REF_UPDATES_MAX);
  u->items = mem_grow(u->items, &u->capacity, u->len + 1, sizeof *u->items);
  struct ref_update *item = &u->items[u->len++];
  *item = (struct ref_update){.ref = str_dup(line + REF_AT)};
  memcpy(item->before, line, SHA_LEN);
  memcpy(item->after, line + GIT_SHA_SIZE, SHA_LEN);
  return NULL;
}

static err *read_commands(const char *body, size_t len, struct ref_updates *u) {
  for (;;) {
    struct pkt_line line;
    ssize_t taken = pkt_line_read(body, len, &line);
    if (taken < 0) return err_new(ERR_INVALID, "the push is not in git's wire format");
    if (taken == 0) return err_new(ERR_LIMIT, "the push's list of branches and tags is cut off, or too long");
    if (!line.payload) return NULL;
    TRY(read_command(line.payload, line.len, u));
    body += taken;
    len -= (size_t)taken;
  }
}

err *ref_updates_read(const char *body, size_t len, struct ref_updates *ret_updates) {
  struct ref_updates u = {0};
  err *e = read_commands(body, len, &u);
  if (e)
    ref_updates_done(&u);
  else
    *ret_updates = u;
  return e;
}

void ref_updates_done(struct ref_updates *u) {
  for (size_t i = 0; i < u->len; i++) free(u->items[i].ref);
  free(u->items);
  *u = (struct ref_updates){0};
}

const char *ref_update_branch(const struct ref_update *u) {
  bool deletes = strspn(u->after, "0") == GIT_SHA_SIZE - 1;
  return deletes || !str_starts(u->ref, "refs/heads/") ? NULL : u->ref + strlen("refs/heads/");
}
