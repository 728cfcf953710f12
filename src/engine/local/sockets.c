#include "engine/local/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "engine/local/instance.h"
#include "engine/local/socket_diag.h"
#include "loop/work.h"

enum { NET_FILE_LIMIT = 16 * 1024 * 1024, STATE_LISTEN = 0x0A, PIDS_MAX = 1024, FDS_MAX = 20000 };

/* Addresses are words of the host's byte order in hex: 127.0.0.1 is 0100007F here, ::1 is three
 * words of zeroes and 01000000. */
static bool is_loopback(const char *address, bool ipv6) {
  unsigned w[4] = {0};
  if (!ipv6) return sscanf(address, "%8x", &w[0]) == 1 && (w[0] & 0xff) == 127;
  if (sscanf(address, "%8x%8x%8x%8x", &w[0], &w[1], &w[2], &w[3]) != 4) return false;
  bool is_one = !w[0] && !w[1] && !w[2] && w[3] == 0x01000000;
  bool is_mapped_loopback = !w[0] && !w[1] && w[2] == 0xffff0000 && (w[3] & 0xff) == 127;
  return is_one || is_mapped_loopback;
}

static void parse_line(const char *line, bool ipv6, struct listening_socket *sockets, size_t *len) {
  char address[33];
  unsigned port, state;
  unsigned long long inode;
  int got = sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %llu", address, &port,
                   &state, &inode);
  if (got != 4 || state != STATE_LISTEN || *len == SOCKETS_MAX) return;
  sockets[(*len)++] =
      (struct listening_socket){.socket = {.port = (int)(port & 0xffff),
                                           .loopback_only = is_loopback(address, ipv6),
                                           .ipv6 = ipv6},
                                .inode = inode};
}

void sockets_parse(const char *text, bool ipv6, struct listening_socket *sockets, size_t *len) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++)
    parse_line(lines.items[i], ipv6, sockets, len);
}

struct query {
  struct local_engine *engine;
  char *id;
  pid_t pid;
  uint64_t pid_started;
  struct listening_socket found[SOCKETS_MAX];
  size_t len;
  engine_sockets_fn *done;
  void *arg;
};

static err *read_table(struct query *q, const char *name, bool ipv6) {
  auto_free char *path = str_format("/proc/%d/net/%s", (int)q->pid, name);
  auto_str text = STR_EMPTY;
  if (ipv6 && !file_exists(path)) return NULL; /* a kernel without IPv6 */
  TRY(file_read(path, NET_FILE_LIMIT, &text));
  sockets_parse(str_text(&text), ipv6, q->found, &q->len);
  return NULL;
}

/* A kernel that was built without sock_diag has the files. */
static err *find_listening(struct query *q) {
  auto_err *e = socket_diag_listening(q->pid, q->found, &q->len);
  if (!e) return NULL;
  TRY(read_table(q, "tcp", false));
  return read_table(q, "tcp6", true);
}

static void name_sockets(struct query *q, pid_t pid, unsigned long long inode) {
  for (size_t i = 0; i < q->len; i++) {
    if (q->found[i].inode != inode || *q->found[i].socket.process) continue;
    auto_free char *path = str_format("/proc/%d/comm", (int)pid);
    auto_str text = STR_EMPTY;
    auto_err *e = file_read(path, 64, &text);
    if (!e)
      snprintf(q->found[i].socket.process, sizeof q->found[i].socket.process, "%s",
               str_trim((char *)str_text(&text)));
  }
}

/* Looks at the process's descriptors; *budget bounds how many all together. */
static void scan_process(struct query *q, pid_t pid, int *budget) {
  auto_free char *folder_path = str_format("/proc/%d/fd", (int)pid);
  DIR *folder = opendir(folder_path);
  for (struct dirent *entry; folder && *budget > 0 && (entry = readdir(folder)); (*budget)--) {
    char target[64];
    ssize_t len = readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1);
    unsigned long long inode;
    if (len <= 0) continue;
    target[len] = '\0';
    if (sscanf(target, "socket:[%llu]", &inode) == 1) name_sockets(q, pid, inode);
  }
  if (folder) closedir(folder);
}

static err *look(void *arg) {
  struct query *q = arg;
  if (instance_start_time(q->pid) != q->pid_started)
    return err_new(ERR_CONFLICT, "instance '%s' has ended", q->id);
  TRY(find_listening(q));
  pid_t pids[PIDS_MAX];
  size_t len = q->len ? cgroups_pids(&q->engine->cgroups, q->id, pids, PIDS_MAX) : 0;
  int budget = FDS_MAX;
  for (size_t i = 0; i < len; i++)
    scan_process(q, pids[i], &budget);
  return NULL;
}

/* What listens where others reach it can be waited for after the next boot, too. */
static void note_listening(const struct query *q) {
  struct instance *inst = map_get(q->engine->instances, q->id);
  if (!inst || inst->pid != q->pid) return;
  inst->asked = false;
  for (size_t i = 0; i < q->len && !inst->listens; i++)
    inst->listens = !q->found[i].socket.loopback_only;
  if (!inst->listens || inst->listened) return;
  inst->listened = true;
  instance_record(inst);
}

static void on_looked(void *arg, err *e) {
  struct query *q = arg;
  q->engine->pending--;
  note_listening(q);
  struct instance_socket sockets[SOCKETS_MAX];
  for (size_t i = 0; i < q->len; i++)
    sockets[i] = q->found[i].socket;
  if (q->engine->closing || !q->done)
    err_ignore(e);
  else
    q->done(q->arg, e, sockets, e ? 0 : q->len);
  free(q->id);
  free(q);
}

static void start_looking(struct instance *inst, engine_sockets_fn *done, void *arg) {
  struct query *q = mem_zalloc(sizeof *q);
  *q = (struct query){.engine = inst->engine,
                      .pid = inst->pid,
                      .pid_started = inst->pid_started,
                      .done = done,
                      .arg = arg};
  q->id = str_dup(inst->id);
  inst->engine->pending++;
  work_start(inst->engine->loop, look, on_looked, q);
}

void instance_ask_listening(struct instance *inst) {
  if (inst->asked) return;
  inst->asked = true;
  start_looking(inst, NULL, NULL);
}

void local_sockets(engine *base, const char *instance_id, engine_sockets_fn *done, void *arg) {
  struct local_engine *en = (struct local_engine *)base;
  struct instance *inst = map_get(en->instances, instance_id);
  if (!inst || inst->phase != PHASE_RUN) {
    done(arg,
         err_new(inst ? ERR_CONFLICT : ERR_NOT_FOUND, "instance '%s' does not run", instance_id),
         NULL, 0);
    return;
  }
  start_looking(inst, done, arg);
}
