package org.pinholed.agent.handover;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pinholed.agent.config.NumericAddress;
import org.pinholed.agent.control.ControlJson;
import org.pinholed.agent.control.JsonFields;
import org.pinholed.agent.expectation.KeptOwner;
import org.pinholed.agent.expectation.ReadChild;
import org.pinholed.agent.flow.FlowState;
import org.pinholed.agent.flow.HalfOpenFlows;
import org.pinholed.agent.flow.HalfOpenState;
import org.pinholed.agent.pinhole.ChildTranslation;
import org.pinholed.agent.pinhole.Pinhole;
import org.pinholed.agent.shared.SharedEntry;
import org.pinholed.helper.AddressText;
import org.pinholed.helper.Endpoint;
import org.pinholed.helper.FlowFacts;
import org.pinholed.helper.OwnerId;
import org.pinholed.helper.Transport;
import org.pinholed.kernel.conntrack.ConntrackIdentity;
import org.pinholed.kernel.conntrack.FlowTuple;

/**
 * A hand-over as one line of JSON; the descriptors travel beside it, in the order of the queues.
 */
final class HandOverText {
  /** Changes whenever a reader of an earlier form would misunderstand. */
  private static final int VERSION = 1;

  private HandOverText() {}

  static String write(HandOver handOver) {
    List<JsonFields> queues = new ArrayList<>();
    for (HandOver.Queue queue : handOver.queues()) {
      queues.add(new JsonFields().with("number", queue.number()));
    }
    List<JsonFields> flows = new ArrayList<>();
    for (FlowState flow : handOver.flows()) {
      flows.add(
          new JsonFields()
              .with("conntrack", write(flow.identity()))
              .with("origin", flow.origin().name())
              .with("clientRead", flow.clientRead())
              .with("serverRead", flow.serverRead())
              .with("clientNext", flow.clientNext())
              .with("serverNext", flow.serverNext())
              .with("snapshot", flow.snapshot())
              .with("announced", flow.announced().stream().map(HandOverText::write).toList())
              .with("clientTranslated", TranslatedText.write(flow.clientTranslated()))
              .with("serverTranslated", TranslatedText.write(flow.serverTranslated()))
              .with("towardsClient", flow.towardsClient())
              .with("towardsServer", flow.towardsServer())
              .with("clientClosed", flow.clientClosed())
              .with("serverClosed", flow.serverClosed()));
    }
    return ControlJson.line(
        new JsonFields()
            .with("handOver", VERSION)
            .with("processId", handOver.processId())
            .with("queues", queues)
            .with("flows", flows)
            .with("halfOpen", write(handOver.halfOpen()))
            .with("shared", handOver.beyond().shared().stream().map(HandOverText::write).toList())
            .with(
                "announced",
                handOver.beyond().announced().stream().map(HandOverText::write).toList())
            .with(
                "children", handOver.beyond().children().stream().map(HandOverText::write).toList())
            .with("owners", handOver.beyond().owners().stream().map(HandOverText::write).toList()));
  }

  private static JsonFields write(ReadChild child) {
    FlowFacts.Announcement announcement = child.announcement();
    OwnerId owner = announcement.owner();
    return new JsonFields()
        .with("conntrack", write(child.child()))
        .with("helper", child.helper())
        .with("helperId", child.helperId())
        .with("owner", owner == null ? "" : owner.text())
        .with("group", announcement.group())
        .with("item", announcement.item());
  }

  private static JsonFields write(KeptOwner kept) {
    return new JsonFields()
        .with("helper", kept.helper())
        .with("id", kept.id().text())
        .with("leftMs", kept.leftMs())
        .with("cut", kept.cut());
  }

  private static ReadChild readChild(JsonFields fields) {
    return new ReadChild(
        readIdentity(fields.object("conntrack")),
        fields.text("helper"),
        (int) fields.number("helperId"),
        new FlowFacts.Announcement(
            OwnerId.parse(fields.text("owner")), fields.text("group"), fields.text("item")));
  }

  private static JsonFields write(ConntrackIdentity identity) {
    return new JsonFields()
        .with("id", identity.id())
        .with("original", write(identity.original()))
        .with("reply", write(identity.reply()))
        .with("zone", identity.zone());
  }

