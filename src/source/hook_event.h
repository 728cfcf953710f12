/* A webhook's body → an event, the same for every provider.  Pure; for bodies whose signature was right,
 * which still were written by who may push there.
 *
 * An event is a JSON object, since it is kept in the journal until it was acted upon:
 *   {"kind": "ping"}
 *   {"kind": "ignored", "reason": "…"}
 *   {"kind": "push", "repositories": [names and URLs of one repository], "defaultBranch", "branch",
 *    "before" (absent for a new branch), "after", "author", "message"}
 *   {"kind": "check", "sha", "name", "state": "PENDING|PASSED|FAILED", "ordinal": 0 when
 *    the provider does not number what it says}
 *   {"kind": "pull_request", "repositories", "action": "opened|updated|closed", "number", "title",
 *    "headRepository", "headBranch", "headSha", "baseBranch", "author", "isFork", "isBot", "merged"}
 * Texts that are not known are absent.  Branch names and commits have been checked. */
#ifndef TRAMWAY_SOURCE_HOOK_EVENT_H
#define TRAMWAY_SOURCE_HOOK_EVENT_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"
#include "model/webhook.h"

/* `name` is the provider's event header ("push", "Push Hook"), NULL for the generic one; `content_type`
 * may be a form's, whose field "payload" is then the body.  ERR_INVALID for what is no JSON or lacks what
 * the event needs: says what. */
fallible hook_event_parse(enum webhook_provider provider, const char *name, const char *content_type,
                          const char *body, size_t len, json_t **ret_event);

#endif
