package org.pinholed.helper.stream;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.stream.InOrderStream.Push;

class InOrderStreamTest {
  private static final int INITIAL = 1000;
  private static final HelperLimits LIMITS = new HelperLimits(256, 1024, 4, 512);

  private final InOrderStream stream = new InOrderStream(LIMITS);
  private final StringBuilder read = new StringBuilder();
  private final List<Long> offsets = new ArrayList<>();
  private final List<ByteBuffer> shown = new ArrayList<>();
  private ByteBuffer packet = ByteBuffer.allocate(0);

  @BeforeEach
  void synSeen() {
    stream.start(INITIAL);
  }

  /** Takes whole lines; what has no line end yet it leaves. */
  private int lines(ByteCursor bytes) {
    shown.add(bytes.buffer());
    offsets.add(bytes.streamOffsetOf(bytes.position()));
    int taken = 0;
    StringBuilder line = new StringBuilder();
    for (int at = bytes.position(); at < bytes.limit(); at++) {
      char octet = (char) Byte.toUnsignedInt(bytes.buffer().get(at));
      line.append(octet);
      if (octet == '\n') {
        taken += line.length();
        read.append(line);
        line.setLength(0);
      }
    }
    return taken;
  }

  private int all(ByteCursor bytes) {
    int length = bytes.remaining();
    shown.add(bytes.buffer());
    for (int at = bytes.position(); at < bytes.limit(); at++) {
      read.append((char) Byte.toUnsignedInt(bytes.buffer().get(at)));
    }
    return length;
  }

  private Push push(int streamOffset, String text) {
    return pushAt(INITIAL + 1 + streamOffset, text, this::lines);
  }

  private Push pushAt(int sequence, String text, InOrderStream.Reader reader) {
    byte[] bytes = ("XX" + text + "YY").getBytes(ISO_8859_1);
    packet = ByteBuffer.wrap(bytes);
    Push result = stream.push(sequence, packet, 2, bytes.length - 4, reader);
    for (int at = 0; at < bytes.length; at++) {
      packet.put(at, (byte) '#'); // the caller re-uses its buffer
    }
    return result;
  }

  @Nested
  class InTurn {
    @Test
    void aSegment_isReadFromThePacketItself() {
      assertSame(Push.IN_ORDER, push(0, "USER a\r\n"));
      assertEquals("USER a\r\n", read.toString());
      assertEquals(List.of(packet), shown);
      assertEquals(8, stream.bytesRead());
      assertEquals(0, stream.bufferedBytes());
    }

    @Test
    void anUnfinishedMessage_isPresentedAgainWithWhatFollows() {
      assertSame(Push.NEED_MORE, push(0, "A\nUSE"));
      assertEquals(3, stream.bufferedBytes());
      assertSame(Push.NEED_MORE, push(5, "R "));
      assertSame(Push.IN_ORDER, push(7, "a\n"));
      assertEquals("A\nUSER a\n", read.toString());
      assertEquals(List.of(0L, 2L, 2L), offsets);
      assertEquals(0, stream.bufferedBytes());
    }

    @Test
    void afterTheRestOfAMessage_theSegmentIsReadInPlaceAgain() {
      push(0, "begin");
      String much = "x".repeat(700) + "\n";
      assertSame(Push.NEED_MORE, push(5, "\n" + much + much + "en"));
      assertEquals("begin\n" + much + much, read.toString());
      assertSame(packet, shown.get(shown.size() - 1));
      assertEquals(2, stream.bufferedBytes());
      assertEquals(6 + 2 * 701 + 2, stream.bytesRead());
    }

    @Test
    void oneByteAtATime_givesTheSame() {
      String text = "USER a\r\nPASS secret\r\n";
      for (int at = 0; at < text.length(); at++) {
        push(at, text.substring(at, at + 1));
      }
      assertEquals(text, read.toString());
    }

