/** Looks at a machine and says what stands between it and working pinholes. Changes nothing. */
@NullMarked
package org.pinholed.agent.operate.doctor;

import org.jspecify.annotations.NullMarked;
