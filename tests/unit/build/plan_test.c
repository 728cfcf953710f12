#include "build/plan.h"

#include <stdint.h>

#include "base/mem.h"
#include "tap.h"

/* A source as a table: "path", "text", …, NULL. */
static const char *find(void *arg, const char *path) {
  for (const char *const *f = arg; *f; f += 2)
    if (str_eq(f[0], path)) return f[1];
  return NULL;
}

static bool is_file(void *arg, const char *path) {
  return find(arg, path) != NULL;
}

static bool is_folder(void *arg, const char *path) {
  auto_free char *prefix = str_format("%s/", path);
  for (const char *const *f = arg; *f; f += 2)
    if (str_starts(f[0], prefix)) return true;
  return false;
}

static err *read_text(void *arg, const char *path, struct str *ret_text) {
  const char *text = find(arg, path);
  if (!text) return err_new(ERR_NOT_FOUND, "%s", path);
  str_add(ret_text, text);
  return NULL;
}

static void list(void *arg, const char *path, struct strv *ret_names) {
  auto_free char *prefix = *path ? str_format("%s/", path) : str_dup("");
  for (const char *const *f = arg; *f; f += 2) {
    if (!str_starts(f[0], prefix)) continue;
    const char *rest = f[0] + strlen(prefix), *slash = strchr(rest, '/');
    auto_free char *name = slash ? str_ndup(rest, (size_t)(slash + 1 - rest)) : str_dup(rest);
    if (!strv_has(ret_names, name)) strv_add(ret_names, name);
  }
}

static err *plan_of(const char *const *files, const char *const *variables, const char *builder,
                    struct plan *ret_plan) {
  struct source_view view = {is_file, is_folder, read_text, list, (void *)(uintptr_t)files};
  struct plan_request request = {.source = &view, .variables = variables, .builder = builder, .service_id = "svc"};
  return plan_make(&request, ret_plan);
}

#define FILES(...) (const char *const[]){__VA_ARGS__, NULL}
#define VARS(...) (const char *const[]){__VA_ARGS__, NULL}

struct expected {
  const char *const *files, *const *variables;
  const char *provider, *from, *start;
  const char *has, *has_not; /* in the Dockerfile */
};

