package org.pinholed.agent.config;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/**
 * How much memory a virtual machine may take.
 *
 * @param heapBytes the largest heap ({@code -Xmx})
 * @param directBytes the most memory in direct buffers ({@code -XX:MaxDirectMemorySize})
 */
public record Memory(long heapBytes, long directBytes) {
  /** For who only reads a configuration that another process runs with. */
  public static final Memory NOT_THIS_PROCESS = new Memory(Long.MAX_VALUE, Long.MAX_VALUE);

  /**
   * The memory of this process.
   *
   * @return as the virtual machine was started
   */
  public static Memory ofThisProcess() {
    long heapBytes = Runtime.getRuntime().maxMemory();
    @Nullable HotSpotDiagnosticMXBean machine =
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    // 0 and an unknown machine: as much as the heap (java.nio.Bits).
    long directBytes =
        machine == null ? 0 : Long.parseLong(machine.getVMOption("MaxDirectMemorySize").getValue());
    return new Memory(heapBytes, directBytes == 0 ? heapBytes : directBytes);
  }
}