    @Test
    void sequenceNumbers_wrapAround() {
      InOrderStream late = new InOrderStream(LIMITS);
      late.start(-3);
      ByteBuffer bytes = ByteBuffer.wrap("abcdef\n".getBytes(ISO_8859_1));
      assertSame(Push.EARLY, late.push(2, bytes, 4, 3, InOrderStreamTest.this::lines));
      assertSame(Push.NEED_MORE, late.push(-2, bytes, 0, 3, InOrderStreamTest.this::lines));
      assertSame(Push.OLD, late.push(-2, bytes, 0, 3, InOrderStreamTest.this::lines));
      assertSame(Push.NOTHING, late.acknowledged(1));
      assertSame(Push.IN_ORDER, late.push(0, bytes, 2, 2, InOrderStreamTest.this::lines));
      assertEquals("abcdef\n", read.toString());
      assertEquals(7, late.bytesRead());
      assertEquals(4, late.sequenceOf(6));
      assertEquals(-2, late.sequenceOf(0));
    }

    @Test
    void sequenceOf_goesRoundAsOftenAsNeeded() {
      assertEquals(INITIAL + 1 + 5, stream.sequenceOf((1L << 33) + 5));
    }

    @Test
    void directBuffersOfAnyOrder_areReadAlike() {
      ByteBuffer direct = ByteBuffer.allocateDirect(32).order(ByteOrder.LITTLE_ENDIAN);
      direct.put(0, "0123456789abc\n".getBytes(ISO_8859_1));
      ByteBuffer heap = ByteBuffer.wrap("0123456789abc\n".getBytes(ISO_8859_1));
      assertSame(
          Push.IN_ORDER, stream.push(INITIAL + 1, direct, 0, 14, InOrderStreamTest.this::all));
      assertSame(Push.OLD, stream.push(INITIAL + 1, heap, 0, 14, InOrderStreamTest.this::all));
    }
  }

  @Nested
  class Again {
    @Test
    void theSameSegment_isOld() {
      push(0, "USER a\r\n");
      assertSame(Push.OLD, push(0, "USER a\r\n"));
      assertEquals("USER a\r\n", read.toString());
    }

    @Test
    void anotherCutOfTheSameBytes_isOldOrPartlyNew() {
      push(0, "USER a\r\n");
      push(8, "PASS b\r\n");
      assertSame(Push.OLD, push(0, "USER a\r\nPASS b\r\n"));
      assertSame(Push.OLD, push(3, "R a\r\nPA"));
      assertSame(Push.IN_ORDER, push(8, "PASS b\r\nPWD\r\n"));
      assertEquals("USER a\r\nPASS b\r\nPWD\r\n", read.toString());
    }

    @Test
    void aKeepAliveProbe_isOldWhateverItsByte() {
      push(0, "U");
      push(1, "SER a\n");
      push(7, "x");
      assertSame(Push.OLD, push(7, "\0"));
      assertSame(Push.OLD, push(6, "" + "\n"));
      assertSame(Push.NOTHING, push(7, ""));
      assertSame(Push.NOTHING, push(99, ""));
    }

    @Test
    void bytesBeforeTheFirst_areAConflict() {
      // A SYN+ACK that acknowledges too much makes the beginning of a request look old.
      assertSame(Push.CONFLICT, push(-17, "POST / HTTP/1.1\r\n"));
      assertSame(Push.CONFLICT, push(0, "PORT 1\r\n"));
      assertEquals("", read.toString());
    }

    @Test
    void bytesBeforeTheFirst_andNewOnesWithThem_areAConflict() {
      assertSame(Push.CONFLICT, push(-2, "\r\nPORT 1\r\n"));
      assertEquals("", read.toString());
    }

    @Test
    void bytesBeforeTheFirst_longAfterwards_areAConflict() {
      push(0, "A\n");
      assertSame(Push.OLD, push(0, "A\n"));
      assertSame(Push.CONFLICT, push(-1, "\nA\n"));
    }

    @Test
    void aKeepAliveProbeBeforeTheFirstByte_isOld() {
      assertSame(Push.OLD, push(-1, "\0"));
      assertSame(Push.IN_ORDER, push(0, "A\n"));
    }

