#include "model/dependency_graph.h"

#include <stddef.h>

#include "tap.h"

TEST(who_needs_something_waits_for_it) {
  auto_dependency_graph *g = dependency_graph_new();
  dependency_graph_add(g, "web", "api");
  dependency_graph_add(g, "api", "db");
  dependency_graph_add(g, "api", "db");
  CHECK(dependency_graph_waits(g, "web", "api"));
  CHECK(dependency_graph_waits(g, "api", "db"));
  CHECK(dependency_graph_waits(g, "web", "unknown"));
}

TEST(the_members_of_a_cycle_do_not_wait_for_each_other) {
  auto_dependency_graph *g = dependency_graph_new();
  dependency_graph_add(g, "a", "b");
  dependency_graph_add(g, "b", "c");
  dependency_graph_add(g, "c", "a");
  dependency_graph_add(g, "a", "db");
  dependency_graph_add(g, "web", "a");
  dependency_graph_add(g, "self", "self");
  CHECK(!dependency_graph_waits(g, "a", "b"));
  CHECK(!dependency_graph_waits(g, "b", "c"));
  CHECK(!dependency_graph_waits(g, "c", "a"));
  CHECK(!dependency_graph_waits(g, "self", "self"));
  CHECK(dependency_graph_waits(g, "a", "db"));
  CHECK(dependency_graph_waits(g, "web", "a"));
}

TEST_MAIN
