/** Tests of the recording backend, and a backend for other tests that refuses on demand. */
@NullMarked
package org.pinholed.agent.pinhole;

import org.jspecify.annotations.NullMarked;
