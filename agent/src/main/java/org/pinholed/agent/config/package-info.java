/**
 * What an operator can set: immutable records that refuse bad values, and the file they come from.
 */
@NullMarked
package org.pinholed.agent.config;

import org.jspecify.annotations.NullMarked;
