/** Tests of replays. */
@NullMarked
package org.pinholed.agent.replay;

import org.jspecify.annotations.NullMarked;
