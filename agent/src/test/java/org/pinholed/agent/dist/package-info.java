/** Tests of the distribution as {@code mvn package} made it. */
@NullMarked
package org.pinholed.agent.dist;

import org.jspecify.annotations.NullMarked;
