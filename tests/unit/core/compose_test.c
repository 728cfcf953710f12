/* docker-compose files as patches: what each key becomes, what is refused, what is told. */
#include "core/compose.h"

#include "base/json.h"
#include "base/mem.h"
#include "core/interpolate.h"
#include "core/environment_keys.h"
#include "tap.h"

static const char *get_env(void *arg, const char *name) {
  (void)arg;
  return str_eq(name, "SET") ? "value" : str_eq(name, "EMPTY") ? "" : str_eq(name, "TAG") ? "1.27" : NULL;
}

static err *read_env(void *arg, const char *path, json_t **ret_variables) {
  (void)arg;
  if (!str_eq(path, "web.env")) return err_new(ERR_NOT_FOUND, "no such file");
  *ret_variables = json_pack("{s:s, s:s}", "FROM_FILE", "1", "BOTH", "file");
  return NULL;
}

static err *read_text(const char *text, struct import_plan *ret_plan) {
  static const struct compose_input input = {.file = "compose.yml", .get_env = get_env, .read_env = read_env};
  auto_yml *root = NULL;
  TRY(yml_parse(text, strlen(text), "compose.yml", &root));
  return compose_read(root, &input, ret_plan);
}

#define WEB "services:\n  web:\n    image: nginx\n"

/* ---- what each key becomes: the service's part of the patch ---- */

