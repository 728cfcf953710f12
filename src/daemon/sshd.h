/* OpenSSH's server, with a configuration of our own, for `git push` over SSH and nothing else: a host key and a
 * port of its own, no passwords, no shell, no terminal, no forwarding.  It knows no keys: for each that is offered it
 * asks tramway-git-ssh, which asks tramd.
 *
 * It is a child of tramd's and ends with it; when it ends by itself it is started again, after 1 s, then later each
 * time, up to a minute. */
#ifndef TRAMWAY_DAEMON_SSHD_H
#define TRAMWAY_DAEMON_SSHD_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/loop.h"

typedef struct sshd sshd;

struct sshd_options { /* texts are copied */
  const char *program;      /* "/usr/sbin/sshd" */
  const char *exec_program; /* tramway-exec */
  const char *helper;       /* tramway-git-ssh */
  const char *listen;       /* "0.0.0.0:2222" */
  const char *user;         /* "git": whom people sign in as; its login shell is the helper */
  const char *dir;          /* for the host key */
  const char *run_dir;      /* for the configuration */
  const char *socket;       /* tramd's */
};

/* The system's user, whose shell must be the helper: ERR_NOT_FOUND and ERR_INVALID say how to make it so. */
fallible sshd_find_user(const struct sshd_options *options, int64_t *ret_uid);

void sshd_config_text(const struct sshd_options *options, struct str *ret_text); /* pure */

fallible sshd_start(loop *l, const struct sshd_options *options, sshd **ret_sshd);
void sshd_stop(sshd *s); /* frees when its programs have ended; NULL is accepted */

#endif
