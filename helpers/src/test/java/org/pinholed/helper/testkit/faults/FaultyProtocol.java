package org.pinholed.helper.testkit.faults;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Reason;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;

/**
 * A small binary protocol for streams and datagrams, sound but for one fault. A message is its
 * length (four bytes, without themselves), a letter, and what belongs to it:
 *
 * <ul>
 *   <li>{@code N}, anything: nothing of interest;
 *   <li>{@code O}, a port: announces it;
 *   <li>{@code G}: the other side agrees; within a second it opens;
 *   <li>{@code L}, a count of two bytes, so many ports: opens them all.
 * </ul>
 *
 * <p>A datagram has one or more of them.
 */
final class FaultyProtocol implements HelperProtocol {
  /** What is wrong with it. */
  enum Fault {
    /** Nothing. */
    NONE,
    /** Looks again at all that came before when more of a message comes, or at the next one. */
    REREADS,
    /** The same, but keeps a copy of it instead. */
    COPIES_AGAIN,
    /** Takes what is there of a message for all of it. */
    READS_PARTS,
    /** Computes with a length before it is checked. */
    THROWS_ON_LENGTH,
    /** Makes room for as much as is announced. */
    ALLOCATES_BY_LENGTH,
    /** Reads as many ports as are announced. */
    COUNTS_BY_LENGTH,
    /** Looks at the byte behind the last one. */
    READS_OUTSIDE,
    /** Hands over less than it knows. */
    FORGETS_STATE,
    /** The same of what all flows share. */
    FORGETS_SHARED,
    /** Believes what it is handed over. */
    THROWS_ON_SNAPSHOT,
    /** Compares times by less and more, not by their difference. */
    COMPARES_TIMES,
    /** Makes a text of each message. */
    ALLOCATES_ALWAYS
  }

  /** What it says of messages. */
  enum Word implements HelperWord {
    /** O. */
    OFFER,
    /** G. */
    GO,
    /** L. */
    LIST;

    @Override
    public String word() {
      return name();
    }
  }

  /** Why something opens nothing. */
  enum Refused implements Reason {
    /** The length cannot be. */
    BAD_LENGTH(Kind.MALFORMED),
    /** The count is not that of the ports. */
    BAD_COUNT(Kind.REFUSED),
    /** Below 1024. */
    BAD_PORT(Kind.REFUSED);

    private final Kind kind;

    Refused(Kind kind) {
      this.kind = kind;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public String explanation() {
      return "refused";
    }
  }

  static final int LENGTH_MAX = 8192;

  private static final int HEADER_BYTES = 4;
  private static final OwnerId OFFERED = new OwnerId(1, 2);

  private final Fault fault;

  FaultyProtocol(Fault fault) {
    this.fault = fault;
  }

  @Override
  public String name() {
    return "faulty";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.TCP, Transport.UDP);
  }

  @Override
  public Map<String, String> options() {
    return Map.of();
  }

  @Override
  public EntryLimits limits() {
    return EntryLimits.NONE.with(EntryLimit.EXPECTATIONS_PER_OWNER, 8);
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    return (facts, shared) -> new Helper(fault, facts, shared);
  }

  private static final class PortCodec implements SharedMap.Codec<Integer> {
    private final Fault fault;

    PortCodec(Fault fault) {
      this.fault = fault;
    }

    @Override
    public String write(Integer value, long nowNs) {
      return fault == Fault.FORGETS_SHARED ? "1024" : value.toString();
    }

    @Override
    public @Nullable Integer read(String text, long nowNs) {
      return text.matches("[0-9]{1,5}") ? Integer.valueOf(text) : null;
    }
  }

  private static final class Helper implements StreamHelper, DatagramHelper {
    private final Fault fault;
    private final FlowFacts facts;
    private final SharedMap<Integer> offers;
    private int messages;
    private boolean ended;
    private long offeredNs;

    @SuppressWarnings("UnusedVariable") // only what it costs matters
    private byte[] copy = {};

    @SuppressWarnings("UnusedVariable") // the same
    private int sum;

    Helper(Fault fault, FlowFacts facts, SharedState shared) {
      this.fault = fault;
      this.facts = facts;
      offers = shared.map("offers", 16, new PortCodec(fault));
    }

    @Override
    public String stateWord() {
      return ended ? "ended" : "ready";
    }

    @Override
    public String snapshot() {
      return ended ? "" : "f1 " + (fault == Fault.FORGETS_STATE ? 0 : messages);
    }

