package org.pinholed.it.lab;

import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HealthCheck;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.RestartPolicy;
import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.testcontainers.containers.Container.ExecResult;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;

/**
 * A container of the product's image as it is, with no network but its own: read-only, and without
 * any right that is not given to it. Closing it takes it away.
 */
public final class ProductContainer implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final GenericContainer<?> container;

  private ProductContainer(String... arguments) {
    container =
        ContainerLab.labelled(ContainerLab.PRODUCT)
            .withNetworkMode("none")
            .withCommand(arguments)
            .withCreateContainerCmdModifier(
                command ->
                    Objects.requireNonNull(command.getHostConfig())
                        .withReadonlyRootfs(true)
                        .withCapDrop(Capability.ALL));
  }

  /**
   * Starts the agent with CAP_NET_ADMIN, to be restarted always, and waits until the image's own
   * check finds it healthy.
   */
  public static ProductContainer start() {
    ProductContainer product = new ProductContainer();
    // The image's own command, asked more often than an operator would.
    HealthCheck often = new HealthCheck().withInterval(TimeUnit.SECONDS.toNanos(1));
    product
        .container
        .withCreateContainerCmdModifier(
            command -> {
              HostConfig host = Objects.requireNonNull(command.getHostConfig());
              host.withCapAdd(Capability.NET_ADMIN)
                  .withRestartPolicy(RestartPolicy.alwaysRestart());
              command.withHealthcheck(often);
            })
        .waitingFor(Wait.forHealthcheck().withStartupTimeout(PATIENCE));
    product.container.start();
    return product;
  }

  /**
   * Runs the image without any right until it ends by itself.
   *
   * @param arguments those of the image
   * @return what it wrote
   */
  public static String outputOf(String... arguments) {
    try (ProductContainer product = new ProductContainer(arguments)) {
      product.container.withStartupCheckStrategy(
          new OneShotStartupCheckStrategy().withTimeout(PATIENCE));
      product.container.start();
      return product.log();
    }
  }

  /** Runs a command in the container. */
  public CommandResult run(String... command) {
    try {
      ExecResult result = container.execInContainer(command);
      return new CommandResult(
          String.join(" ", command), result.getExitCode(), result.getStdout() + result.getStderr());
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Sends its first process a signal as {@code docker kill -s} does. */
  public void signal(String name) {
    container
        .getDockerClient()
        .killContainerCmd(container.getContainerId())
        .withSignal(name)
        .exec();
  }

  /** Kills its first process at once, as a crash does, of which Docker does not know before. */
  public void crash() {
    ContainerProcess.of(container).destroyForcibly();
  }

  /** Waits until it has written this so many times. */
  public void awaitLog(String text, int times) {
    Scenario.await(PATIENCE, () -> log().split(text, -1).length - 1 >= times, this::log);
  }

  /** Stops it as {@code docker stop} does; its exit code. */
  public long stop() {
    container.getDockerClient().stopContainerCmd(container.getContainerId()).exec();
    return Objects.requireNonNull(
        container.getCurrentContainerInfo().getState().getExitCodeLong(), "it runs");
  }

  /** What it wrote so far. */
  public String log() {
    return container.getLogs();
  }

  @Override
  public void close() {
    container.close();
  }
}
