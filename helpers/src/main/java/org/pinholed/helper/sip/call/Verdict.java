package org.pinholed.helper.sip.call;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What follows from a message.
 *
 * @param call the call from now on; null if nothing is remembered of it
 * @param steps what is to be done, in order
 * @param shown what the receiver must see of the description; null to leave it
 * @param shownSignals what it must see of the places for requests
 * @param began whether a call begins that nobody has answered
 * @param answered whether a call got its first answer
 */
record Verdict(
    @Nullable Call call,
    List<Step> steps,
    @Nullable Media shown,
    Signals shownSignals,
    boolean began,
    boolean answered) {}
