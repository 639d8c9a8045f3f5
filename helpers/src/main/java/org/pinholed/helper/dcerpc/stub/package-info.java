/**
 * The arguments of a call, its stub: numbers, counts and pointers in NDR and NDR64, and the ports
 * that are found there.
 */
@NullMarked
package org.pinholed.helper.dcerpc.stub;

import org.jspecify.annotations.NullMarked;
