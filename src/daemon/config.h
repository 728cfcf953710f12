/* tramd's configuration: the file tramway.toml, by default /etc/tramway/tramway.toml.
 *
 * Every key is one row of a table in config.c (key, type, default, range, documentation); parsing,
 * validation, `tramd --check-config` and the generated default file all come from those rows.
 * Every key may be left out.  An unknown key, a wrong type or a value out of range is ERR_INVALID
 * and names the file, the line and, for an unknown key, the nearest known one.
 *
 * In the file, sizes are an integer (bytes) or text such as "512MiB" (B, kB, MB, GB, TB are powers
 * of 1000; KiB, MiB, GiB, TiB, and the bare K, M, G, T, powers of 1024); durations are an integer
 * (seconds) or text such as "90s", "30m", "1h30m", "7d".
 *
 * To reload: config_load the file again, config_changes tells what is different; the caller keeps
 * the new struct or, when it failed to load, the old one. */
#ifndef TRAMWAY_DAEMON_CONFIG_H
#define TRAMWAY_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"

#define CONFIG_MAX_BYTES (1024 * 1024)

enum config_registry {                       /* where images come from: build.registry */
                       CONFIG_REGISTRY_AUTO, /* ask the registry; without an answer use what can be
                                                built here */
                       CONFIG_REGISTRY_ALWAYS,
                       CONFIG_REGISTRY_NEVER, /* base and database images are made here from Debian
                                                 packages */
};

/* All texts and lists are owned by the struct, never NULL, and "" (or empty) means "not set".
 * After loading the struct is read only.  R: a change takes a restart of tramd. */
