/**
 * Changes the addresses and ports that route in one SIP message, and nothing else (RFC 3261, RFC
 * 8866): where they stand comes from the views of a message, what they become from the translation
 * of the flow and from what was opened.
 */
@NullMarked
package org.pinholed.helper.sip.rewrite;

import org.jspecify.annotations.NullMarked;
