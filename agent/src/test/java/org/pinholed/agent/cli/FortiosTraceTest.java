package org.pinholed.agent.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.pinholed.agent.control.JsonFields;

class FortiosTraceTest {
  private final FortiosTrace trace = new FortiosTrace();

  private static JsonFields row(String step, String text) {
    return new JsonFields()
        .with("packet", 8L)
        .with("serial", "c728cae5")
        .with("helper", "ftp")
        .with("step", step)
        .with("text", text);
  }

  @Test
  void aPacketOfASession_inTheVendorsWords() {
    assertEquals(
        "",
        trace.lines(
            row(
                "received",
                "TCP 203.0.113.1:53541 -> 203.0.113.2:21 ACK seq 2980049208, 6 bytes of"
                    + " payload")));
    assertEquals(
        """
        id=20085 trace_id=8 func=print_pkt_detail msg="vd-root:0 received a packet(proto=6, 198.51.100.2:42422->203.0.113.2:21) from lan0. flag [.], seq 2980049208"
        id=20085 trace_id=8 func=resolve_ip_tuple_fast msg="Find an existing session, id-c728cae5, original direction"
        id=20085 trace_id=8 func=__ip_session_run_tuple msg="SNAT 198.51.100.2->203.0.113.1:53541"
        """,
        trace.lines(
            row(
                "session",
                "existing session, direction original, policy 25, in by lan0, out by wan0, SNAT"
                    + " 198.51.100.2:42422->203.0.113.1:53541")));
    assertEquals(
        "id=20085 trace_id=8 func=__ip_session_run_tuple msg=\"run helper-ftp(dir=original)\"\n",
        trace.lines(row("helper", "reads 6 bytes of direction original, state ready")));
    assertEquals(
        "id=20085 trace_id=8 func=verdict msg=\"accept, \\\"as it came\\\"\\x1b\"\n",
        trace.lines(row("verdict", "accept, \"as it came\"\u001b")));
  }

  @Test
  void aPacketWithoutASession_isNotLost_newOnesAreAllocated() {
    String received = "UDP [2001:db8::2]:5060 -> [2001:db8::3]:5060, 400 bytes of payload";
    assertEquals("", trace.lines(row("received", received)));
    assertEquals(
        "id=20085 trace_id=8 func=print_pkt_detail msg=\"vd-root:0 received a packet(proto=17,"
            + " [2001:db8::2]:5060->[2001:db8::3]:5060).\"\n"
            + "id=20085 trace_id=8 func=verdict msg=\"accept\"\n",
        trace.lines(row("verdict", "accept")));
    trace.lines(row("received", received));
    String begun =
        trace.lines(row("session", "new session of helper ftp, direction reply, vetted"));
    assertEquals(
        "id=20085 trace_id=8 func=init_ip_session_common msg=\"allocate a new"
            + " session-c728cae5\"",
        begun.lines().toList().get(1));
    trace.lines(row("received", "nothing that is known"));
    assertEquals(
        "id=20085 trace_id=8 func=print_pkt_detail msg=\"received a packet(nothing that is"
            + " known)\"\n",
        trace.rest());
  }

  /** As it came to the router, and each translation back. */
  @Test
  void aReply_isShownAsItCame_andTranslatedBack() {
    trace.lines(
        row("received", "TCP 203.0.113.1:21 -> 198.51.100.2:42422 ACK seq 7, 6 bytes of payload"));
    assertEquals(
        """
        id=20085 trace_id=8 func=print_pkt_detail msg="vd-root:0 received a packet(proto=6, 198.51.100.20:2121->203.0.113.1:53541) from wan0. flag [.], seq 7"
        id=20085 trace_id=8 func=resolve_ip_tuple_fast msg="Find an existing session, id-c728cae5, reply direction"
        id=20085 trace_id=8 func=__ip_session_run_tuple msg="DNAT 203.0.113.1:53541->198.51.100.2:42422"
        id=20085 trace_id=8 func=__ip_session_run_tuple msg="SNAT 198.51.100.20->203.0.113.1:21"
        """,
        trace.lines(
            row(
                "session",
                "existing session, direction reply, policy 25, in by lan0, out by wan0, SNAT"
                    + " 198.51.100.2:42422->203.0.113.1:53541, DNAT"
                    + " 203.0.113.1:21->198.51.100.20:2121")));
    assertEquals(
        "id=20085 trace_id=8 func=__ip_session_run_tuple msg=\"run helper-ftp(dir=reply)\"\n",
        trace.lines(row("helper", "reads 6 bytes of direction reply, state ready")));
  }

  @Test
  void aPacketToAPublishedServer_goesThroughDnatFirst() {
    trace.lines(
        row("received", "UDP [2001:db8:2::1]:1024 -> [2001:db8:2::2]:5060, 6 bytes of payload"));
    String text =
        trace.lines(
            row(
                "session",
                "existing session, direction original, policy 25, in by lan0, SNAT"
                    + " [2001:db8:1::2]:5060->[2001:db8:2::1]:1024, DNAT"
                    + " [2001:db8:1::1]:5060->[2001:db8:2::2]:5060"));
    assertEquals(
        """
        id=20085 trace_id=8 func=print_pkt_detail msg="vd-root:0 received a packet(proto=17, [2001:db8:1::2]:5060->[2001:db8:1::1]:5060) from lan0."
        id=20085 trace_id=8 func=resolve_ip_tuple_fast msg="Find an existing session, id-c728cae5, original direction"
        id=20085 trace_id=8 func=__ip_session_run_tuple msg="DNAT [2001:db8:1::1]:5060->[2001:db8:2::2]:5060"
        id=20085 trace_id=8 func=__ip_session_run_tuple msg="SNAT 2001:db8:1::2->[2001:db8:2::1]:1024"
        """,
        text);
  }
}
