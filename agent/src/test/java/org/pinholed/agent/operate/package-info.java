/** Tests of what an operator asks. */
@NullMarked
package org.pinholed.agent.operate;

import org.jspecify.annotations.NullMarked;
