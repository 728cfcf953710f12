#include "engine/local/netns.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

struct visit {
  int namespace_fd;
  netns_fn *fn;
  void *arg;
  err *error;
};

static void *visit_namespace(void *arg) {
  struct visit *v = arg;
  if (v->namespace_fd < 0 && unshare(CLONE_NEWNET) < 0)
    v->error = err_errno(errno, "making a network namespace");
  else if (v->namespace_fd >= 0 && setns(v->namespace_fd, CLONE_NEWNET) < 0)
    v->error = err_errno(errno, "entering a network namespace");
  else
    v->error = v->fn(v->arg);
  return NULL;
}

err *netns_run(int namespace_fd, netns_fn *fn, void *arg) {
  struct visit v = {namespace_fd, fn, arg, NULL};
  pthread_t thread;
  int failed = pthread_create(&thread, NULL, visit_namespace, &v);
  if (failed) return err_errno(failed, "starting a thread");
  pthread_join(thread, NULL);
  return v.error;
}
