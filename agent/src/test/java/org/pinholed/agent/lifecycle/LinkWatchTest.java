package org.pinholed.agent.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.link.LinkEvents;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;

class LinkWatchTest {
  private static final long MINUTE_NS = Duration.ofMinutes(1).toNanos();

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final LinkWatch watch = new LinkWatch(LinkEvents.open(kernel), 0);

  private void switched(int times) {
    for (int i = 0; i < times; i++) {
      kernel.answer(
          writer ->
              writer
                  .beginMessage(16, 0, 0)
                  .raw32host(0)
                  .raw32host(7)
                  .raw32host(0)
                  .raw32host(1)
                  .attrString(3, "veth0")
                  .endMessage());
    }
  }

  @Test
  void look_manyInAMinute_eightLinesAndTheRestCounted() {
    switched(20);
    watch.look(1);
    assertEquals(12, watch.unlogged());
    switched(7); // the line about the 12 is one of this minute's eight
    watch.look(MINUTE_NS + 1);
    assertEquals(0, watch.unlogged(), "a new minute");
  }

  @Test
  void look_socketFails_isLeftAlone() {
    kernel.failReceive(Errno.ENOMEM);
    watch.look(1);
    switched(20);
    watch.look(2);
    assertEquals(0, watch.unlogged());
  }
}
