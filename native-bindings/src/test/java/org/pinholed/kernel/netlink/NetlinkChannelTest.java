package org.pinholed.kernel.netlink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Requests and answers by script, byte for byte. */
class NetlinkChannelTest {
  private static final int REQUEST = NetlinkConstants.NLM_F_REQUEST;
  private static final int REQUEST_ACK = REQUEST | NetlinkConstants.NLM_F_ACK;
  private static final int DUMP = REQUEST | NetlinkConstants.NLM_F_DUMP;
  private static final int NLM_F_DUMP_INTR = 0x10;
  private static final int QUESTION = 0x101;
  private static final int ANSWER = 0x100;

  private final FakeNetlinkTransport kernel = new FakeNetlinkTransport();
  private final NetlinkChannel channel = new NetlinkChannel(kernel, 4096);

  @AfterEach
  void playedToItsEnd() {
    channel.close();
    assertTrue(kernel.isClosed());
  }

  private void write(int flags) {
    channel.writer().beginMessage(QUESTION, flags, channel.nextSequence()).endMessage();
  }

  private FakeNetlinkTransport expect(int flags, int... sequences) {
    return kernel.expect(
        writer -> {
          for (int sequence : sequences) {
            writer.beginMessage(QUESTION, flags, sequence).endMessage();
          }
        });
  }

  private static void object(NetlinkWriter writer, int flags, int sequence, int value) {
    writer.beginMessage(ANSWER, flags, sequence).attr32be(1, value).endMessage();
  }

  private static void done(NetlinkWriter writer, int sequence, int errno) {
    writer
        .beginMessage(NetlinkConstants.NLMSG_DONE, NetlinkConstants.NLM_F_MULTI, sequence)
        .raw32host(-errno)
        .endMessage();
  }

  private static MessageHandler valuesTo(List<Integer> values) {
    return message -> {
      message.enterAttributes(0);
      message.nextAttribute();
      values.add(message.s32be());
    };
  }

  @Test
  void request_acknowledged_returnsAndEmptiesTheWriter() throws NetlinkException {
    expect(REQUEST_ACK, 1).acknowledge(1);
    write(REQUEST_ACK);
    channel.request("test");
    assertEquals(0, channel.writer().lengthBytes());
    assertEquals(2, channel.nextSequence());
  }

  @Test
  void request_ofSeveral_waitsForTheLastThatAsks() throws NetlinkException {
    kernel
        .expect(
            writer ->
                writer
                    .beginMessage(QUESTION, REQUEST_ACK, 1)
                    .endMessage()
                    .beginMessage(QUESTION, REQUEST_ACK, 2)
                    .endMessage()
                    .beginMessage(QUESTION, REQUEST, 3)
                    .endMessage())
        .acknowledge(1)
        .acknowledge(2);
    write(REQUEST_ACK);
    write(REQUEST_ACK);
    write(REQUEST);
    channel.request("test");
  }

  @Test
  void request_refused_hasTheTextOfTheKernel() {
    kernel
        .expect(writer -> writer.beginMessage(QUESTION, REQUEST_ACK, 1).endMessage())
        .answer(
            writer ->
                writer
                    .beginMessage(
                        NetlinkConstants.NLMSG_ERROR,
                        NetlinkConstants.NLM_F_CAPPED | NetlinkConstants.NLM_F_ACK_TLVS,
                        1)
                    .raw32host(-Errno.EINVAL)
                    .rawBytes(new byte[16])
                    .attr32host(2, 20)
                    .attrString(1, "wrong colour")
                    .endMessage());
    write(REQUEST_ACK);
    NetlinkException refused = assertThrows(NetlinkException.class, () -> channel.request("paint"));
    assertEquals(
        NetlinkException.class.getName() + ": paint: errno 22 (EINVAL): wrong colour",
        refused.toString());
    assertEquals(Errno.EINVAL, refused.errno());
    assertEquals(0, refused.failedMessage());
  }

  @Test
  void request_refusedByAKernelThatRepeatsIt_hasTheTextBehindIt() {
    expect(REQUEST_ACK, 1)
        .answer(
            writer ->
                writer
                    .beginMessage(NetlinkConstants.NLMSG_ERROR, NetlinkConstants.NLM_F_ACK_TLVS, 1)
                    .raw32host(-Errno.EINVAL)
                    .raw32host(24)
                    .rawBytes(new byte[20])
                    .attrString(1, "no")
                    .endMessage());
    write(REQUEST_ACK);
    NetlinkException refused = assertThrows(NetlinkException.class, () -> channel.request("paint"));
    assertTrue(refused.toString().endsWith("(EINVAL): no"), refused::toString);
  }

  @Test
  void request_whoseErrorTextLies_stillTellsTheErrno() {
    expect(REQUEST_ACK, 1)
        .answer(
            writer ->
                writer
                    .beginMessage(NetlinkConstants.NLMSG_ERROR, NetlinkConstants.NLM_F_ACK_TLVS, 1)
                    .raw32host(-Errno.EBUSY)
                    .raw32host(0x7fffffff)
                    .rawBytes(new byte[12])
                    .endMessage());
    write(REQUEST_ACK);
    assertEquals(
        Errno.EBUSY, assertThrows(NetlinkException.class, () -> channel.request("test")).errno());
  }

