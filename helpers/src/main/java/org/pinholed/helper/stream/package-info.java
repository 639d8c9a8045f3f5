/** In-order bytes of one direction of a TCP flow, made of the segments as they come by. */
@NullMarked
package org.pinholed.helper.stream;

import org.jspecify.annotations.NullMarked;
