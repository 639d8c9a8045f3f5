/** What an entry of {@code helpers} allows of SIP, and what follows from it for one endpoint. */
@NullMarked
package org.pinholed.helper.sip.policy;

import org.jspecify.annotations.NullMarked;
