/* Railway's verbs that Tramway has not: who types one is told so, and why. */
#ifndef TRAMWAY_CLI_ABSENT_H
#define TRAMWAY_CLI_ABSENT_H

struct absent_verb {
  const char *names;  /* with its aliases, divided by '|' */
  const char *reason; /* what to do instead, or when it will come */
};

extern const struct absent_verb absent_verbs[]; /* ends with a NULL name */

/* The reason for that name or alias, or NULL. */
const char *absent_verb_reason(const char *name);

#endif
