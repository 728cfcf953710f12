#include "daemon/config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/file.h"
#include "base/json.h"
#include "base/man.h"
#include "base/mem.h"
#include "base/toml.h"
#include "daemon/config_value.h"

struct row {
  const char *key;          /* "section.name" */
  size_t offset;            /* in struct config */
  const char *default_toml; /* as it stands in the default file */
  struct config_rule rule;
  const char *doc; /* lines of the comment in the default file */
};

#define AT(field) offsetof(struct config, field)
#define ANY(type_, flags_)                                                                         \
  { .type = type_, .flags = flags_ }
#define RANGE(type_, flags_, low_, high_)                                                          \
  { .type = type_, .flags = flags_, .low = low_, .high = high_ }
#define CHOICE(choices_)                                                                           \
  { .type = CONFIG_CHOICE, .choices = choices_ }
#define KiB 1024LL
#define MiB (1024 * KiB)
#define TiB (1024 * 1024 * MiB)
#define PiB (1024 * TiB)
#define DAY_S 86400

// clang-format off
static const struct row rows[] = {
    {"server.listen", AT(server.listen), "\"127.0.0.1:4600\"",
     ANY(CONFIG_ADDRESS, CONFIG_RESTART),
     "Where the API and the dashboard listen: <IP address>:<port>."},
    {"server.public_url", AT(server.public_url), "\"\"",
     ANY(CONFIG_URL, CONFIG_EMPTY),
     "How browsers reach the API, when that is not http://<listen>."},
    {"server.upload_limit", AT(server.upload_limit_bytes), "\"1GiB\"",
     RANGE(CONFIG_SIZE, 0, MiB, TiB),
     "The largest `tram up`, packed."},

    {"data.dir", AT(data.dir), "\"/var/lib/tramway\"",
     ANY(CONFIG_PATH, CONFIG_RESTART),
     "Everything that must survive: database, images, volumes, logs."},
    {"data.run_dir", AT(data.run_dir), "\"/run/tramway\"",
     ANY(CONFIG_PATH, CONFIG_RESTART),
     "Sockets and files that are made anew after a boot."},

    {"edge.http_listen", AT(edge.http_listen), "[\"127.0.0.1:8080\", \"[::1]:8080\"]",
     RANGE(CONFIG_ADDRESSES, 0, 1, 16),
     "Where visitors of the deployed services come in."},
    {"edge.domain_suffix", AT(edge.domain_suffix), "\"localhost\"",
     ANY(CONFIG_HOST, 0),
     "Generated domains are <service>-<environment>.<suffix>."},
    {"edge.unit", AT(edge.unit), "\"\"",
     ANY(CONFIG_WORD, CONFIG_EMPTY | CONFIG_RESTART),
     "The systemd unit that HAProxy runs in, so that it is looked after while tramd is away; \"\" is\n"
     "a process of its own that tramd starts."},
    {"edge.tcp_listen", AT(edge.tcp_listen), "[\"127.0.0.1\", \"::1\"]",
     RANGE(CONFIG_IPS, CONFIG_RESTART, 0, 16),
     "The addresses where TCP proxies (databases that are made public) are reached, such as \"0.0.0.0\"\n"
     "and \"::\" for all.  The machine's firewall has to let their ports in."},
    {"edge.tcp_domain", AT(edge.tcp_domain), "\"\"",
     ANY(CONFIG_HOST, CONFIG_EMPTY),
     "The host name that TCP proxies are shown with; \"\" is proxy.<domain_suffix>, or localhost."},
    {"edge.tcp_first_port", AT(edge.tcp_first_port), "20000",
     RANGE(CONFIG_INT, 0, 1, 65535),
     "Each TCP proxy gets a free port of these; those that are there keep theirs when this changes."},
    {"edge.tcp_last_port", AT(edge.tcp_last_port), "29999",
     RANGE(CONFIG_INT, 0, 1, 65535),
     "… the last of them."},
    {"edge.public_port", AT(edge.public_port), "0",
     RANGE(CONFIG_INT, CONFIG_ZERO, 1, 65535),
     "The port in the URLs that are shown; 0 is the port of the first http_listen."},

    {"ssh.listen", AT(ssh.listen), "\"\"",
     ANY(CONFIG_ADDRESS, CONFIG_EMPTY | CONFIG_RESTART),
     "Where `git push` over SSH comes in: <IP address>:<port>, with an OpenSSH server of Tramway's own\n"
     "(Debian's openssh-server must be installed); \"\" is none."},
    {"ssh.user", AT(ssh.user), "\"git\"",
     ANY(CONFIG_WORD, CONFIG_RESTART),
     "The user that everybody signs in as: one of this machine whose login shell is tramway-git-ssh."},
    {"ssh.program", AT(ssh.program), "\"/usr/sbin/sshd\"",
     ANY(CONFIG_PATH, CONFIG_RESTART),
     "OpenSSH's server."},

    {"build.concurrency", AT(build.concurrency), "2",
     RANGE(CONFIG_INT, 0, 1, 32),
     "Builds that run at the same time."},
    {"build.timeout", AT(build.timeout_s), "\"30m\"",
     RANGE(CONFIG_DURATION, 0, 10, DAY_S),
     "A build that takes longer is stopped."},
    {"build.memory", AT(build.memory_bytes), "0",
     RANGE(CONFIG_SIZE, CONFIG_ZERO, 128 * MiB, PiB),
     "What one build may use; 0 is half of the machine's memory."},
    {"build.cpu_millis", AT(build.cpu_millis), "0",
     RANGE(CONFIG_COUNT, CONFIG_ZERO, 10, 1000000),
     "Thousandths of a core that one build may use; 0 is all of them."},
    {"build.registry", AT(build.registry), "\"auto\"",
     CHOICE("auto|always|never"),
     "Where base images come from: \"always\" a registry, \"never\" (made here from Debian packages),\n"
     "or \"auto\": a registry when one answers."},
    {"build.image_poll", AT(build.image_poll_s), "\"15m\"",
     RANGE(CONFIG_DURATION, CONFIG_ZERO, 10, 30 * DAY_S),
     "How often registries are asked whether there is a newer image for the services that follow their\n"
     "tag (source.autoUpdates); 0 is never."},
    {"build.debian_mirror", AT(build.debian_mirror), "\"\"",
     ANY(CONFIG_URL, CONFIG_EMPTY),
     "Where Debian packages for images come from; \"\" is where this machine's own apt has them from\n"
     "(/etc/apt, read when tramd starts)."},
    {"build.debian_suite", AT(build.debian_suite), "\"bookworm\"",
     ANY(CONFIG_WORD, 0),
     "The Debian release that images are made from."},
    {"build.npm_registry", AT(build.npm_registry), "\"\"",
     ANY(CONFIG_URL, CONFIG_EMPTY),
     "Where Node, npm, pnpm and yarn fetch packages during builds; \"\" is where this machine's own npm\n"
     "does (`npm config get registry`)."},
    {"build.http_proxy", AT(build.http_proxy), "\"\"",
     ANY(CONFIG_URL, CONFIG_EMPTY),
     "Given to builds as HTTP_PROXY."},
    {"build.https_proxy", AT(build.https_proxy), "\"\"",
     ANY(CONFIG_URL, CONFIG_EMPTY),
     "Given to builds as HTTPS_PROXY."},
    {"build.no_proxy", AT(build.no_proxy), "\"\"",
     ANY(CONFIG_TEXT, CONFIG_EMPTY),
     "Given to builds as NO_PROXY: names with commas between."},
    {"build.ca_bundle", AT(build.ca_bundle), "\"/etc/ssl/certs/ca-certificates.crt\"",
     ANY(CONFIG_PATH, CONFIG_EMPTY),
     "Certificates that builds trust; \"\" leaves the image's own."},

    {"network.name", AT(network.name), "\"tramway\"",
     ANY(CONFIG_WORD, CONFIG_RESTART),
     "Bridges, firewall table and control groups are named after it; 1 to 8 letters.  Two Tramways\n"
     "on one machine need different ones (and different pools, folders and ports)."},
    {"network.ipv4_pool", AT(network.ipv4_pool), "\"10.213.0.0/16\"",
     RANGE(CONFIG_NET4, CONFIG_RESTART, 8, 22),
     "Each environment's private network is a /24 out of this."},
    {"network.ipv6_pool", AT(network.ipv6_pool), "\"fd7a:7472:616d::/48\"",
     RANGE(CONFIG_NET6, CONFIG_RESTART, 16, 60),
     "… and a /64 out of this."},
    {"network.build_subnet", AT(network.build_subnet), "\"10.214.0.0/24\"",
     RANGE(CONFIG_NET4, CONFIG_RESTART, 8, 29),
     "The network of builds; not inside ipv4_pool."},

    {"deploy.healthcheck_timeout", AT(deploy.healthcheck_timeout_s), "\"300s\"",
     RANGE(CONFIG_DURATION, 0, 1, DAY_S),
     "How long a new deployment may take until its healthcheck answers 200."},
    {"deploy.ci_timeout", AT(deploy.ci_timeout_s), "\"1h\"",
     RANGE(CONFIG_DURATION, 0, 1, 7 * DAY_S),
     "How long a push waits for the checks of its commit, where a service asks for that."},
    {"deploy.ci_settle", AT(deploy.ci_settle_s), "\"10s\"",
     RANGE(CONFIG_DURATION, 0, 1, 3600),
     "And how long no news of them must have come, so that no workflow that just begins is missed."},
    {"deploy.default_memory", AT(deploy.default_memory_bytes), "0",
     RANGE(CONFIG_SIZE, CONFIG_ZERO, 4 * MiB, PiB),
     "The memory limit of a replica that sets none; 0 is no limit."},
    {"deploy.default_cpu_millis", AT(deploy.default_cpu_millis), "0",
     RANGE(CONFIG_COUNT, CONFIG_ZERO, 10, 1000000),
     "The CPU limit of a replica that sets none, in thousandths of a core; 0 is no limit."},
    {"deploy.default_pids", AT(deploy.default_pids), "4096",
     RANGE(CONFIG_INT, 0, 16, 1000000),
     "Processes and threads that one replica may have."},
    {"deploy.drain_timeout", AT(deploy.drain_timeout_s), "\"30s\"",
     RANGE(CONFIG_DURATION, 0, 0, 3600),
     "How long a replaced deployment may go on with the requests that it holds before SIGTERM.\n"
     "WebSockets and event streams are not waited for: the app ends them when it is told to end."},
    {"deploy.stop_grace", AT(deploy.stop_grace_s), "\"10s\"",
     RANGE(CONFIG_DURATION, 0, 0, 3600),
     "Between SIGTERM and SIGKILL for a service that sets no draining seconds, so that it can\n"
     "finish what it is doing.  A service that ends at once is not waited for."},

    {"deploy.control_group", AT(deploy.control_group), "\"\"",
     ANY(CONFIG_PATH, CONFIG_EMPTY | CONFIG_RESTART),
     "Below which control group instances and builds get theirs, on a host with cgroup version 2: one\n"
     "that systemd has delegated (Delegate=yes); \"\" is the top."},

    {"disk.budget", AT(disk.budget_bytes), "0",
     RANGE(CONFIG_SIZE, CONFIG_ZERO, 64 * MiB, PiB),
     "What images, build cache, snapshots of source code and git mirrors may take together; 0 is half of\n"
     "the disk that holds data.dir.  Beyond it the longest unused go.  What runs or is kept for a\n"
     "rollback never goes."},
    {"disk.reserve", AT(disk.reserve_bytes), "0",
     RANGE(CONFIG_SIZE, CONFIG_ZERO, MiB, PiB),
     "What builds and uploads leave free, for the database, logs and what runs; 0 is 5 % of the disk,\n"
     "1 GiB to 4 GiB, at most a tenth.  With less than that free they are refused, and with less than\n"
     "half of it a build is ended."},
    {"disk.keep_images", AT(disk.keep_images), "3",
     RANGE(CONFIG_INT, 0, 0, 1000),
     "Former images of each service that are kept for rollbacks."},
    {"disk.keep", AT(disk.keep_s), "\"5d\"",
     RANGE(CONFIG_DURATION, 0, 0, 3650 * DAY_S),
     "How long other images, build cache, snapshots and mirrors are kept after they were last used,\n"
     "while the budget allows."},
    {"disk.log_keep", AT(disk.log_keep_s), "\"30d\"",
     RANGE(CONFIG_DURATION, 0, 0, 3650 * DAY_S),
     "How long the logs of a deployment are kept after its end."},
    {"disk.log_size", AT(disk.log_bytes), "\"128MiB\"",
     RANGE(CONFIG_SIZE, 0, MiB, TiB),
     "What the logs of one service may take; the oldest lines go first, also while it runs."},

    {"backup.location", AT(backup.location), "\"\"",
     ANY(CONFIG_TEXT, CONFIG_EMPTY | CONFIG_RESTART),
     "Where backups of volumes and databases go: a folder, or s3:https://<host>/<bucket>[/<prefix>]; \"\" is\n"
     "`backups` in data.dir, which is lost with the disk.  S3's credentials: `tram backup credentials`."},
    {"backup.region", AT(backup.region), "\"\"",
     ANY(CONFIG_WORD, CONFIG_EMPTY | CONFIG_RESTART),
     "The region of that bucket, where the endpoint asks for one."},
    {"backup.ca_bundle", AT(backup.ca_bundle), "\"\"",
     ANY(CONFIG_PATH, CONFIG_EMPTY | CONFIG_RESTART),
     "Whom S3's certificate may be signed by, as a file in PEM; \"\" is the authorities that the system trusts."},
    {"backup.quota", AT(backup.quota_bytes), "0",
     RANGE(CONFIG_SIZE, CONFIG_ZERO, MiB, PiB),
     "What the backups of one volume may take before no more are taken by hand; 0 is no limit."},
    {"backup.memory", AT(backup.memory_bytes), "0",
     RANGE(CONFIG_SIZE, CONFIG_ZERO | CONFIG_RESTART, 128 * MiB, PiB),
     "What all that takes and restores backups may use together; 0 is no limit."},

    {"volumes.size", AT(volumes.size_bytes), "\"1GB\"",
     RANGE(CONFIG_SIZE, 0, 256 * MiB, TiB),
     "How large a new volume is, a database's too, when nothing is said.  That much is taken from the disk\n"
     "at once, so that it is there when it is needed; a volume can grow, but not shrink."},
    {"volumes.trash", AT(volumes.trash_s), "\"48h\"",
     RANGE(CONFIG_DURATION, 0, 1, 3650 * DAY_S),
     "How long a volume that was deleted can be restored; until then its place is taken."},
    {"volumes.poll", AT(volumes.poll_s), "\"1m\"",
     RANGE(CONFIG_DURATION, CONFIG_ZERO, 1, DAY_S),
     "How often it is looked how full the volumes are; 0 is never.  At 80, 95 and 100 % it is an event."},

    {"log.level", AT(log.level), "\"info\"",
     CHOICE("error|warn|info|debug"),
     "How much tramd writes into its own log."},

    {"limits.requests_per_hour", AT(limits.requests_per_hour), "10000",
     RANGE(CONFIG_INT, 0, 0, 10000000),
     "API requests of one user or token; 0 is no limit."},
    {"limits.requests_per_second", AT(limits.requests_per_second), "50",
     RANGE(CONFIG_INT, 0, 0, 100000),
     "The same per second."},
    {"limits.log_lines_per_second", AT(limits.log_lines_per_second), "500",
     RANGE(CONFIG_INT, 0, 0, 10000000),
     "Log lines of one replica that are kept; more are dropped and counted; 0 is no limit."},
    {"limits.replicas_per_service", AT(limits.replicas_per_service), "50",
     RANGE(CONFIG_INT, 0, 1, 500),
     "Replicas that one service may have."},
    {"limits.domains_per_service", AT(limits.domains_per_service), "20",
     RANGE(CONFIG_INT, 0, 1, 1000),
     "Custom domains that one service may have."},
};
// clang-format on