TEST(plans) {
  /* clang-format off */
  const struct expected cases[] = {
    {FILES("package.json", "{\"scripts\":{\"start\":\"node x\"}}"), NULL, "node", "node:24-slim", "npm run start", "npm install\n", "npm ci"},
    {FILES("package.json", "{\"main\":\"a.js\",\"engines\":{\"node\":\"20.x\"}}", "a.js", "", "package-lock.json", "{}"), NULL,
     "node", "node:20-slim", "node a.js", "COPY package.json package-lock.json ./", NULL},
    {FILES("package.json", "{\"scripts\":{\"start\":\"x\",\"postinstall\":\"y\"}}", ".nvmrc", "v18.2.0\n"), NULL, "node", "node:18-slim",
     "npm run start", "COPY . .\nRUN", "COPY package.json"},
    {FILES("package.json", "{\"scripts\":{\"start\":\"x\",\"build\":\"tsc\"}}", "yarn.lock", ""), NULL, "node", "node:24-slim",
     "yarn run start", "yarn install --frozen-lockfile", "npm"" run build"},
    {FILES("package.json", "{\"packageManager\":\"pnpm@9.1.0\",\"scripts\":{\"start\":\"x\"}}", "pnpm-lock.yaml", ""), NULL, "node",
     "node:24-slim", "pnpm run start", "npm install --global pnpm@9.1.0", NULL},
    {FILES("package.json", "{\"engines\":{\"node\":\">=18\"}}", "index.js", ""), NULL, "node", "node:24-slim", "node index.js", NULL, NULL},
    {FILES("package.json", "{\"scripts\":{\"start\":\"x\"}}"), VARS("RAILPACK_NODE_VERSION=22"), "node", "node:22-slim", "npm run start", NULL, NULL},
    {FILES("package.json", "{\"scripts\":{\"start\":\"x\"}}"), VARS("NIXPACKS_START_CMD=./go", "RAILPACK_BUILD_CMD=make it"), "node",
     "node:24-slim", "./go", "make it\n", NULL},
    {FILES("package.json", "{\"scripts\":{\"build\":\"vite build\"},\"devDependencies\":{\"vite\":\"5\"}}"), NULL, "node",
     "node:24-slim AS build", "", "COPY --from=build /app/dist /app/site", NULL},
    {FILES("package.json", "{\"scripts\":{\"build\":\"vite build\",\"start\":\"vite preview\"},\"devDependencies\":{\"vite\":\"5\"}}",
     "vite.config.ts", "x({build: {outDir: './public_html'}})"), NULL, "node", "node:24-slim AS build", "", "/app/public_html", NULL},
    {FILES("package.json", "{\"scripts\":{\"build\":\"vite build\",\"start\":\"x\"},\"devDependencies\":{\"vite\":\"5\"}}"),
     VARS("RAILPACK_NO_SPA=1"), "node", "node:24-slim", "npm run start", NULL, "caddy"},
    {FILES("package.json", "{\"scripts\":{\"build\":\"react-scripts build\",\"start\":\"react-scripts start\"},\"dependencies\":{\"react-scripts\":\"5\"}}"),
     NULL, "node", "node:24-slim AS build", "", "/app/build /app/site", NULL},
    {FILES("package.json", "{\"scripts\":{\"build\":\"vite build\",\"start\":\"node s\"},\"dependencies\":{\"express\":\"4\",\"vite\":\"5\"}}"),
     NULL, "node", "node:24-slim", "npm run start", NULL, "caddy"},
    {FILES("requirements.txt", "Flask==3.0\ngunicorn\n", "app.py", ""), NULL, "python", "python:3.13-slim",
     "gunicorn --bind 0.0.0.0:${PORT:-8000} app:app", "pip install -r requirements.txt", NULL},
    {FILES("requirements.txt", "fastapi\nuvicorn[standard]\n", "main.py", "", "package.json", "{}"), NULL, "python", "python:3.13-slim",
     "uvicorn main:app --host 0.0.0.0 --port ${PORT:-8000}", NULL, NULL},
    {FILES("requirements.txt", "django\ngunicorn\n", "manage.py", "", "site1/wsgi.py", ""), NULL, "python", "python:3.13-slim",
     "python manage.py migrate && gunicorn --bind 0.0.0.0:${PORT:-8000} site1.wsgi:application", NULL, NULL},
    {FILES("main.py", "", ".python-version", "3.11.4\n"), NULL, "python", "python:3.11-slim", "python main.py", NULL, "pip install"},
    {FILES("pyproject.toml", "[project]\nname='a'\nrequires-python='>=3.9'\ndependencies=['flask>=3,<4']\n", "main.py", ""), NULL, "python",
     "python:3.13-slim", "python main.py", "pip install 'flask>=3,<4'", NULL},
    {FILES("pyproject.toml", "[tool.poetry.dependencies]\npython='^3.11'\nflask='^2.1'\nx={version='~1.2.3',extras=['y']}\n", "main.py", ""), NULL,
     "python", "python:3.13-slim", "python main.py", "'flask>=2.1,<3' 'x[y]>=1.2.3,<1.3'", NULL},
    {FILES("Pipfile", "[packages]\nflask='*'\n", "app.py", ""), NULL, "python", "python:3.13-slim", "python app.py", "pip install flask\n", NULL},
    {FILES("requirements.txt", "-r other.txt\n", "main.py", ""), NULL, "python", "python:3.13-slim", "python main.py", "COPY . .\nRUN", "COPY requirements.txt"},
    {FILES("requirements.txt", "", "Procfile", "web: python -m uvicorn app.main:app\nrelease: alembic upgrade head\n"), NULL, "python",
     "python:3.13-slim", "python -m uvicorn app.main:app", NULL, NULL},
    {FILES("requirements.txt", "", "Procfile", "web: a\n", "nixpacks.toml", "[start]\ncmd='b $PORT'\n[phases.setup]\naptPkgs=['...','ffmpeg']\n"), NULL,
     "python", "python:3.13-slim", "b $PORT", "install -y --no-install-recommends ffmpeg", NULL},
    {FILES("requirements.txt", "", "main.py", "", "railpack.json", "{\"deploy\":{\"startCommand\":\"c\"},\"steps\":{\"build\":{\"commands\":[\"...\",{\"cmd\":\"d\"}]}}}"),
     NULL, "python", "python:3.13-slim", "c", "RUN --mount=type=cache,id=s/svc-/root/.cache/pip,target=/root/.cache/pip d\n", NULL},
    {FILES("go.mod", "module a\n\ngo 1.22.1\n", "main.go", ""), NULL, "go", "golang:1.22-alpine AS build", "./out", "-o out .\n", "go mod download"},
    {FILES("go.mod", "module a\n", "go.sum", "x", "cmd/api/main.go", ""), NULL, "go", "golang:1.24-alpine AS build", "./out", "-o out ./cmd/api\n", NULL},
    {FILES("main.go", ""), NULL, "go", "golang:1.24-alpine AS build", "./out", "GO111MODULE=off go build", NULL},
    {FILES("index.html", ""), NULL, "static", "caddy:2", "", "COPY . /app/site", "{path}/index.html /index.html"},
    {FILES("public/index.html", ""), NULL, "static", "caddy:2", "", "COPY public /app/site", "COPY . ."},
    {FILES("Staticfile", "root: web\n", "web/a.html", ""), NULL, "static", "caddy:2", "", "COPY web /app/site", NULL},
    {FILES("start.sh", "#!/usr/bin/env bash\n"), NULL, "shell", "debian:stable-slim", "exec bash start.sh", NULL, NULL},
    {FILES("run.sh", "echo\n"), VARS("RAILPACK_SHELL_SCRIPT=run.sh"), "shell", "debian:stable-slim", "exec sh run.sh", NULL, NULL},
    {FILES("Procfile", "worker: node w.js\nother: x\n"), NULL, "procfile", "node:lts-slim", "node w.js", NULL, NULL},
    {FILES("Procfile", "# c\nx: \"./serve -p $PORT\"\n"), NULL, "procfile", "debian:stable-slim", "./serve -p $PORT", NULL, NULL},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    const struct expected *c = &cases[i];
    struct plan plan;
    err *e = plan_of(c->files, c->variables, NULL, &plan);
    if (e) TAP_FAIL("case %zu: %s", i, err_message(e));
    CHECK_TEXT(plan.provider, c->provider);
    auto_free char *from = str_format("\nFROM %s\n", c->from);
    CHECK_HAS(plan.dockerfile, from);
    CHECK_TEXT(plan.start_command, c->start);
    if (c->has) CHECK_HAS(plan.dockerfile, c->has);
    if (c->has_not && strstr(plan.dockerfile, c->has_not)) TAP_FAIL("case %zu has '%s':\n%s", i, c->has_not, plan.dockerfile);
    plan_done(&plan);
  }
}

