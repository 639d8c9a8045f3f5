package org.pinholed.it.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * What both sides of one DCE-RPC connection say, in its order, before anybody says it: many of them
 * are held at once ({@link RpcScenario#hold}), which is much faster than an {@link RpcDialogue}.
 * Not thread-safe.
 */
public final class RpcTalk {
  private final RpcFormat format;
  private final List<Object[]> steps = new ArrayList<>();
  private int calls;

  /** Makes one in which nothing is said yet, between two sides that write numbers so. */
  public RpcTalk(RpcFormat format) {
    this.format = format;
  }

  static List<List<Object[]>> steps(List<RpcTalk> talks) {
    return talks.stream().map(talk -> talk.steps).toList();
  }

  private RpcTalk say(boolean isClient, String text, int cut) {
    steps.add(new Object[] {isClient, text, cut});
    return this;
  }

  /** The client says something. */
  public RpcTalk client(String said) {
    return say(true, said, 0);
  }

  /** The server says something. */
  public RpcTalk server(String said) {
    return say(false, said, 0);
  }

  /** One of them says something in two segments, the first of which is so many bytes long. */
  public RpcTalk cut(boolean isClient, String said, int bytes) {
    return say(isClient, said, bytes);
  }

  /** A number that no call had yet. */
  public int nextCall() {
    return ++calls;
  }

  /** Binds interfaces to the contexts from 0 on. */
  public RpcTalk bind(RpcInterface... interfaces) {
    int call = nextCall();
    return client(RpcPdu.bind(format, call, interfaces))
        .server(RpcPdu.bindAck(format, call, interfaces.length));
  }

  /** Adds interfaces to the contexts from a number on. */
  public RpcTalk alter(int context, RpcInterface... interfaces) {
    int call = nextCall();
    return client(RpcPdu.alter(format, call, context, interfaces))
        .server(RpcPdu.alterResponse(format, call, interfaces.length));
  }

  /** The client asks in context 0 for a service, and is told one port of the server itself. */
  public RpcTalk map(RpcInterface service, int port) {
    return map(0, service, port);
  }

  /** The client asks in a context for a service, and is told one port of the server itself. */
  public RpcTalk map(int context, RpcInterface service, int port) {
    int call = nextCall();
    String stub = RpcPdu.mapResponse(format, RpcTower.own(service, port));
    return client(asked(call, context, service))
        .server(RpcPdu.response(format, call, context, stub));
  }

  /** The PDU by which a client asks for a service over TCP. */
  public String asked(int call, int context, RpcInterface service) {
    String stub = RpcPdu.mapRequest(format, service, RpcTower.TCP);
    return RpcPdu.request(format, call, context, RpcPdu.MAP, stub);
  }

  /** The PDU that answers a call in context 0 with one port of the server itself. */
  public String told(int call, RpcInterface service, int port) {
    String stub = RpcPdu.mapResponse(format, RpcTower.own(service, port));
    return RpcPdu.response(format, call, 0, stub);
  }
}
