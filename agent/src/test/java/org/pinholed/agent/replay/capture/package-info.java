/** Tests of captures as files. */
@NullMarked
package org.pinholed.agent.replay.capture;

import org.jspecify.annotations.NullMarked;
