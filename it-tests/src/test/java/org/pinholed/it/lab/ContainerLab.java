package org.pinholed.it.lab;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.CreateContainerCmd;
import com.github.dockerjava.api.exception.DockerException;
import com.github.dockerjava.api.model.Capability;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.Mount;
import com.github.dockerjava.api.model.MountType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.output.OutputFrame;
import org.testcontainers.lifecycle.Startables;
import org.testcontainers.utility.DockerImageName;

/**
 * A lab whose hosts are containers on two networks, and whose agent is the product's own image,
 * read-only and with CAP_NET_ADMIN alone, in the network of the router. The engine must run on this
 * machine, and the images must be there ({@code it-tests/containers/images.sh}): none is pulled.
 *
 * <p>The engine gives the networks addresses of its own choice, so that labs may run side by side;
 * the containers have those of the laboratory instead. Peers run in the containers by the machine's
 * {@code nsenter} and not by the engine: then signals and streams reach them as everywhere.
 */
final class ContainerLab extends LocalLab {
  /** What the hosts are made of: Debian with the peers. */
  private static final DockerImageName HOSTS = DockerImageName.parse("pinholed-lab:latest");

  /** The product on the same Debian, so that the router has what an operator types. */
  static final DockerImageName PRODUCT = DockerImageName.parse("pinholed:lab");

  /** On all that this class makes, with the process that made it. */
  private static final String LABEL = "org.pinholed.lab";

  private static final String OWN_LABEL = Long.toString(ProcessHandle.current().pid());
  private static final AtomicInteger COUNTER = new AtomicInteger();
  private static final AtomicBoolean SWEPT = new AtomicBoolean();

  private final Map<Host, GenericContainer<?>> hosts = new EnumMap<>(Host.class);
  private final Map<Host, Long> pids = new EnumMap<>(Host.class);
  private final List<GenericContainer<?>> agents = new CopyOnWriteArrayList<>();
  private final List<Network> networks = new ArrayList<>();

  private ContainerLab() {
    super("phc" + OWN_LABEL + "-" + COUNTER.incrementAndGet());
  }

  static Lab create(Links links) {
    if (!links.equals(Links.VETH)) {
      throw new IllegalArgumentException("links: " + links + " (expected: those of the engine)");
    }
    if (SWEPT.compareAndSet(false, true)) {
      sweep();
    }
    ContainerLab lab = new ContainerLab();
    lab.build();
    return lab;
  }

  private static DockerClient docker() {
    return DockerClientFactory.instance().client();
  }

  /** Takes away what killed runs have left. */
  private static void sweep() {
    docker().listContainersCmd().withShowAll(true).withLabelFilter(List.of(LABEL)).exec().stream()
        .filter(container -> isLeft(container.getLabels()))
        .forEach(c -> docker().removeContainerCmd(c.getId()).withForce(true).exec());
    docker().listNetworksCmd().withFilter("label", List.of(LABEL)).exec().stream()
        .filter(network -> isLeft(network.getLabels()))
        .forEach(network -> docker().removeNetworkCmd(network.getId()).exec());
  }

  private static boolean isLeft(Map<String, String> labels) {
    return ProcessHandle.of(Long.parseLong(labels.getOrDefault(LABEL, "0"))).isEmpty();
  }

  @Override
  void makeHosts() {
    Network left = network();
    Network right = network();
    hosts.put(Host.CLIENT, host(HOSTS, left));
    hosts.put(Host.ROUTER, host(PRODUCT, left));
    hosts.put(Host.SERVER, host(HOSTS, right));
    Startables.deepStart(hosts.values()).join();
    docker()
        .connectToNetworkCmd()
        .withContainerId(id(Host.ROUTER))
        .withNetworkId(right.getId())
        .exec();
    hosts.forEach((host, container) -> pids.put(host, ContainerProcess.of(container).pid()));
    for (Host host : Host.values()) {
      sysctl(
          host,
          "net.ipv6.conf.all.disable_ipv6=0",
          "net.ipv6.conf.default.disable_ipv6=0",
          "net.ipv6.conf.all.accept_dad=0",
          "net.ipv6.conf.default.accept_dad=0");
    }
    own(Host.CLIENT, "eth0", "c0");
    own(Host.ROUTER, "eth0", "r0");
    own(Host.ROUTER, "eth1", "r1");
    own(Host.SERVER, "eth0", "s0");
  }

