package org.pinholed.kernel.link;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkWriter;

class LinkEventsTest {
  private static final int IFF_UP = 1;
  private static final int IFF_RUNNING = 0x40;
  private static final int IFF_LOWER_UP = 0x10000;

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final LinkEvents events = LinkEvents.open(kernel);
  private final List<String> told = new ArrayList<>();

  private void link(int message, int flags, int change, String name) {
    kernel.answer(
        writer -> {
          header(writer.beginMessage(message, 0, 0), flags, change);
          writer.attrString(3, name).attr32host(4, 1500).endMessage();
        });
  }

  private static NetlinkWriter header(NetlinkWriter writer, int flags, int change) {
    return writer.raw8(0).raw8(0).raw16host(1).raw32host(7).raw32host(flags).raw32host(change);
  }

  private void poll() throws NetlinkException {
    events.poll((device, up) -> told.add(device + (up ? " up" : " down")));
  }

  @Test
  void poll_devicesSwitched_toldInOrder_untilNothingIsThere() throws NetlinkException {
    link(16, 0, IFF_UP, "eth0");
    link(16, IFF_UP | IFF_RUNNING, IFF_UP, "eth1");
    poll();
    assertEquals(List.of("eth0 down", "eth1 up"), told);
    poll();
    assertEquals(2, told.size());
  }

  @Test
  void poll_newOrGoneOrWithoutItsCable_saysNothing() throws NetlinkException {
    link(16, 0, -1, "new0");
    link(17, 0, -1, "gone0");
    link(16, IFF_UP, 0, "eth0");
    link(16, IFF_UP | IFF_LOWER_UP, IFF_LOWER_UP, "eth0");
    poll();
    assertEquals(List.of(), told);
  }

  @Test
  void poll_tooShortOrWithoutAName_saysNothing() throws NetlinkException {
    kernel.answer(writer -> writer.beginMessage(16, 0, 0).raw32host(0).endMessage());
    kernel.answer(writer -> header(writer.beginMessage(16, 0, 0), 0, IFF_UP).endMessage());
    poll();
    assertEquals(List.of(), told);
  }

  @Test
  void poll_overrun_goesOnNextTime_otherErrorsAreTold() throws NetlinkException {
    kernel.failReceive(Errno.ENOBUFS);
    link(16, 0, IFF_UP, "eth0");
    poll();
    assertEquals(List.of(), told);
    poll();
    assertEquals(List.of("eth0 down"), told);
    kernel.failReceive(Errno.ENOMEM);
    assertThrows(NetlinkException.class, this::poll);
  }

  @Property(tries = 300)
  void poll_anyBytes_neverThrows(@ForAll @Size(max = 100) byte[] bytes) throws NetlinkException {
    kernel.answer(writer -> writer.beginMessage(16, 0, 0).rawBytes(bytes).endMessage());
    poll();
  }
}
