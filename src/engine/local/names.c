#include "engine/local/names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/file.h"
#include "base/mem.h"

enum { NAMES_FILE_LIMIT = 4 * 1024 * 1024, PID_FILE_LIMIT = 64, CMDLINE_LIMIT = 65536 };

char *names_render(const char *gateway, const char *gateway6, const struct names_entry *entries,
                   size_t len) {
  auto_str out = STR_EMPTY;
  str_addf(&out, "%s,%s\n", gateway, gateway6);
  for (size_t i = 0; i < len; i++) {
    const struct names_entry *n = &entries[i];
    str_addf(&out, "%s %s %s %s", n->id, n->address, n->address6, n->id);
    if (n->label) str_addf(&out, ",%s." NAMES_DOMAIN ",%s", n->label, n->label);
    if (!str_empty(n->former_label)) str_addf(&out, ",%s." NAMES_DOMAIN ",%s", n->former_label, n->former_label);
    str_add_char(&out, '\n');
  }
  return str_take(&out);
}

char *names_resolv_conf(const char *gateway, const char *gateway6) {
  return str_format("search " NAMES_DOMAIN "\nnameserver %s\nnameserver %s\n"
                    "options ndots:1 timeout:1 attempts:5\n",
                    gateway, gateway6);
}

char *names_hosts(const char *hostname, const char *address, const char *address6) {
  return str_format("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
                    "%s %s\n%s %s\n",
                    address, hostname, address6, hostname);
}

enum { SERVER_UNKNOWN = -1 };

static pid_t absent_or_unknown(const err *e) {
  return err_code_of(e) == ERR_NOT_FOUND ? 0 : SERVER_UNKNOWN;
}

/* aardvark-dns's pid, or 0 when it does not run (or its number was given to another program).  What
 * cannot be read now may run: a second one would only fight with it for its port. */
static pid_t find_server(const char *config_dir) {
  auto_free char *pid_path = path_join(config_dir, "aardvark-dns/aardvark.pid");
  auto_str text = STR_EMPTY, name = STR_EMPTY;
  auto_err *e = file_read(pid_path, PID_FILE_LIMIT, &text);
  if (e) return absent_or_unknown(e);
  int pid = atoi(str_text(&text));
  if (pid <= 1) return 0;
  /* Empty for one that has ended and was not waited for. */
  auto_free char *name_path = str_format("/proc/%d/cmdline", pid);
  auto_err *gone = file_read(name_path, CMDLINE_LIMIT, &name);
  if (gone) return absent_or_unknown(gone);
  return str_ends(str_text(&name), "aardvark-dns") ? pid : 0;
}

bool names_alive(const char *config_dir) {
  return find_server(config_dir) != 0;
}

void names_stop(const char *config_dir) {
  pid_t server = find_server(config_dir);
  if (server > 0) kill(server, SIGTERM);
}

static bool is_unchanged(const char *path, const char *text) {
  auto_str current = STR_EMPTY;
  auto_err *e = file_read(path, NAMES_FILE_LIMIT, &current);
  return !e && str_eq(str_text(&current), text);
}

err *names_publish(const char *config_dir, const char *network, const char *text) {
  auto_free char *path = str_format("%s/aardvark-dns/%s", config_dir, network);
  if (is_unchanged(path, text)) return NULL;
  pid_t server = find_server(config_dir);
  if (server == SERVER_UNKNOWN) return err_new(ERR_IO, "'%s': whether aardvark-dns runs cannot be read", path);
  /* aardvark-dns takes every file in its folder for a network: the unfinished one lies beside it.
   */
  auto_free char *unfinished = str_format("%s/%s.names", config_dir, network);
  TRY(file_write_fast(unfinished, text, strlen(text), 0600));
  if (rename(unfinished, path) < 0) return err_errno(errno, "replacing '%s'", path);
  if (server > 0) kill(server, SIGHUP);
  return NULL;
}