#define ROW_FOREACH(row) for (const struct row *row = rows; row < rows + ARRAY_LEN(rows); row++)

_Static_assert(sizeof(enum config_registry) == sizeof(int), "CONFIG_CHOICE writes an int");
_Static_assert(sizeof(enum log_level) == sizeof(int), "CONFIG_CHOICE writes an int");
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_DEBUG == 3, "log.level has this order");

static void *field_of(const struct config *c, const struct row *row) {
  return (char *)c + row->offset;
}

static size_t section_len(const char *key) {
  return strcspn(key, ".");
}

/* The value at "section.name", or NULL. */
static const json_t *lookup(const json_t *root, const char *key) {
  size_t len = section_len(key);
  const json_t *section = json_object_getn(root, key, len);
  return json_object_get(section, key + len + 1);
}

static const struct row *find_row(const char *key) {
  ROW_FOREACH(row)
  if (str_eq(row->key, key)) return row;
  return NULL;
}

static bool is_section(const char *name) {
  ROW_FOREACH(row)
  if (strlen(name) == section_len(row->key) && str_starts(row->key, name)) return true;
  return false;
}

static const char *nearest_key(const char *key) {
  const char *best = NULL;
  size_t best_distance = SIZE_MAX;
  ROW_FOREACH(row) {
    size_t distance = str_distance(row->key, key), name = str_distance(row->key + section_len(row->key) + 1, key);
    if (name < distance) distance = name; /* its section was forgotten */
    if (distance < best_distance) {
      best = row->key;
      best_distance = distance;
    }
  }
  return best;
}

