/* What happened while visitors were led from one deployment of a service to the next: from the
 * moment the edge was told until nothing of the former one was left. */
#ifndef TRAMWAY_MODEL_RECEIPT_H
#define TRAMWAY_MODEL_RECEIPT_H

#include "model/shape.h"

struct receipt {
  char id[ID_SIZE];
  char deployment_id[ID_SIZE];       /* the new one; it has one receipt */
  char previous_id[ID_SIZE];         /* the one that served until then; "": none did */
  char service_instance_id[ID_SIZE];
  int64_t log_from, log_to; /* positions in the edge's access log */
  int64_t began_us;         /* the edge was told */
  int64_t switched_us;      /* every new request goes to the new one; 0: never */
  int64_t drained_us;       /* the former one has finished its requests and is told to end */
  int64_t ended_us;         /* nothing of it is left; 0: not yet */
  bool counted;             /* what follows is filled in: see struct edge_tally */
  bool complete;            /* every request is in it: no part of the access log was missing */
  int64_t served, streams, failed, aborted, app_errors, slowest_ms, drained, cut;
};
MODEL_STRUCT(receipt);
#define auto_receipt MODEL_AUTO(receipt)
#define auto_receipt_list MODEL_AUTO(receipt_list)

#endif
