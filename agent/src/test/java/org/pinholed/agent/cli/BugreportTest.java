package org.pinholed.agent.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The archive of a report, and the names that take the places of addresses. */
class BugreportTest {
  @Test
  void archive_isReadByTar_forItsOwnerOnly(@TempDir Path directory) throws Exception {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("empty.txt", "");
    texts.put("short.txt", "one\n");
    texts.put("block.txt", "x".repeat(512));
    texts.put("long.txt", "y".repeat(70_000));
    Path file = directory.resolve("a.tar.gz");
    TarGz.write(file, "report", texts, 1_700_000_000L);
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    Process tar =
        new ProcessBuilder("tar", "-xzf", file.toString(), "-C", directory.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(tar.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, tar.waitFor(), said);
    assertEquals("", said);
    for (Map.Entry<String, String> text : texts.entrySet()) {
      Path read = directory.resolve("report").resolve(text.getKey());
      assertEquals(text.getValue(), Files.readString(read));
      assertEquals(1_700_000_000_000L, Files.getLastModifiedTime(read).toMillis());
    }
    try (GZIPInputStream in =
        new GZIPInputStream(new ByteArrayInputStream(Files.readAllBytes(file)))) {
      assertEquals(0, in.readAllBytes().length % 512);
    }
    assertThrows(FileAlreadyExistsException.class, () -> TarGz.write(file, "report", texts, 1));
  }

  @Test
  void addresses_haveOneNameEach_thatAnotherReportDoesNotHave() throws IOException {
    HashedAddresses hashed = new HashedAddresses();
    String text =
        hashed.in("198.51.100.2:40312 > [2001:db8::2]:21 via 198.51.100.2, not 198.51.100.22");
    String name = text.substring(0, text.indexOf(':'));
    assertTrue(name.matches("ip4-[0-9a-f]{12}"), text);
    assertTrue(text.contains(" via " + name + ", not ip4-"), text);
    assertTrue(text.matches(".* > \\[ip6-[0-9a-f]{12}\\]:21 .*"), text);
    assertFalse(text.contains("not " + name), text);
    assertNotEquals(name, new HashedAddresses().in("198.51.100.2"));
    assertEquals(hashed.in("2001:db8:0::2"), hashed.in("2001:db8::2"), "one address");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "2026-11-27T15:32:10.004511Z",
        "15:32:10",
        "version 1.2.3",
        "127.0.0.1:9765",
        "0.0.0.0",
        "::",
        "[::1]:53",
        "0x40000019 c728cae5",
        "1.2.3.4.5",
        "helper::x",
        "999.1.1.1"
      })
  void whatIsNoAddress_orSaysNothing_stays(String text) {
    assertEquals(text, new HashedAddresses().in(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "fe80::1%eth0",
        "::ffff:192.0.2.1",
        "2001:db8:1:2:3:4:5:6",
        "10.0.0.1/24",
        "a=10.0.0.1"
      })
  void anyForm_isFound(String text) {
    String hashed = new HashedAddresses().in(text);
    assertTrue(hashed.contains("ip4-") || hashed.contains("ip6-"), hashed);
  }
}
