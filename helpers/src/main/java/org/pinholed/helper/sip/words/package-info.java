/**
 * The words of SIP (RFC 3261) that operators and the code share: methods and classes of answers,
 * headers, fields that are rewritten, and the reasons why something is not opened or not read.
 */
@NullMarked
package org.pinholed.helper.sip.words;

import org.jspecify.annotations.NullMarked;
