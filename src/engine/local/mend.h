/* Puts right what a survey found.  Each mending is told once it is done (engine_tell_repair); one that
 * fails is told once and tried again, less and less often, by the surveys that follow. */
#ifndef TRAMWAY_ENGINE_LOCAL_MEND_H
#define TRAMWAY_ENGINE_LOCAL_MEND_H

#include "engine/local/instance.h"
#include "engine/local/survey.h"

void mend_begin(struct local_engine *en);
void mend_end(struct local_engine *en);

/* keep_bridge: only the network's anchor and netavark's rules are made anew; otherwise also its bridge,
 * and every running instance's link is put into the new one. */
void mend_network(struct local_engine *en, const char *environment_id, bool keep_bridge,
                  const char *cause);

/* Those instances of the survey whose links are damaged. */
void mend_links(struct local_engine *en, const struct survey *s);

/* Restarts it in place: one at a time, so that the replicas of a service do not all go at once. */
void mend_restart(struct instance *inst, const char *cause);

void mend_names(struct local_engine *en, const char *environment_id, const char *cause);
void mend_folders(struct local_engine *en, const struct strv *gone);
void mend_firewall(struct local_engine *en, const char *cause);

/* Mounts it for the platform again: its instances have mounts of their own. */
void mend_volume(struct local_engine *en, const char *volume_id);

/* netavark's rules are only known to be back when they show: the mending of `environment_id`'s is told
 * by the first look that finds them (lacks NULL); one that finds them lacking tries (again). */
void mend_rules(struct local_engine *en, const char *environment_id, const char *lacks);

/* Tells of a mending that is done.  environment_id and workload_id may be NULL. */
void mend_tell(struct local_engine *en, const char *object, const char *environment_id,
               const char *workload_id, const char *cause, const char *outcome);

#endif
