package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A subsystem that is not there is told by its module and its option, not by an errno. */
class KernelPartTest {
  // nlmsghdr and nfgenmsg, REQUEST and ACK
  private static final String STATISTICS = "14000000 0501 0500 01000000 00000000 00000000";

  // with NFQA_CFG_CMD, NFQNL_CFG_CMD_PF_BIND
  private static final String NO_COMMAND =
      "1c000000 0203 0500 02000000 00000000 00000000 0800 0100 03000000";
  private static final String GENERATION = "14000000 100a 0500 03000000 00000000 00000000";

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();

  @Test
  void everySubsystemAnswers_nothingIsMissing() throws NetlinkException {
    kernel.expectHex(STATISTICS).acknowledge(1);
    kernel.expectHex(NO_COMMAND).acknowledge(2);
    kernel.expectHex(GENERATION).acknowledge(3);
    assertEquals(List.of(), KernelPart.missingSubsystems(kernel));
  }

  @Test
  void whatAnswersInvalidArgument_isNotThere() throws NetlinkException {
    kernel.expectHex(STATISTICS).refuse(1, Errno.EINVAL);
    kernel.expectHex(NO_COMMAND).refuse(2, Errno.EINVAL);
    kernel.expectHex(GENERATION).refuse(3, Errno.EINVAL);
    List<KernelPart> missing = KernelPart.missingSubsystems(kernel);
    assertEquals(List.of(KernelPart.CONNTRACK, KernelPart.QUEUE, KernelPart.NFTABLES), missing);
    assertEquals(
        "this kernel has no nf_conntrack_netlink (CONFIG_NF_CT_NETLINK; modprobe"
            + " nf_conntrack_netlink), no nfnetlink_queue (CONFIG_NETFILTER_NETLINK_QUEUE; modprobe"
            + " nfnetlink_queue), no nf_tables (CONFIG_NF_TABLES; modprobe nf_tables)",
        KernelPart.missing(missing));
  }

  @Test
  void anotherRefusal_saysNothingOfWhatIsThere() {
    kernel.expectHex(STATISTICS).refuse(1, Errno.EPERM);
    NetlinkException refused =
        assertThrows(NetlinkException.class, () -> KernelPart.missingSubsystems(kernel));
    assertEquals(Errno.EPERM, refused.errno());
  }
}
