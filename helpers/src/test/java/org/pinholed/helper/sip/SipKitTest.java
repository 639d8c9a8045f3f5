package org.pinholed.helper.sip;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.FlowFacts.Origin;
import org.pinholed.helper.Transport;
import org.pinholed.helper.testkit.CostChecks;
import org.pinholed.helper.testkit.Dialogue;
import org.pinholed.helper.testkit.HelperKit;
import org.pinholed.helper.testkit.HelperRun;
import org.pinholed.helper.testkit.HelperSetup;
import org.pinholed.helper.testkit.SnapshotChecks;

/** SIP under all that the kit does to a helper. */
class SipKitTest {
  /** What a flow is like. */
  private enum Flow {
    UDP(Transport.UDP, Origin.FIRST_BYTE),
    UDP_TRANSLATED(Transport.UDP, Origin.FIRST_BYTE),
    UDP_RESUMED(Transport.UDP, Origin.RESUMED),
    TCP(Transport.TCP, Origin.FIRST_BYTE),
    TCP_TRANSLATED(Transport.TCP, Origin.FIRST_BYTE),
    TCP_RESUMED(Transport.TCP, Origin.RESUMED);

    private final Transport transport;
    private final Origin origin;

    Flow(Transport transport, Origin origin) {
      this.transport = transport;
      this.origin = origin;
    }

    private boolean isTranslated() {
      return this == UDP_TRANSLATED || this == TCP_TRANSLATED;
    }
  }

  private static HelperSetup setup(Flow flow) {
    FlowFacts facts =
        flow.isTranslated()
            ? SipFlow.facts(
                flow.transport,
                flow.origin,
                "198.51.100.10:5062",
                "203.0.113.1:6062",
                "203.0.113.10:5060")
            : SipFlow.routed(flow.transport, flow.origin);
    Endpoint translated = flow.isTranslated() ? SipFlow.endpoint("203.0.113.1:7000") : null;
    return SipFlow.setup(facts, translated);
  }

  private static Dialogue dialogue(Flow flow) {
    return new SipDialogueText(flow.transport, flow.isTranslated()).all();
  }

  private static void isProven(Flow flow) {
    List<String> outcomes = new HelperRun(setup(flow)).say(dialogue(flow)).sink().outcomes();
    assertTrue(outcomes.contains("proven"), () -> String.join("\n", outcomes));
  }

  @ParameterizedTest
  @EnumSource(names = {"UDP_TRANSLATED", "TCP_TRANSLATED"})
  void everyFlow_standsEverything(Flow flow) {
    isProven(flow);
    HelperKit.everything(setup(flow), dialogue(flow));
  }

  /** What depends on the flow; what depends on the bytes alone is shown above. */
  @ParameterizedTest
  @EnumSource
  void everyFlow_goesOnInAnotherProcess_atAnyMoment(Flow flow) {
    isProven(flow);
    HelperKit.anyMoment(setup(flow), dialogue(flow));
    SnapshotChecks snapshots = new SnapshotChecks(setup(flow), dialogue(flow));
    snapshots.handOverBeforeEachMessage();
    snapshots.damaged();
  }

  @ParameterizedTest
  @EnumSource
  void work_growsWithTheBytes(Flow flow) {
    SipDialogueText text = new SipDialogueText(flow.transport, flow.isTranslated());
    CostChecks.linear(setup(flow), text::calls, 8);
  }

  @ParameterizedTest
  @EnumSource(names = {"UDP", "TCP"})
  void messagesOfNoInterest_allocateNothing(Flow flow) {
    SipDialogueText text = new SipDialogueText(flow.transport, false);
    CostChecks.allocatesNothing(setup(flow), text.options(1), text.options(2));
  }
}
