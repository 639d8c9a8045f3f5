/**
 * Calls: what follows from the messages of a dialog (RFC 3261) and its offers and answers (RFC
 * 3264) for the ports that are open. The rules are pure: a state and a message give the next state
 * and steps; {@link org.pinholed.helper.sip.call.Calls} is the way in. Reads no bytes.
 */
@NullMarked
package org.pinholed.helper.sip.call;

import org.jspecify.annotations.NullMarked;
