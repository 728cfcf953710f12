#include "daemon/sshd.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/spawn.h"
#include "loop/timer.h"

enum { KEYGEN_MS = 30000, AGAIN_MS = 1000, AGAIN_MAX_MS = 60000, GRACE_MS = 2000 };
#define SEPARATION_DIR "/run/sshd" /* compiled into Debian's */

struct sshd {
  loop *loop;
  struct sshd_options options;
  char *config, *host_key;
  spawn *child; /* ssh-keygen, or sshd */
  timer *again;
  int64_t again_ms, started_ms;
  bool stopped;
};

static void each_text(struct sshd_options *o, void (*fn)(const char **slot)) {
  const char **const slots[] = {&o->program, &o->exec_program, &o->helper, &o->listen,
                                &o->user,    &o->dir,          &o->run_dir, &o->socket};
  for (size_t i = 0; i < ARRAY_LEN(slots); i++) fn(slots[i]);
}

static void copy_text(const char **slot) {
  *slot = str_dup(*slot);
}

static void free_text(const char **slot) {
  free((char *)*slot);
}

static void sshd_free(sshd *s) {
  timer_stop(s->again);
  each_text(&s->options, free_text);
  free(s->config);
  free(s->host_key);
  free(s);
}

err *sshd_find_user(const struct sshd_options *o, int64_t *ret_uid) {
  struct passwd entry, *found = NULL;
  char buffer[16384];
  int number = getpwnam_r(o->user, &entry, buffer, sizeof buffer, &found);
  if (number) return err_errno(number, "ssh: looking for the user '%s'", o->user);
  if (!found)
    return err_new(ERR_NOT_FOUND, "ssh: there is no user '%s'.  Cure: useradd --system --home-dir /nonexistent --shell %s "
                                  "--password '*' %s", o->user, o->helper, o->user);
  if (found->pw_uid == 0) return err_new(ERR_INVALID, "ssh.user must not be root");
  if (!str_eq(found->pw_shell, o->helper))
    return err_new(ERR_INVALID, "ssh: the login shell of '%s' is %s.  Cure: usermod --shell %s %s", o->user, found->pw_shell,
                   o->helper, o->user);
  *ret_uid = found->pw_uid;
  return NULL;
}

void sshd_config_text(const struct sshd_options *o, struct str *text) {
  str_add(text, "# Written by tramd when it starts.\n");
  str_addf(text, "ListenAddress %s\nHostKey %s/host_ed25519\nPidFile none\nAllowUsers %s\n", o->listen, o->dir, o->user);
  str_add(text, "AuthorizedKeysFile none\nAuthenticationMethods publickey\nPubkeyAuthentication yes\n"
                "PasswordAuthentication no\nKbdInteractiveAuthentication no\nHostbasedAuthentication no\n"
                "GSSAPIAuthentication no\nUsePAM no\nPermitRootLogin no\n");
  str_addf(text, "AuthorizedKeysCommand %s keys %%f %s\nAuthorizedKeysCommandUser %s\n", o->helper, o->socket, o->user);
  str_add(text, "DisableForwarding yes\nPermitTTY no\nPermitTunnel no\nPermitUserRC no\nPermitUserEnvironment no\n"
                "PrintMotd no\nMaxAuthTries 6\nMaxSessions 2\nMaxStartups 10:30:60\nLoginGraceTime 30\n"
                "ClientAliveInterval 30\nClientAliveCountMax 4\nUseDNS no\nLogLevel ERROR\n");
}

static void launch(sshd *s);

static void on_again(void *arg) {
  sshd *s = arg;
  timer_stop(s->again);
  s->again = NULL;
  launch(s);
}

static void launch_later(sshd *s) {
  if (clock_monotonic_ms() - s->started_ms > AGAIN_MAX_MS || !s->again_ms) s->again_ms = AGAIN_MS / 2;
  s->again_ms = s->again_ms * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : s->again_ms * 2;
  s->again = timer_start(s->loop, s->again_ms, 0, on_again, s);
}

static void on_ended(void *arg, const struct spawn_result *result) {
  sshd *s = arg;
  s->child = NULL;
  if (s->stopped) {
    sshd_free(s);
    return;
  }
  auto_err *e = spawn_result_err(result);
  log_error("ssh", "sshd has ended: %s; it is started again", e ? err_message(e) : "without a word");
  launch_later(s);
}

static void launch(sshd *s) {
  const char *const argv[] = {s->options.exec_program, "--die-with-parent", "--", s->options.program, "-D", "-e", "-f",
                              s->config, NULL};
  struct spawn_options options = {.argv = argv};
  s->started_ms = clock_monotonic_ms();
  auto_err *e = spawn_start(s->loop, &options, on_ended, s, &s->child);
  if (!e) return;
  log_error("ssh", "%s; trying again", err_message(e));
  launch_later(s);
}

static void on_key_made(void *arg, const struct spawn_result *result) {
  sshd *s = arg;
  s->child = NULL;
  if (s->stopped) {
    sshd_free(s);
    return;
  }
  auto_err *e = spawn_result_err(result);
  if (e)
    log_error("ssh", "making the host key: %s", err_message(e));
  else
    launch(s);
}

static err *make_host_key(sshd *s) {
  const char *const argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tramway", "-f", s->host_key, NULL};
  struct spawn_options options = {.argv = argv, .deadline_ms = KEYGEN_MS};
  return spawn_start(s->loop, &options, on_key_made, s, &s->child);
}

static err *prepare(sshd *s) {
  auto_str text = STR_EMPTY;
  sshd_config_text(&s->options, &text);
  TRY(file_make_dirs(s->options.dir, 0700));
  TRY(file_make_dirs(SEPARATION_DIR, 0755));
  TRY(file_write_fast(s->config, text.data, text.len, 0600));
  if (!file_exists(s->options.program))
    return err_new(ERR_NOT_FOUND, "'%s' is missing.  Cure: apt-get install openssh-server", s->options.program);
  if (!file_exists(s->host_key)) return make_host_key(s);
  launch(s);
  return NULL;
}

err *sshd_start(loop *l, const struct sshd_options *options, sshd **ret_sshd) {
  sshd *s = mem_zalloc(sizeof *s);
  s->loop = l;
  s->options = *options;
  each_text(&s->options, copy_text);
  s->config = path_join(options->run_dir, "sshd_config");
  s->host_key = path_join(options->dir, "host_ed25519");
  err *e = prepare(s);
  if (e)
    sshd_free(s);
  else
    *ret_sshd = s;
  return err_wrap(e, "ssh");
}

void sshd_stop(sshd *s) {
  if (!s) return;
  s->stopped = true;
  if (s->child)
    spawn_cancel(s->child, GRACE_MS);
  else
    sshd_free(s);
}
