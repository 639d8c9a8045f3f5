/**
 * Registrations (RFC 3261 section 10): what is open from a registrar to the contacts of a phone,
 * for the time that the registrar granted. Reads no bytes.
 */
@NullMarked
package org.pinholed.helper.sip.registration;

import org.jspecify.annotations.NullMarked;
