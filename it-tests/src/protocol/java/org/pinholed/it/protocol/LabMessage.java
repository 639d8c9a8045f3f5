package org.pinholed.it.protocol;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.pinholed.helper.Announced;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.Direction;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.ExpectationRequest;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.Lifetime;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.SharedMap;
import org.pinholed.helper.SharedState;
import org.pinholed.helper.Transport;

/**
 * Does what a message says. A message is a datagram, or a line of TCP: commands with {@code ;}
 * between them. A field is {@code name=value}, or a name alone; a field that says {@code ?} is
 * edited, so that the receiver reads the answer.
 *
 * <pre>{@code
 * item owner=O group=G item=I to=ADDRESS:PORT udp from=peer|any|ADDRESS many
 *      life=fixed:T|owner|owner:CAP|until:T|idle:FIRST:IDLE:CAP pair=ITEM last=PORT connections=N
 *      read stays|addressStays inactive label=TEXT     one more child; "to" is edited as told
 * expect                              announces the items so far, as one group
 * activate group=G owner=O            close group=G owner=O [cut]
 * keep owner=O time=T [cut]           end owner=O [cut]
 * name owner=O kind=call|registration label=TEXT state=WORD
 * stands group=G owner=O value=?      announced at=ADDRESS:PORT [udp] value=?
 * edit this=OLD with=NEW              puts NEW in the place of OLD
 * me at=ADDRESS:PORT                  puts the sender in, as the receiver knows it
 * facts policy=? client=? server=? announced=?
 * put key=K value=V time=T            get key=K value=?        count key=K time=T value=?
 * refuse, malformed, partopaque, opaque, cut, noop
 * }</pre>
 *
 * <p>Without an owner the flow is meant. Not thread-safe; one for each flow.
 */
final class LabMessage {
  private static final SharedMap.Codec<String> TEXT =
      new SharedMap.Codec<>() {
        @Override
        public String write(String value, long nowNs) {
          return value;
        }

        @Override
        public String read(String text, long nowNs) {
          return text;
        }
      };

  private final FlowFacts facts;
  private final SharedMap<String> map;
  private final List<ExpectationRequest> items = new ArrayList<>();
  private final List<LabCommand> announcing = new ArrayList<>();
  private boolean ended;

  LabMessage(FlowFacts facts, SharedState shared) {
    this.facts = facts;
    map = shared.map("texts", LabProtocol.MOST_KEYS, TEXT);
  }

  /**
   * Reads one message, without its end.
   *
   * @param bytes where it is
   * @param from index of its first byte
   * @param to index behind its last one
   */
  void read(Direction direction, ByteCursor bytes, int from, int to, long nowNs, OutcomeSink out) {
    byte[] raw = new byte[to - from];
    bytes.buffer().get(from, raw);
    String text = new String(raw, StandardCharsets.ISO_8859_1);
    if (out.isTraced()) {
      out.describe(text);
    }
    items.clear();
    announcing.clear();
    int at = 0;
    while (at <= text.length() && !ended) {
      int end = text.indexOf(';', at);
      end = end < 0 ? text.length() : end;
      long offset = bytes.streamOffsetOf(from + at);
      try {
        // spaces stay in the text, so that the offsets are right
        obey(new LabCommand(text.substring(at, end), offset), direction, nowNs, out);
      } catch (IllegalArgumentException e) {
        out.report(LabReason.BAD_COMMAND, offset);
        ended |= facts.transport() == Transport.TCP;
        return;
      }
      at = end + 1;
    }
  }

  private void obey(LabCommand command, Direction direction, long nowNs, OutcomeSink out) {
    out.understood(command.word());
    OwnerId owner = command.has("owner") ? LabCommand.owner(command.get("owner")) : null;
    switch (command.word()) {
      case ITEM -> {
        items.add(request(command, owner, direction));
        announcing.add(command);
      }
      case EXPECT -> expect(out);
      case ACTIVATE -> out.activate(owner, command.get("group"));
      case CLOSE -> out.close(owner, command.get("group"), children(command));
      case KEEP ->
          out.keepOwner(
              LabCommand.owner(command.get("owner")), command.duration("time"), children(command));
      case END -> out.endOwner(LabCommand.owner(command.get("owner")), children(command));
      case NAME ->
          out.named(
              LabCommand.owner(command.get("owner")),
              LabKind.valueOf(command.get("kind").toUpperCase(Locale.ROOT)),
              command.get("label"),
              command.get("state"));
      case STANDS ->
          edit(command, "value", out.stands(owner, command.get("group")) ? "yes" : "no", out);
      case ANNOUNCED -> {
        Transport transport = command.has("udp") ? Transport.UDP : Transport.TCP;
        edit(command, "value", told(out.announced(transport, command.endpoint("at"))), out);
      }
      case EDIT -> edit(command, "this", command.get("with"), out);
      case ME -> edit(command, "at", facts.senderSeenByPeer(direction).toString(), out);
      case FACTS -> tellFacts(command, out);
      case PUT ->
          map.change(
              LabCommand.owner(command.get("key")),
              nowNs,
              command.duration("time"),
              before -> command.get("value"));
      case GET -> {
        String value = map.get(LabCommand.owner(command.get("key")), nowNs);
        edit(command, "value", value == null ? "-" : value, out);
      }
      case COUNT -> edit(command, "value", count(command, nowNs), out);
      case REFUSE -> out.report(LabReason.REFUSED_ON_REQUEST, command.offset());
      case MALFORMED -> {
        out.report(LabReason.MALFORMED_ON_REQUEST, command.offset());
        ended = facts.transport() == Transport.TCP;
      }
      case PARTOPAQUE -> out.report(LabReason.PART_OPAQUE_ON_REQUEST, command.offset());
      case OPAQUE -> {
        out.report(LabReason.OPAQUE_ON_REQUEST, command.offset());
        ended = true;
      }
      case CUT -> out.cut(LabReason.CUT_ON_REQUEST, command.offset());
      case NOOP -> {}
    }
  }