TEST(nixpacks_has_node_before_python) {
  const char *const *files = FILES("package.json", "{\"scripts\":{\"start\":\"x\"}}", "requirements.txt", "");
  struct plan plan;
  CHECK_OK(plan_of(files, NULL, "NIXPACKS", &plan));
  CHECK_TEXT(plan.provider, "node");
  plan_done(&plan);
}

TEST(release_command_is_reported) {
  struct plan plan;
  CHECK_OK(plan_of(FILES("Procfile", "web: a\nrelease: b c\n"), NULL, NULL, &plan));
  CHECK_TEXT(plan.release, "b c");
  auto_free char *text = plan_print(&plan);
  CHECK_HAS(text, "release   b c");
  CHECK_HAS(text, "\n# Written by Tramway");
  plan_done(&plan);
}

static void check_notes(const char *const *files, const char *const *variables, const char *expected) {
  struct plan plan;
  auto_str notes = STR_EMPTY;
  CHECK_OK(plan_of(files, variables, NULL, &plan));
  for (size_t i = 0; i < plan.notes.len; i++)
    if (strstr(plan.notes.items[i], "not used")) str_addf(&notes, "%s;", plan.notes.items[i]);
  CHECK_TEXT(str_text(&notes), expected);
  plan_done(&plan);
}

