package org.pinholed.helper.dcerpc;

import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.pinholed.helper.ByteCursor;
import org.pinholed.helper.OutcomeSink;
import org.pinholed.helper.dcerpc.call.Request;
import org.pinholed.helper.dcerpc.opening.CallText;
import org.pinholed.helper.dcerpc.opening.Openings;
import org.pinholed.helper.dcerpc.stub.StubPlaces;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.DceRpcWord;

/**
 * What the stubs of one flow say: for which service a request asks, and what a reply announces. The
 * same over TCP and UDP. Not thread-safe; owned by its flow.
 */
final class Announcer {
  private final Openings openings;
  private final boolean opensLookup;
  private @Nullable StubReader stub;

  Announcer(Openings openings, boolean opensLookup) {
    this.openings = openings;
    this.opensLookup = opensLookup;
  }

  boolean changesReplies() {
    return openings.isServerTranslated();
  }

  private StubReader stub(ByteCursor like) {
    if (stub == null) {
      stub = new StubReader(like.another());
    }
    return stub;
  }

  /** Reads the whole stub of a request; only one for the mapper says something of interest. */
  void onRequest(
      Request request,
      DceRpcViews view,
      ByteCursor source,
      int index,
      int length,
      ByteOrder order,
      long streamOffset,
      OutcomeSink out) {
    if (request.word() != DceRpcWord.EPT_MAP) {
      return;
    }
    StubReader reader = stub(source).wrap(source, index, length, order, request.syntax());
    DceRpcReason reason = view.mapRequest.read(reader);
    if (reason == null) {
      request.asksFor(view.mapRequest.high(), view.mapRequest.low(), view.mapRequest.version());
      if (out.isTraced()) {
        out.describe(CallText.asked(request));
      }
    } else {
      request.ignore();
      out.report(reason, streamOffset);
    }
  }

  /** Whether the reply to a request must be read as a whole. */
  boolean wantsReply(Request request) {
    return switch (request.word()) {
      case OTHER_CALL -> false;
      case EPT_LOOKUP -> opensLookup;
      case EPT_MAP -> request.isAsked() || request.isSealed();
      default -> true;
    };
  }

  /** A reply that is not wanted. */
  void onUnwantedReply(Request request, long streamOffset, OutcomeSink out) {
    if (request.word() == DceRpcWord.EPT_LOOKUP) {
      out.report(DceRpcReason.LOOKUP_IGNORED, streamOffset);
    }
  }

  /** Opens what the whole stub of a reply announces. */
  void onReply(
      Request request,
      DceRpcViews view,
      ByteCursor source,
      int index,
      int length,
      ByteOrder order,
      StubPlaces places,
      long streamOffset,
      long nowNs,
      OutcomeSink out) {
    StubReader reader = stub(source).wrap(source, index, length, order, request.syntax());
    DceRpcReason reason = view.readReply(request.word(), reader);
    if (reason != null) {
      out.report(reason, streamOffset);
    }
    if (out.isTraced()) {
      out.describe(CallText.reply(request, view.ports, reader));
    }
    if (view.ports.count() > 0) {
      openings.announced(request, view.ports, reader, places, streamOffset, nowNs, out);
    }
  }

  void onSealedReply(Request request, long streamOffset, long nowNs, OutcomeSink out) {
    openings.sealed(request, streamOffset, nowNs, out);
  }
}
