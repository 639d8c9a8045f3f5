package org.pinholed.agent.view;

import org.jspecify.annotations.Nullable;

/** The version of the program. */
public final class Version {
  private Version() {}

  /**
   * The version in the manifest of the jar.
   *
   * @return for example {@code 0.1.0}, or {@code development} if it runs from class files
   */
  public static String text() {
    @Nullable String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