    @Test
    void bytesBeforeAResumption_areOld() {
      InOrderStream resumed = new InOrderStream(LIMITS);
      resumed.resume(10);
      ByteBuffer bytes = ByteBuffer.wrap("ab\nc\n".getBytes(ISO_8859_1));
      assertSame(Push.OLD, resumed.push(7, bytes, 0, 3, InOrderStreamTest.this::lines));
      assertSame(Push.IN_ORDER, resumed.push(7, bytes, 0, 5, InOrderStreamTest.this::lines));
      assertEquals("c\n", read.toString());
    }

    @Test
    void aZeroWindowProbe_isReadOnce() {
      push(0, "A\n");
      assertSame(Push.NEED_MORE, push(2, "B"));
      assertSame(Push.OLD, push(2, "B"));
      assertSame(Push.IN_ORDER, push(2, "BC\n"));
      assertEquals("A\nBC\n", read.toString());
    }

    @Test
    void aSynThatComesAgain_movesNothing() {
      stream.start(77);
      stream.start(INITIAL);
      push(0, "A\n");
      stream.start(77);
      assertSame(Push.IN_ORDER, push(2, "B\n"));
      InOrderStream early = new InOrderStream(LIMITS);
      early.start(10);
      ByteBuffer bytes = ByteBuffer.wrap("b\na\n".getBytes(ISO_8859_1));
      early.push(13, bytes, 0, 2, InOrderStreamTest.this::lines);
      early.start(500);
      assertSame(Push.IN_ORDER, early.push(11, bytes, 2, 2, InOrderStreamTest.this::lines));
      assertEquals("A\nB\na\nb\n", read.toString());
    }

    @Test
    void beyondTheHistory_nothingIsCompared() {
      push(0, "a".repeat(99) + "\n");
      for (int block = 1; block <= 6; block++) {
        push(block * 100, "b".repeat(99) + "\n");
      }
      assertSame(Push.OLD, push(0, "c".repeat(99) + "\n"), "600 bytes back, 512 are kept");
      assertSame(Push.CONFLICT, push(100, "c".repeat(99) + "\n"));
    }

    @Test
    void withoutHistory_onlyWhatIsKeptIsCompared() {
      InOrderStream plain = new InOrderStream(new HelperLimits(256, 1024, 4, 0));
      plain.start(0);
      ByteBuffer bytes = ByteBuffer.wrap("a\nxb\nyb\nz".getBytes(ISO_8859_1));
      assertSame(Push.IN_ORDER, plain.push(1, bytes, 0, 2, InOrderStreamTest.this::lines));
      assertSame(Push.OLD, plain.push(1, bytes, 3, 2, InOrderStreamTest.this::lines));
      assertSame(Push.NEED_MORE, plain.push(3, bytes, 2, 1, InOrderStreamTest.this::lines));
      assertSame(Push.CONFLICT, plain.push(3, bytes, 5, 3, InOrderStreamTest.this::lines));
    }
  }

  @Nested
  class Early {
    @Test
    void aSegmentBeforeItsTurn_waits() {
      assertSame(Push.EARLY, push(8, "PASS b\r\n"));
      assertEquals(8, stream.bufferedBytes());
      assertEquals("", read.toString());
      assertSame(Push.IN_ORDER, push(0, "USER a\r\n"));
      assertEquals("USER a\r\nPASS b\r\n", read.toString());
      assertEquals(0, stream.bufferedBytes());
      assertEquals(16, stream.bytesRead());
    }

    @Test
    void manyInTheWrongOrder_areSorted() {
      assertSame(Push.EARLY, push(6, "d\n"));
      assertSame(Push.EARLY, push(2, "b\n"));
      assertSame(Push.EARLY, push(4, "c\n"));
      assertSame(Push.EARLY, push(2, "b\nc\n"));
      assertSame(Push.IN_ORDER, push(0, "a\n"));
      assertEquals("a\nb\nc\nd\n", read.toString());
    }

    @Test
    void partsThatOverlap_areKeptOnce() {
      push(4, "ef");
      push(8, "ij");
      assertSame(Push.EARLY, push(2, "cdefghij"));
      assertEquals(8, stream.bufferedBytes());
      assertSame(Push.EARLY, push(5, "fghij"));
      assertSame(Push.EARLY, push(3, "de"));
      assertEquals(8, stream.bufferedBytes());
      assertSame(Push.NEED_MORE, push(0, "abcde"));
      assertSame(Push.IN_ORDER, push(10, "k\n"));
      assertEquals("abcdefghijk\n", read.toString());
    }

