/* The WebSockets of the API that carry streams into a running instance: what tramd (api/exec.c, api/tunnel.c) and tram
 * (cli/exec.c, cli/tunnel.c) say to each other.  The instance is the newest of a service, or one that is named:
 *
 *     GET /exec?instanceId=… | deploymentId=… | serviceId=…&environmentId=…       a command
 *     →  text    {"argv": […], "env": {…}, "tty": bool, "columns": n, "rows": n}
 *     →  binary  its first byte an exec_to
 *     ←  binary  its first byte an exec_from, and data
 *     ←  text    {"exit": status} or {"error": "…"}, and the end
 *
 *     GET /tunnel?port=5432&…                                                      a TCP connection to a port of it
 *     ↔  binary  the bytes; an empty one from the client: it sends no more
 *     ←  text    {"error": "…"} when it did not end in order, and the end
 */
#ifndef TRAMWAY_MODEL_STREAMS_H
#define TRAMWAY_MODEL_STREAMS_H

#define EXEC_PROTOCOL   "tramway-exec.v1" /* the subprotocols */
#define TUNNEL_PROTOCOL "tramway-tunnel.v1"

enum exec_to {
  EXEC_TO_STDIN = 0, /* data; none is the end of it */
  EXEC_TO_SIZE = 1,  /* JSON {"columns", "rows"}: the terminal's new size */
};
enum exec_from { EXEC_FROM_STDOUT = 1, EXEC_FROM_STDERR = 2 };

#endif
