package org.pinholed.agent.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.event.AgentEvent;
import org.pinholed.agent.limit.Limit;
import org.pinholed.agent.nat.WithheldReason;
import org.pinholed.agent.packet.UnreadableReason;
import org.pinholed.helper.HelperWord;

class PrometheusMetricsTest {
  private final PrometheusMetrics metrics = new PrometheusMetrics(new FixedGauges(), "1.2.3");

  @AfterEach
  void close() {
    metrics.close();
  }

  private void assertSample(String sample) {
    String scraped = metrics.scrape();
    assertTrue(
        scraped.lines().anyMatch(sample::equals),
        () ->
            "no line "
                + sample
                + " in\n"
                + String.join(
                    "\n", scraped.lines().filter(l -> l.startsWith("pinholed")).toList()));
  }

  @Test
  void verdicts_areCountedByVerdict() {
    metrics.verdicts(AgentMetrics.Verdict.ACCEPT, 64);
    metrics.verdicts(AgentMetrics.Verdict.ACCEPT, 1);
    metrics.verdicts(AgentMetrics.Verdict.CHANGED, 2);
    metrics.verdicts(AgentMetrics.Verdict.DROP, 3);
    assertSample("pinholed_verdicts_total{verdict=\"accept\",} 65.0");
    assertSample("pinholed_verdicts_total{verdict=\"changed\",} 2.0");
    assertSample("pinholed_verdicts_total{verdict=\"drop\",} 3.0");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 5.0E-6, 1",
    "5000, 5.0E-6, 1",
    "5001, 5.0E-6, 0",
    "5001, 1.0E-5, 1",
    "50000, 5.0E-5, 1",
    "1000000000, 1.0, 1",
    "1000000001, 1.0, 0",
    "1000000001, +Inf, 1"
  })
  void verdictLatency_atABound_isInItsBucket(long nanos, String bound, int count) {
    metrics.verdictLatency(nanos, 1);
    assertSample("pinholed_verdict_latency_seconds_bucket{le=\"" + bound + "\",} " + count + ".0");
  }

  @Test
  void verdictLatency_ofABatch_countsEveryPacket() {
    metrics.verdictLatency(3_000, 10);
    metrics.verdictLatency(300_000, 2);
    assertSample("pinholed_verdict_latency_seconds_bucket{le=\"5.0E-6\",} 10.0");
    assertSample("pinholed_verdict_latency_seconds_bucket{le=\"2.0E-4\",} 10.0");
    assertSample("pinholed_verdict_latency_seconds_bucket{le=\"5.0E-4\",} 12.0");
    assertSample("pinholed_verdict_latency_seconds_count 12.0");
    assertSample("pinholed_verdict_latency_seconds_sum 6.3E-4");
  }

  @Test
  void limits_areThoseInForce() {
    assertSample("pinholed_expectations_limit 16384.0");
    assertSample("pinholed_parents_limit 65536.0");
    assertSample("pinholed_half_open_limit 262144.0");
    assertSample("pinholed_buffered_limit_bytes 1.6777216E7");
  }

  @Test
  void transaction_isTimedByOutcome() {
    metrics.transaction(12_000, true);
    metrics.transaction(13_000_000, false);
    assertSample("pinholed_transaction_seconds_count{outcome=\"ok\",} 1.0");
    assertSample("pinholed_transaction_seconds_sum{outcome=\"ok\",} 1.2E-5");
    assertSample("pinholed_transaction_seconds_sum{outcome=\"error\",} 0.013");
  }

  @Test
  void event_ofAnExpectation_isCountedByHelperAndOutcome() {
    metrics.event(AgentEvent.Kind.CREATED, "ftp");
    metrics.event(AgentEvent.Kind.CREATED, "ftp");
    metrics.event(AgentEvent.Kind.PARENT_CLOSED, "sip");
    assertSample("pinholed_expectations_total{helper=\"ftp\",outcome=\"created\",} 2.0");
    assertSample("pinholed_expectations_total{helper=\"sip\",outcome=\"parentClosed\",} 1.0");
  }

  @Test
  void event_ofTheAgent_isCounted() {
    metrics.event(AgentEvent.Kind.BACKEND_ERROR, "");
    metrics.event(AgentEvent.Kind.TABLE_REPAIRED, "");
    metrics.event(AgentEvent.Kind.RESYNCED, "");
    assertSample("pinholed_backend_errors_total 1.0");
    assertSample("pinholed_table_repairs_total 1.0");
    assertSample("pinholed_resyncs_total 1.0");
  }

  private enum Method implements HelperWord {
    INVITE,
    VIA;

    @Override
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Test
  void messages_andRewrittenFields_areCountedByHelperAndWord() {
    metrics.message("sip", Method.INVITE);
    metrics.message("sip", Method.INVITE);
    metrics.rewrittenField("sip", Method.VIA);
    String text = metrics.scrape();
    assertTrue(text.contains("pinholed_messages_total{helper=\"sip\",word=\"invite\",} 2.0"), text);
    assertTrue(
        text.contains("pinholed_rewritten_fields_total{field=\"via\",helper=\"sip\",} 1.0"), text);
  }

  @Test
  void reason_isCountedOnceByItsKind_alsoIfTheEventIsReported() {
    for (SampleReason reason : SampleReason.values()) {
      metrics.reason("ftp", reason);
    }
    metrics.event(AgentEvent.Kind.REFUSED, "ftp");
    metrics.event(AgentEvent.Kind.MALFORMED, "ftp");
    metrics.event(AgentEvent.Kind.OPAQUE, "ftp");
    metrics.event(AgentEvent.Kind.LIMIT, "ftp");
    assertSample("pinholed_refused_total{helper=\"ftp\",reason=\"portBelow1024\",} 1.0");
    assertSample("pinholed_malformed_total{helper=\"ftp\",reason=\"lineTooLong\",} 1.0");
    assertSample("pinholed_opaque_total{helper=\"ftp\",reason=\"tlsHello\",} 1.0");
  }

  @Test
  void wordsOnTheirOwn_areCounted() {
    metrics.limit(Limit.PARENTS);
    metrics.unreadablePacket(UnreadableReason.TRUNCATED);
    metrics.overrun(ReceivingSocket.CONNTRACK);
    assertSample("pinholed_limits_total{limit=\"parents\",} 1.0");
    assertSample("pinholed_unreadable_packets_total{reason=\"truncated\",} 1.0");
    assertSample("pinholed_overruns_total{socket=\"conntrack\",} 1.0");
    assertSample("pinholed_overruns_total{socket=\"queue\",} 0.0");
  }

  /** A rate, and the alert that is made of it, see nothing of a series that begins with 1. */
  @Test
  void wordsOnTheirOwn_haveSeriesFromTheStart() {
    for (Limit limit : Limit.values()) {
      assertSample("pinholed_limits_total{limit=\"" + limit.word() + "\",} 0.0");
    }
    for (UnreadableReason reason : UnreadableReason.values()) {
      assertSample("pinholed_unreadable_packets_total{reason=\"" + reason.word() + "\",} 0.0");
    }
    for (WithheldReason reason : WithheldReason.values()) {
      assertSample("pinholed_withheld_packets_total{reason=\"" + reason.word() + "\",} 0.0");
    }
  }

  @Test
  void gauges_areAskedFor() {
    assertSample("pinholed_packets_total{queue=\"5\",} 101.0");
    assertSample("pinholed_packets_total{queue=\"6\",} 201.0");
    assertSample("pinholed_parents{state=\"read\",} 102.0");
    assertSample("pinholed_parents{state=\"opaque\",} 103.0");
    assertSample("pinholed_buffered_bytes 110.0");
    assertSample("pinholed_half_open 111.0");
    assertSample("pinholed_expectations_active{helper=\"ftp\",state=\"pending\",} 104.0");
    assertSample("pinholed_expectations_active{helper=\"ftp\",state=\"matched\",} 105.0");
    assertSample("pinholed_queue_dropped_total{queue=\"5\",} 106.0");
    assertSample("pinholed_queue_user_dropped_total{queue=\"6\",} 207.0");
    assertSample("pinholed_queue_held{queue=\"5\",} 109.0");
    assertSample("pinholed_worker_turn_seconds{queue=\"5\",} 0.25");
    assertSample("pinholed_events_lost_total 108.0");
    assertSample("pinholed_table_watched 1.0");
    assertSample("pinholed_accept_rule_present 1.0");
  }

  @Test
  void buildInfo_namesTheVersion() {
    assertSample("pinholed_build_info{java=\"" + Runtime.version() + "\",version=\"1.2.3\",} 1.0");
  }

  @Test
  void helpersWithoutEnd_areOneSeries() {
    for (int i = 0; i < 10_000; i++) {
      metrics.event(AgentEvent.Kind.CREATED, "helper" + i);
    }
    assertEquals(
        PrometheusMetrics.MAX_HELPERS,
        metrics
            .scrape()
            .lines()
            .filter(line -> line.startsWith("pinholed_expectations_total{"))
            .count());
    assertSample(
        "pinholed_expectations_total{helper=\"other\",outcome=\"created\",} "
            + (10_000.0 - (PrometheusMetrics.MAX_HELPERS - 1)));
  }

  @Test
  void countingPackets_allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    // The first calls make the series and what the virtual machine wants to make once.
    countPackets();
    long least = Long.MAX_VALUE;
    for (int attempt = 0; attempt < 5 && least > 0; attempt++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      countPackets();
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    // One byte a packet would be 10,000; asking for the number may itself allocate a few.
    assertTrue(least < 1000, () -> "allocated while 10,000 packets were counted");
  }

  private void countPackets() {
    for (int i = 0; i < 10_000; i++) {
      metrics.verdicts(AgentMetrics.Verdict.ACCEPT, 1);
      metrics.verdictLatency(i * 100L, 1);
      metrics.transaction(i * 100L, true);
      metrics.event(AgentEvent.Kind.CREATED, "ftp");
      metrics.reason("ftp", SampleReason.PORT_BELOW_1024);
      metrics.limit(Limit.EXPECTATIONS_PER_PARENT);
      metrics.unreadablePacket(UnreadableReason.TRUNCATED);
      metrics.overrun(ReceivingSocket.QUEUE);
    }
  }
}
