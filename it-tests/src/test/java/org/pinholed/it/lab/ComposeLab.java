package org.pinholed.it.lab;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** The laboratory of {@code deploy/compose}, with the images of this one. */
public final class ComposeLab {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private ComposeLab() {}

  /**
   * Starts it, transfers files and takes it away.
   *
   * @return what its script printed
   */
  public static String tryOut() {
    Path folder = Lab.projectRoot().resolve("deploy/compose");
    WorkFolder work = WorkFolder.create("compose");
    try {
      Processes processes = new Processes(work.path());
      List<String> script =
          List.of("env", "PINHOLED_IMAGE=" + ContainerLab.PRODUCT, folder + "/try.sh");
      try {
        return processes.run(script, "", PATIENCE).orFail();
      } finally {
        processes.run(List.of(folder + "/try.sh", "down"), "", PATIENCE).orFail();
      }
    } finally {
      work.delete();
    }
  }
}
