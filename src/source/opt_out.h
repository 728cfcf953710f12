/* A commit whose message asks not to be deployed: "[skip deploy]", "[deploy skip]", "[no deploy]", in any
 * letter case, anywhere in it; in place of "deploy" also ci, cd, actions, railway, tramway.  What CI
 * systems honour ("[skip ci]") counts too, as Railway's users expect of their habits.  Pure. */
#ifndef TRAMWAY_SOURCE_OPT_OUT_H
#define TRAMWAY_SOURCE_OPT_OUT_H

/* The words found ("[skip ci]"), owned by the caller; NULL when there are none. */
char *opt_out_find(const char *message);

#endif