  @Test
  void request_refusedInTheMiddle_namesTheMessage() throws NetlinkException {
    expect(REQUEST_ACK, 1, 2, 3).acknowledge(1).refuse(2, Errno.EEXIST).acknowledge(3);
    write(REQUEST_ACK);
    write(REQUEST_ACK);
    write(REQUEST_ACK);
    NetlinkException refused = assertThrows(NetlinkException.class, () -> channel.request("test"));
    assertEquals(1, refused.failedMessage());
    assertTrue(refused.toString().contains("test (message 2 of 3): errno 17"), refused::toString);
    // The answer to the third message must not be taken for that of the next request.
    expect(REQUEST_ACK, 4).refuse(4, Errno.EPERM);
    write(REQUEST_ACK);
    assertEquals(
        Errno.EPERM, assertThrows(NetlinkException.class, () -> channel.request("x")).errno());
  }

  @Test
  void request_withStaleAnswersBeforeItsOwn_skipsThem() throws NetlinkException {
    channel.nextSequence();
    channel.nextSequence();
    expect(REQUEST_ACK, 3)
        .refuse(1, Errno.ENOENT)
        .acknowledge(2)
        .answer(writer -> object(writer, 0, 2, 5))
        .acknowledge(3);
    write(REQUEST_ACK);
    channel.request("test");
  }

  @Test
  void request_withoutAnswer_timesOut() {
    expect(REQUEST_ACK, 1);
    write(REQUEST_ACK);
    assertEquals(
        Errno.ETIMEDOUT,
        assertThrows(NetlinkException.class, () -> channel.request("test")).errno());
  }

  @Test
  void request_afterAnOverrunWithItsAnswerStillThere_succeeds() throws NetlinkException {
    expect(REQUEST_ACK, 1).failReceive(Errno.ENOBUFS).acknowledge(1);
    write(REQUEST_ACK);
    channel.request("test");
    assertEquals(1, channel.overruns());
  }

  @Test
  void request_whoseAnswerWasLost_saysSo() throws NetlinkException {
    expect(REQUEST_ACK, 1).failReceive(Errno.ENOBUFS);
    write(REQUEST_ACK);
    assertEquals(
        Errno.ENOBUFS, assertThrows(NetlinkException.class, () -> channel.request("test")).errno());
    // What is left over is taken away before the next request.
    kernel.failReceive(Errno.ENOBUFS).acknowledge(1);
    expect(REQUEST_ACK, 2).acknowledge(2);
    write(REQUEST_ACK);
    channel.request("test");
  }

  @Test
  void request_whoseReceiveFails_tellsWhy() {
    expect(REQUEST_ACK, 1).failReceive(Errno.ENOMEM);
    write(REQUEST_ACK);
    assertEquals(
        Errno.ENOMEM, assertThrows(NetlinkException.class, () -> channel.request("test")).errno());
  }

  @Test
  void answer_whoseLengthLies_isAnErrorNotALoop() {
    expect(REQUEST_ACK, 1).answerBytes(new byte[] {1, 0, 0, 0, 0, 0, 0, 0});
    write(REQUEST_ACK);
    assertEquals(
        Errno.EBADMSG, assertThrows(NetlinkException.class, () -> channel.request("test")).errno());
  }

  @Test
  void get_answered_handsOverOne() throws NetlinkException {
    expect(REQUEST, 1).answer(writer -> object(writer, 0, 1, 42));
    write(REQUEST);
    List<Integer> values = new ArrayList<>();
    assertTrue(channel.get("test", valuesTo(values)));
    assertEquals(List.of(42), values);
  }

  @Test
  void get_withAcknowledgement_readsItToo() throws NetlinkException {
    expect(REQUEST_ACK, 1).answer(writer -> object(writer, 0, 1, 42)).acknowledge(1);
    write(REQUEST_ACK);
    List<Integer> values = new ArrayList<>();
    assertTrue(channel.get("test", valuesTo(values)));
    assertEquals(List.of(42), values);
  }

  @Test
  void get_ofNothing_isFalse() throws NetlinkException {
    expect(REQUEST, 1).refuse(1, Errno.ENOENT);
    write(REQUEST);
    assertFalse(channel.get("test", message -> {}));
  }

  @Test
  void get_refused_throws() {
    expect(REQUEST, 1).refuse(1, Errno.EPERM);
    write(REQUEST);
    assertThrows(NetlinkException.class, () -> channel.get("test", message -> {}));
  }

