/**
 * What text protocols share: lines and their characters, header lines that go on in the next one,
 * numbers, addresses with ports, and the values of options. Knows no protocol.
 */
@NullMarked
package org.pinholed.helper.text;

import org.jspecify.annotations.NullMarked;
