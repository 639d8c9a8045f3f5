package org.pinholed.helper.sip.words;

import org.pinholed.helper.HelperWord;
import org.pinholed.helper.Words;

/** What an edit of a message changes, for the counters. */
public enum SipField implements HelperWord {
  /** Host, port, {@code received}, {@code rport} or {@code maddr} of the topmost Via. */
  VIA,
  /** Host and port of a URI of Contact. */
  CONTACT,
  /** Host and port of a URI of Record-Route. */
  RECORD_ROUTE,
  /** Host and port of a URI of Path (RFC 3327). */
  PATH,
  /** Host and port of the URI of Refer-To (RFC 3515). */
  REFER_TO,
  /** Host and port of the Request-URI. */
  REQUEST_URI,
  /** Host and port of the topmost Route. */
  ROUTE,
  /** Address of the {@code o=} line of SDP. */
  SDP_ORIGIN,
  /** Address of a {@code c=} line of SDP. */
  SDP_CONNECTION,
  /** Port of an {@code m=} line of SDP. */
  SDP_MEDIA,
  /** Port or address of {@code a=rtcp} (RFC 3605). */
  SDP_RTCP,
  /** Address or port of a host candidate of ICE (RFC 8839). */
  SDP_CANDIDATE,
  /** Digits of Content-Length, or white space that makes up for a change of length. */
  CONTENT_LENGTH;

  private final String word = Words.lowerCamel(name());

  @Override
  public String word() {
    return word;
  }
}
