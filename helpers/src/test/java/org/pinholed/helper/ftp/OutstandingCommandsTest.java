package org.pinholed.helper.ftp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class OutstandingCommandsTest {
  private final OutstandingCommands commands = new OutstandingCommands();

  @Test
  void noneAtFirst() {
    assertTrue(commands.isEmpty());
    assertSame(FtpWord.OTHER, commands.peek());
    commands.remove();
    assertTrue(commands.isEmpty());
    assertEquals(commands.number(), commands.nextNumber());
  }

  @Test
  void max_areRemembered_moreAreCounted() {
    for (int count = 0; count < OutstandingCommands.MAX; count++) {
      assertTrue(commands.add(FtpWord.PASV));
    }
    assertFalse(commands.isBeyond());
    assertFalse(commands.add(FtpWord.EPSV));
    assertFalse(commands.add(FtpWord.EPSV));
    assertTrue(commands.isBeyond());
    for (int count = 0; count < OutstandingCommands.MAX; count++) {
      assertSame(FtpWord.PASV, commands.peek());
      commands.remove();
      assertFalse(commands.add(FtpWord.EPSV), "not before those beyond are answered");
    }
    assertFalse(commands.contains(FtpWord.EPSV));
    for (int count = 0; count < OutstandingCommands.MAX + 2; count++) {
      assertFalse(commands.isEmpty());
      assertSame(FtpWord.OTHER, commands.peek());
      commands.remove();
    }
    assertTrue(commands.isEmpty());
    assertTrue(commands.add(FtpWord.EPSV));
    assertTrue(commands.contains(FtpWord.EPSV));
    assertFalse(commands.isMoreThanOne());
  }

  @Property
  void behavesAsAQueue(@ForAll @Size(max = 200) List<Boolean> steps) {
    OutstandingCommands queue = new OutstandingCommands();
    Deque<FtpWord> model = new ArrayDeque<>();
    FtpWord[] words = FtpWord.values();
    int added = 0;
    for (boolean add : steps) {
      if (add && model.size() < OutstandingCommands.MAX) {
        FtpWord word = words[added++ % words.length];
        assertTrue(queue.add(word));
        model.add(word);
      } else if (!model.isEmpty()) {
        assertSame(model.remove(), queue.peek());
        queue.remove();
      }
      assertEquals(model.isEmpty(), queue.isEmpty());
      assertEquals(model.size() > 1, queue.isMoreThanOne());
      assertEquals(model.size(), queue.nextNumber() - queue.number());
      assertEquals(model.contains(FtpWord.PASV), queue.contains(FtpWord.PASV));
    }
  }
}