/* Keys that a stranger's file holds are cut before they are compared and repeated. */
static err *unknown_key(const toml *doc, const char *what, const char *path, const char *key) {
  auto_free char *shown = str_ndup(key, strnlen(key, 80));
  return err_new(ERR_INVALID, "%s: line %d: unknown key '%s'; the nearest known key is '%s'", what,
                 toml_line_of(doc, path), shown, nearest_key(shown));
}

static err *check_section(const toml *doc, const char *what, const char *name,
                          const json_t *section) {
  auto_free char *section_path = toml_path_join("", name);
  if (!is_section(name) && json_object_size(section) == 0)
    return unknown_key(doc, what, section_path, name);
  if (!json_is_object(section))
    return err_new(ERR_INVALID, "%s: line %d: '%s' is a section: write [%s]", what,
                   toml_line_of(doc, section_path), name, name);
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)section, key, value) {
    auto_free char *path = toml_path_join(section_path, key);
    auto_free char *full = str_format("%s.%s", name, key);
    if (!find_row(full)) return unknown_key(doc, what, path, full);
  }
  return NULL;
}

static err *check_keys(const toml *doc, const char *what) {
  const char *name;
  json_t *section;
  json_object_foreach((json_t *)toml_root(doc), name, section)
      TRY(check_section(doc, what, name, section));
  return NULL;
}