  /** Gives a device of the engine's the laboratory's name and takes its addresses and routes. */
  private void own(Host host, String device, String name) {
    ip(
        host,
        "link set " + device + " down",
        "link set " + device + " name " + name,
        "addr flush dev " + name);
    sysctl(host, "net.ipv6.conf." + name + ".disable_ipv6=0");
    ip(host, "link set " + name + " up");
  }

  private Network network() {
    Network network =
        Network.builder()
            .driver("bridge")
            .createNetworkCmdModifier(command -> command.withLabels(Map.of(LABEL, OWN_LABEL)))
            .build();
    networks.add(network);
    network.getId(); // it is made when its id is asked for
    return network;
  }

  @SuppressWarnings("resource") // stopped by removeHosts
  private GenericContainer<?> host(DockerImageName image, Network network) {
    return container(image, shared(workFolder()), shared(Lab.projectRoot()).withReadOnly(true))
        .withNetwork(network)
        .withCreateContainerCmdModifier(
            command -> command.withEntrypoint("sleep", "infinity").withCmd());
  }

  @SuppressWarnings("resource") // stopped by removeHosts
  private GenericContainer<?> container(DockerImageName image, Mount... mounts) {
    return labelled(image)
        .withCreateContainerCmdModifier(
            command ->
                hostConfig(command)
                    // A process has one id for all: the agent's is told by itself and the kernel.
                    .withPidMode("host")
                    // Of mounts that it knows of, Testcontainers would pull an image to try them.
                    .withMounts(List.of(mounts)));
  }

  /** A container of an image of this machine that a later run takes away if this one does not. */
  @SuppressWarnings("resource") // stopped by the caller
  static GenericContainer<?> labelled(DockerImageName image) {
    return new GenericContainer<>(image)
        .withImagePullPolicy(name -> false)
        .withLabel(LABEL, OWN_LABEL);
  }

  private static HostConfig hostConfig(CreateContainerCmd command) {
    return Objects.requireNonNull(command.getHostConfig());
  }

  /** A folder of this machine under the same path. */
  private static Mount shared(Path folder) {
    return new Mount()
        .withType(MountType.BIND)
        .withSource(folder.toString())
        .withTarget(folder.toString());
  }

  @Override
  public Process startAgent(ProcessBuilder.Redirect output, String... arguments) {
    Path log = output.file().toPath();
    GenericContainer<?> agent =
        container(PRODUCT, shared(workFolder()))
            .withNetworkMode("container:" + id(Host.ROUTER))
            .withCommand(arguments)
            .withLogConsumer(frame -> append(log, frame))
            .withCreateContainerCmdModifier(
                command ->
                    hostConfig(command)
                        .withReadonlyRootfs(true)
                        .withCapDrop(Capability.ALL)
                        .withCapAdd(Capability.NET_ADMIN));
    agents.add(agent);
    agent.start();
    return ContainerProcess.of(agent);
  }

  private static void append(Path log, OutputFrame frame) {
    byte[] bytes = frame.getBytes();
    if (bytes == null) {
      return; // the end
    }
    try {
      Files.write(log, bytes, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String program(String name) {
    return "/opt/pinholed/bin/" + name;
  }

  private String id(Host host) {
    return Objects.requireNonNull(hosts.get(host)).getContainerId();
  }

  private Long pid(Host host) {
    return Objects.requireNonNull(pids.get(host));
  }

  @Override
  String network(Host host) {
    return "/proc/" + pid(host) + "/ns/net";
  }

  @Override
  List<String> on(Host host, String... command) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "nsenter",
                "--target",
                pid(host).toString(),
                "--mount",
                "--net",
                "--ipc",
                "--uts",
                "--",
                "env",
                "-i",
                "-C",
                workFolder().toString(),
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=" + workFolder(),
                "LC_ALL=C"));
    all.addAll(List.of(command));
    return all;
  }

  @Override
  void removeHosts() {
    List<GenericContainer<?>> containers = new ArrayList<>(agents);
    containers.addAll(hosts.values());
    containers.parallelStream().forEach(container -> quietly("container", container::stop));
    networks.forEach(network -> quietly("network", network::close));
  }

  private static void quietly(String what, Runnable removal) {
    try {
      removal.run();
    } catch (DockerException e) {
      System.err.println("a " + what + " stays: " + e);
    }
  }
}