    @Test
    void whatTheSegmentInTurnBringsAlong_isNotReadTwice() {
      push(2, "c");
      push(4, "e");
      assertSame(Push.NEED_MORE, push(0, "abcdefg"));
      assertEquals(7, stream.bytesRead());
      assertEquals(7, stream.bufferedBytes());
    }

    @Test
    void tooManyPieces_areNotKept() {
      for (int piece = 1; piece <= 4; piece++) {
        assertSame(Push.EARLY, push(piece * 10, "x"));
      }
      assertSame(Push.EARLY_NOT_KEPT, push(50, "x"));
      assertSame(Push.EARLY, push(40, "x"));
      assertEquals(4, stream.bufferedBytes());
    }

    @Test
    void tooManyBytes_areNotKept() {
      push(0, "unfinished");
      assertSame(Push.EARLY_NOT_KEPT, push(100, "y".repeat(1015)));
      assertSame(Push.EARLY, push(100, "y".repeat(1014)));
      assertEquals(1024, stream.bufferedBytes());
      assertSame(Push.EARLY_NOT_KEPT, push(3000, "z"));
    }
  }

  @Nested
  class Fails {
    private void andForGood(Push error, StreamReason reason) {
      assertSame(reason, error.reason());
      String before = read.toString();
      assertSame(error, push((int) stream.bytesRead(), "more\n"));
      assertSame(error, stream.acknowledged(INITIAL));
      assertEquals(before, read.toString());
      assertEquals(0, stream.bufferedBytes());
      assertNotNull(reason.explanation());
    }

    @Test
    void onARetransmissionWithOtherBytes() {
      push(0, "USER alice\r\n");
      assertSame(Push.CONFLICT, push(0, "USER mallo\r\n"));
      andForGood(Push.CONFLICT, StreamReason.CONFLICT);
    }

    @Test
    void onAnyCopyWithFlippedTopBits() {
      // A product with an odd number keeps differences in the top bit: two of them vanished.
      String text = "PORT 192,0,2,1,4,1\r\n      ";
      int pairs = 0;
      for (int one = 0; one < 24; one++) {
        for (int other = one + 1; other < 24; other++) {
          for (int third = other; third < 24; third++) {
            InOrderStream fresh = new InOrderStream(LIMITS);
            fresh.start(INITIAL);
            byte[] bytes = text.getBytes(ISO_8859_1);
            fresh.push(INITIAL + 1, ByteBuffer.wrap(bytes), 0, 24, InOrderStreamTest.this::all);
            bytes[one] ^= (byte) 0x80;
            bytes[other] ^= (byte) 0x80;
            if (third != other) {
              bytes[third] ^= (byte) 0x80;
            }
            assertSame(
                Push.CONFLICT,
                fresh.push(
                    INITIAL + 1, ByteBuffer.wrap(bytes), 0, 24, InOrderStreamTest.this::all));
            pairs++;
          }
        }
      }
      assertEquals(23 * 24 * 25 / 6, pairs);
    }

    @Test
    void onOneThatCoversAReadSegmentAndMore() {
      push(0, "USER a\r\n");
      assertSame(Push.CONFLICT, push(0, "PORT a\r\nPASV\r\n"));
      andForGood(Push.CONFLICT, StreamReason.CONFLICT);
    }

    @Test
    void onAnotherCopyOfWhatTheReaderLeft() {
      push(0, "A\nPORT 1");
      assertSame(Push.CONFLICT, push(4, "RTX1,2\n"));
      andForGood(Push.CONFLICT, StreamReason.CONFLICT);
    }

    @Test
    void onAnotherCopyOfAnEarlySegment() {
      push(4, "efgh");
      assertSame(Push.CONFLICT, push(6, "gH"));
      andForGood(Push.CONFLICT, StreamReason.CONFLICT);
    }

