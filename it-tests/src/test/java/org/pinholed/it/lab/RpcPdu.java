package org.pinholed.it.lab;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * PDUs of DCE-RPC as text in Latin-1, for scripts that speak both sides (C706 sections 12.4 and
 * 12.6.4, appendix O; MS-DCOM section 3.1.2.5.1).
 */
public final class RpcPdu {
  /** ept_map. */
  public static final int MAP = 3;

  /** ResolveOxid2. */
  public static final int RESOLVE_OXID2 = 4;

  private static final int FIRST = 1;
  private static final int LAST = 2;
  private static final int HEADER = 16;
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private RpcPdu() {}

  private static RpcWriter header(RpcFormat format, int type, int flags, int call) {
    return new RpcWriter(format)
        .u8(5)
        .u8(0)
        .u8(type)
        .u8(flags)
        .u8(format.isBigEndian() ? 0 : 0x10)
        .zeros(3)
        .u16(0)
        .u16(0)
        .u32(call);
  }

  private static String done(RpcWriter pdu) {
    return pdu.u16At(8, pdu.length()).text();
  }

  /** A bind whose contexts, counted from 0, are these interfaces in the format's syntax. */
  public static String bind(RpcFormat format, int call, RpcInterface... interfaces) {
    return proposal(format, 11, call, 0, interfaces);
  }

  /** An alter_context that adds contexts, counted from a number on. */
  public static String alter(RpcFormat format, int call, int context, RpcInterface... interfaces) {
    return proposal(format, 14, call, context, interfaces);
  }

  private static String proposal(
      RpcFormat format, int type, int call, int context, RpcInterface... interfaces) {
    RpcWriter pdu = header(format, type, FIRST | LAST, call);
    pdu.u16(5840).u16(5840).u32(0).u8(interfaces.length).zeros(3);
    for (int at = 0; at < interfaces.length; at++) {
      pdu.u16(context + at).u8(1).u8(0);
      pdu.uuid(interfaces[at].uuid()).u32(interfaces[at].major());
      pdu.uuid(format.syntax()).u32(format.syntaxVersion());
    }
    return done(pdu);
  }

  /** The answer that accepts so many contexts of a bind. */
  public static String bindAck(RpcFormat format, int call, int contexts) {
    return acceptance(format, 12, call, "135\0", contexts);
  }

  /** The answer that accepts so many contexts of an alter_context. */
  public static String alterResponse(RpcFormat format, int call, int contexts) {
    return acceptance(format, 15, call, "", contexts);
  }

  private static String acceptance(
      RpcFormat format, int type, int call, String address, int contexts) {
    RpcWriter pdu = header(format, type, FIRST | LAST, call);
    pdu.u16(5840).u16(5840).u32(0x53f0).u16(address.length()).raw(address).align(4);
    pdu.u8(contexts).zeros(3);
    for (int at = 0; at < contexts; at++) {
      pdu.u16(0).u16(0).uuid(format.syntax()).u32(format.syntaxVersion());
    }
    return done(pdu);
  }

  /** A request in one PDU. */
  public static String request(
      RpcFormat format, int call, int context, int operation, String stub) {
    RpcWriter pdu = header(format, 0, FIRST | LAST, call);
    pdu.u32(stub.length()).u16(context).u16(operation).raw(stub);
    return done(pdu);
  }

  /** A response in one PDU. */
  public static String response(RpcFormat format, int call, int context, String stub) {
    return fragments(format, call, context, stub, Math.max(1, stub.length())).get(0);
  }

  /** A response in fragments whose stubs are of so many bytes at most. */
  public static List<String> fragments(
      RpcFormat format, int call, int context, String stub, int bytes) {
    List<String> pdus = new ArrayList<>();
    for (int at = 0; at == 0 || at < stub.length(); at += bytes) {
      int end = Math.min(stub.length(), at + bytes);
      int flags = (at == 0 ? FIRST : 0) | (end == stub.length() ? LAST : 0);
      RpcWriter pdu = header(format, 2, flags, call);
      pdu.u32(stub.length() - at).u16(context).u16(0).raw(stub.substring(at, end));
      pdus.add(done(pdu));
    }
    return pdus;
  }

