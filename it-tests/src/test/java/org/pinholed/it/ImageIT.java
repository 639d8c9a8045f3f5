package org.pinholed.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.pinholed.it.lab.CommandResult;
import org.pinholed.it.lab.ComposeLab;
import org.pinholed.it.lab.ProductContainer;

/** The product's image by itself, and the laboratory of the compose file. */
@Tag("image")
class ImageIT {
  @Test
  void readOnlyWithNetAdminAlone_isHealthy_answers_andStopsCleanly() {
    try (ProductContainer product = ProductContainer.start()) {
      String doctor = product.run("pinholectl", "doctor").output();
      assertTrue(doctor.contains("ok    agent "), doctor);
      assertFalse(doctor.contains("fail"), doctor);
      CommandResult write = product.run("touch", "/opt/pinholed/lib/more.jar");
      assertTrue(write.output().contains("Read-only file system"), write.output());
      String rights = product.run("grep", "CapEff", "/proc/1/status").orFail();
      assertEquals("0000000000001000", rights.replaceAll(".*\\s(\\w+)\\s*$", "$1"));
      assertEquals(143, product.stop());
      assertTrue(product.log().contains("stopping"), product::log);
      assertFalse(product.log().contains("Exception"), product::log);
    }
  }

  @Test
  void crash_isFollowedByAnotherStart_alsoAfterAReload() {
    try (ProductContainer product = ProductContainer.start()) {
      product.signal("HUP");
      product.awaitLog("configuration read again", 1);
      product.crash();
      product.awaitLog("is ready", 2);
    }
  }

  @Test
  void firstWord_mayBeAProgram() {
    assertTrue(ProductContainer.outputOf("--check-config").contains("good"));
    assertTrue(ProductContainer.outputOf("pinholed", "--check-config").contains("good"));
    assertTrue(ProductContainer.outputOf("pinholectl", "--help").contains("expectations"));
  }

  @Test
  void laboratoryOfTheComposeFile_transfersFiles() {
    String output = ComposeLab.tryOut();
    assertEquals(5, output.split("the file came whole", -1).length - 1, output);
    assertTrue(output.contains("expectations.ftp.matched   5"), output);
  }
}