/* Of one row of `doc`, when it is there. */
static err *read_row(const toml *doc, const char *what, const struct row *row, struct config *c) {
  const json_t *value = lookup(toml_root(doc), row->key);
  if (!value) return NULL;
  err *e = config_value_set(&row->rule, value, field_of(c, row));
  return err_wrap(e, "%s: line %d: %s", what, toml_line_of(doc, row->key), row->key);
}

/* What no row can check alone. */
static err *check_whole(const toml *doc, const char *what, const struct config *c) {
  struct address_net pool, build;
  if (!address_parse_net(c->network.ipv4_pool, &pool) ||
      !address_parse_net(c->network.build_subnet, &build) || !address_nets_overlap(&pool, &build))
    return NULL;
  int line = toml_line_of(doc, "network.build_subnet");
  if (!line) line = toml_line_of(doc, "network.ipv4_pool");
  return err_new(ERR_INVALID, "%s: line %d: network.build_subnet %s overlaps network.ipv4_pool %s",
                 what, line, c->network.build_subnet, c->network.ipv4_pool);
}

static err *read_text(const char *text, size_t len, const char *what, struct config *c) {
  auto_toml *doc = NULL;
  TRY(toml_parse(text, len, what, &doc));
  TRY(check_keys(doc, what));
  ROW_FOREACH(row) TRY(read_row(doc, what, row, c));
  return check_whole(doc, what, c);
}

