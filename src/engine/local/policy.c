#include "engine/local/policy.h"

int policy_failures(int failures, int64_t ran_ms) {
  return ran_ms >= POLICY_HEALTHY_MS ? 1 : failures + 1;
}

bool policy_restarts(const struct workload *w, int exit_code, int failures) {
  if (w->kind == WORKLOAD_JOB) return false;
  switch (w->restart) {
  case WORKLOAD_RESTART_ALWAYS:
    return true;
  case WORKLOAD_RESTART_ON_FAILURE:
    return exit_code != 0 && failures <= w->restart_max_retries;
  case WORKLOAD_RESTART_NEVER:
    break;
  }
  return false;
}

int64_t policy_backoff_ms(int64_t first_ms, int64_t max_ms, int failures) {
  int64_t wait = first_ms;
  for (int i = 1; i < failures && wait < max_ms; i++)
    wait *= 2;
  return wait < max_ms ? wait : max_ms;
}
