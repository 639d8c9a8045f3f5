package org.pinholed.agent.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.pinholed.agent.config.AgentConfig;
import org.pinholed.agent.config.MemoryNeed;
import org.pinholed.agent.time.Clock;
import org.pinholed.helper.Direction;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.Reason;
import org.pinholed.kernel.netlink.NetlinkException;

/** Sources of datagrams may be forged: what they cause is remembered, beside that of others. */
class HistoryOfDatagramsTest {
  private final WorkerBench bench;

  HistoryOfDatagramsTest() throws NetlinkException {
    bench =
        WorkerBench.datagrams(
            new LambdaProtocol(HistoryOfDatagramsTest::read),
            AgentConfig.Limits.DEFAULT,
            Clock.SYSTEM);
  }

  private enum Why implements Reason {
    UNWANTED;

    @Override
    public Kind kind() {
      return Kind.REFUSED;
    }

    @Override
    public String explanation() {
      return "a test says so";
    }
  }

  private static void read(Direction direction, String text, FlowFacts facts, OutcomeSink out) {
    if (text.equals("refuse")) {
      out.report(Why.UNWANTED, 0);
    }
  }

  private DatagramDialogue from(String address, int id) {
    return new DatagramDialogue(bench, new InetSocketAddress(address, 40001), id);
  }

  private long entriesOf(String network) {
    return bench.events().history().refused().stream()
        .filter(past -> past.parent().client().address().getHostAddress().startsWith(network))
        .count();
  }

  /** Each with one refusal, so that a share for each address would help nobody. */
  @Test
  void thousandsOfForgedSources_pushOutNothingOfFlowsThatWereAnswered() {
    for (int i = 1; i <= 20; i++) {
      from("192.0.2." + i, i).client("hello").server("hello").client("refuse");
    }
    for (int i = 0; i < 2 * MemoryNeed.PAST_EXPECTATIONS; i++) {
      from("198.51.100." + i % 256, 1000 + i)
          .clientInVain("refuse"); // dropped behind the agent: nothing begins
    }
    assertEquals(20, entriesOf("192.0.2."));
    assertEquals(MemoryNeed.PAST_EXPECTATIONS - 20, entriesOf("198.51.100."));
  }
}
