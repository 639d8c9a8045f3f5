/**
 * The endpoint mapper (C706 appendix O): what is asked for in ept_map, and the protocol towers in
 * the replies of ept_map and ept_lookup.
 */
@NullMarked
package org.pinholed.helper.dcerpc.mapper;

import org.jspecify.annotations.NullMarked;
