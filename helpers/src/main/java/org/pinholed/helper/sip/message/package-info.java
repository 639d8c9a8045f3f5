/**
 * Reads SIP messages (RFC 3261) where they are, without a copy: where one begins and ends on a
 * stream, its lines, its topmost Via, and the URIs of its headers. Opens and changes nothing.
 */
@NullMarked
package org.pinholed.helper.sip.message;

import org.jspecify.annotations.NullMarked;