  /**
   * Addresses as hexadecimal digits, so that they are of the same family when they are read: {@code
   * ::ffff:192.0.2.1} would be an IPv4 address then.
   */
  private static String write(FlowTuple tuple) {
    HexFormat hex = HexFormat.of();
    return tuple.protocol()
        + " "
        + hex.formatHex(tuple.source().getAddress())
        + " "
        + tuple.sourcePort()
        + " "
        + hex.formatHex(tuple.destination().getAddress())
        + " "
        + tuple.destinationPort();
  }

  private static JsonFields write(HalfOpenState halfOpen) {
    List<JsonFields> flows = new ArrayList<>();
    for (HalfOpenState.Held held : halfOpen.flows()) {
      HalfOpenFlows.Beginning beginning = held.beginning();
      flows.add(
          new JsonFields()
              .with("id", beginning.conntrackId())
              .with("tuplesHash", held.tuplesHash())
              .with("clientInitial", beginning.clientInitial())
              .with("serverInitial", beginning.serverInitial())
              .with("synWithData", beginning.synWithData()));
    }
    return new JsonFields().with("secret", halfOpen.secret()).with("flows", flows);
  }

  private static JsonFields write(Pinhole pinhole) {
    InetAddress source = pinhole.source();
    ChildTranslation translation = pinhole.translation();
    Endpoint inside = translation == null ? null : translation.inside();
    InetAddress sourceSeen = translation == null ? null : translation.source();
    return new JsonFields()
        .with("kind", pinhole.kind().name())
        .with("transport", pinhole.transport().name())
        .with("source", source == null ? "" : AddressText.of(source))
        .with("destination", AddressText.of(pinhole.destination()))
        .with("port", pinhole.port())
        .with("mark", pinhole.mark())
        .with("lastPort", pinhole.lastPort())
        .with("connections", pinhole.connections())
        .with("timeoutMs", pinhole.timeoutMs())
        .with("comment", pinhole.comment())
        .with("inside", inside == null ? null : AddressText.of(inside.address()))
        .with("insidePort", inside == null ? null : inside.port())
        .with("sourceSeen", sourceSeen == null ? null : AddressText.of(sourceSeen));
  }