    @Test
    void onAnEarlySegmentThatTheOneInTurnContradicts() {
      push(4, "efgh");
      assertSame(Push.CONFLICT, push(0, "abcdeX"));
      assertEquals("", read.toString());
      andForGood(Push.CONFLICT, StreamReason.CONFLICT);
    }

    @Test
    void whenTheReceiverHasMoreThanWasSeen() {
      push(0, "A\n");
      assertSame(Push.NOTHING, stream.acknowledged(INITIAL + 3));
      assertSame(Push.NOTHING, stream.acknowledged(INITIAL));
      assertSame(Push.NOTHING, stream.acknowledged(INITIAL + 4), "may be the FIN");
      assertSame(Push.GAP, stream.acknowledged(INITIAL + 5));
      andForGood(Push.GAP, StreamReason.GAP);
    }

    @Test
    void whenTheHoleBeforeAnEarlySegmentIsAcknowledged() {
      push(0, "A\n");
      push(3, "C\n");
      assertSame(Push.NOTHING, stream.acknowledged(INITIAL + 3));
      assertSame(Push.GAP, stream.acknowledged(INITIAL + 6));
      andForGood(Push.GAP, StreamReason.GAP);
    }

    @Test
    void whenAMessageDoesNotEnd() {
      String block = "x".repeat(100);
      for (int at = 0; at < 1000; at += 100) {
        assertSame(Push.NEED_MORE, push(at, block));
      }
      assertSame(Push.NEED_MORE, push(1000, "x".repeat(24)));
      assertEquals(1024, stream.bufferedBytes());
      assertSame(Push.OVERFLOW, push(1024, "x"));
      andForGood(Push.OVERFLOW, StreamReason.OVERFLOW);
    }

    @Test
    void whenOneSegmentIsLongerThanTheBuffer() {
      assertSame(Push.NEED_MORE, push(0, "x".repeat(1024)));
      InOrderStream other = new InOrderStream(LIMITS);
      other.resume(0);
      ByteBuffer bytes = ByteBuffer.wrap("x".repeat(1025).getBytes(ISO_8859_1));
      assertSame(Push.OVERFLOW, other.push(0, bytes, 0, 1025, InOrderStreamTest.this::lines));
    }

    @Test
    void whenEarlySegmentsFillTheBuffer() {
      push(0, "begin");
      push(10, "y".repeat(600));
      push(700, "z".repeat(419));
      assertSame(Push.OVERFLOW, push(5, "x".repeat(5)));
      andForGood(Push.OVERFLOW, StreamReason.OVERFLOW);
    }

    @Test
    void notBeforeItBegan() {
      InOrderStream fresh = new InOrderStream(LIMITS);
      ByteBuffer bytes = ByteBuffer.wrap("x\n".getBytes(ISO_8859_1));
      assertSame(Push.NOT_STARTED, fresh.push(0, bytes, 0, 2, InOrderStreamTest.this::lines));
      assertSame(Push.NOT_STARTED, fresh.acknowledged(5));
      assertNull(Push.NOT_STARTED.reason());
      fresh.resume(7);
      assertSame(Push.IN_ORDER, fresh.push(7, bytes, 0, 2, InOrderStreamTest.this::lines));
      assertEquals(List.of(0L), offsets);
    }

    @Test
    void loudlyOnOurOwnMistakes() {
      ByteBuffer bytes = ByteBuffer.allocate(4);
      assertThrows(
          IndexOutOfBoundsException.class, () -> stream.push(INITIAL + 1, bytes, 2, 3, c -> 0));
      assertThrows(
          IndexOutOfBoundsException.class, () -> stream.push(INITIAL + 1, bytes, 0, 3, c -> 4));
    }
  }

  /** A budget of so many bytes. */
  private static final class Budget implements BufferBudget {
    private int left;

    Budget(int bytes) {
      left = bytes;
    }

    @Override
    public boolean reserve(int bytes) {
      if (bytes > left) {
        return false;
      }
      left -= bytes;
      return true;
    }

    @Override
    public void release(int bytes) {
      left += bytes;
    }
  }

