@NullMarked
package org.pinholed.agent.limit;

import org.jspecify.annotations.NullMarked;
