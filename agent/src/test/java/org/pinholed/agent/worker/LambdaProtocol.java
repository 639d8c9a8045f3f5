package org.pinholed.agent.worker;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.EntryLimits;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.LeasedPorts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.SessionHelper;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;

/** A protocol whose helper does what a test says. */
public final class LambdaProtocol implements HelperProtocol {
  private final Reader reader;
  private final List<LeasedPorts> leased;
  private ToIntFunction<String> kept = last -> 0;

  /** What its helper understands. */
  public enum Word implements HelperWord {
    /** A message. */
    SAID;

    @Override
    public String word() {
      return "said";
    }
  }

  /** Reads what came. */
  @FunctionalInterface
  public interface Reader {
    /**
     * Reads one segment; it is done with all of it.
     *
     * @param direction which way it goes
     * @param text its bytes in ISO 8859-1
     * @param facts the flow
     * @param out takes the outcomes
     */
    void read(Direction direction, String text, FlowFacts facts, OutcomeSink out);
  }

  /**
   * Makes a protocol.
   *
   * @param reader what its helpers do
   */
  public LambdaProtocol(Reader reader) {
    this(reader, List.of());
  }

  /**
   * Makes it.
   *
   * @param reader reads what comes
   * @param leased ranges of ports that it may lease
   */
  public LambdaProtocol(Reader reader, List<LeasedPorts> leased) {
    this.reader = reader;
    this.leased = leased;
  }

  /**
   * Says how much its helpers keep.
   *
   * @param bytes tells it by the text that came last in the flow
   * @return this
   */
  LambdaProtocol keeping(ToIntFunction<String> bytes) {
    kept = bytes;
    return this;
  }

  @Override
  public String name() {
    return "test";
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
    return new Factory() {
      @Override
      public SessionHelper open(FlowFacts facts, SharedState shared) {
        return facts.transport() == Transport.UDP ? new Datagrams(facts) : streams(facts);
      }

      @Override
      public List<LeasedPorts> leasedPorts() {
        return leased;
      }
    };
  }

  private static String text(ByteCursor bytes) {
    StringBuilder text = new StringBuilder();
    for (int at = bytes.position(); at < bytes.limit(); at++) {
      text.append((char) Byte.toUnsignedInt(bytes.buffer().get(at)));
    }
    return text.toString();
  }

  /** Reads datagrams, and counts them for its snapshot. */
  private final class Datagrams implements DatagramHelper {
    private final FlowFacts facts;
    private int count;
    private String last = "";

    Datagrams(FlowFacts facts) {
      this.facts = facts;
    }

    @Override
    public void onDatagram(Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
      count++;
      last = text(datagram);
      reader.read(direction, last, facts, out);
    }

    @Override
    public int keptBytes() {
      return kept.applyAsInt(last);
    }

    @Override
    public String stateWord() {
      return "read" + count;
    }

    @Override
    public String snapshot() {
      return "count " + count;
    }

    @Override
    public boolean restore(String snapshot) {
      if (!snapshot.matches("count [0-9]{1,9}")) {
        return false;
      }
      count = Integer.parseInt(snapshot.substring("count ".length()));
      return true;
    }
  }

  private StreamHelper streams(FlowFacts facts) {
    return new StreamHelper() {
      private String last = "";

      @Override
      public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
        last = text(bytes);
        reader.read(direction, last, facts, out);
        return bytes.remaining();
      }

      @Override
      public int keptBytes() {
        return kept.applyAsInt(last);
      }

      @Override
      public String stateWord() {
        return "testing";
      }
    };
  }
}
