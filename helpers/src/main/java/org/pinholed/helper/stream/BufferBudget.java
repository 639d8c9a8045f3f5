package org.pinholed.helper.stream;

/**
 * Memory for what is kept of one flow, by its streams and its helper. Streams ask before they
 * allocate, and only when they keep something: a segment that is read in place never comes here.
 * Used by the thread that owns the flow.
 */
public interface BufferBudget {
  /** Gives whatever is asked for: the limits of each stream are the only ones. */
  BufferBudget UNBOUNDED =
      new BufferBudget() {
        @Override
        public boolean reserve(int bytes) {
          return true;
        }

        @Override
        public void release(int bytes) {}
      };

  /**
   * Asks for memory.
   *
   * @param bytes real size of what will be allocated, 1 or more
   * @return false if there is none for this flow: nothing is reserved, and the flow must give back
   *     what it has and stop reading
   */
  boolean reserve(int bytes);

  /**
   * Gives memory back.
   *
   * @param bytes as reserved before, 0 or more
   */
  void release(int bytes);
}
