/**
 * SIP (RFC 3261) over UDP and TCP: one flow of signalling with what its messages open, close and
 * change. {@link org.pinholed.helper.sip.SipProtocol} is where to begin. {@code words}, {@code
 * message} and {@code sdp} read; {@code policy}, {@code call} and {@code registration} decide;
 * {@code rewrite} changes; this package puts them together.
 */
@NullMarked
package org.pinholed.helper.sip;

import org.jspecify.annotations.NullMarked;