  /**
   * The same PDU with another number at a place, in the byte order that its header says.
   *
   * @param at offset of its first byte
   * @param bytes how long the number is, 1..4
   */
  public static String with(String pdu, int at, int bytes, long value) {
    boolean isBigEndian = (pdu.charAt(4) & 0xf0) == 0;
    StringBuilder changed = new StringBuilder(pdu);
    for (int i = 0; i < bytes; i++) {
      int shift = 8 * (isBigEndian ? bytes - 1 - i : i);
      changed.setCharAt(at + i, (char) (value >> shift & 0xff));
    }
    return changed.toString();
  }

  /** The next PDU of a connection, or what comes of it in 15 s. */
  public static String next(Connection connection) {
    String head = connection.take(HEADER, PATIENCE);
    if (head.length() < HEADER) {
      return head;
    }
    int one = head.charAt(8);
    int other = head.charAt(9);
    int length = (head.charAt(4) & 0xf0) == 0 ? one << 8 | other : other << 8 | one;
    return head + connection.take(length - HEADER, PATIENCE);
  }

  /** The stub of a question for a service, over one of the transports. */
  public static String mapRequest(RpcFormat format, RpcInterface service, int transport) {
    RpcWriter stub = new RpcWriter(format);
    stub.wide(0).wide(2);
    tower(stub, new RpcTower(service, transport, 0, "0.0.0.0"));
    return stub.align(4).zeros(20).u32(16).text();
  }

  /** The stub of the mapper's answer. */
  public static String mapResponse(RpcFormat format, RpcTower... towers) {
    RpcWriter stub = new RpcWriter(format).zeros(20).u32(towers.length);
    stub.wide(16).wide(0).wide(towers.length);
    for (int at = 0; at < towers.length; at++) {
      stub.wide(4 * at + 4);
    }
    for (RpcTower tower : towers) {
      tower(stub, tower);
    }
    return stub.align(4).u32(towers.length == 0 ? 0x16c9a0d6L : 0).text();
  }

  private static void tower(RpcWriter stub, RpcTower tower) {
    String octets = tower.octets();
    stub.wide(octets.length()).u32(octets.length()).raw(octets);
  }

  /** The stub of a question for the bindings of an object exporter. */
  public static String resolveRequest(RpcFormat format) {
    return new RpcWriter(format).u64(0x1122334455667788L).u16(1).wide(1).u16(7).text();
  }

  /** The stub of the answer of ResolveOxid2. */
  public static String resolveResponse(RpcFormat format, String... bindings) {
    RpcWriter units = new RpcWriter(format);
    for (String binding : bindings) {
      units.u16(RpcTower.TCP);
      binding.chars().forEach(units::u16);
      units.u16(0);
    }
    units.u16(0);
    int strings = units.length() / 2;
    units.u16(10).u16(0xffff).u16(0).u16(0);
    RpcWriter stub = new RpcWriter(format).wide(0x20000).wide(units.length() / 2);
    stub.u16(units.length() / 2).u16(strings).raw(units.text()).align(4);
    return stub.uuid(new UUID(1, 2)).u32(5).u16(5).u16(7).u32(0).text();
  }

  /**
   * A datagram of version 4 (C706 section 12.5).
   *
   * @param type 0 for a request, 2 for a response
   * @param activity who calls, together with the sequence number
   */
  public static String datagram(
      RpcFormat format,
      int type,
      RpcInterface called,
      UUID activity,
      int sequence,
      int operation,
      String stub) {
    RpcWriter pdu = new RpcWriter(format).u8(4).u8(type).u8(8).u8(0);
    pdu.u8(format.isBigEndian() ? 0 : 0x10).zeros(3).zeros(16);
    pdu.uuid(called.uuid()).uuid(activity).u32(0).u32(called.major()).u32(sequence);
    pdu.u16(operation).u16(0xffff).u16(0xffff).u16(stub.length()).u16(0).u8(0).u8(0);
    return pdu.raw(stub).text();
  }
}
