package org.pinholed.helper.dcerpc;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.Direction;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.dcerpc.call.Association;
import org.pinholed.helper.dcerpc.call.FragmentedCall;
import org.pinholed.helper.dcerpc.call.Request;
import org.pinholed.helper.dcerpc.pdu.PduType;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.DceRpcWord;
import org.pinholed.helper.dcerpc.words.Service;

/**
 * What the PDUs of one connection mean for its calls. What may not announce anything is not waited
 * for: {@link #needs} says how much of a PDU must be there. Not thread-safe; owned by its flow.
 */
final class Calls {
  private final Announcer announcer;
  private Association association = new Association();

  Calls(Announcer announcer) {
    this.announcer = announcer;
  }

  Association association() {
    return association;
  }

  void restore(Association other) {
    association = other;
  }

  /**
   * How much of a PDU must be there before it is read.
   *
   * @param direction which way it goes
   * @param pdu its common header is there
   * @param there how many bytes of it are there, 16 or more
   * @return in bytes, at most its length; 0 if it passes unread
   */
  int needs(Direction direction, PduView pdu, int there) {
    PduType type = pdu.type();
    boolean isCall =
        direction == Direction.ORIGINAL ? type == PduType.REQUEST : type == PduType.RESPONSE;
    if (!isCall) {
      return isRead(direction, type) ? pdu.length() : 0;
    }
    if (association.contexts().isEmpty()) {
      return 0;
    }
    int header = Math.min(PduView.CALL_HEADER_BYTES, pdu.length());
    if (there < header || header < PduView.CALL_HEADER_BYTES) {
      return header;
    }
    return needsStub(direction, pdu) ? pdu.length() : header;
  }

  private static boolean isRead(Direction direction, PduType type) {
    return direction == Direction.ORIGINAL
        ? type == PduType.BIND || type == PduType.ALTER_CONTEXT || type == PduType.ORPHANED
        : type == PduType.BIND_ACK
            || type == PduType.ALTER_CONTEXT_RESP
            || type == PduType.BIND_NAK
            || type == PduType.FAULT;
  }

  private boolean needsStub(Direction direction, PduView pdu) {
    if (direction == Direction.REPLY) {
      Request request = association.requests().find(0, 0, pdu.callId());
      return request != null && announcer.wantsReply(request);
    }
    if (isContinued(pdu)) {
      return association.fragments().find(direction, pdu.callId()) != null;
    }
    int context = association.contexts().indexOf(pdu.contextId());
    return context >= 0
        && association.contexts().service(context).call(pdu.opnum()) == DceRpcWord.EPT_MAP;
  }

  // A request that is neither the first of its call nor a whole one (C706 12.6.3.1; NT 4 sets no
  // flags in whole ones).
  private boolean isContinued(PduView pdu) {
    return !pdu.isFirst()
        && (pdu.isLast() || association.requests().find(0, 0, pdu.callId()) != null);
  }

  /**
   * Reads a PDU, of which so much is there as {@link #needs} says.
   *
   * @param direction which way it goes
   * @param view its PDU is the one
   * @param nowNs the time
   * @param out takes the outcomes
   */
  void read(Direction direction, DceRpcViews view, long nowNs, OutcomeSink out) {
    PduView pdu = view.pdu;
    long offset = pdu.streamOffsetOf(0);
    switch (pdu.type()) {
      case BIND -> offered(view, DceRpcWord.BIND, offset, out);
      case ALTER_CONTEXT -> offered(view, DceRpcWord.ALTER_CONTEXT, offset, out);
      case BIND_ACK -> answered(view, DceRpcWord.BIND_ACK, offset, out);
      case ALTER_CONTEXT_RESP -> answered(view, DceRpcWord.ALTER_CONTEXT_RESP, offset, out);
      case BIND_NAK -> {
        out.understood(DceRpcWord.BIND_NAK);
        association.contexts().withdraw(pdu.callId());
      }
      case REQUEST, RESPONSE -> {
        if (pdu.length() < PduView.CALL_HEADER_BYTES) {
          out.report(DceRpcReason.SHORT_PDU, offset);
        } else if (direction == Direction.ORIGINAL) {
          onRequest(view, offset, out);
        } else {
          onResponse(view, offset, nowNs, out);
        }
      }
      case FAULT -> {
        if (forget(pdu.callId())) {
          out.understood(DceRpcWord.FAULT);
        }
      }
      case ORPHANED -> forget(pdu.callId());
      default -> {}
    }
  }

  private void offered(DceRpcViews view, DceRpcWord word, long offset, OutcomeSink out) {
    out.understood(word);
    report(association.contexts().offer(view.pdu, view.bind), offset, out);
  }

  private void answered(DceRpcViews view, DceRpcWord word, long offset, OutcomeSink out) {
    out.understood(word);
    report(association.contexts().answer(view.pdu, view.bindResult), offset, out);
  }

  private static void report(@Nullable DceRpcReason reason, long offset, OutcomeSink out) {
    if (reason != null) {
      out.report(reason, offset);
    }
  }

  private boolean forget(int callId) {
    association.fragments().end(Direction.ORIGINAL, callId);
    association.fragments().end(Direction.REPLY, callId);
    Request request = association.requests().find(0, 0, callId);
    if (request != null) {
      association.requests().end(request);
    }
    return request != null;
  }

  // ---- Requests -----------------------------------------------------------------------------

