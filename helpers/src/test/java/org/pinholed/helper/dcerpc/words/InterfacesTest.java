package org.pinholed.helper.dcerpc.words;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InterfacesTest {
  @Test
  void read_theFile_aHundredInterfacesOrMore() {
    List<InterfaceFile.Line> lines = InterfaceFile.read();
    assertTrue(lines.size() >= 100, () -> lines.size() + " interfaces");
  }

  @Test
  void nameOf_eachLine_itsFirstName() {
    for (InterfaceFile.Line line : InterfaceFile.read()) {
      Uuid uuid = line.uuid();
      assertEquals(line.names().get(0), Interfaces.nameOf(uuid.high(), uuid.low()));
      for (String name : line.names()) {
        assertTrue(Interfaces.named(name).contains(uuid), name);
      }
    }
  }

  /** The value of each of these is in the document that the file names at its head. */
  @ParameterizedTest
  @CsvSource({
    "e1af8308-5d1f-11c9-91a4-08002b14a0fa, epmapper",
    "99fcfec4-5260-101b-bbcb-00aa0021347a, IObjectExporter",
    "000001a0-0000-0000-c000-000000000046, IRemoteSCMActivator",
    "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57, IActivation",
    "12345678-1234-abcd-ef00-01234567cffb, netlogon",
    "12345778-1234-abcd-ef00-0123456789ab, lsarpc",
    "e3514235-4b06-11d1-ab04-00c04fc2dcd2, drsuapi",
    "367abb81-9844-35f1-ad32-98f038001003, svcctl",
    "86d35949-83c9-4044-b424-db363231fd0c, ITaskSchedulerService",
    "f5cc5a18-4264-101a-8c59-08002b2f8426, nspi"
  })
  void nameOf_wellKnown_asAdministratorsKnowIt(String text, String name) {
    Uuid uuid = Objects.requireNonNull(Uuid.parse(text));
    assertEquals(name, Interfaces.nameOf(uuid.high(), uuid.low()));
    assertEquals(name, Interfaces.labelOf(uuid.high(), uuid.low()));
    assertEquals(List.of(uuid), Interfaces.named(name));
  }

  @Test
  void nameOf_nextToAWellKnownOne_null() {
    for (InterfaceFile.Line line : InterfaceFile.read()) {
      assertNull(Interfaces.nameOf(~line.uuid().high(), line.uuid().low()));
      assertNull(Interfaces.nameOf(line.uuid().high(), ~line.uuid().low()));
    }
  }

  @Test
  void labelOf_unknown_itsUuid() {
    assertEquals(
        "00112233-4455-6677-8899-aabbccddeeff",
        Interfaces.labelOf(0x0011223344556677L, 0x8899aabbccddeeffL));
  }

  @Test
  void named_anyCase_theSame() {
    assertEquals(Interfaces.named("netlogon"), Interfaces.named("NetLogon"));
    assertEquals(Interfaces.named("itaskschedulerservice"), Interfaces.named("tsch"));
  }

  @Test
  void named_nameOfSeveral_allOfThem() {
    Set<String> names = new HashSet<>();
    for (Uuid uuid : Interfaces.named("dcom")) {
      names.add(Interfaces.labelOf(uuid.high(), uuid.low()));
    }
    assertEquals(Set.of("IObjectExporter", "IRemoteSCMActivator", "IActivation"), names);
    assertEquals(2, Interfaces.named("efsrpc").size());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "any", "nobody", "e1af8308-5d1f-11c9-91a4-08002b14a0fa"})
  void named_notAName_none(String name) {
    assertEquals(List.of(), Interfaces.named(name));
  }

  @Test
  void parse_headsAndEmptyLines_leftOut() {
    List<InterfaceFile.Line> lines =
        InterfaceFile.parse("# head\n\ne1af8308-5d1f-11c9-91a4-08002b14a0fa epmapper epm\n");
    assertEquals(1, lines.size());
    assertEquals(List.of("epmapper", "epm"), lines.get(0).names());
    assertNotNull(lines.get(0).uuid());
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa ",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa  epmapper",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa epmapper ",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa\tepmapper",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa epmapper\r",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa end-point",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa 4mapper",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa a23456789012345678901234567890123",
          "epmapper e1af8308-5d1f-11c9-91a4-08002b14a0fa",
          " # head"
        })
    void aLineThatIsNotAnInterface(String line) {
      assertThrows(IllegalArgumentException.class, () -> InterfaceFile.parse(line));
    }

    @Test
    void aUuidThatStandsThereTwice() {
      String twice =
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa a\nE1AF8308-5D1F-11C9-91A4-08002B14A0FA b\n";
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> InterfaceFile.parse(twice));
      assertEquals("twice: E1AF8308-5D1F-11C9-91A4-08002B14A0FA b", e.getMessage());
    }
  }
}