/* What differs where systemd looks after things (packaging/): live lines in the installed file. */
static const struct {
  const char *key, *toml;
} of_systemd[] = {
    {"edge.unit", "\"tramway-edge.service\""},
    {"deploy.control_group", "\"/tramway.slice/tramway-instances.service\""},
};

static const char *value_with_systemd(const struct row *row) {
  for (size_t i = 0; i < ARRAY_LEN(of_systemd); i++)
    if (str_eq(of_systemd[i].key, row->key)) return of_systemd[i].toml;
  return NULL;
}

enum form {
  FORM_COMMENTED, /* each key commented out */
  FORM_LIVE,      /* so that it can be read */
  FORM_SYSTEMD,   /* commented out but for what differs with systemd */
};

static void add_value(const struct row *row, enum form form, struct str *text) {
  const char *name = row->key + section_len(row->key) + 1;
  const char *other = form == FORM_SYSTEMD ? value_with_systemd(row) : NULL;
  bool live = other || form == FORM_LIVE;
  str_addf(text, "%s%s = %s\n", live ? "" : "#", name, other ? other : row->default_toml);
}

static char *default_text(enum form form) {
  auto_str text = STR_EMPTY;
  const char *section = "";
  str_add(&text,
          "# Configuration of tramd.  Every key may be left out; those below show the defaults.\n"
          "# After a change: `systemctl reload tramway`; keys marked (restart) need a restart.\n");
  ROW_FOREACH(row) {
    size_t len = section_len(row->key);
    if (strncmp(row->key, section, len + 1) != 0) str_addf(&text, "\n[%.*s]\n", (int)len, row->key);
    section = row->key;
    auto_strv lines = STRV_EMPTY;
    strv_split(&lines, row->doc, '\n');
    for (size_t i = 0; i < lines.len; i++)
      str_addf(&text, "# %s%s\n", lines.items[i],
               i + 1 == lines.len && row->rule.flags & CONFIG_RESTART ? " (restart)" : "");
    add_value(row, form, &text);
  }
  return str_take(&text);
}