struct config {
  struct {
    char *listen;               /* R host:port of the API and the dashboard; "127.0.0.1:4600" */
    char *public_url;           /* as browsers see the API, no trailing '/'; "": from `listen` */
    int64_t upload_limit_bytes; /* of one `tram up`, packed; 1 MiB … 1 TiB; 1 GiB */
  } server;
  struct {
    char *dir;     /* R absolute; database, images, volumes, logs; "/var/lib/tramway" */
    char *run_dir; /* R absolute; sockets, what is made anew after a boot; "/run/tramway" */
  } data;
  struct {
    struct strv http_listen; /* 1 … 16 of host:port; "127.0.0.1:8080", "[::1]:8080" */
    char *domain_suffix; /* generated domains end in it: <service>-<env>.<suffix>; "localhost" */
    char *unit;          /* R systemd's unit for HAProxy; "": none, a process of its own */
    struct strv tcp_listen; /* R 0 … 16 addresses of TCP proxies; "127.0.0.1", "::1" */
    char *tcp_domain;       /* the host name of TCP proxies; "": "proxy." and domain_suffix, but "localhost" */
    int tcp_first_port, tcp_last_port; /* of TCP proxies: 20000, 29999 */
    int public_port;     /* the port written into URLs; 0: that of the first http_listen */
  } edge;
  struct {
    char *listen;  /* R IP address:port of sshd for `git push`; "": none */
    char *user;    /* R "git" */
    char *program; /* R "/usr/sbin/sshd" */
  } ssh;
  struct {
    int concurrency;      /* builds at a time; 1 … 32; 2 */
    int64_t timeout_s;    /* of one build; 10 s … 24 h; 1800 */
    int64_t memory_bytes; /* of one build; 0: half of the machine's, else 128 MiB … 1 PiB */
    int64_t cpu_millis;   /* of one build, thousandths of a core; 0: all of them */
    enum config_registry registry; /* "auto" */
    int64_t image_poll_s;          /* 0: never; 10 s … 30 d; 15 min */
    char *debian_mirror;           /* http(s) URL; "": that of the host's apt */
    char *debian_suite;            /* "bookworm" */
    char *npm_registry;            /* http(s) URL; "": that of the host's npm */
    char *http_proxy; /* for builds; "": none.  May hold a password: never log these two */
    char *https_proxy;
    char *no_proxy;  /* names that are reached without the proxy, with commas */
    char *ca_bundle; /* given to builds; "/etc/ssl/certs/ca-certificates.crt" */
  } build;
  struct {
    char *name;         /* R prefix of bridges, firewall table, control groups; "tramway" */
    char *ipv4_pool; /* R each environment's network is a /24 of it; /8 … /22; "10.213.0.0/16" */
    char *ipv6_pool; /* R … a /64 of it; /16 … /60; "fd7a:7472:616d::/48" */
    char *build_subnet; /* R builds run here, not in ipv4_pool; /8 … /29; "10.214.0.0/24" */
  } network;
  struct {
    int64_t healthcheck_timeout_s; /* 1 s … 24 h; 300 as at Railway */
    int64_t ci_timeout_s, ci_settle_s; /* core/checks.h */
    int64_t default_memory_bytes;  /* of one replica; 0: no limit, else 4 MiB … 1 PiB; 0 */
    int64_t default_cpu_millis;    /* of one replica; 0: no limit, else 10 … 1,000,000; 0 */
    int default_pids;              /* of one replica; 16 … 1,000,000; 4096 */
    int64_t drain_timeout_s;       /* requests that a replaced deployment holds; 0 … 3600; 30 */
    int64_t stop_grace_s;          /* SIGTERM … SIGKILL when a service sets no draining seconds;
                                      0 … 3600; 10 as `docker stop` has it.  Railway has 0, which
                                      cuts off requests; an app that ends at once costs no wait */
    char *control_group; /* R absolute, below the mount; cgroups are made in it; "": the top */
  } deploy;
  struct {
    int64_t budget_bytes;  /* of what can be made again; 0: half of the disk, else 64 MiB … 1 PiB */
    int64_t reserve_bytes; /* builds and uploads leave it free; 0: 5 %, else 1 MiB … 1 PiB */
    int keep_images;       /* former ones per service; 0 … 1000; 3 */
    int64_t keep_s;        /* what is not pinned, after its last use; 5 d as Railway Pro has it */
    int64_t log_keep_s;    /* after the deployment's end; 30 d as Railway Pro */
    int64_t log_bytes;     /* of one service's logs; 1 MiB … 1 TiB; 128 MiB */
  } disk;
  struct {
    char *location;       /* R a folder, or s3:https://<host>/<bucket>[/<prefix>]; "": <data.dir>/backups */
    char *region;         /* R of S3; "": the endpoint's own */
    char *ca_bundle;      /* R of S3's certificate, a file; "": the system's */
    int64_t quota_bytes;  /* of one volume's backups; 0: none, else 1 MiB … 1 PiB */
    int64_t memory_bytes; /* R of all that take and restore backups together; 0: no limit */
  } backup;
  struct {
    int64_t size_bytes; /* of a volume that says none; 256 MiB … 1 TiB; 1 GB, being set aside whole */
    int64_t trash_s;    /* how long what is deleted can be restored; 1 s … 3650 d; 48 h as Railway */
    int64_t poll_s;     /* how often it is looked how full they are; 0: never; 1 s … 1 d; 60 */
  } volumes;
  struct {
    enum log_level level; /* "error" … "debug"; "info" */
  } log;
  struct {                    /* per token or user; 0: no limit */
    int requests_per_hour;    /* API requests; 0 … 10,000,000; 10,000 (Railway Pro) */
    int requests_per_second;  /* 0 … 100,000; 50 (Railway Pro) */
    int log_lines_per_second; /* of one replica; more are dropped and counted; 500 as Railway */
    int replicas_per_service; /* 1 … 500; 50 as Railway */
    int domains_per_service;  /* custom domains; 1 … 1000; 20 as Railway Pro */
  } limits;
};

/* Reads `path`.  A missing file is ERR_NOT_FOUND. */
fallible config_load(const char *path, struct config **ret_config);

/* The same from text; `what` names it in errors. */
fallible config_parse(const char *text, size_t len, const char *what, struct config **ret_config);

struct config *config_new(void);    /* all defaults */
void config_free(struct config *c); /* accepts NULL */

/* The commented file with every key at its default; the caller owns it. */
char *config_default_text(void);

/* Writes it to `path` (mode 0640), with what a machine with systemd needs set, making its folder;
 * ERR_CONFLICT when the file exists. */
fallible config_write_default(const char *path);

void config_man(struct str *page); /* tramway.toml.5 */

/* One line per key for --check-config: `build.timeout = 1800 s (default)`; passwords in URLs are
 * shown as ***.  The caller owns it. */
char *config_describe(const struct config *c);

/* Appends the keys whose values differ, and among them those that take effect only after a restart.
 * Either list may be NULL. */
void config_changes(const struct config *before, const struct config *after,
                    struct strv *ret_changed, struct strv *ret_need_restart);

static inline void config_cleanup_(struct config **c) {
  config_free(*c);
}
#define auto_config __attribute__((cleanup(config_cleanup_))) struct config

#endif
