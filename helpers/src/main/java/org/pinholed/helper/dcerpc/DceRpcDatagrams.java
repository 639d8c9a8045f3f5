package org.pinholed.helper.dcerpc;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.DatagramHelper;
import org.pinholed.helper.Direction;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.dcerpc.call.Association;
import org.pinholed.helper.dcerpc.call.DatagramFragments;
import org.pinholed.helper.dcerpc.call.Request;
import org.pinholed.helper.dcerpc.call.Requests;
import org.pinholed.helper.dcerpc.pdu.DatagramView;
import org.pinholed.helper.dcerpc.pdu.PduType;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.DceRpcWord;
import org.pinholed.helper.dcerpc.words.Service;
import org.pinholed.helper.dcerpc.words.Syntax;

/**
 * DCE-RPC over UDP: datagrams of version 4, which name their interface themselves. Their arguments
 * are in NDR. What is no such datagram passes without a word.
 *
 * <p>A request is remembered until others push it out, because its reply may come twice. Not
 * thread-safe; owned by its flow.
 */
final class DceRpcDatagrams implements DatagramHelper {
  private static final String VERSION = "rpc1u";
  private static final int SNAPSHOT_LENGTH_MAX = 1000;

  private final Announcer announcer;
  private final ThreadLocal<DceRpcViews> views;
  private Association association = new Association();
  private final DatagramFragments fragments = new DatagramFragments();

  DceRpcDatagrams(Announcer announcer, ThreadLocal<DceRpcViews> views) {
    this.announcer = announcer;
    this.views = views;
  }

  @Override
  public String stateWord() {
    return requests().count() == 0 ? "idle" : "asked";
  }

  /** Where too much is asked to be said, only what is asked from now on is read. */
  @Override
  public String snapshot() {
    String text = VERSION + ' ' + association.snapshot();
    return text.length() <= SNAPSHOT_LENGTH_MAX ? text : "";
  }

  @Override
  public boolean restore(String snapshot) {
    Association restored =
        snapshot.startsWith(VERSION + ' ')
            ? Association.restore(snapshot.substring(VERSION.length() + 1))
            : null;
    if (restored == null) {
      return false;
    }
    association = restored;
    return true;
  }

  private Requests requests() {
    return association.requests();
  }

  @Override
  public int keptBytes() {
    return fragments.keptBytes();
  }

  @Override
  public void onDatagram(Direction direction, ByteCursor datagram, long nowNs, OutcomeSink out) {
    if (!DatagramView.isOne(datagram)) {
      return;
    }
    DceRpcViews view = views.get();
    DatagramView message = view.datagram;
    long offset = datagram.streamOffsetOf(datagram.position());
    DceRpcReason reason = message.wrap(datagram);
    if (reason != null) {
      out.report(reason, offset);
      return;
    }
    Service service =
        Service.of(message.interfaceHigh(), message.interfaceLow(), message.majorVersion());
    PduType type = message.type();
    if (service == null) {
      return;
    }
    if (direction == Direction.ORIGINAL && type == PduType.REQUEST) {
      onRequest(service, view, offset, out);
    } else if (direction == Direction.REPLY && type == PduType.RESPONSE) {
      onResponse(view, offset, nowNs, out);
    } else if (direction == Direction.REPLY && (type == PduType.FAULT || type == PduType.REJECT)) {
      Request request = find(message);
      if (request != null) {
        out.understood(DceRpcWord.FAULT);
        requests().end(request);
      }
    }
  }

  private @Nullable Request find(DatagramView message) {
    return requests().find(message.activityHigh(), message.activityLow(), message.sequence());
  }

  private void onRequest(Service service, DceRpcViews view, long offset, OutcomeSink out) {
    DatagramView message = view.datagram;
    Request request = find(message);
    if (message.isMaybe() || (request != null && request.isAsked())) {
      return; // nobody waits for a reply, or it is sent once more
    }
    if (request == null) {
      out.understood(service.call(message.opnum()));
      if (requests().count() == Requests.MOST) {
        requests().endOldest();
      }
      request = requests().begin(message.activityHigh(), message.activityLow(), message.sequence());
      if (request == null) {
        return;
      }
      request.call(service, message.opnum(), Syntax.NDR);
    }
    if (request.word() != DceRpcWord.EPT_MAP) {
      return;
    }
    if (message.isSealed()) {
      request.seal();
      return;
    }
    ByteBuffer whole = message.isFragment() ? fragments.add(false, message) : null;
    if (whole != null) {
      announcer.onRequest(
          request,
          view,
          message.bytes().another().wrap(whole, 0, whole.capacity(), 0),
          0,
          whole.capacity(),
          message.order(),
          offset,
          out);
    } else if (!message.isFragment()) {
      announcer.onRequest(
          request,
          view,
          message.bytes(),
          message.stubIndex(),
          message.stubLength(),
          message.order(),
          offset,
          out);
    }
  }

  private void onResponse(DceRpcViews view, long offset, long nowNs, OutcomeSink out) {
    DatagramView message = view.datagram;
    Request request = find(message);
    if (request == null) {
      out.report(DceRpcReason.REPLY_WITHOUT_REQUEST, offset);
      return;
    }
    if (!announcer.wantsReply(request)) {
      announcer.onUnwantedReply(request, offset, out);
      return;
    }
    if (message.isSealed() || request.isSealed()) {
      out.understood(DceRpcWord.RESPONSE);
      announcer.onSealedReply(request, offset, nowNs, out);
      requests().end(request);
      return;
    }
    view.places.clear();
    if (!message.isFragment()) {
      out.understood(DceRpcWord.RESPONSE);
      view.places.add(0, message.bytes().streamOffsetOf(message.stubIndex()), !message.isSigned());
      announcer.onReply(
          request,
          view,
          message.bytes(),
          message.stubIndex(),
          message.stubLength(),
          message.order(),
          view.places,
          offset,
          nowNs,
          out);
      return;
    }
    ByteBuffer whole = fragments.add(true, message);
    if (whole != null) {
      out.understood(DceRpcWord.RESPONSE);
      view.places.add(0, offset, false); // most of it has passed
      announcer.onReply(
          request,
          view,
          message.bytes().another().wrap(whole, 0, whole.capacity(), 0),
          0,
          whole.capacity(),
          message.order(),
          view.places,
          offset,
          nowNs,
          out);
    }
  }
}
