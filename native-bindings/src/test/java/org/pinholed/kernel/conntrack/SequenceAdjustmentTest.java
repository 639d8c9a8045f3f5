package org.pinholed.kernel.conntrack;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.kernel.conntrack.ConntrackClient.SequenceAdjustments;
import org.pinholed.kernel.netlink.FakeNetlinkTransport;
import org.pinholed.kernel.netlink.NetlinkException;
import org.pinholed.kernel.netlink.NetlinkWriter;

/** How the kernel shifts sequence numbers, told and changed. */
class SequenceAdjustmentTest {
  private static final int ID = 0xd12dd840;
  private static final String TUPLE4 =
      "34000180 14000180 08000100 c0000202 08000200 c6336415"
          + "1c000280 05000100 06000000 06000200 9c400000 06000300 00150000";

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final ConntrackClient client = ConntrackClient.open(kernel);

  /** An entry with the adjustments of the given attributes, 15 for the original direction. */
  private static NetlinkWriter entry(NetlinkWriter writer, int... attributes) {
    writer.beginNfnetlink(1, 0, 0, 1, 2, 0);
    ConntrackMessages.tuple(
        writer, ConntrackMessages.CTA_TUPLE_ORIG, ConntrackClientTest.control());
    ConntrackMessages.tuple(
        writer, ConntrackMessages.CTA_TUPLE_REPLY, ConntrackClientTest.control().inverse());
    writer.attr32be(ConntrackMessages.CTA_ID, ID);
    for (int attribute : attributes) {
      writer.beginNested(attribute).attr32be(1, 1000).attr32be(2, 0).attr32be(3, attribute);
      writer.endNested();
    }
    return writer.endMessage();
  }

  private boolean told(int askedId, int... attributes) throws NetlinkException {
    kernel
        .expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4)
        .answer(writer -> entry(writer, attributes));
    return client.sequenceAdjustments(ConntrackClientTest.control(), askedId).isPresent();
  }

  @Test
  void sequenceAdjustments_ofBothDirections_areTold() throws NetlinkException {
    kernel
        .expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4)
        .answer(writer -> entry(writer, 15, 16));
    SequenceAdjustments both =
        client.sequenceAdjustments(ConntrackClientTest.control(), ID).orElseThrow();
    assertEquals(new SequenceAdjustment(1000, 0, 15), both.original());
    assertEquals(new SequenceAdjustment(1000, 0, 16), both.reply());
  }

  @Test
  void sequenceAdjustments_ofOneDirection_theOtherShiftsNothing() throws NetlinkException {
    kernel
        .expectHex("48000000 0101 0100 01000000 00000000 02000000" + TUPLE4)
        .answer(writer -> entry(writer, 16));
    SequenceAdjustments one =
        client.sequenceAdjustments(ConntrackClientTest.control(), ID).orElseThrow();
    assertEquals(SequenceAdjustment.NONE, one.original());
    assertEquals(new SequenceAdjustment(1000, 0, 16), one.reply());
  }

  @Test
  void sequenceAdjustments_ofNeither_areNotThere() throws NetlinkException {
    assertFalse(told(ID));
  }

  @Test
  void sequenceAdjustments_ofAnotherConnectionInItsPlace_areNotThere() throws NetlinkException {
    assertFalse(told(7, 15));
  }

  @Test
  void sequenceAdjustments_ofTheOriginalDirectionAlone_areThere() throws NetlinkException {
    assertTrue(told(ID, 15));
  }

  @Test
  void toSender_behindThePosition_takesTheLaterOffset() {
    SequenceAdjustment longer = new SequenceAdjustment(1000, 2, 5);
    assertEquals(998, longer.toSender(1000));
    assertEquals(1000, longer.toSender(1002), "up to the position: as before");
    assertEquals(998, longer.toSender(1003), "behind it: as after");
    assertEquals(0xffff_fffd, new SequenceAdjustment(0xffff_fff0, 0, 5).toSender(2), "around zero");
  }

  @Test
  void setSequenceAdjustment_saysTheWholeOfIt() throws NetlinkException {
    kernel
        .expectHex(
            "64000000 0001 0500 01000000 00000000 02000000"
                + TUPLE4
                + "1c001080 08000100 000003e8 08000200 00000002 08000300 00000005")
        .acknowledge(1);
    assertTrue(
        client.setSequenceAdjustment(
            ConntrackClientTest.control(), true, new SequenceAdjustment(1000, 2, 5), false));
  }

  @Test
  void setSequenceAdjustment_onDemand_exemptsBothDirections() throws NetlinkException {
    kernel
        .expectHex(
            "7c000000 0001 0500 01000000 00000000 02000000"
                + TUPLE4
                + "1c001080 08000100 000003e8 08000200 00000002 08000300 00000005"
                + "18000480 14000180 06000400 08080000 06000500 08080000")
        .acknowledge(1);
    assertTrue(
        client.setSequenceAdjustment(
            ConntrackClientTest.control(), true, new SequenceAdjustment(1000, 2, 5), true));
  }

  @Test
  void setSequenceAdjustment_misleadingTheWindowCheck_exemptsBothDirections()
      throws NetlinkException {
    kernel
        .expectHex(
            "7c000000 0001 0500 01000000 00000000 02000000"
                + TUPLE4
                + "1c001080 08000100 000003e8 08000200 80000000 08000300 80000003"
                + "18000480 14000180 06000400 08080000 06000500 08080000")
        .acknowledge(1);
    assertTrue(
        client.setSequenceAdjustment(
            ConntrackClientTest.control(),
            true,
            new SequenceAdjustment(1000, 0x8000_0000, 0x8000_0003),
            false));
  }

  @ParameterizedTest
  @CsvSource({
    "-100, -97, true", // down, and a byte that the receiver has seems to be above what was sent
    "-2, -1, true",
    "-100, -103, false", // seems to be below: that is allowed
    "-100, -100, false",
    "-1, 2, false", // up: the offset behind the position is found
    "100, 103, false",
    "100, 97, false",
    "0, 3, false",
    "0, -3, false"
  })
  void misleadsWindowCheck(int before, int after, boolean misled) {
    assertEquals(misled, new SequenceAdjustment(1000, before, after).misleadsWindowCheck());
  }
}
