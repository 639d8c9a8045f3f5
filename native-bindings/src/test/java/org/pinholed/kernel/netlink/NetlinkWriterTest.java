package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Exact bytes; headers as a little-endian machine has them. */
class NetlinkWriterTest {
  private final NetlinkWriter writer = new NetlinkWriter(128);

  private String hex() {
    return HexFormat.of().formatHex(writer.toBytes());
  }

  private void body(String expected) {
    writer.endMessage();
    assertEquals(expected.replace(" ", ""), hex().substring(32));
  }

  @Test
  void message_withoutAttributes_isItsHeader() {
    writer.beginMessage(1, 5, 0x01020304).endMessage();
    assertEquals("10000000" + "0100" + "0500" + "04030201" + "00000000", hex());
  }

  @Test
  void netfilterMessage_hasFamilyAndResourceInNetworkOrder() {
    writer.beginNfnetlink(3, 2, 5, 7, 2, 0x1234).endMessage();
    assertEquals("14000000" + "0203" + "0500" + "07000000" + "00000000" + "02001234", hex());
  }

  @Test
  void numbers_areInTheOrderThatTheirNamesSay() {
    writer.beginMessage(1, 1, 1);
    writer.attr8(1, 0xfe).attr16be(2, 0x0102).attr32be(3, 0x01020304).attr32host(4, 0x01020304);
    writer.attr64be(5, 0x0102030405060708L);
    body(
        "05000100 fe000000 06000200 01020000 08000300 01020304 08000400 04030201"
            + "0c000500 01020304 05060708");
  }

  @Test
  void texts_endInNul_andArePadded() {
    writer.beginMessage(1, 1, 1).attrString(1, "lo").attrString(2, "abcd");
    body("07000100 6c6f0000 09000200 61626364 00000000");
  }

  @Test
  void bytes_ofABuffer_leaveItsPositionAlone() {
    ByteBuffer source = ByteBuffer.wrap("0123456789".getBytes(StandardCharsets.US_ASCII));
    source.position(9);
    writer.beginMessage(1, 1, 1).attrBytes(7, source, 2, 3);
    assertEquals(9, source.position());
    body("07000700 32333400");
  }

  @Test
  void nested_hasItsFlagAndTheLengthOfAllWithin() {
    writer.beginMessage(1, 1, 1).beginNested(1).attr8(1, 6).beginNested(2).endNested();
    writer.endNested().attr8(3, 1);
    body("10000180 05000100 06000000 04000280 05000300 01000000");
  }

  @Test
  void messages_followEachOtherAtMultiplesOfFour() {
    writer.beginMessage(1, 1, 1).rawBytes(new byte[] {9}).endMessage();
    writer.beginMessage(2, 1, 2).endMessage();
    assertEquals(36, writer.lengthBytes());
    assertEquals(17, writer.buffer().getInt(0));
    assertEquals(16, writer.buffer().getInt(20));
    assertEquals(0, writer.reset().lengthBytes());
  }

  @Nested
  class Refuses {
    @Test
    void aMessageInsideAMessage() {
      writer.beginMessage(1, 1, 1);
      assertThrows(IllegalStateException.class, () -> writer.beginMessage(1, 1, 1));
    }

    @Test
    void anEndWithOpenNesting() {
      writer.beginMessage(1, 1, 1).beginNested(1);
      assertThrows(IllegalStateException.class, writer::endMessage);
    }

    @Test
    void anEndWithoutBegin() {
      assertThrows(IllegalStateException.class, writer::endMessage);
    }

    @Test
    void moreThanItsRoom() {
      writer.beginMessage(1, 1, 1);
      assertThrows(IllegalStateException.class, () -> writer.rawBytes(new byte[113]));
      writer.rawBytes(new byte[112]);
      assertThrows(IllegalStateException.class, () -> writer.attr8(1, 1));
    }

    @Test
    void anAttributeLongerThanItsLengthFieldCanSay() {
      NetlinkWriter large = new NetlinkWriter(1 << 17);
      large.beginMessage(1, 1, 1).attrBytes(1, new byte[0xffff - 4]);
      assertThrows(IllegalStateException.class, () -> large.attrBytes(1, new byte[0xffff - 3]));
      NetlinkWriter nested = new NetlinkWriter(1 << 18);
      nested.beginMessage(1, 1, 1).beginNested(1);
      nested.attrBytes(1, new byte[40000]).attrBytes(1, new byte[40000]);
      assertThrows(IllegalStateException.class, nested::endNested);
    }

    @Test
    void nestingDeeperThanTwelve() {
      writer.beginMessage(1, 1, 1);
      for (int i = 0; i < 12; i++) {
        writer.beginNested(1);
      }
      assertThrows(IllegalStateException.class, () -> writer.beginNested(1));
    }

    @Test
    void aCapacityThatHoldsNothing() {
      assertThrows(IllegalArgumentException.class, () -> new NetlinkWriter(63));
    }
  }
}
