/** Tests of the configuration file. */
@NullMarked
package org.pinholed.agent.config;

import org.jspecify.annotations.NullMarked;