  private static OutcomeSink.Children children(LabCommand command) {
    return command.has("cut") ? OutcomeSink.Children.CUT : OutcomeSink.Children.KEEP;
  }

  private static String told(Announced announced) {
    return announced == null
        ? "-"
        : announced.destination() + "/" + announced.group() + "/" + announced.item();
  }

  boolean isEnded() {
    return ended;
  }

  private void expect(OutcomeSink out) {
    if (items.isEmpty()) {
      throw new IllegalArgumentException("no item");
    }
    List<Optional<Endpoint>> seen = out.expectGroup(List.copyOf(items));
    for (int at = 0; at < seen.size(); at++) {
      LabCommand command = announcing.get(at);
      seen.get(at).ifPresent(endpoint -> edit(command, "to", said(command, endpoint), out));
    }
    items.clear();
    announcing.clear();
  }

  /** What a message must say of a child that the other side sees there. */
  private static String said(LabCommand command, Endpoint seen) {
    if (command.has("stays")) {
      return command.get("to");
    }
    return command.has("addressStays")
        ? new Endpoint(command.endpoint("to").address(), seen.port()).toString()
        : seen.toString();
  }

  private static void edit(LabCommand command, String field, String text, OutcomeSink out) {
    String before = command.get(field);
    if (!before.equals(text)) {
      byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
      out.edit(command.offsetOf(field), before.length(), bytes, command.word());
    }
  }

  private String count(LabCommand command, long nowNs) {
    int[] now = new int[1];
    boolean kept =
        map.change(
            LabCommand.owner(command.get("key")),
            nowNs,
            command.duration("time"),
            before -> {
              now[0] = before == null ? 1 : Integer.parseInt(before) + 1;
              return Integer.toString(now[0]);
            });
    return kept ? Integer.toString(now[0]) : "full";
  }

  private void tellFacts(LabCommand command, OutcomeSink out) {
    FlowFacts.Announcement announcement = facts.announcement();
    String announced = "-";
    if (announcement != null) {
      OwnerId owner = announcement.owner();
      announced =
          (owner == null ? "flow" : owner.text())
              + "/"
              + announcement.group()
              + "/"
              + announcement.item();
    }
    edit(command, "policy", Integer.toString(facts.policyId()), out);
    edit(command, "client", facts.clientDevice(), out);
    edit(command, "server", facts.serverDevice(), out);
    edit(command, "announced", announced, out);
  }

  private static ExpectationRequest request(
      LabCommand command, OwnerId owner, Direction direction) {
    ExpectationRequest.Builder builder =
        ExpectationRequest.builder(
                command.get("group"), direction, command.endpoint("to"), LabWord.ITEM)
            .streamOffset(command.offset())
            .endpointOffset(command.offsetOf("to"))
            .field(command.get("to"));
    if (owner != null) {
      builder.owner(owner);
    }
    if (command.has("item")) {
      builder.item(command.get("item"));
    }
    if (command.has("udp")) {
      builder.transport(Transport.UDP);
    }
    if (command.has("many")) {
      builder.many();
    }
    if (command.has("from")) {
      switch (command.get("from")) {
        case "peer" -> {}
        case "any" -> builder.fromAny();
        default -> builder.from(LabCommand.address(command.get("from")));
      }
    }
    if (command.has("life")) {
      builder.lifetime(lifetime(command.get("life")));
    }
    if (command.has("pair")) {
      builder.pairedWith(command.get("pair"));
    }
    if (command.has("last")) {
      int most = command.has("connections") ? command.number("connections") : 0;
      builder.portsUpTo(command.number("last"), most);
    }
    if (command.has("read")) {
      builder.read();
    }
    if (command.has("stays")) {
      builder.text(ExpectationRequest.Text.STAYS);
    } else if (command.has("addressStays")) {
      builder.text(ExpectationRequest.Text.ADDRESS_STAYS);
    }
    if (command.has("inactive")) {
      builder.inactive();
    }
    if (command.has("label")) {
      builder.label(command.get("label"));
    }
    return builder.build();
  }

  private static Lifetime lifetime(String text) {
    String kind = text.replaceFirst(":.*", "");
    Duration first = kind.equals(text) ? null : LabCommand.duration(text, 1);
    return switch (kind) {
      case "owner" -> new Lifetime.WithOwner(first);
      case "fixed" -> new Lifetime.Fixed(LabCommand.duration(text, 1));
      case "until" -> new Lifetime.Until(LabCommand.duration(text, 1));
      case "idle" ->
          new Lifetime.Idle(
              LabCommand.duration(text, 1),
              LabCommand.duration(text, 2),
              LabCommand.duration(text, 3));
      default -> throw new IllegalArgumentException("no lifetime: " + text);
    };
  }
}
