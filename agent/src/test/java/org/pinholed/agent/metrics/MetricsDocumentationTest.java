package org.pinholed.agent.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pinholed.agent.config.ConfigLoader;
import org.pinholed.agent.flow.AgentReason;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.nat.HoldReason;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.agent.pinhole.NoExpectation;
import org.pinholed.helper.EntryLimit;
import org.pinholed.helper.ExplainedWord;
import org.pinholed.helper.Reason;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.ftp.FtpReason;
import org.pinholed.helper.sip.words.SipReason;
import org.pinholed.helper.stream.StreamReason;

/** Every word that a label may take stands in docs/metrics.md with its explanation. */
class MetricsDocumentationTest {
  private static final Path PAGE = Path.of("..", "docs", "metrics.md");

  static Stream<Arguments> tables() {
    return Stream.of(
        Arguments.of("`pinholed_verdicts_total`: `verdict`", AgentMetrics.Verdict.values()),
        Arguments.of("`pinholed_limits_total`: `limit`", Limit.values()),
        Arguments.of("`pinholed_withheld_packets_total`: `reason`", WithheldReason.values()),
        Arguments.of(
            "`pinholed_pinholes_without_expectation_total`: `reason`", NoExpectation.values()),
        Arguments.of("`pinholed_unreadable_packets_total`: `reason`", UnreadableReason.values()),
        Arguments.of(
            "`pinholed_overruns_total`, `pinholed_receive_errors_total`: `socket`",
            ReceivingSocket.values()),
        Arguments.of("`pinholed_kernel_expectations_total`: `action`", ExpectationAction.values()),
        Arguments.of("`pinholed_refused_total`: `reason`", reasons(Reason.Kind.REFUSED)),
        Arguments.of("`pinholed_malformed_total`: `reason`", reasons(Reason.Kind.MALFORMED)),
        Arguments.of("`pinholed_opaque_total`: `reason`", reasons(Reason.Kind.OPAQUE)),
        ofProtocol("refused", "sip", SipReason.values(), Reason.Kind.REFUSED),
        ofProtocol("malformed", "sip", SipReason.values(), Reason.Kind.MALFORMED),
        ofProtocol("opaque", "sip", SipReason.values(), Reason.Kind.OPAQUE),
        ofProtocol("refused", "dcerpc", DceRpcReason.values(), Reason.Kind.REFUSED),
        ofProtocol("malformed", "dcerpc", DceRpcReason.values(), Reason.Kind.MALFORMED),
        ofProtocol("opaque", "dcerpc", DceRpcReason.values(), Reason.Kind.OPAQUE),
        ofProtocol("part_opaque", "dcerpc", DceRpcReason.values(), Reason.Kind.PART_OPAQUE));
  }

  private static ExplainedWord[] reasons(Reason.Kind kind) {
    return reasons(kind, FtpReason.values());
  }

  private static Arguments ofProtocol(
      String metric, String helper, Reason[] all, Reason.Kind kind) {
    ExplainedWord[] words =
        Stream.of(all).filter(reason -> reason.kind() == kind).toArray(ExplainedWord[]::new);
    return Arguments.of("`pinholed_" + metric + "_total` of `" + helper + "`: `reason`", words);
  }

  // Those of every helper, and those of one protocol.
  private static ExplainedWord[] reasons(Reason.Kind kind, Reason[] ofProtocol) {
    return Stream.<Reason[]>of(
            AgentReason.values(), HoldReason.values(), StreamReason.values(), ofProtocol)
        .flatMap(Stream::of)
        .filter(reason -> reason.kind() == kind)
        .filter(reason -> reason != AgentReason.MISROUTED) // counted by packets, with no reason
        .toArray(ExplainedWord[]::new);
  }

  @ParameterizedTest
  @MethodSource("tables")
  void everyWord_isDocumentedAsItIsExplained_andNoOther(String heading, ExplainedWord[] words)
      throws IOException {
    List<String> rows = new ArrayList<>();
    for (ExplainedWord word : words) {
      rows.add("| `" + word.word() + "` | " + word.explanation() + " |");
    }
    assertEquals(String.join("\n", rows), String.join("\n", rowsBelow("### " + heading)));
  }

  private static List<String> rowsBelow(String heading) throws IOException {
    List<String> lines = Files.readAllLines(PAGE);
    int at = lines.indexOf(heading);
    assertTrue(at >= 0, () -> "no heading " + heading);
    return lines.subList(at + 1, lines.size()).stream()
        .takeWhile(line -> !line.startsWith("#"))
        .filter(line -> line.startsWith("| `"))
        .toList();
  }

  static Stream<Arguments> pages() {
    return Stream.of(
        Arguments.of("sip.md", SipReason.values()),
        Arguments.of("dcerpc.md", DceRpcReason.values()));
  }

  /** In the list of what keeps audio away, or a port shut, each item begins with its reasons. */
  @ParameterizedTest
  @MethodSource("pages")
  void everyReasonThatThePageOfAProtocolNames_isOne(String page, Reason[] ofProtocol)
      throws IOException {
    Set<String> reasons = new TreeSet<>();
    for (Reason[] all : List.<Reason[]>of(AgentReason.values(), ofProtocol)) {
      Stream.of(all).map(Reason::word).forEach(reasons::add);
    }
    Set<String> named = new TreeSet<>();
    for (String line : Files.readAllLines(PAGE.resolveSibling(page))) {
      if (line.startsWith("   * `")) {
        Matcher word = Pattern.compile("`(\\w+)`").matcher(line.substring(0, line.indexOf(':')));
        while (word.find()) {
          named.add(word.group(1));
        }
      }
    }
    assertTrue(named.size() > 10, named::toString);
    named.removeAll(reasons);
    assertEquals(Set.of(), named);
  }

  @ParameterizedTest
  @EnumSource
  void everyLimit_hasItsKeyInTheConfiguration(Limit limit) {
    assertTrue(ConfigLoader.knownKeys().contains(limit.key()), limit.key());
  }

  /** Two keys of the same name are told apart by the section that the longer word begins with. */
  @Test
  void noTwoLimits_haveTheSameKey() {
    assertEquals(
        Limit.values().length, Stream.of(Limit.values()).map(Limit::key).distinct().count());
  }

  @ParameterizedTest
  @EnumSource
  void everyLimitOfAnEntry_isOneThatCanBeReached(EntryLimit limit) {
    String key = "helpers[]." + limit.word();
    assertTrue(Stream.of(Limit.values()).anyMatch(each -> each.key().equals(key)), key);
  }

  @Test
  void noTwoReasonsOfOneMetricAndHelper_haveTheSameWord() {
    for (Reason.Kind kind : Reason.Kind.values()) {
      for (Reason[] ofProtocol :
          List.of(FtpReason.values(), SipReason.values(), DceRpcReason.values())) {
        List<String> words = Stream.of(reasons(kind, ofProtocol)).map(ExplainedWord::word).toList();
        assertEquals(words.stream().distinct().toList(), words);
      }
    }
  }
}