  @Nested
  class OfABudget {
    private static final int BUFFER_64 = 64 + InOrderStream.BUFFER_OVERHEAD_BYTES;

    private final Budget budget = new Budget(BUFFER_64 + 3 + EarlySegments.PIECE_BYTES);
    private final int whole = budget.left;
    private final InOrderStream own = new InOrderStream(LIMITS, budget);

    OfABudget() {
      own.start(INITIAL);
    }

    private Push push(int streamOffset, String text) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(ISO_8859_1));
      return own.push(
          INITIAL + 1 + streamOffset, bytes, 0, bytes.capacity(), InOrderStreamTest.this::lines);
    }

    @Test
    void aSegmentThatIsReadWhole_takesNothing() {
      assertSame(Push.IN_ORDER, push(0, "USER a\r\n"));
      assertEquals(whole, budget.left);
    }

    @Test
    void whatIsKept_isReservedWithWhatStandsAroundIt_andGivenBack() {
      assertSame(Push.NEED_MORE, push(0, "USER"));
      assertEquals(whole - BUFFER_64, budget.left);
      assertSame(Push.EARLY, push(6, "a\r\n"));
      assertEquals(0, budget.left);
      assertSame(Push.IN_ORDER, push(4, "  "));
      assertEquals("USER  a\r\n", read.toString());
      assertEquals(whole, budget.left);
    }

    @Test
    void aTailThatFindsNoRoom_endsIt_andNothingStaysReserved() {
      assertSame(Push.NEED_MORE, push(0, "x".repeat(64)));
      assertSame(Push.NO_MEMORY, push(64, "y"));
      assertSame(StreamReason.BUFFER_BUDGET, Push.NO_MEMORY.reason());
      assertSame(Push.NO_MEMORY, push(65, "\n"));
      assertEquals(whole, budget.left);
    }

    @Test
    void anEarlySegmentThatFindsNoRoom_endsIt() {
      assertSame(Push.EARLY, push(10, "abc"));
      assertSame(Push.NO_MEMORY, push(300, "z".repeat(100)));
      assertEquals(whole, budget.left);
      assertEquals(0, own.bufferedBytes());
    }

    @Test
    void aSegmentOfWhichTheEndIsKept_findsNoRoomEither() {
      assertSame(Push.NO_MEMORY, push(0, "USER a\r\n" + "x".repeat(200)));
      assertEquals(whole, budget.left);
    }

    @Test
    void earlySegmentsThatAreOverrunByTheNext_areGivenBack() {
      assertSame(Push.EARLY, push(4, "abc"));
      assertSame(Push.IN_ORDER, push(0, "1234abc\n"));
      assertEquals(whole, budget.left);
    }

    @Test
    void close_givesAllBack() {
      push(0, "USER");
      push(6, "a\r\n");
      own.close();
      assertEquals(whole, budget.left);
      assertEquals(0, own.bufferedBytes());
    }
  }

  @Test
  void whatWasRead_isNotLeftInMemory() {
    push(0, "PASS sec");
    push(8, "ret\r\nPA");
    ByteBuffer kept = shown.get(1);
    push(15, "SV\r\n");
    byte[] content = new byte[kept.capacity()];
    kept.get(0, content);
    assertTrue(
        new String(content, ISO_8859_1).chars().allMatch(octet -> octet == 0),
        "the buffer is overwritten");
  }

  @Test
  void readersThatLeaveAnything_seeItAgain() {
    List<String> seen = new ArrayList<>();
    InOrderStream.Reader twoAtATime =
        bytes -> {
          byte[] copy = new byte[bytes.remaining()];
          bytes.buffer().get(bytes.position(), copy);
          seen.add(new String(copy, ISO_8859_1));
          return Math.min(2, copy.length);
        };
    pushAt(INITIAL + 1, "abcdefg", twoAtATime);
    pushAt(INITIAL + 8, "h", twoAtATime);
    pushAt(INITIAL + 9, "i", twoAtATime);
    assertEquals(List.of("abcdefg", "cdefgh", "efghi"), seen);
    assertEquals(3, stream.bufferedBytes());
  }
}
