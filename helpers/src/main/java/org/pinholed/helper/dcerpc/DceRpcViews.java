package org.pinholed.helper.dcerpc;

import org.jspecify.annotations.Nullable;
import org.pinholed.helper.dcerpc.activation.ActivationReply;
import org.pinholed.helper.dcerpc.activation.RemoteActivationReply;
import org.pinholed.helper.dcerpc.activation.ResolveOxidReply;
import org.pinholed.helper.dcerpc.mapper.LookupReply;
import org.pinholed.helper.dcerpc.mapper.MapReply;
import org.pinholed.helper.dcerpc.mapper.MapRequest;
import org.pinholed.helper.dcerpc.pdu.BindResultView;
import org.pinholed.helper.dcerpc.pdu.BindView;
import org.pinholed.helper.dcerpc.pdu.DatagramView;
import org.pinholed.helper.dcerpc.pdu.PduView;
import org.pinholed.helper.dcerpc.stub.AnnouncedPorts;
import org.pinholed.helper.dcerpc.stub.StubPlaces;
import org.pinholed.helper.dcerpc.stub.StubReader;
import org.pinholed.helper.dcerpc.words.DceRpcReason;
import org.pinholed.helper.dcerpc.words.DceRpcWord;

/** What reads messages, once for each thread: none of it knows anything from one to the next. */
final class DceRpcViews {
  final PduView pdu = new PduView();
  final DatagramView datagram = new DatagramView();
  final BindView bind = new BindView();
  final BindResultView bindResult = new BindResultView();
  final MapRequest mapRequest = new MapRequest();
  final AnnouncedPorts ports = new AnnouncedPorts();

  /** Where a stub stands that is whole in one PDU. */
  final StubPlaces places = new StubPlaces();

  private final MapReply mapReply = new MapReply();
  private final LookupReply lookupReply = new LookupReply();
  private final ResolveOxidReply resolveOxidReply = new ResolveOxidReply();
  private final RemoteActivationReply remoteActivationReply = new RemoteActivationReply();
  private final ActivationReply activationReply = new ActivationReply();

  /**
   * Reads what a reply announces, into {@link #ports}.
   *
   * @param word what was called
   * @param stub its stub
   * @return why not all of it is read; null if it is
   */
  @Nullable DceRpcReason readReply(DceRpcWord word, StubReader stub) {
    ports.clear();
    return switch (word) {
      case EPT_MAP -> mapReply.read(stub, ports);
      case EPT_LOOKUP -> lookupReply.read(stub, ports);
      case RESOLVE_OXID -> resolveOxidReply.read(stub, false, ports);
      case RESOLVE_OXID_2 -> resolveOxidReply.read(stub, true, ports);
      case REMOTE_ACTIVATION -> remoteActivationReply.read(stub, ports);
      case REMOTE_GET_CLASS_OBJECT, REMOTE_CREATE_INSTANCE -> activationReply.read(stub, ports);
      default -> null;
    };
  }
}
