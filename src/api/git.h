/* What git_http.c (who may push, and where) and git_push.c (one push) share. */
#ifndef TRAMWAY_API_GIT_H
#define TRAMWAY_API_GIT_H

#include "api/internal.h"
#include "source/pushed.h"

#define GIT_ADVERTISEMENT_TYPE "application/x-git-receive-pack-advertisement"
#define GIT_RESULT_TYPE "application/x-git-receive-pack-result"

/* Who pushes, and to which repository; ids that do not apply are "". */
struct git_target {
  char project_id[ID_SIZE], service_id[ID_SIZE], environment_id[ID_SIZE], user_id[ID_SIZE];
  bool reads_logs; /* a deployer does not: only how it ends is told */
};

static inline struct core_push git_push_of(const struct git_target *t) {
  return (struct core_push){t->project_id, t->service_id, t->environment_id, t->user_id};
}

/* ssh_key.c: whether sshd's helper asks (the kernel says so), and whose key that is. */
bool ssh_is_helper(const api *a, const http_request *r);
fallible ssh_caller_of_key(api *a, const char *key_id, struct caller *ret_caller);

/* As text, which git shows with "remote: " before it; 401 asks git to ask its user.  Takes `e`. */
void git_respond_err(http_request *r, bool knows_caller, err *e);

/* Takes the push in the file `body_path`, which it removes, deploys it, and answers with what git has to
 * say and the logs of the builds. */
void git_push_start(api *a, http_request *r, const struct git_target *target, const char *body_path,
                    int64_t limit_bytes);

/* The api ends, and its requests with it: no push uses it from here on.  What git has not taken is not. */
void git_push_stop_all(api *a);

#endif
