package org.pinholed.helper.dcerpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pinholed.helper.testkit.HelperKit;
import org.pinholed.helper.testkit.HelperRun;

/** Conversations with the right answer. */
class DceRpcCasesTest {
  private static List<String> outcomes(HelperRun run) {
    return run.sink().outcomes();
  }

  @ParameterizedTest
  @CsvSource({
    "01-map-two-towers,TCP 49667 49676",
    "02-map-samba-ad,TCP 49154",
    "03-map-big-endian-fragments,TCP 50028",
    "04-map-ndr64,TCP 50018 50019",
    "05-activation-signed,TCP 49700",
    "06-activation-sealed,",
    "07-resolve-oxid,TCP 51017",
    "08-map-udp,UDP 52001"
  })
  void opensWhatTheCaseSays(String name, String ports) {
    HelperRun run = new HelperRun(DceRpcFlow.setup(name, Map.of())).say(DceRpcFlow.dialogue(name));

    Set<String> expected = new TreeSet<>();
    String[] words = ports == null ? new String[0] : ports.split(" ");
    for (int at = 1; at < words.length; at++) {
      expected.add(words[0] + " 203.0.113.10:" + words[at] + "-" + words[at]);
    }
    assertEquals(
        expected, new TreeSet<>(run.sink().opened()), () -> String.join("\n", outcomes(run)));
  }

  @Test
  void aRowNamesTheInterfaceItsUuidAndTheCall() {
    HelperRun run =
        new HelperRun(DceRpcFlow.setup("01", Map.of()))
            .say(DceRpcFlow.dialogue("01-map-two-towers"));

    String first = outcomes(run).get(0);
    assertTrue(first.contains("tcp/49676/12345678-1234-abcd-ef00-01234567cffb"), first);
    assertTrue(first.contains("label 'netlogon'"), first);
    assertTrue(first.contains("12345678-1234-abcd-ef00-01234567cffb v1.0 opnum 3"), first);
  }

  @Test
  void whatIsSealedIsSaid() {
    HelperRun run =
        new HelperRun(DceRpcFlow.setup("06", Map.of()))
            .say(DceRpcFlow.dialogue("06-activation-sealed"));

    assertEquals(1, outcomes(run).size(), () -> String.join("\n", outcomes(run)));
    String said = outcomes(run).get(0);
    assertTrue(said.contains("opnum 4 of"), said);
    assertTrue(said.contains("000001a0-0000-0000-c000-000000000046"), said);
    assertTrue(said.contains("level 6, server 203.0.113.10, way out: none"), said);
  }

  @Test
  void whereALeaseIsAllowed_itOpensTheRange() {
    HelperRun run =
        new HelperRun(DceRpcFlow.setup("06", Map.of("leaseNetworks", List.of("203.0.113.0/24"))))
            .say(DceRpcFlow.dialogue("06-activation-sealed"));

    assertEquals(Set.of("TCP 203.0.113.10:49152-65535"), run.sink().opened());
  }

  @Test
  void anInterfaceThatIsDenied_opensNothing() {
    HelperRun run =
        new HelperRun(DceRpcFlow.setup("01", Map.of("deniedInterfaces", List.of("netlogon"))))
            .say(DceRpcFlow.dialogue("01-map-two-towers"));

    assertEquals(Set.of(), run.sink().opened());
    assertEquals(2, outcomes(run).size(), () -> String.join("\n", outcomes(run)));
    assertTrue(outcomes(run).get(0).contains("INTERFACE_DENIED"), outcomes(run).get(0));
  }

  @ParameterizedTest
  @CsvSource({
    "01-map-two-towers,49667,2",
    "03-map-big-endian-fragments,50028,1",
    "04-map-ndr64,50018,2",
    "08-map-udp,52001,1"
  })
  void behindTranslation_theAddressIsReplacedInPlace(String name, int port, int times) {
    HelperRun run = new HelperRun(DceRpcFlow.translated(name, port)).say(DceRpcFlow.dialogue(name));

    long edits = outcomes(run).stream().filter(line -> line.startsWith("edit")).count();
    assertEquals(times, edits, () -> String.join("\n", outcomes(run)));
  }

  @Test
  void whatIsSigned_isNeverChanged() {
    HelperRun run =
        new HelperRun(DceRpcFlow.translated("05", 49700))
            .say(DceRpcFlow.dialogue("05-activation-signed"));

    assertEquals(Set.of("TCP 203.0.113.10:49700-49700"), run.sink().opened());
    assertTrue(
        outcomes(run).stream().noneMatch(line -> line.startsWith("edit")),
        () -> String.join("\n", outcomes(run)));
    assertTrue(
        outcomes(run).stream().anyMatch(line -> line.contains("BINDING_NOT_REWRITTEN")),
        () -> String.join("\n", outcomes(run)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "01-map-two-towers",
        "02-map-samba-ad",
        "03-map-big-endian-fragments",
        "04-map-ndr64",
        "05-activation-signed",
        "06-activation-sealed",
        "07-resolve-oxid",
        "08-map-udp"
      })
  void everyCase_standsEverything(String name) {
    HelperKit.everything(DceRpcFlow.setup(name, Map.of()), DceRpcFlow.dialogue(name));
  }

  @ParameterizedTest
  @CsvSource({"01-map-two-towers,49667", "03-map-big-endian-fragments,50028", "08-map-udp,52001"})
  void translatedFlows_standEverything(String name, int port) {
    HelperKit.everything(DceRpcFlow.translated(name, port), DceRpcFlow.dialogue(name));
  }
}