/* clang-format off */
static const struct {
  const char *text, *part, *note; /* note NULL: none */
} taken[] = {
  { "services: {web: {image: 'nginx:${TAG}'}}", "{\"source\":{\"image\":\"nginx:1.27\"}}", NULL },
  { WEB "    ports: ['8080:80']\n",
    "{\"source\":{\"image\":\"nginx\"},\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{\"port\":80}}}}", NULL },
  { WEB "    ports:\n      - target: 3000\n        published: 80\n",
    "{\"source\":{\"image\":\"nginx\"},\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{\"port\":3000}}}}", NULL },
  { WEB "    ports: ['127.0.0.1:8080:80']\n", "{\"source\":{\"image\":\"nginx\"}}", "published to this machine only" },
  { WEB "    ports: ['[::1]:8080:80']\n", "{\"source\":{\"image\":\"nginx\"}}", "published to this machine only" },
  { WEB "    ports: ['5432:5432']\n", "{\"source\":{\"image\":\"nginx\"}}", "web.railway.internal:5432" },
  { WEB "    ports: ['53:53/udp']\n", "{\"source\":{\"image\":\"nginx\"}}", "only TCP is public" },
  { WEB "    ports: ['80:80', '9000:9000']\n",
    "{\"source\":{\"image\":\"nginx\"},\"networking\":{\"serviceDomains\":{\"<hasDomain>\":{\"port\":80}}}}", "port 9000 is left out" },
  { WEB "    ports: ['3000-3005']\n", "{\"source\":{\"image\":\"nginx\"}}", "only single ports" },
  { WEB "    environment:\n      A: one\n      B: 2\n      C: 'null'\n      SET:\n      NOT_SET:\n",
    "{\"variables\":{\"A\":{\"value\":\"one\"},\"B\":{\"value\":\"2\"},\"C\":{\"value\":\"null\"},\"SET\":{\"value\":\"value\"}},"
    "\"source\":{\"image\":\"nginx\"}}", "the variable NOT_SET is left out" },
  { WEB "    environment: [A=1=2, 'B=', SET]\n",
    "{\"variables\":{\"A\":{\"value\":\"1=2\"},\"B\":{\"value\":\"\"},\"SET\":{\"value\":\"value\"}},\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    environment: {A: '${{db.URL}}', B: '$$x', C: '${EMPTY:-d}'}\n",
    "{\"variables\":{\"A\":{\"value\":\"${{db.URL}}\"},\"B\":{\"value\":\"$x\"},\"C\":{\"value\":\"d\"}},\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    environment: {A: '${NOBODY}'}\n",
    "{\"variables\":{\"A\":{\"value\":\"\"}},\"source\":{\"image\":\"nginx\"}}", "the variable NOBODY is not set" },
  { WEB "    env_file: web.env\n    environment: {BOTH: own}\n",
    "{\"variables\":{\"FROM_FILE\":{\"value\":\"1\"},\"BOTH\":{\"value\":\"own\"}},\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    env_file:\n      - path: other.env\n        required: false\n", "{\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    command: npm run 'x y'\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"startCommand\":\"npm run 'x y'\"}}", "in the place of the image's entrypoint" },
  { WEB "    entrypoint: [sh, -c]\n    command: [\"echo it's $$HOME\"]\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"startCommand\":\"sh -c 'echo it'\\\\''s $HOME'\"}}", NULL },
  { WEB "    command: --appendonly yes\n", "{\"source\":{\"image\":\"nginx\"}}", "arguments for the image's entrypoint" },
  { WEB "    healthcheck: {test: [CMD, curl, -f, 'http://localhost:8080/health?x=1']}\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"healthcheckPath\":\"/health?x=1\"}}", NULL },
  { WEB "    healthcheck: {test: 'wget -q http://127.0.0.1 || exit 1'}\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"healthcheckPath\":\"/\"}}", NULL },
  { WEB "    healthcheck: {test: [CMD, pg_isready]}\n", "{\"source\":{\"image\":\"nginx\"}}", "asks nothing by HTTP" },
  { WEB "    healthcheck: {test: 'curl http://elsewhere.org/'}\n", "{\"source\":{\"image\":\"nginx\"}}", "asks nothing by HTTP" },
  { WEB "    healthcheck: {disable: true, test: x}\n", "{\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    restart: unless-stopped\n", "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"restartPolicyType\":\"ALWAYS\"}}", NULL },
  { WEB "    restart: 'on-failure:3'\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"restartPolicyType\":\"ON_FAILURE\",\"restartPolicyMaxRetries\":3}}", NULL },
  { WEB "    restart: \"no\"\n", "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"restartPolicyType\":\"NEVER\"}}", NULL },
  { WEB "    deploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 512M}}}\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"numReplicas\":3,\"limitOverride\":{\"containers\":{\"memoryBytes\":536870912,\"cpu\":0.5}}}}", NULL },
  { WEB "    mem_limit: 1g\n    stop_grace_period: 1m30s\n",
    "{\"source\":{\"image\":\"nginx\"},\"deploy\":{\"limitOverride\":{\"containers\":{\"memoryBytes\":1073741824}},\"drainingSeconds\":90}}", NULL },
  { WEB "    depends_on: [db]\n", "{\"source\":{\"image\":\"nginx\"}}", "depends_on db is left out" },
  { WEB "    depends_on: {db: {condition: service_healthy}}\n    environment: [URL=postgres://db:5432/x]\n",
    "{\"variables\":{\"URL\":{\"value\":\"postgres://db:5432/x\"}},\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    volumes: ['data:/var/lib/data']\n", "{\"source\":{\"image\":\"nginx\"},\"volumeMounts\":{\"data\":{\"mountPath\":\"/var/lib/data\"}}}", NULL },
  { WEB "    volumes: [{type: volume, source: data, target: /d}, 'more:/m']\n", "{\"source\":{\"image\":\"nginx\"},\"volumeMounts\":{\"data\":{\"mountPath\":\"/d\"}}}",
    "the volume more at /m is left out: a service has one volume" },
  { WEB "    volumes: [/cache]\n", "{\"source\":{\"image\":\"nginx\"}}", "the nameless volume at /cache is left out" },
  { WEB "    container_name: x\n    networks: [a]\n    x-mine: 1\n    expose: [80]\n", "{\"source\":{\"image\":\"nginx\"}}", NULL },
  { WEB "    frobnicate: 1\n", "{\"source\":{\"image\":\"nginx\"}}", "frobnicate is left out: Tramway has no such setting" },
  { WEB "    hostname: x\n", "{\"source\":{\"image\":\"nginx\"}}", "hostname is left out" },
  { WEB "    privileged: false\n    cap_add: []\n    pid: ''\n    network_mode: bridge\n    security_opt: ['no-new-privileges:true']\n",
    "{\"source\":{\"image\":\"nginx\"}}", NULL },
  { "services: {web: {build: {context: ./app, dockerfile: Docker.prod, args: [V=1]}, image: mine}}",
    "{\"build\":{\"dockerfilePath\":\"Docker.prod\"},\"variables\":{\"V\":{\"value\":\"1\"}}}", NULL },
  { "services: {web: {build: 'https://example.org/ada/web.git#main:app'}}",
    "{\"source\":{\"repo\":\"https://example.org/ada/web.git\",\"branch\":\"main\",\"rootDirectory\":\"app\"}}", NULL },
};
/* clang-format on */