TEST(what_is_not_used_of_a_configuration_is_noted) {
  check_notes(FILES("start.sh", "", "nixpacks.toml",
                    "providers = ['node']\n[phases.lint]\ncmds = ['x']\n[phases.install]\ncmds = ['y']\ndependsOn = ['setup']\n"
                    "[phases.setup]\nnixLibs = ['z']\naptPkgs = ['a']\n[start]\ncmd = 'b'\nrunImage = 'c'"),
              NULL, "nixpacks.toml: 'providers' is not used;nixpacks.toml: 'phases.lint' is not used;"
                    "nixpacks.toml: 'phases.setup.nixLibs' is not used;nixpacks.toml: 'start.runImage' is not used;");
  check_notes(FILES("start.sh", "", "railpack.json",
                    "{\"$schema\": \"x\", \"packages\": {}, \"steps\": {\"build\": {\"commands\": [\"a\"], \"inputs\": []}}}"),
              NULL, "railpack.json: 'packages' is not used;railpack.json: 'steps.build.inputs' is not used;");
  check_notes(FILES("start.sh", "", "x/n.toml", "a = 1"), VARS("NIXPACKS_CONFIG_FILE=/x/n.toml"), "x/n.toml: 'a' is not used;");
}

TEST(a_nixpacks_plan_goes_over_the_file) {
  struct plan plan;
  CHECK_OK(plan_of(FILES("start.sh", "", "nixpacks.toml", "[start]\ncmd = 'file'\n[phases.build]\ncmds = ['build file']\n"),
                   VARS("NIXPACKS_PLAN={\"start\":{\"cmd\":\"plan\"},\"phases\":{\"setup\":{\"aptPkgs\":[\"ffmpeg\"]}}}"), NULL, &plan));
  CHECK_TEXT(plan.start_command, "plan");
  CHECK_HAS(plan.dockerfile, "ffmpeg");
  CHECK_HAS(plan.dockerfile, "RUN build file\n");
  plan_done(&plan);
  CHECK_ERR(plan_of(FILES("start.sh", ""), VARS("NIXPACKS_PLAN=["), NULL, &plan), ERR_INVALID, "the Nixpacks plan: not JSON");
  CHECK_ERR(plan_of(FILES("start.sh", ""), VARS("NIXPACKS_PLAN=[]"), NULL, &plan), ERR_INVALID, "expected an object");
}

TEST(errors_say_what_to_do) {
  struct plan plan;
  CHECK_ERR(plan_of(FILES("README.md", ""), NULL, NULL, &plan), ERR_NOT_FOUND, "Found: README.md. Add a Dockerfile");
  CHECK_ERR(plan_of(FILES("package.json", "{}"), NULL, NULL, &plan), ERR_INVALID, "nothing says how to start this node app");
  CHECK_ERR(plan_of(FILES("package.json", "{"), NULL, NULL, &plan), ERR_INVALID, "package.json");
  CHECK_ERR(plan_of(FILES("package.json", "[]"), NULL, NULL, &plan), ERR_INVALID, "expected an object");
  CHECK_ERR(plan_of(FILES("main.py", "", "pyproject.toml", "a=\n"), NULL, NULL, &plan), ERR_INVALID, "pyproject.toml: line 1");
  CHECK_ERR(plan_of(FILES("index.html", "", "nixpacks.toml", "]"), NULL, NULL, &plan), ERR_INVALID, "nixpacks.toml");
  CHECK_ERR(plan_of(FILES("Staticfile", "root: ../x"), NULL, NULL, &plan), ERR_INVALID, "plain folder");
}

TEST(commands_of_several_lines_stay_one_instruction) {
  struct plan plan;
  CHECK_OK(plan_of(FILES("start.sh", ""), VARS("RAILPACK_BUILD_CMD=a\nUSER x"), NULL, &plan));
  CHECK_HAS(plan.dockerfile, "RUN [\"/bin/sh\", \"-c\", \"a\\nUSER x\"]\n");
  plan_done(&plan);
}

TEST_MAIN
