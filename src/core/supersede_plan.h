/* Which deployments of a service instance need not be built any more, because a newer one brings all that they
 * would.  Pure.
 *
 * A deployment brings a source (code, or an image), and the settings and variables of its time.  A newer one has
 * newer settings and variables, but not always the source: then the older one stays, unless what serves has it
 * already.  A source is contained
 *
 * - of an upload in what has the same snapshot: a redeploy of it, or what a variable's change made of it;
 * - of an image in what has the same reference;
 * - of a branch in what follows the same branch of the same repository: a push, the deployment of its latest
 *   commit, what a variable's change made of it, a commit of the same pull request;
 * - of one commit, asked for by its name, in what has that commit.
 *
 * A rollback has the settings and variables of another time: it contains nothing, and is contained in nothing. */
#ifndef TRAMWAY_CORE_SUPERSEDE_PLAN_H
#define TRAMWAY_CORE_SUPERSEDE_PLAN_H

#include "model/deployment.h"

/* `newer` was made later, for the same service instance, as was `serving`, the live one; NULL: none is. */
bool supersede_contains(const struct deployment *newer, const struct deployment *older, const struct deployment *serving);

#endif
