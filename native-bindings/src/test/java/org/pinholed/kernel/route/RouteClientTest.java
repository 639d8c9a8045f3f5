package org.pinholed.kernel.route;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.function.Consumer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** Requests byte for byte; the hexadecimal texts are what iproute2 sends. */
class RouteClientTest {
  private static final int RTM_NEWLINK = 16;
  private static final int RTM_NEWROUTE = 24;
  private static final int RTN_UNICAST = 1;
  private static final int RTN_LOCAL = 2;
  private static final int RTA_OIF = 4;
  private static final int RTA_MULTIPATH = 9;
  private static final int RTA_NH_ID = 30;
  private static final int IFLA_MASTER = 10;
  private static final int FIB_MATCH = 0x2000;

  // To 203.0.113.2 from 198.51.100.2, by device 5 and with mark 7.
  private static final String HEAD4 = "02202000 00000000 00200000";
  private static final String ADDRESSES4 = "08000100 cb007102 08000200 c6336402";
  private static final String BY_5 = "08000300 05000000";
  private static final String MARK_7 = "08001000 07000000";

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final RouteClient client = RouteClient.open(kernel);

  private static RouteQuestion question(int in, int mark) {
    return new RouteQuestion(address("203.0.113.2"), address("198.51.100.2"), in, mark);
  }

  private static InetAddress address(String text) {
    try {
      return InetAddress.getByName(text);
    } catch (UnknownHostException e) {
      throw new AssertionError(e);
    }
  }

  private void answer(int sequence, int type, Consumer<NetlinkWriter> attributes) {
    kernel.answer(
        writer -> {
          writer.beginMessage(RTM_NEWROUTE, 0, sequence);
          writer.raw32host(0).raw8(0).raw8(0).raw8(0).raw8(type).raw32host(0);
          attributes.accept(writer);
          writer.endMessage();
        });
  }

  private void link(int sequence, Consumer<NetlinkWriter> attributes) {
    kernel.answer(
        writer -> {
          writer.beginMessage(RTM_NEWLINK, 0, sequence);
          writer.raw32host(0).raw32host(9).raw32host(0).raw32host(0);
          attributes.accept(writer);
          writer.endMessage();
        });
  }

  private static Consumer<NetlinkWriter> nextHops(int... devices) {
    return writer -> {
      // each with a gateway behind the struct, as the kernel tells them
      writer.attrHeader(RTA_MULTIPATH, 16 * devices.length);
      for (int device : devices) {
        writer.raw16host(16).raw8(0).raw8(0).raw32host(device).attr32be(5, 0xc6336402);
      }
    };
  }

  @Test
  void leadsTo_asksForTheWholeRoute() throws NetlinkException {
    kernel.expectHex("3c000000 1a00 0100 01000000 00000000" + HEAD4 + ADDRESSES4 + BY_5 + MARK_7);
    answer(1, RTN_UNICAST, writer -> writer.attr32host(RTA_OIF, 9));
    assertTrue(client.leadsTo(question(5, 7), 9));
    client.close();
  }

  @Test
  void leadsTo_ownPacketWithoutAMark_saysNothingOfThem() throws NetlinkException {
    kernel.expectHex("2c000000 1a00 0100 01000000 00000000" + HEAD4 + ADDRESSES4);
    answer(1, RTN_UNICAST, writer -> writer.attr32host(RTA_OIF, 9));
    assertTrue(client.leadsTo(question(0, 0), 9));
    client.close();
  }

  @Test
  void leadsTo_ipv6_asksByBothAddresses() throws NetlinkException {
    kernel.expectHex(
        "4c000000 1a00 0100 01000000 00000000 0a808000 00000000 00200000"
            + "14000100 20010db8 00000000 00000000 00000001"
            + "14000200 20010db8 00000000 00000000 00000002"
            + "08000300 05000000");
    answer(1, RTN_UNICAST, writer -> writer.attr32host(RTA_OIF, 9));
    assertTrue(
        client.leadsTo(new RouteQuestion(address("2001:db8::1"), address("2001:db8::2"), 5, 0), 9));
    client.close();
  }

