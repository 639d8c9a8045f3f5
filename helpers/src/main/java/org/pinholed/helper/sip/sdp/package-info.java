/**
 * Session descriptions (SDP, RFC 8866) as SIP carries them: where each address and port stands, and
 * what a party says it receives on. Opens nothing and knows no message.
 */
@NullMarked
package org.pinholed.helper.sip.sdp;

import org.jspecify.annotations.NullMarked;