    @Override
    public boolean restore(String snapshot) {
      if (fault == Fault.THROWS_ON_SNAPSHOT) {
        messages = Integer.parseInt(snapshot.substring(3));
        return true;
      }
      if (!snapshot.matches("f1 [0-9]{1,6}")) {
        return false;
      }
      messages = Integer.parseInt(snapshot.substring(3));
      return true;
    }

    @Override
    public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
      int from = bytes.position();
      while (!ended && bytes.remaining() >= HEADER_BYTES) {
        int start = bytes.position();
        long length = bytes.u32();
        if (!isSound(length)) {
          ended = true;
          out.report(Refused.BAD_LENGTH, bytes.streamOffsetOf(start));
        } else if (bytes.remaining() >= length || fault == Fault.READS_PARTS) {
          read(direction, bytes, (int) length, nowNs, out);
        } else {
          again(bytes, start, bytes.limit());
          return start - from;
        }
      }
      return ended ? bytes.limit() - from : bytes.position() - from;
    }

    @Override
    public void onDatagram(Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
      int from = datagram.position();
      while (datagram.remaining() > 0) {
        int start = datagram.position();
        long length = datagram.u32();
        if (!isSound(length) || (datagram.remaining() < length && fault != Fault.READS_PARTS)) {
          out.report(Refused.BAD_LENGTH, datagram.streamOffsetOf(start));
          return;
        }
        again(datagram, from, start);
        read(direction, datagram, (int) length, nowNs, out);
      }
    }

    private boolean isSound(long length) {
      if (fault == Fault.THROWS_ON_LENGTH) {
        copy = new byte[(int) Math.min(length, 64) - 1];
      }
      if (fault == Fault.ALLOCATES_BY_LENGTH) {
        copy = new byte[(int) Math.min(length, 100_000_000)];
      }
      return length > 0 && length <= LENGTH_MAX;
    }

    private void again(ByteCursor bytes, int from, int to) {
      if (fault == Fault.REREADS) {
        for (int at = from; at < to; at++) {
          sum += bytes.u8At(at);
        }
      } else if (fault == Fault.COPIES_AGAIN) {
        copy = new byte[to - from];
      }
    }

    private void read(
        Direction direction, ByteCursor bytes, int length, long nowNs, OutcomeSink out) {
      int start = bytes.position();
      long offset = bytes.streamOffsetOf(start);
      messages++;
      if (fault == Fault.ALLOCATES_ALWAYS) {
        sum += ("message " + messages).length();
      }
      switch (bytes.u8()) {
        case 'O' -> {
          if (length != 3) {
            out.report(Refused.BAD_COUNT, offset);
            break;
          }
          int port = bytes.u16();
          if (!bytes.ok()) {
            port = 5000; // only with READS_PARTS
          }
          int offered = port;
          offeredNs = nowNs;
          offers.change(OFFERED, nowNs, Duration.ofSeconds(1), before -> offered);
          out.understood(Word.OFFER);
        }
        case 'G' -> {
          Integer port = offers.get(OFFERED, nowNs);
          out.understood(Word.GO);
          if (fault == Fault.COMPARES_TIMES && nowNs > offeredNs + 1_000_000_000L) {
            port = null;
          }
          if (port != null) {
            expect(direction, port, Word.GO, offset, out);
          }
        }
        case 'L' -> list(direction, bytes, length, offset, out);
        default -> {}
      }
      if (fault == Fault.READS_OUTSIDE && start + length == bytes.limit()) {
        sum += bytes.u8At(bytes.limit());
      }
      bytes.skip(Math.min(bytes.remaining(), Math.max(0, start + length - bytes.position())));
    }

    private void list(
        Direction direction, ByteCursor bytes, int length, long offset, OutcomeSink out) {
      int count = length < 3 ? 0 : bytes.u16();
      out.understood(Word.LIST);
      if (fault == Fault.COUNTS_BY_LENGTH) {
        for (int port = 0; port < count; port++) {
          sum += bytes.u16();
        }
      } else if (length != 3 + 2 * count) {
        out.report(Refused.BAD_COUNT, offset);
      } else {
        for (int port = 0; port < count; port++) {
          expect(direction, bytes.u16(), Word.LIST, offset, out);
        }
      }
    }

    private void expect(Direction direction, int port, Word cause, long offset, OutcomeSink out) {
      if (port < 1024) {
        out.report(Refused.BAD_PORT, offset);
        return;
      }
      Endpoint destination = new Endpoint(facts.sender(direction).address(), port);
      out.expect(
          ExpectationRequest.builder("g" + messages, direction, destination, cause)
              .item("" + port)
              .streamOffset(offset)
              .build());
    }
  }
}
