/* sd_notify(3): tells systemd how far a Type=notify service is.  Nothing without NOTIFY_SOCKET. */
#ifndef TRAMWAY_DAEMON_NOTIFY_H
#define TRAMWAY_DAEMON_NOTIFY_H

/* `state` is lines such as "READY=1".  One datagram, never waited for; a failure is logged. */
void notify_systemd(const char *state);

#endif