TEST(each_key_becomes_its_counterpart) {
  for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
    auto_import_plan plan = {0};
    auto_err *e = read_text(taken[i].text, &plan);
    if (e) TAP_FAIL("%s is refused: %s", taken[i].text, err_message(e));
    json_t *part = json_object_get(json_object_get(plan.patch, "services"), "web");
    CHECK(json_is_true(json_object_get(part, "isCreated")));
    json_object_del(part, "isCreated");
    auto_json *expected = json_loads(taken[i].part, 0, NULL);
    auto_free char *seen = json_to_text(part);
    if (!json_equal(part, expected)) TAP_FAIL("%s gives\n#   %s\n# expected\n#   %s", taken[i].text, seen, taken[i].part);
    auto_free char *notes = plan.notes.len ? strv_join(&plan.notes, "\n") : NULL;
    if (taken[i].note)
      CHECK_HAS(notes, taken[i].note);
    else if (notes)
      TAP_FAIL("%s notes: %s", taken[i].text, notes);
  }
}

/* Nothing that the reader writes is unknown to who applies it. */
TEST(all_of_it_can_be_applied) {
  for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
    auto_import_plan plan = {0};
    auto_strv unavailable = STRV_EMPTY, unknown = STRV_EMPTY;
    CHECK_OK(read_text(taken[i].text, &plan));
    environment_keys_sift(plan.patch, &unavailable, &unknown);
    CHECK_INT(unavailable.len + unknown.len, 0);
  }
}

TEST(a_service_built_from_a_folder_says_what_to_type) {
  auto_import_plan plan = {0};
  CHECK_OK(read_text("services: {my_web: {build: ./app}}", &plan));
  CHECK_TEXT(plan.uploads.items[0], "up ./app --service my_web --path-as-root");
  CHECK_HAS(plan.notes.items[0], "its name on the private network is 'my-web'");
}

/* ---- what is refused: by name and line ---- */

/* clang-format off */
static const struct {
  const char *lines, *expected;
} refused[] = {
  { "    privileged: true\n",                       "compose.yml, line 4: services.web.privileged" },
  { "    privileged: ${SET}\n",                     "services.web.privileged" },
  { "    network_mode: host\n",                     "line 4: services.web.network_mode" },
  { "    network_mode: 'service:db'\n",             "services.web.network_mode" },
  { "    pid: host\n",                              "services.web.pid" },
  { "    ipc: host\n",                              "services.web.ipc" },
  { "    uts: host\n",                              "services.web.uts" },
  { "    userns_mode: host\n",                      "services.web.userns_mode" },
  { "    cgroup: host\n",                           "services.web.cgroup" },
  { "    cgroup_parent: x\n",                       "services.web.cgroup_parent" },
  { "    devices: ['/dev/kvm:/dev/kvm']\n",         "services.web.devices" },
  { "    device_cgroup_rules: ['c 1:3 mr']\n",      "services.web.device_cgroup_rules" },
  { "    gpus: all\n",                              "services.web.gpus" },
  { "    cap_add: [SYS_ADMIN]\n",                   "services.web.cap_add" },
  { "    security_opt: ['seccomp:unconfined']\n",   "services.web.security_opt" },
  { "    security_opt: ['no-new-privileges:true', 'apparmor:unconfined']\n", "services.web.security_opt" },
  { "    sysctls: {net.core.somaxconn: 1024}\n",    "services.web.sysctls" },
  { "    volumes_from: [db]\n",                     "services.web.volumes_from" },
  { "    extends: {file: x, service: y}\n",         "services.web.extends" },
  { "    runtime: nvidia\n",                        "services.web.runtime" },
  { "    use_api_socket: true\n",                   "services.web.use_api_socket" },
  { "    volumes:\n      - /etc:/etc:ro\n",         "line 5: services.web.volumes: '/etc'" },
  { "    volumes: ['./src:/app']\n",                "services.web.volumes: './src'" },
  { "    volumes: ['~/x:/x']\n",                    "services.web.volumes: '~/x'" },
  { "    volumes: ['../x:/x']\n",                   "services.web.volumes: '../x'" },
  { "    volumes: ['$HOST/x:/x']\n",                "services.web.volumes: '/x'" },
  { "    volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n", "services.web.volumes: docker.sock" },
  { "    volumes:\n      - {type: bind, source: /etc, target: /x}\n", "line 5: services.web.volumes: a mount of type 'bind'" },
  { "    volumes:\n      - {type: npipe, source: a, target: b}\n",    "a mount of type 'npipe'" },
  { "    volumes:\n      - {source: /run/docker.sock, target: /x}\n", "services.web.volumes: docker.sock" },
  { "    <<: {privileged: true}\n",                 "services.web.privileged" },
  { "    environment: {A: [1]}\n",                  "environment: a value must be text" },
  { "volumes: {data: {driver_opts: {type: none, o: bind, device: /etc}}}\n", "line 4: volumes.data.driver_opts" },
  { "include: [other.yml]\n",                       "line 4: include is not available" },
};
/* clang-format on */

