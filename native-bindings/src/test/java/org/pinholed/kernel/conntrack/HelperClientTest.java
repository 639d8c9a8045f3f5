package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pinholed.kernel.netlink.Errno;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;

/** Requests byte for byte, as {@code linux/netfilter/nfnetlink_cthelper.h} has them. */
class HelperClientTest {
  // NFCTH_NAME "pinholed", NFCTH_TUPLE {IPv6, UDP}
  private static final String NAME_AND_TUPLE =
      "0d000100 70696e68 6f6c6564 00000000 14000280 06000100 000a0000 05000200 11000000";

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final HelperClient client = HelperClient.open(kernel);

  @AfterEach
  void playedToItsEnd() {
    client.close();
    assertTrue(kernel.isClosed());
  }

  @Test
  void make_saysThePolicy_andStaysDisabled() throws NetlinkException {
    kernel
        .expectHex(
            "80000000 0009 0504 01000000 00000000 00000000"
                + NAME_AND_TUPLE
                + "08000300 00000000"
                + "30000480 08000100 00000001"
                + "24000280 0d000100 70696e68 6f6c6564 00000000"
                + "08000200 000000ff 08000300 0000003c"
                + "08000500 00000000 08000600 00000000")
        .acknowledge(1);
    client.make("pinholed", true, 17, 255, 60);
  }

  @Test
  void make_withoutTheModule_isRefused() {
    kernel.takeAnything().refuse(1, Errno.EINVAL);
    NetlinkException refused =
        assertThrows(NetlinkException.class, () -> client.make("pinholed", false, 6, 255, 60));
    assertEquals(Errno.EINVAL, refused.errno());
  }

  private FakeNetlinkTransport expectRemoval(int sequence) {
    return kernel.expectHex(
        String.format("38000000 0209 0500 %02x000000 00000000 00000000", sequence)
            + NAME_AND_TUPLE);
  }

  @Test
  void remove_tellsWhetherItWasThereAndUnused() throws NetlinkException {
    expectRemoval(1).acknowledge(1);
    expectRemoval(2).refuse(2, Errno.ENOENT);
    expectRemoval(3).refuse(3, Errno.EBUSY);
    expectRemoval(4).refuse(4, Errno.EPERM);
    assertTrue(client.remove("pinholed", true, 17));
    assertFalse(client.remove("pinholed", true, 17));
    assertFalse(client.remove("pinholed", true, 17));
    assertThrows(NetlinkException.class, () -> client.remove("pinholed", true, 17));
  }

  @Test
  void names_thatTheKernelWouldCut_areRefused() {
    for (String name : new String[] {"", "sixteen-letters-"}) {
      assertThrows(IllegalArgumentException.class, () -> client.make(name, false, 6, 1, 1));
    }
  }
}