struct config *config_new(void) {
  struct config *c = mem_zalloc(sizeof *c);
  auto_free char *text = default_text(FORM_LIVE);
  err *e = read_text(text, strlen(text), "defaults", c);
  if (e) abort(); /* a row breaks its own rule: config_test walks them all */
  return c;
}

void config_free(struct config *c) {
  if (!c) return;
  ROW_FOREACH(row) config_value_clear(&row->rule, field_of(c, row));
  free(c);
}

err *config_parse(const char *text, size_t len, const char *what, struct config **ret_config) {
  auto_config *c = config_new();
  TRY(read_text(text, len, what, c));
  *ret_config = c;
  c = NULL;
  return NULL;
}

err *config_load(const char *path, struct config **ret_config) {
  auto_str text = STR_EMPTY;
  if (!file_exists(path))
    return err_new(ERR_NOT_FOUND, "there is no configuration '%s': `tramd --print-config` prints one with all "
                                  "defaults; --config names another file", path);
  TRY(file_read(path, CONFIG_MAX_BYTES, &text));
  return config_parse(str_text(&text), text.len, path, ret_config);
}

char *config_default_text(void) {
  return default_text(FORM_COMMENTED);
}

err *config_write_default(const char *path) {
  if (file_exists(path))
    return err_new(ERR_CONFLICT, "%s: exists already; move it away to have a new one", path);
  const char *slash = strrchr(path, '/');
  if (slash && slash > path) {
    auto_free char *folder = str_ndup(path, (size_t)(slash - path));
    TRY(file_make_dirs(folder, 0755));
  }
  auto_free char *text = default_text(FORM_SYSTEMD);
  return file_write(path, text, strlen(text), 0640);
}

void config_man(struct str *page) {
  static const char *const see_also[] = {"tramd(8)", "tram(1)", NULL};
  const char *section = "";
  man_begin(page, "tramway.toml", 5, "the configuration of tramd");
  man_section(page, "DESCRIPTION");
  man_text(page, "A TOML file, by default /etc/tramway/tramway.toml.  Every key may be left out.\n\n"
                 "Sizes are bytes or texts such as \"512MiB\"; durations are seconds or texts such as \"1h30m\".\n\n"
                 "tramd reads it when it starts and at `systemctl reload tramway`; keys marked (restart)\n"
                 "take effect when it is started again.");
  man_section(page, "KEYS");
  ROW_FOREACH(row) {
    size_t len = section_len(row->key);
    auto_free char *name = str_ndup(row->key, len), *title = str_format("[%s]", name);
    if (strncmp(row->key, section, len + 1) != 0) man_subsection(page, title);
    section = row->key;
    auto_free char *value = str_format("= %s", row->default_toml);
    auto_free char *doc = str_format("%s%s", row->doc, row->rule.flags & CONFIG_RESTART ? " (restart)" : "");
    man_item(page, row->key + len + 1, value, doc);
  }
  man_see_also(page, see_also);
}

char *config_describe(const struct config *c) {
  auto_config *defaults = config_new();
  auto_str text = STR_EMPTY;
  ROW_FOREACH(row) {
    str_addf(&text, "%s = ", row->key);
    config_value_show(&row->rule, field_of(c, row), &text);
    bool same = config_value_equal(&row->rule, field_of(c, row), field_of(defaults, row));
    str_add(&text, same ? " (default)\n" : "\n");
  }
  return str_take(&text);
}

void config_changes(const struct config *before, const struct config *after,
                    struct strv *ret_changed, struct strv *ret_need_restart) {
  ROW_FOREACH(row) {
    if (config_value_equal(&row->rule, field_of(before, row), field_of(after, row))) continue;
    if (ret_changed) strv_add(ret_changed, row->key);
    if (ret_need_restart && row->rule.flags & CONFIG_RESTART) strv_add(ret_need_restart, row->key);
  }
}