  @Test
  void leadsTo_anyOfTheNextHops() throws NetlinkException {
    kernel.takeAnything();
    answer(1, RTN_UNICAST, nextHops(8, 9));
    assertTrue(client.leadsTo(question(5, 0), 9));
  }

  @Test
  void leadsTo_anotherDevice_no() throws NetlinkException {
    kernel.takeAnything();
    answer(1, RTN_UNICAST, writer -> writer.attr32host(RTA_OIF, 8));
    link(2, writer -> writer.attr32host(4, 1500));
    assertFalse(client.leadsTo(question(5, 0), 9));
    assertEquals(2, kernel.sendCount());
  }

  @Test
  void leadsTo_theMasterOfTheDevice_yes() throws NetlinkException {
    kernel.takeAnything();
    answer(1, RTN_UNICAST, writer -> writer.attr32host(RTA_OIF, 8));
    link(2, writer -> writer.attr32host(4, 1500).attr32host(IFLA_MASTER, 9));
    assertTrue(client.leadsTo(question(5, 0), 9));
  }

  @Test
  void leadsTo_endsOnThisMachine_no() throws NetlinkException {
    kernel.takeAnything();
    answer(1, RTN_LOCAL, writer -> writer.attr32host(RTA_OIF, 9));
    assertFalse(client.leadsTo(question(5, 0), 9));
  }

  @Test
  void leadsTo_onlyAGroupIsTold_asksForTheChosenHop() throws NetlinkException {
    kernel.takeAnything();
    answer(1, RTN_UNICAST, writer -> writer.attr32host(RTA_NH_ID, 10));
    answer(2, RTN_UNICAST, writer -> writer.attr32host(RTA_OIF, 9));
    assertTrue(client.leadsTo(question(5, 0), 9));
    assertEquals(2, kernel.sendCount());
    byte[] last = kernel.lastSent();
    assertEquals(0, last[25] & FIB_MATCH >> 8);
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        Errno.EINVAL,
        Errno.EACCES,
        Errno.EAGAIN,
        Errno.ENETUNREACH,
        Errno.EHOSTUNREACH,
        Errno.EXDEV,
        Errno.ENODEV,
        Errno.ENOENT
      })
  void leadsTo_noWay_no(int errno) throws NetlinkException {
    kernel.takeAnything().refuse(1, errno);
    assertFalse(client.leadsTo(question(5, 0), 9));
  }

  @Test
  void leadsTo_noAnswer_isAnError() {
    kernel.takeAnything();
    NetlinkException e =
        assertThrows(NetlinkException.class, () -> client.leadsTo(question(5, 0), 9));
    assertEquals(Errno.ETIMEDOUT, e.errno());
  }

  @Property(tries = 300)
  void leadsTo_anyBytes_neverThrowsAnythingElse(@ForAll @Size(max = 100) byte[] bytes) {
    FakeNetlinkTransport any = new FakeNetlinkTransport().takeAnything();
    any.answer(
        writer -> writer.beginMessage(RTM_NEWROUTE, 0, 1).rawBytes(bytes).pad().endMessage());
    try {
      var unused = RouteClient.open(any).leadsTo(question(5, 0), 9);
    } catch (NetlinkException e) {
      // the question for the master has no answer
    }
  }

  @Test
  void device_nameMtuAndMaster() throws NetlinkException {
    kernel.expectHex("20000000 1200 0100 01000000 00000000 00000000 09000000 00000000 00000000");
    link(1, writer -> writer.attrString(3, "wan0").attr32host(4, 1492).attr32host(IFLA_MASTER, 7));

    assertEquals(new NetworkDevice(9, "wan0", 1492, 7), client.device(9));
    client.close();
  }

  @Test
  void device_thatIsNotThere_isNone() throws NetlinkException {
    kernel.takeAnything().refuse(1, Errno.ENODEV);
    assertNull(client.device(9));
  }
}
