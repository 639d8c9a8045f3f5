package org.pinholed.agent.pinhole.nftables;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pinholed.agent.config.MarkBits;
import org.pinholed.kernel.nftables.NftFamily;
import org.pinholed.kernel.nftables.NftFeatures;
import org.pinholed.kernel.nftables.NftTable;

/** Which queue a flow has, as the agent reckons it; that the kernel agrees, RestartIT shows. */
class QueueChoiceTest {
  private static QueueChoice choice(int queues, boolean hash) {
    return new QueueChoice(
        new NftTable(NftFamily.INET, "pinholed"),
        new NftablesOptions("pinholed", 7, queues, true, MarkBits.DEFAULT, 100),
        new NftFeatures(true, true, true, true, true, true, hash, true, null, List.of()));
  }

  /** The hashes are those of a program in C made from the kernel's {@code jhash.h}. */
  @ParameterizedTest
  @CsvSource({"12345678, 1, 44d738ea", "0, 1, d9a91087", "ffffffff, abcd, 620d1b21"})
  void hash_isTheKernels(String id, String seed, String hash) {
    assertEquals(
        Integer.parseUnsignedInt(hash, 16),
        JenkinsHash.of(Integer.parseUnsignedInt(id, 16), Integer.parseUnsignedInt(seed, 16)));
  }

  @Test
  void hash_isScaledToTheQueues() {
    assertEquals(0, choice(1, true).queueOf(0x12345678));
    assertEquals(0, choice(3, true).queueOf(0x12345678)); // 0x44d738ea of 2^32: 0.268
    assertEquals(1, choice(4, true).queueOf(0x12345678));
    assertEquals(3, choice(4, true).queueOf(0)); // 0xd9a91087: 0.85
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "55555554, 0",
    "55555555, 1",
    "aaaaaaa9, 1",
    "aaaaaaaa, 2",
    "ffffffff, 2",
  })
  void withoutHash_idsAreDividedIntoRanges(String id, int queue) {
    assertEquals(queue, choice(3, false).queueOf(Integer.parseUnsignedInt(id, 16)));
  }
}
