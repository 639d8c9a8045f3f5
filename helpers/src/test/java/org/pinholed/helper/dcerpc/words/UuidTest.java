package org.pinholed.helper.dcerpc.words;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UuidTest {
  private static final String EPMAPPER = "e1af8308-5d1f-11c9-91a4-08002b14a0fa";

  @Test
  void parse_theEndpointMapper_halvesInTheOrderOfTheText() {
    assertEquals(new Uuid(0xe1af83085d1f11c9L, 0x91a408002b14a0faL), Uuid.parse(EPMAPPER));
  }

  @Test
  void parse_capitalLetters_theSame() {
    assertEquals(Uuid.parse(EPMAPPER), Uuid.parse("E1AF8308-5D1F-11C9-91A4-08002B14A0FA"));
  }

  @Test
  void parse_allOnesAndNil_bothAreUuids() {
    assertEquals(new Uuid(-1, -1), Uuid.parse("ffffffff-ffff-ffff-ffff-ffffffffffff"));
    assertEquals(new Uuid(0, 0), Uuid.parse("00000000-0000-0000-0000-000000000000"));
  }

  @Test
  void toString_halves_lowerCase() {
    assertEquals(EPMAPPER, new Uuid(0xe1af83085d1f11c9L, 0x91a408002b14a0faL).toString());
  }

  @Property
  void parse_whatToStringSays_theSame(@ForAll long high, @ForAll long low) {
    assertEquals(new Uuid(high, low), Uuid.parse(Uuid.text(high, low)));
  }

  @Property
  void parse_anyText_nothingOrWhatItSays(@ForAll String text) {
    Uuid uuid = Uuid.parse(text);
    assertTrue(uuid == null || uuid.toString().equalsIgnoreCase(text));
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "",
          "e1af8308",
          "e1af83085d1f11c991a408002b14a0fa",
          "{e1af8308-5d1f-11c9-91a4-08002b14a0fa}",
          "e1af8308-5d1f-11c9-91a4-08002b14a0f",
          "e1af8308-5d1f-11c9-91a4-08002b14a0fa0",
          "e1af8308_5d1f-11c9-91a4-08002b14a0fa",
          "e1af830-85d1f-11c9-91a4-08002b14a0fa",
          "e1af8308-5d1f-11c9-91a4-08002b14a0f-",
          " 1af8308-5d1f-11c9-91a4-08002b14a0fa",
          "+1af8308-5d1f-11c9-91a4-08002b14a0fa",
          "g1af8308-5d1f-11c9-91a4-08002b14a0fa",
          "@1af8308-5d1f-11c9-91a4-08002b14a0fa",
          "\u0661\u0661af8308-5d1f-11c9-91a4-08002b14a0"
        })
    void whatIsNoUuid(String text) {
      assertNull(Uuid.parse(text));
    }

    @Test
    void digitsOfOtherScripts() {
      assertNull(Uuid.parse(EPMAPPER.replace('1', '\u0661')));
    }
  }
}
