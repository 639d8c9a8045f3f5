package org.pinholed.kernel.unix;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NamespaceNameTest {
  private final String name = "pinholed-test-" + ProcessHandle.current().pid();

  @Test
  void name_isForOne_untilItIsClosed() throws IOException {
    assertEquals(Optional.empty(), NamespaceName.holder(name));
    NamespaceName first = NamespaceName.take(name).orElseThrow();
    assertTrue(NamespaceName.take(name).isEmpty());
    first.close();
    first.close();
    assertEquals(Optional.empty(), NamespaceName.holder(name));
    NamespaceName.take(name).orElseThrow().close();
  }

  /** Nobody accepts those who ask, and still many may. */
  @Test
  void holder_isTold_howeverOftenItIsAsked() throws IOException {
    try (NamespaceName held = NamespaceName.take(name).orElseThrow()) {
      for (int i = 0; i < 100; i++) {
        DescriptorSocket.Peer peer = NamespaceName.holder(name).orElseThrow();
        assertEquals(ProcessHandle.current().pid(), peer.pid());
        assertTrue(peer.isOwn());
      }
      NamespaceName.take(name + "x").orElseThrow().close();
      assertTrue(NamespaceName.take(name).isEmpty(), held::toString);
    }
  }

  @Test
  void name_isWithinItsBounds() {
    assertThrows(IllegalArgumentException.class, () -> NamespaceName.take(""));
    assertThrows(IllegalArgumentException.class, () -> NamespaceName.take("n".repeat(101)));
  }
}
