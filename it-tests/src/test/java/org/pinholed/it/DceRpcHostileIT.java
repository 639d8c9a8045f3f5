package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.it.lab.Family;
import org.pinholed.it.lab.RpcFormat;
import org.pinholed.it.lab.RpcInterface;
import org.pinholed.it.lab.RpcPdu;
import org.pinholed.it.lab.RpcScenario;
import org.pinholed.it.lab.RpcTalk;

/**
 * Messages that lie: whatever is said arrives as it was said, nothing opens that must not, it is
 * counted with its reason, and the next connection is served.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DceRpcHostileIT {
  private static final RpcFormat FORMAT = RpcFormat.LITTLE;
  private static final RpcInterface SERVICE = RpcInterface.own(1);
  private static final String HOST = Family.V4.server();

  private final RpcScenario scenario = RpcScenario.start("timeout: 10m", "");

  /** Every port that was named, and those of them that may be open. */
  private final Set<Integer> named = new TreeSet<>();

  private final Set<Integer> open = new TreeSet<>();
  private int nextPort = 20_000;

  @AfterAll
  void close() {
    try (scenario) {
      assertEquals(open, scenario.router().announcedPorts());
      assertEquals(open, scenario.reached(HOST, named));
      scenario.router().assertClean();
    }
  }

  private int port() {
    named.add(nextPort);
    return nextPort++;
  }

  private int openPort() {
    open.add(nextPort);
    return port();
  }

  private static RpcTalk talk() {
    return new RpcTalk(FORMAT);
  }

  private static RpcTalk bound() {
    return talk().bind(RpcInterface.MAPPER);
  }

  /** Holds a conversation and a good one behind it; the reasons that were counted. */
  private Map<String, Long> reasons(RpcTalk talk) {
    Map<String, Long> before = scenario.router().reasons();
    scenario.hold(talk, bound().map(SERVICE, openPort()));
    return scenario.router().reasonsSince(before);
  }

  // ---- Counts and lengths -------------------------------------------------------------------

  /** A conversation that would open a port, of which one PDU says another number. */
  private static RpcTalk lying(String pdu, int at, int bytes, long value, int port) {
    List<String> said = new ArrayList<>(conversation(pdu.equals("bindings"), port));
    int which = List.of("bind", "ack", "request", "reply").indexOf(pdu);
    which = which < 0 ? 3 : which;
    said.set(which, RpcPdu.with(said.get(which), at, bytes, value));
    return talk().client(said.get(0)).server(said.get(1)).client(said.get(2)).server(said.get(3));
  }

  private static List<String> conversation(boolean resolves, int port) {
    if (!resolves) {
      return List.of(
          RpcPdu.bind(FORMAT, 1, RpcInterface.MAPPER),
          RpcPdu.bindAck(FORMAT, 1, 1),
          talk().asked(2, 0, SERVICE),
          talk().told(2, SERVICE, port));
    }
    String asked = RpcPdu.resolveRequest(FORMAT);
    String told = RpcPdu.resolveResponse(FORMAT, HOST + "[" + port + "]");
    return List.of(
        RpcPdu.bind(FORMAT, 1, RpcInterface.RESOLVER),
        RpcPdu.bindAck(FORMAT, 1, 1),
        RpcPdu.request(FORMAT, 2, 0, RpcPdu.RESOLVE_OXID2, asked),
        RpcPdu.response(FORMAT, 2, 0, told));
  }

  /**
   * The outcomes of 0, one less, one more, 2^16-1 and 2^32-1, the smallest first, without those
   * that are the right one or for which there is no room: {@code open} where what was asked for and
   * accepted opens, the reasons that are counted, {@code -} for neither.
   */
  @ParameterizedTest
  @CsvSource({
    "bind,frag_length,8,2,notDcerpc badBind+brokenHeader brokenHeader -",
    "bind,auth_length,10,2,badBind trailerBeyondPdu",
    "bind,n_context_elem,24,1,- open+badBind open+badBind",
    "bind,n_transfer_syn,30,1,syntaxNotOffered badBind badBind",
    "ack,frag_length,8,2,notDcerpc badBind+brokenHeader brokenHeader -",
    "ack,auth_length,10,2,badBind trailerBeyondPdu",
    "ack,address length,24,2,badBind open open badBind",
    "ack,n_results,32,1,- open+badBind open+badBind",
    "request,frag_length,8,2,brokenHeader brokenHeader replyWithoutRequest replyWithoutRequest",
    "request,auth_length,10,2,open trailerBeyondPdu",
    "request,max_count,32,4,badCount badCount badCount badCount badCount",
    "request,tower_length,36,4,badCount badCount badCount badCount badCount",
    "request,floors,40,2,badTower open badTower badTower",
    "request,left of the interface,42,2,badTower badTower badTower badTower",
    "request,right of the interface,63,2,badTower badTower badTower badTower",
    "reply,frag_length,8,2,brokenHeader brokenHeader+stubTooShort - -",
    "reply,auth_length,10,2,badCount trailerBeyondPdu",
    "reply,num_towers,44,4,badCount badCount badCount badCount",
    "reply,max_count,48,4,badCount open open open open",
    "reply,offset,52,4,badCount badCount badCount",
    "reply,actual_count,56,4,badCount badCount badCount badCount",
    "reply,max_count of the tower,64,4,badCount badCount badCount badCount badCount",
    "reply,tower_length,68,4,badCount badCount badCount badCount badCount",
    "reply,floors,72,2,badTower open badTower badTower",
    "reply,left of the interface,74,2,badTower badTower badTower badTower",
    "reply,right of the interface,95,2,badTower badTower badTower badTower",
    "reply,left of the port,131,2,badTower badTower badTower",
    "reply,right of the port,134,2,badTower badTower badTower badTower",
    "reply,right of the address,141,2,badTower badTower badTower badTower",
    "bindings,max_count,28,4,badCount badCount badCount badCount badCount",
    "bindings,wNumEntries,32,2,badCount badCount badCount badCount",
    "bindings,wSecurityOffset,34,2,- badCount badCount badCount"
  })
  void numbersThatLie(String pdu, String field, int at, int bytes, String outcomes) {
    List<String> conversation = conversation(pdu.equals("bindings"), 0);
    int which = List.of("bind", "ack", "request", "reply").indexOf(pdu);
    String original = conversation.get(which < 0 ? 3 : which);
    long good = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      good = good << 8 | original.charAt(at + i);
    }
    long most = (1L << (8 * bytes)) - 1;
    Set<Long> values = new TreeSet<>(List.of(0L, good - 1 & most, good + 1, 0xffff & most, most));
    values.remove(good);
    List<String> seen = new ArrayList<>();
    for (long value : values) {
      int port = port();
      Map<String, Long> reasons = reasons(lying(pdu, at, bytes, value, port));
      boolean isOpen = !scenario.router().announced(port).isEmpty();
      if (isOpen) {
        open.add(port);
      }
      List<String> words = new ArrayList<>(isOpen ? List.of("open") : List.of());
      words.addAll(reasons.keySet());
      seen.add(words.isEmpty() ? "-" : String.join("+", words));
    }
    assertEquals(outcomes, String.join(" ", seen), () -> field + " " + values);
  }

  // ---- Replies ------------------------------------------------------------------------------

  @Test
  void repliesThatNobodyAskedFor_openNothing() {
    RpcTalk talk = talk().server(talk().told(9, SERVICE, port())); // nothing is bound
    talk.bind(RpcInterface.MAPPER);
    talk.server(talk.told(77, SERVICE, port()));
    int call = talk.nextCall();
    talk.client(talk.asked(call, 0, SERVICE));
    talk.server(talk.told(call + 1, SERVICE, port())); // of another call
    talk.client(talk.told(call, SERVICE, port())); // from the side that asked
    talk.server(talk.told(call, SERVICE, openPort()));
    talk.server(talk.told(call, SERVICE, port())); // once more
    assertEquals(Map.of("replyWithoutRequest", 3L), reasons(talk));
  }

  @Test
  void contextThatWasRejected_opensNothing() {
    String rejected = RpcPdu.with(RpcPdu.bindAck(FORMAT, 1, 1), 36, 2, 2);
    RpcTalk talk = talk().client(RpcPdu.bind(FORMAT, 1, RpcInterface.MAPPER)).server(rejected);
    talk.nextCall();
    talk.map(SERVICE, port());
    assertEquals(Map.of(), reasons(talk));
  }

  @Test
  void callThatFailed_opensNothing_andTheNextOneDoes() {
    RpcTalk talk = bound();
    int call = talk.nextCall();
    String told = talk.told(call, SERVICE, port());
    talk.client(talk.asked(call, 0, SERVICE));
    talk.server(RpcPdu.with(told, told.length() - 4, 4, 5));
    reasons(talk.map(SERVICE, openPort()));
  }

  @Test
  void fragmentsWithoutEnd_areGivenUp_andTheNextCallIsRead() {
    RpcTalk talk = bound();
    int call = talk.nextCall();
    talk.client(talk.asked(call, 0, SERVICE));
    String stub = "\0".repeat(200_000);
    List<String> pdus = RpcPdu.fragments(FORMAT, call, 0, stub, 4000);
    talk.server(String.join("", pdus.subList(0, pdus.size() - 1)));
    assertEquals(Map.of("callTooLong", 1L), reasons(talk.map(SERVICE, openPort())));
  }

  @Test
  void callsInFragmentsWithoutEnd_areBounded_andTheNextCallIsRead() {
    RpcTalk talk = bound();
    for (int calls = 0; calls < 20; calls++) {
      int call = talk.nextCall();
      talk.client(talk.asked(call, 0, SERVICE));
      talk.server(RpcPdu.fragments(FORMAT, call, 0, "\0".repeat(200), 100).get(0));
    }
    assertEquals(Map.of("tooManyFragmentedCalls", 12L), reasons(talk.map(SERVICE, openPort())));
    assertTrue(scenario.router().agent().isAlive());
  }
}
