package org.pinholed.agent.worker;

import java.util.Map;
import java.util.Set;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.HelperLimits;
import org.pinholed.helper.HelperProtocol;
import org.pinholed.helper.HelperWord;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.StreamHelper;
import org.pinholed.helper.Transport;

/** A protocol whose helper does what a test says. */
public final class LambdaProtocol implements HelperProtocol {
  private final Reader reader;

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
    this.reader = reader;
  }

  @Override
  public String name() {
    return "test";
  }

  @Override
  public Set<Transport> transports() {
    return Set.of(Transport.TCP);
  }

  @Override
  public Map<String, String> options() {
    return Map.of();
  }

  @Override
  public int expectationsPerOwner() {
    return 8;
  }

  @Override
  public Factory configure(Map<String, Object> options, HelperLimits limits) {
    return (facts, shared) ->
        new StreamHelper() {
          @Override
          public int onBytes(Direction direction, ByteCursor bytes, long nowNs, OutcomeSink out) {
            StringBuilder text = new StringBuilder();
            for (int at = bytes.position(); at < bytes.limit(); at++) {
              text.append((char) Byte.toUnsignedInt(bytes.buffer().get(at)));
            }
            reader.read(direction, text.toString(), facts, out);
            return bytes.remaining();
          }

          @Override
          public String stateWord() {
            return "testing";
          }
        };
  }
}