TEST(what_opens_the_host_is_refused_by_name_and_line) {
  for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
    auto_free char *text = str_format(WEB "%s", refused[i].lines);
    auto_import_plan plan = {0};
    auto_err *e = read_text(text, &plan);
    if (!e || err_code_of(e) != ERR_INVALID || !strstr(err_message(e), refused[i].expected))
      TAP_FAIL("%s gives %s, expected %s", text, e ? err_message(e) : "no error", refused[i].expected);
  }
}

TEST(all_of_it_is_told_at_once) {
  auto_import_plan plan = {0};
  CHECK_ERR(read_text(WEB "    privileged: true\n    pid: host\n  db:\n    image: x\n    ipc: host\n", &plan), ERR_INVALID,
            "compose.yml, line 4: services.web.privileged would give the app the rights of the host's root\n"
            "compose.yml, line 5: services.web.pid would show the app processes that are not its own\n"
            "compose.yml, line 8: services.db.ipc");
  CHECK_ERR(read_text("services: {web: {build: {context: ., privileged: true, network: host}}}", &plan), ERR_INVALID,
            "build.privileged is not available");
  CHECK_ERR(read_text("services: {web: {}}", &plan), ERR_INVALID, "neither an image nor a build");
  CHECK_ERR(read_text("services: {web: 3}", &plan), ERR_INVALID, "it must be a map");
  CHECK_ERR(read_text("a: 1", &plan), ERR_INVALID, "it is no compose file");
  CHECK_ERR(read_text(WEB "    env_file: nobody.env\n", &plan), ERR_NOT_FOUND, "env_file 'nobody.env'");
}

/* ---- ${VAR} ---- */

/* clang-format off */
static const struct {
  const char *text, *expected; /* or a part of the error */
} values[] = {
  { "plain", "plain" }, { "$SET", "value" }, { "a${SET}b", "avalueb" }, { "$SET/x", "value/x" }, { "$$SET", "$SET" },
  { "${NO:-d}", "d" }, { "${NO-d}", "d" }, { "${EMPTY:-d}", "d" }, { "${EMPTY-d}", "" }, { "${SET:-d}", "value" },
  { "${SET:+x}", "x" }, { "${NO:+x}", "" }, { "${EMPTY:+x}", "" }, { "${EMPTY+x}", "x" },
  { "${NO:-${SET}}", "value" }, { "${NO:-${NO2:-deep}}", "deep" }, { "${NO:-a b}", "a b" }, { "${SET:?bad}", "value" },
  { "${{a.B}}", "${{a.B}}" }, { "x ${{ a.B }} y", "x ${{ a.B }} y" }, { "$", "$" }, { "cost: 5$", "cost: 5$" }, { "$1", "$1" },
  { "${NO:?give it}", "the variable NO must be set: give it" }, { "${EMPTY:?m}", "must be set" }, { "${SET", "has no end" },
  { "${}", "has no name" }, { "${SET!x}", "cannot be read" }, { "${NO}", "" },
  { "${N:-${N:-${N:-${N:-${N:-${N:-${N:-${N:-${N:-${N:-x}}}}}}}}}}", "defaults nest deeper" },
};
/* clang-format on */

TEST(values_are_interpolated) {
  for (size_t i = 0; i < ARRAY_LEN(values); i++) {
    auto_str text = STR_EMPTY;
    auto_strv unset = STRV_EMPTY;
    auto_err *e = interpolate(values[i].text, get_env, NULL, &text, &unset);
    bool as_expected = e ? *values[i].expected && strstr(err_message(e), values[i].expected) != NULL
                         : str_eq(str_text(&text), values[i].expected);
    if (!as_expected) TAP_FAIL("%s gives %s", values[i].text, e ? err_message(e) : str_text(&text));
    CHECK_INT(unset.len, str_eq(values[i].text, "${NO}"));
  }
}

TEST_MAIN
