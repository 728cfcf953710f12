/* Command lines as Railway's documents and scripts write them: each finds its verb, and is read whole.
 * What Tramway does not offer is not among them: docs/railway.md says why. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "tap.h"

static const char *const lines[] = {
    "add --service api --repo ada/shop --branch main --json",
    "add -s cache -i redis:7 -v A=1 -v B=2 --verbose",
    "api {me{email}} --compact",
    "api -f query.graphql --variables {} --var a=1 --raw-var n=2 --operation-name Me --allow-errors",
    "api schema",
    "api search domain --kind mutation --limit 5",
    "api describe serviceCreate",
    "completion bash",
    "delete -p shop -y --json --2fa-code 123456",
    "deployment list -s api -e production -p shop --limit 1000 --json",
    "deployments ls",
    "deployment up --detach",
    "deployment redeploy -s api -y",
    "domain",
    "domain shop.example.org",
    "domain -p 8080 -s api -e production --project shop --json",
    "domain list",
    "domain status shop.localhost",
    "domain update shop.localhost --port 3000 --domain other.localhost",
    "domain rm shop.localhost -y",
    "down -s api -e production -p shop -y",
    "environment staging",
    "env link staging --json",
    "environment list --ephemeral --json",
    "environment list --no-ephemeral",
    "environment new staging --duplicate production --json",
    "environment new staging -c production -s api deploy.startCommand true -v api A=1",
    "environment new staging --copy production",
    "environment delete staging -y --json --2fa-code 123456",
    "environment edit -p shop -e staging -s api deploy.numReplicas 2 -m more --stage --json",
    "environment config -e staging --json",
    "init -n shop -w ada --json",
    "link -p shop -e production -s api -w ada --json",
    "link -t ada",
    "list --json",
    "ls",
    "login -b",
    "login --browserless",
    "logout",
    "logs 3f0c -d --lines 10 --filter @level:error --json",
    "logs -b --tail 10 --latest",
    "logs -n 10 -f error -S 1h -U 2026-11-21T06:00:00Z -s api -e production",
    "open -p",
    "open --print",
    "project list --json",
    "projects link -p shop",
    "project delete -p shop -y",
    "projects",
    "redeploy -s api -e production -p shop -y --json --from-source",
    "restart -s api -e production -p shop -y --json",
    "run -s api -e production -p shop --no-local -v npm run seed --flag",
    "local npm start",
    "scale us-west2=2 europe-west4=1 -s api -e production -p shop --json",
    "service api",
    "service list --json",
    "service link api",
    "service delete -s api -y",
    "service source connect --repo ada/shop --branch main",
    "service source connect --image redis:7 -s cache",
    "service status -s api --json",
    "service logs -n 10",
    "service redeploy -y",
    "service restart -y",
    "service scale 2",
    "shell -s api -e production -p shop --silent",
    "ssh -p shop -s api -e production -d 3f0c ls -l",
    "ssh keys",
    "ssh keys list --json",
    "ssh keys add -k key.pub -n laptop",
    "ssh keys remove laptop",
    "status -p shop -e production --json",
    "unlink -s -y --json",
    "up . -d -y -s api -e production -p shop --no-gitignore --path-as-root --verbose --json -m note",
    "up --ci",
    "up -c --no-wait",
    "up --new --name shop -w ada",
    "variable list -k --json",
    "variables --kv -s api -e production -p shop",
    "variables --set A=1 --set B=2 --skip-deploys",
    "vars --set-from-stdin KEY --json",
    "var set A=1 B=2 --skip-deploys --json",
    "variable set KEY --stdin",
    "variable delete KEY --json",
    "whoami --json",
};

static void check_line(const char *line) {
  auto_strv words = STRV_EMPTY;
  strv_split(&words, line, ' ');
  const struct command *command = command_find(all_commands, words.items[0]);
  int argc = (int)words.len - 1;
  char **argv = words.items + 1;
  while (command && command->subcommands && argc) {
    const struct command *below = command_find(command->subcommands, argv[0]);
    if (!below) break;
    command = below;
    argv++;
    argc--;
  }
  if (!command) TAP_FAIL("%s: no such verb", line);
  auto_args args = {0};
  err *e = args_parse(command->flags, command->stop_at_word, argc, argv, &args);
  if (e) TAP_FAIL("%s: %s", line, err_message(e));
  if (!command->run) TAP_FAIL("%s: does nothing", line);
  if (args.word_count < command->min_words || (!command->stop_at_word && args.word_count > command->max_words))
    TAP_FAIL("%s: %zu words", line, args.word_count);
}

TEST(railways_command_lines_are_understood) {
  for (size_t i = 0; i < ARRAY_LEN(lines); i++) check_line(lines[i]);
}

TEST_MAIN
