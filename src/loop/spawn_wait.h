/* A program run to its end, for who has no loop: backups and restores of the whole machine. */
#ifndef TRAMWAY_LOOP_SPAWN_WAIT_H
#define TRAMWAY_LOOP_SPAWN_WAIT_H

#include "loop/spawn.h"

/* Blocks until it has ended; an exit status other than 0 is the error (spawn_result_err). */
fallible spawn_wait(const struct spawn_options *options);

#endif
