package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;

/** What is made of the notifications, and the filter's program. */
class ConntrackEventsTest {
  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final ConntrackEvents events = ConntrackEvents.open(kernel);
  private final List<String> heard = new ArrayList<>();
  private final ConntrackEvents.Handler handler =
      new ConntrackEvents.Handler() {
        @Override
        public void onNew(ConntrackEntry entry) {
          heard.add("new " + entry.id());
        }

        @Override
        public void onDestroy(ConntrackEntry entry) {
          heard.add("destroy " + entry.id());
        }

        @Override
        public void onOverrun() {
          heard.add("overrun");
        }
      };

  @Test
  void newAndDestroy_areTold_andOthersAreNot() throws NetlinkException {
    kernel.answer(writer -> ConntrackClientTest.entry(writer, 0, 0, 1, 0));
    kernel.answer(writer -> ConntrackClientTest.entry(writer, 2, 0, 2, 0));
    kernel.answer(writer -> ConntrackClientTest.entry(writer, 7, 0, 3, 0));
    kernel.answer(writer -> writer.beginNfnetlink(1, 0, 0, 0, 2, 0).endMessage());
    kernel.answerBytes(new byte[] {1, 2, 3});
    assertEquals(2, events.receive(handler));
    assertEquals(List.of("new 1", "destroy 2"), heard);
    assertEquals(0, events.receive(handler));
  }

  @Test
  void overrun_isToldAndCounted() throws NetlinkException {
    kernel.failReceive(Errno.ENOBUFS);
    assertEquals(0, events.receive(handler));
    assertEquals(List.of("overrun"), heard);
    assertEquals(1, events.overruns());
  }

  @Test
  void otherFailure_isThrown() {
    kernel.failReceive(Errno.ENOMEM);
    assertThrows(NetlinkException.class, () -> events.receive(handler));
  }

  @Test
  void handlerThatThrows_losesNoOtherEvent() throws NetlinkException {
    kernel.answer(writer -> ConntrackClientTest.entry(writer, 0, 0, 1, 0));
    kernel.answer(writer -> ConntrackClientTest.entry(writer, 2, 0, 2, 0));
    ConntrackEvents.Handler failing =
        new ConntrackEvents.Handler() {
          @Override
          public void onNew(ConntrackEntry entry) {
            throw new UnsupportedOperationException();
          }

          @Override
          public void onDestroy(ConntrackEntry entry) {}

          @Override
          public void onOverrun() {}
        };
    assertThrows(UnsupportedOperationException.class, () -> events.receive(failing));
    assertEquals(1, events.receive(handler));
    assertEquals(List.of("destroy 2"), heard);
    events.close();
  }

  @Test
  void markFilter_isTheProgramOfLibnetfilterConntrack() {
    // ld #20; ldx #8 (CTA_MARK); ld [SKF_AD_OFF + SKF_AD_NLATTR]; jeq #0, drop; tax; ld [x + 4];
    // jset #mask, pass, drop
    assertArrayEquals(
        new long[] {
          0x0000_0000_0000_0014L,
          0x0001_0000_0000_0008L,
          0x0020_0000_ffff_f00cL,
          0x0015_0400_0000_0000L,
          0x0007_0000_0000_0000L,
          0x0040_0000_0000_0004L,
          0x0045_0001_a000_0000L,
          0x0006_0000_ffff_ffffL,
          0x0006_0000_0000_0000L,
        },
        MarkFilter.program(0xa0000000));
  }

  @Test
  void options_outsideTheirRange_areRefused() {
    Duration second = Duration.ofSeconds(1);
    assertThrows(
        IllegalArgumentException.class, () -> new EventOptions(false, false, 0, 4096, second));
    assertThrows(
        IllegalArgumentException.class, () -> new EventOptions(true, true, 0, 4095, second));
    assertThrows(
        IllegalArgumentException.class, () -> new EventOptions(true, true, 0, 4096, Duration.ZERO));
    assertThrows(
        IllegalArgumentException.class,
        () -> new EventOptions(true, true, 0, 4096, Duration.ofDays(1)));
    new EventOptions(true, false, 0, 4096, second);
    new EventOptions(false, true, 0, 4096, second);
  }
}
