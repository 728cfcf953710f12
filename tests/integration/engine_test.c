/* The local engine with real crun, conmon, netavark, aardvark-dns and nft.  Needs root. */
#include "engine_fixture.h"

TEST(a_service_starts_and_stops) {
  fx_open();
  struct workload w = service("web", SCRIPT("echo $GREETING from $(id -u); cat /srv-below /srv-above; exec sleep 1000"));
  long long begin = tap_now_ms();
  CHECK_OK(engine_apply(fx.engine, &w));
  WAIT_STATUS("web-0", INSTANCE_RUNNING);
  printf("# first start with its network: %lld ms\n", tap_now_ms() - begin);
  WAIT_LOG("web", "above");
  auto_free char *log = log_of("web", 0);
  CHECK_TEXT(log, "hello from 0\nbelow\nabove\n");
  struct workload second = service("web2", SCRIPT("exec sleep 1000"));
  begin = tap_now_ms();
  CHECK_OK(engine_apply(fx.engine, &second));
  WAIT_STATUS("web2-0", INSTANCE_RUNNING);
  printf("# second start: %lld ms\n", tap_now_ms() - begin);
  remove_workload("web");
  CHECK_INT(seen("web-0")->status, INSTANCE_REMOVED);
}

TEST_MAIN