  @Test
  void getEach_handsOverWhatIsThere_andWaitsForTheLastAnswer() throws NetlinkException {
    expect(REQUEST, 1, 2, 3)
        .answer(writer -> object(writer, 0, 9, 41)) // of an earlier request
        .answer(writer -> object(writer, 0, 1, 42))
        .refuse(2, Errno.ENOENT)
        .answer(writer -> object(writer, 0, 3, 43));
    for (int message = 0; message < 3; message++) {
      write(REQUEST);
    }
    List<Integer> values = new ArrayList<>();
    channel.getEach("test", valuesTo(values));
    assertEquals(List.of(42, 43), values);
    expect(REQUEST, 4, 5)
        .answer(writer -> object(writer, 0, 4, 44))
        .refuse(3, Errno.ENOENT) // of an earlier request
        .refuse(5, Errno.ENOENT);
    write(REQUEST);
    write(REQUEST);
    channel.getEach("test", valuesTo(values));
    assertEquals(List.of(42, 43, 44), values);
  }

  @Test
  void getEach_refused_throws() {
    expect(REQUEST, 1, 2).refuse(1, Errno.EPERM).refuse(2, Errno.EPERM);
    write(REQUEST);
    write(REQUEST);
    NetlinkException refused =
        assertThrows(NetlinkException.class, () -> channel.getEach("test", message -> {}));
    assertTrue(refused.toString().contains("(message 1 of 2)"), refused.toString());
    expect(REQUEST, 3);
    write(REQUEST);
    NetlinkException silent =
        assertThrows(NetlinkException.class, () -> channel.getEach("test", message -> {}));
    assertEquals(Errno.ETIMEDOUT, silent.errno());
  }

  @Test
  void dump_overSeveralDatagrams_handsOverAll() throws NetlinkException {
    expect(DUMP, 1)
        .answer(
            writer -> {
              object(writer, NetlinkConstants.NLM_F_MULTI, 1, 1);
              object(writer, NetlinkConstants.NLM_F_MULTI, 1, 2);
            })
        .answer(writer -> object(writer, NetlinkConstants.NLM_F_MULTI, 1, 3))
        .answer(writer -> done(writer, 1, 0));
    write(DUMP);
    List<Integer> values = new ArrayList<>();
    assertTrue(channel.dump("test", valuesTo(values)));
    assertEquals(List.of(1, 2, 3), values);
  }

  @Test
  void dump_thatWasInterrupted_saysSo() throws NetlinkException {
    expect(DUMP, 1)
        .answer(
            writer -> {
              object(writer, NetlinkConstants.NLM_F_MULTI | NLM_F_DUMP_INTR, 1, 1);
              done(writer, 1, 0);
            });
    write(DUMP);
    assertFalse(channel.dump("test", message -> {}));
  }

  @Test
  void dump_refusedAtItsEnd_throws() {
    expect(DUMP, 1)
        .answer(
            writer -> {
              object(writer, NetlinkConstants.NLM_F_MULTI, 1, 1);
              done(writer, 1, Errno.ENOMEM);
            });
    write(DUMP);
    assertEquals(
        Errno.ENOMEM,
        assertThrows(NetlinkException.class, () -> channel.dump("test", message -> {})).errno());
  }

  @Test
  void dump_withLostObjects_throws() {
    expect(DUMP, 1)
        .answer(writer -> object(writer, NetlinkConstants.NLM_F_MULTI, 1, 1))
        .failReceive(Errno.ENOBUFS)
        .answer(writer -> done(writer, 1, 0));
    write(DUMP);
    assertEquals(
        Errno.ENOBUFS,
        assertThrows(NetlinkException.class, () -> channel.dump("test", message -> {})).errno());
  }

  @Test
  void dump_whoseHandlerThrows_leavesTheChannelUsable() throws NetlinkException {
    expect(DUMP, 1)
        .answer(
            writer -> {
              object(writer, NetlinkConstants.NLM_F_MULTI, 1, 1);
              object(writer, NetlinkConstants.NLM_F_MULTI, 1, 2);
            })
        .answer(writer -> done(writer, 1, 0));
    write(DUMP);
    assertThrows(
        UnsupportedOperationException.class,
        () ->
            channel.dump(
                "test",
                message -> {
                  throw new UnsupportedOperationException();
                }));
    expect(REQUEST_ACK, 2).acknowledge(2);
    write(REQUEST_ACK);
    channel.request("test");
  }

  @Nested
  class Refuses {
    @Test
    void aRequestThatNobodyWouldAnswer() {
      write(REQUEST);
      assertThrows(IllegalStateException.class, () -> channel.request("test"));
      assertEquals(0, kernel.sendCount());
    }

    @Test
    void nothing() {
      assertThrows(IllegalStateException.class, () -> channel.request("test"));
    }

    @Test
    void itsOwnHandlerAsCaller() {
      expect(REQUEST, 1).answer(writer -> object(writer, 0, 1, 42));
      write(REQUEST);
      assertThrows(
          IllegalStateException.class,
          () ->
              channel.get(
                  "test",
                  message -> {
                    try {
                      channel.request("inner");
                    } catch (NetlinkException e) {
                      throw new AssertionError(e);
                    }
                  }));
    }
  }

  @Test
  void sequence_neverIsZero() {
    // Sequence 0 is that of notifications.
    NetlinkChannel fresh = new NetlinkChannel(new FakeNetlinkTransport());
    assertEquals(1, fresh.nextSequence());
    assertEquals(2, fresh.nextSequence());
  }
}