  private void onRequest(DceRpcViews view, long offset, OutcomeSink out) {
    PduView pdu = view.pdu;
    int callId = pdu.callId();
    int context = association.contexts().indexOf(pdu.contextId());
    Request request = association.requests().find(0, 0, callId);
    if (isContinued(pdu)) {
      if (association.fragments().find(Direction.ORIGINAL, callId) != null) {
        onRequestStub(request, view, offset, out);
      } else if (request == null && context >= 0) {
        out.report(DceRpcReason.FRAGMENT_WITHOUT_FIRST, offset);
      }
      return;
    }
    if (context < 0) {
      if (request != null) {
        forget(callId); // the number is that of another call now
      }
      return;
    }
    Service service = association.contexts().service(context);
    DceRpcWord word = service.call(pdu.opnum());
    out.understood(word);
    if (pdu.isMaybe()) {
      return;
    }
    association.fragments().end(Direction.ORIGINAL, callId);
    association.fragments().end(Direction.REPLY, callId);
    request = association.requests().begin(0, 0, callId);
    if (request == null) {
      out.report(DceRpcReason.TOO_MANY_REQUESTS, offset);
      return;
    }
    request.call(service, pdu.opnum(), association.contexts().syntax(context));
    if (word == DceRpcWord.EPT_MAP) {
      onRequestStub(request, view, offset, out);
    }
  }

  private void onRequestStub(
      @Nullable Request request, DceRpcViews view, long offset, OutcomeSink out) {
    PduView pdu = view.pdu;
    DceRpcReason reason = stubReason(pdu);
    if (request == null || reason != null || pdu.isSealed()) {
      association.fragments().end(Direction.ORIGINAL, pdu.callId());
      if (reason != null) {
        out.report(reason, offset);
        ignore(request);
      } else if (request != null) {
        request.seal();
      }
      return;
    }
    boolean isBegun = association.fragments().find(Direction.ORIGINAL, pdu.callId()) != null;
    if (isWhole(pdu, isBegun)) {
      int stubAt = pdu.stubAt();
      announcer.onRequest(
          request,
          view,
          pdu.bytes(),
          pdu.indexOf(stubAt),
          pdu.stubEnd() - stubAt,
          pdu.order(),
          offset,
          out);
      return;
    }
    FragmentedCall call = association.fragments().add(Direction.ORIGINAL, pdu, false);
    if (call == null) {
      out.report(association.fragments().refused(), offset);
      ignore(request);
    } else if (pdu.isLast()) {
      association.fragments().end(Direction.ORIGINAL, pdu.callId());
      announcer.onRequest(
          request,
          view,
          call.read(pdu.bytes()),
          0,
          call.length(),
          call.order(),
          call.streamOffset(),
          out);
    }
  }

  private static void ignore(@Nullable Request request) {
    if (request != null) {
      request.ignore();
    }
  }

  private static boolean isWhole(PduView pdu, boolean isBegun) {
    return pdu.isFirst() ? pdu.isLast() : !pdu.isLast() && !isBegun;
  }

  private static @Nullable DceRpcReason stubReason(PduView pdu) {
    if (pdu.stubAt() <= pdu.stubEnd()) {
      return null;
    }
    return pdu.stubAt() <= pdu.bodyEnd() ? DceRpcReason.BAD_PADDING : DceRpcReason.SHORT_PDU;
  }

  // ---- Responses ----------------------------------------------------------------------------

  private void onResponse(DceRpcViews view, long offset, long nowNs, OutcomeSink out) {
    PduView pdu = view.pdu;
    Request request = association.requests().find(0, 0, pdu.callId());
    if (request == null) {
      if (pdu.isFirst() && association.contexts().indexOf(pdu.contextId()) >= 0) {
        out.report(DceRpcReason.REPLY_WITHOUT_REQUEST, offset);
      }
      return;
    }
    if (!announcer.wantsReply(request)) {
      if (pdu.isLast() || !pdu.isFirst()) {
        announcer.onUnwantedReply(request, offset, out);
        association.requests().end(request);
      }
      return;
    }
    DceRpcReason reason = stubReason(pdu);
    FragmentedCall begun = association.fragments().find(Direction.REPLY, pdu.callId());
    out.begins(begun == null ? offset : begun.streamOffset());
    if (reason != null) {
      out.report(reason, offset);
      end(request, pdu.callId());
      return;
    }
    if (pdu.isSealed() || request.isSealed()) {
      out.understood(DceRpcWord.RESPONSE);
      announcer.onSealedReply(request, offset, nowNs, out);
      end(request, pdu.callId());
      return;
    }
    boolean mayChange = !pdu.hasTrailer();
    if (isWhole(pdu, begun != null)) {
      out.understood(DceRpcWord.RESPONSE);
      int stubAt = pdu.stubAt();
      view.places.clear();
      view.places.add(0, pdu.streamOffsetOf(stubAt), mayChange);
      announcer.onReply(
          request,
          view,
          pdu.bytes(),
          pdu.indexOf(stubAt),
          pdu.stubEnd() - stubAt,
          pdu.order(),
          view.places,
          offset,
          nowNs,
          out);
      end(request, pdu.callId());
      return;
    }
    FragmentedCall call = association.fragments().add(Direction.REPLY, pdu, mayChange);
    if (call == null) {
      out.report(association.fragments().refused(), offset);
      end(request, pdu.callId());
    } else if (pdu.isLast()) {
      out.understood(DceRpcWord.RESPONSE);
      announcer.onReply(
          request,
          view,
          call.read(pdu.bytes()),
          0,
          call.length(),
          call.order(),
          call.places(),
          call.streamOffset(),
          nowNs,
          out);
      end(request, pdu.callId());
    }
  }

  private void end(Request request, int callId) {
    association.fragments().end(Direction.REPLY, callId);
    association.requests().end(request);
  }
}
