package org.pinholed.helper.sip;

import org.pinholed.helper.sip.message.SipMessage;
import org.pinholed.helper.sip.message.UriList;
import org.pinholed.helper.sip.policy.SipSettings;
import org.pinholed.helper.sip.rewrite.EditList;
import org.pinholed.helper.sip.rewrite.HeaderRewriter;
import org.pinholed.helper.sip.rewrite.SdpRewriter;
import org.pinholed.helper.sip.rewrite.StreamEndpoints;
import org.pinholed.helper.sip.sdp.SdpView;

/**
 * What a message is read with. Nothing of it outlives the message, so all flows of a thread share
 * it: it takes some kilobytes, and a flow should not.
 */
final class SipViews {
  final SipMessage message = new SipMessage();
  final UriList uris = new UriList();
  final SdpView sdp;
  final EditList edits = new EditList();
  final HeaderRewriter headers = new HeaderRewriter(edits);
  final SdpRewriter descriptions = new SdpRewriter(edits);
  final StreamEndpoints streams;
  final MessageMappings mappings = new MessageMappings();

  SipViews(SipSettings settings) {
    sdp = new SdpView(settings.mediaPerCall());
    streams = new StreamEndpoints(settings.mediaPerCall());
  }
}
