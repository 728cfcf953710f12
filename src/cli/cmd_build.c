/* build --plan. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "build/plan.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "core/config_file.h"

/* A Dockerfile is used as it is, whatever else lies there. */
static void show_dockerfile(struct cli *cli, const struct args *args, const char *text) {
  auto_json *answer = json_pack("{s:s, s:s}", "provider", "dockerfile", "dockerfile", text);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out,
             "There is a Dockerfile: it is built as it is, and nothing is planned.\n\n%s", text);
}

static json_t *plan_json(const struct plan *plan) {
  json_t *notes = json_array();
  for (size_t i = 0; i < plan->notes.len; i++)
    json_array_append_new(notes, json_string(plan->notes.items[i]));
  return json_pack("{s:s, s:s, s:s, s:o, s:s}", "provider", plan->provider, "startCommand",
                   plan->start_command, "releaseCommand", plan->release, "notes", notes,
                   "dockerfile", plan->dockerfile);
}

static const char *or_else(const char *given, const char *of_file) {
  return given ? given : of_file;
}

static err *show_plan(struct cli *cli, const struct args *args, const struct source_view *view,
                      const struct service_settings *s, const struct strv *variables) {
  struct plan_request request = {
      .source = view,
      .variables = (const char *const *)variables->items,
      .builder = builder_name(s->builder),
      .build_command = or_else(args_text(args, "build-command"), s->build_command),
      .start_command = or_else(args_text(args, "start-command"), s->start_command),
      .service_id = "local",
  };
  struct plan plan;
  TRY(plan_make(&request, &plan));
  auto_json *answer = plan_json(&plan);
  auto_free char *text = plan_print(&plan);
  plan_done(&plan);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s", text);
  return NULL;
}

/* Behind those that are given: the planner takes the first of a name. */
static void add_variables(const json_t *of_file, struct strv *variables) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)of_file, name, value)
    strv_addf(variables, "%s=%s", name, json_string_value(value));
}

/* railway.toml or railway.json, without the blocks of environments. */
static err *read_config(struct cli *cli, const struct source_view *view, struct service_settings *s,
                        struct strv *variables) {
  const char *path = config_file_in(view);
  auto_str text = STR_EMPTY;
  auto_config_result result = {0};
  if (!path) return NULL;
  TRY(view->read(view->arg, path, &text));
  struct config_source source = {.path = path, .text = str_text(&text), .len = text.len};
  TRY(config_file_apply(&source, s, &result));
  for (size_t i = 0; i < result.warnings.len; i++)
    fprintf(cli->out.err, "%s\n", result.warnings.items[i]);
  add_variables(result.variables, variables);
  add_variables(result.build_variables, variables);
  return NULL;
}

static err *plan_folder(struct cli *cli, const struct args *args, const struct source_view *view,
                        struct strv *variables) {
  auto_service_settings s = {0};
  auto_str dockerfile = STR_EMPTY;
  const char *path;
  service_settings_init(&s);
  TRY(read_config(cli, view, &s, variables));
  const struct source_view *found = source_dockerfile(view, view, s.dockerfile_path, &path);
  if (!found) return show_plan(cli, args, view, &s, variables);
  TRY(view->read(view->arg, path, &dockerfile));
  show_dockerfile(cli, args, str_text(&dockerfile));
  return NULL;
}

static err *run_build(struct cli *cli, const struct args *args) {
  const char *folder = args_word(args, 0) ? args_word(args, 0) : ".", *pair;
  auto_strv variables = STRV_EMPTY;
  size_t cursor = 0;
  if (!args_has(args, "plan"))
    return err_new(ERR_INVALID,
                   "builds run on the server: `%s up` starts one; `%s build --plan` "
                   "shows what it would do",
                   cli->program, cli->program);
  while ((pair = args_next(args, "variable", &cursor)))
    strv_add(&variables, pair);
  struct source_view view;
  TRY(source_view_open(folder, &view));
  err *e = plan_folder(cli, args, &view, &variables);
  source_view_close(&view);
  return err_wrap(e, "planning the build of '%s'", folder);
}

/* clang-format off */
static const struct flag build_flags[] = {
  { "plan",          NULL,      "show what a build would do, and its Dockerfile" },
  { "variable|v",    "K=V",     "plan with this service variable; may be repeated" },
  { "build-command", "COMMAND", "plan with this build command" },
  { "start-command", "COMMAND", "plan with this start command" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_build = {
    .name = "build",
    .usage = "[PATH]",
    .summary = "Show how this folder would be built",
    .details = "Without a Dockerfile the planner looks at the files, finds out what they are and\n"
               "writes one. --plan prints it with its reasons; nothing is sent or built. What\n"
               "railway.toml or railway.json sets is looked at, but for the blocks of environments.",
    .examples = "build --plan\nbuild --plan backend -v RAILPACK_PYTHON_VERSION=3.11",
    .flags = build_flags,
    .max_words = 1,
    .run = run_build,
};