  /**
   * Reads a line.
   *
   * @param line what the other process sent
   * @param descriptors what came with it
   * @throws IOException if it is of another version, a refusal, or not understood
   */
  static HandOver read(String line, List<Integer> descriptors) throws IOException {
    byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
    JsonFields fields = ControlJson.read(bytes, 0, bytes.length);
    if (fields.number("handOver") != VERSION) {
      String error = fields.text("error");
      throw new IOException(error.isEmpty() ? "it speaks another version" : error);
    }
    try {
      List<HandOver.Queue> queues = new ArrayList<>();
      for (JsonFields queue : objects(fields, "queues")) {
        queues.add(
            new HandOver.Queue((int) queue.number("number"), descriptors.get(queues.size())));
      }
      List<FlowState> flows = new ArrayList<>();
      for (JsonFields flow : objects(fields, "flows")) {
        if (flow.text("origin").isEmpty() || flow.value("conntrack") == null) {
          continue; // of an agent that did not say so: nobody can tell what it proves, or which it
          // is
        }
        List<Pinhole> announced = new ArrayList<>();
        for (JsonFields pinhole : objects(flow, "announced")) {
          announced.add(readPinhole(pinhole));
        }
        flows.add(
            new FlowState(
                readIdentity(flow.object("conntrack")),
                FlowFacts.Origin.valueOf(flow.text("origin")),
                flow.number("clientRead"),
                flow.number("serverRead"),
                flow.number("clientNext"),
                flow.number("serverNext"),
                flow.text("snapshot"),
                announced,
                TranslatedText.read(flow, "clientTranslated"),
                TranslatedText.read(flow, "serverTranslated"),
                device(flow, "towardsClient"),
                device(flow, "towardsServer"),
                flow.flag("clientClosed"),
                flow.flag("serverClosed")));
      }
      return new HandOver(
          fields.number("processId"),
          queues,
          flows,
          readHalfOpen(fields.object("halfOpen")),
          readBeyond(fields));
    } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new IOException("what it hands over is not understood: " + e.getMessage(), e);
    }
  }

  private static JsonFields write(SharedEntry entry) {
    return new JsonFields()
        .with("protocol", entry.protocol())
        .with("map", entry.map())
        .with("key", entry.key().text())
        .with("leftMs", entry.leftMs())
        .with("text", entry.text());
  }

  /** An earlier agent says nothing of it. */
  private static HandOver.Beyond readBeyond(JsonFields fields) {
    List<SharedEntry> shared = new ArrayList<>();
    for (JsonFields entry : objects(fields, "shared")) {
      OwnerId key = OwnerId.parse(entry.text("key"));
      if (key != null) {
        shared.add(
            new SharedEntry(
                entry.text("protocol"),
                entry.text("map"),
                key,
                entry.number("leftMs"),
                entry.text("text")));
      }
    }
    List<Pinhole> announced = new ArrayList<>();
    for (JsonFields pinhole : objects(fields, "announced")) {
      announced.add(readPinhole(pinhole));
    }
    List<ReadChild> children = new ArrayList<>();
    for (JsonFields child : objects(fields, "children")) {
      if (child.value("conntrack") != null) {
        children.add(readChild(child));
      }
    }
    List<KeptOwner> owners = new ArrayList<>();
    for (JsonFields kept : objects(fields, "owners")) {
      OwnerId id = OwnerId.parse(kept.text("id"));
      if (id != null) {
        owners.add(new KeptOwner(kept.text("helper"), id, kept.number("leftMs"), kept.flag("cut")));
      }
    }
    return new HandOver.Beyond(shared, announced, children, owners);
  }

  private static ConntrackIdentity readIdentity(JsonFields fields) {
    return new ConntrackIdentity(
        (int) fields.number("id"),
        readTuple(fields.text("original")),
        readTuple(fields.text("reply")),
        (int) fields.number("zone"));
  }

  private static FlowTuple readTuple(String text) {
    String[] words = text.split(" ", -1);
    return new FlowTuple(
        Integer.parseInt(words[0]),
        readAddress(words[1]),
        Integer.parseInt(words[2]),
        readAddress(words[3]),
        Integer.parseInt(words[4]));
  }

  private static InetAddress readAddress(String digits) {
    byte[] bytes = HexFormat.of().parseHex(digits);
    try {
      return bytes.length == 16
          ? Inet6Address.getByAddress(null, bytes, -1)
          : InetAddress.getByAddress(bytes);
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("address: " + digits, e);
    }
  }

  private static HalfOpenState readHalfOpen(JsonFields fields) {
    List<HalfOpenState.Held> flows = new ArrayList<>();
    for (JsonFields flow : objects(fields, "flows")) {
      flows.add(
          new HalfOpenState.Held(
              (int) flow.number("tuplesHash"),
              new HalfOpenFlows.Beginning(
                  (int) flow.number("id"),
                  (int) flow.number("clientInitial"),
                  (int) flow.number("serverInitial"),
                  flow.flag("synWithData"))));
    }
    return new HalfOpenState(fields.number("secret"), flows);
  }

  /** An earlier agent says nothing of devices. */
  private static int device(JsonFields flow, String name) {
    return flow.value(name) == null ? 0 : (int) flow.number(name);
  }

  /** The objects in a list; what else is in it is passed over. */
  static List<JsonFields> objects(JsonFields fields, String name) {
    List<JsonFields> objects = new ArrayList<>();
    for (Object each : fields.list(name)) {
      if (each instanceof JsonFields object) {
        objects.add(object);
      }
    }
    return objects;
  }

  private static @Nullable ChildTranslation readTranslation(JsonFields fields) {
    String inside = fields.text("inside");
    String source = fields.text("sourceSeen");
    if (inside.isEmpty() && source.isEmpty()) {
      return null;
    }
    return new ChildTranslation(
        inside.isEmpty() ? null : new Endpoint(address(inside), (int) fields.number("insidePort")),
        source.isEmpty() ? null : address(source));
  }

  private static Pinhole readPinhole(JsonFields fields) {
    return new Pinhole(
        Pinhole.Kind.valueOf(fields.text("kind")),
        Transport.valueOf(fields.text("transport")),
        fields.text("source").isEmpty() ? null : address(fields.text("source")),
        address(fields.text("destination")),
        (int) fields.number("port"),
        (int) Math.max(fields.number("port"), fields.number("lastPort")),
        (int) fields.number("connections"),
        (int) fields.number("mark"),
        fields.number("timeoutMs"),
        fields.text("comment"),
        readTranslation(fields),
        null);
  }

  private static InetAddress address(String text) {
    @Nullable InetAddress address = NumericAddress.parse(text);
    if (address == null) {
      throw new IllegalArgumentException("address: " + text);
    }
    return address;
  }
}
