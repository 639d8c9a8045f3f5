package org.pinholed.agent;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.simpleNameEndingWith;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.nio.Buffer;
import java.util.List;
import org.pinholed.agent.pinhole.PinholeBackend;
import org.pinholed.agent.time.Clock;

/** Who may know whom (ARCHITECTURE.md). */
@AnalyzeClasses(
    packages = "org.pinholed",
    importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.NoTestJars.class})
class ArchitectureTest {
  /** The tests of the bindings lend theirs to the agent's, as a jar. */
  static final class NoTestJars implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("-tests.jar");
    }
  }

  private static final String AGENT = "org.pinholed.agent";
  private static final String KERNEL = "org.pinholed.kernel";
  private static final String HELPER = "org.pinholed.helper";

  // ---- The modules ---------------------------------------------------------------------------

  @ArchTest
  static final ArchRule bindingsKnowNoProtocolAndNoAgent =
      classes()
          .that()
          .resideInAPackage(KERNEL + "..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              KERNEL + "..", "java..", "jnr.ffi..", "jnr.constants..", "org.jspecify..");

  @ArchTest
  static final ArchRule helpersKnowNobodyAndDoNotLog =
      classes()
          .that()
          .resideInAPackage(HELPER + "..")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(HELPER + "..", "java..", "org.jspecify..")
          .as("helpers are pure Java: no agent, no bindings, no logging");

  @ArchTest
  static final ArchRule helpersDoNoInputOutputAndHaveNoThreads =
      noClasses()
          .that()
          .resideInAPackage(HELPER + "..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage("java.io..", "java.nio.channels..", "java.nio.file..")
                  .and(DescribedPredicate.not(simpleNameEndingWith("UncheckedIOException")))
                  .or(nameMatching("java\\.net\\..*Socket.*|java\\.net\\.(URL|http).*"))
                  .or(nameMatching("java\\.lang\\.(Thread|Process.*|Runtime)"))
                  .or(resideInAPackage("java.util.concurrent..")));

  @ArchTest
  static final ArchRule helpersHaveNoClock =
      noClasses()
          .that()
          .resideInAPackage(HELPER + "..")
          .should()
          .callMethodWhere(
              target(
                      owner(
                          nameMatching("java\\.lang\\.System|java\\.time\\..*|java\\.util\\.Date")))
                  .and(target(nameMatching("nanoTime|currentTimeMillis|now|systemUTC"))))
          .as("helpers have no clock: what time brings about is the agent's work");

  @ArchTest
  static final ArchRule protocolsDoNotKnowEachOther =
      slices()
          .matching(HELPER + ".(*)..")
          .should()
          .notDependOnEachOther()
          .ignoreDependency(
              DescribedPredicate.alwaysTrue(),
              resideInAnyPackage(HELPER + ".stream..", HELPER + ".text.."));

  // ---- The bindings --------------------------------------------------------------------------

  @ArchTest
  static final ArchRule queueConntrackAndNftablesDoNotKnowEachOther =
      slices()
          .matching(KERNEL + ".(*)..")
          .should()
          .notDependOnEachOther()
          .ignoreDependency(
              DescribedPredicate.alwaysTrue(),
              resideInAnyPackage(KERNEL + ".netlink..", KERNEL + ".libc.."));

  @ArchTest
  static final ArchRule netlinkStandsOnLibcOnly =
      noClasses()
          .that()
          .resideInAPackage(KERNEL + ".libc..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KERNEL + ".netlink..");

  @ArchTest
  static final ArchRule onlySocketsCallLibc =
      noClasses()
          .that()
          .resideOutsideOfPackages(KERNEL + ".libc..", KERNEL + ".netlink..", KERNEL + ".unix..")
          .and()
          .resideInAPackage(KERNEL + "..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("jnr..");

  // ---- The agent -----------------------------------------------------------------------------

  @ArchTest
  static final ArchRule nftablesIsSpokenByItsBackendOnly =
      noClasses()
          .that()
          .resideInAPackage(AGENT + "..")
          .and()
          .resideOutsideOfPackages(AGENT + ".pinhole.nftables..", AGENT + ".operate.doctor..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KERNEL + ".nftables..");

  @ArchTest
  static final ArchRule packetsAreQueuedForTheWorkerOnly =
      noClasses()
          .that()
          .resideInAPackage(AGENT + "..")
          .and()
          .resideOutsideOfPackages(
              AGENT + ".start..",
              AGENT + ".operate..",
              AGENT + ".path..",
              AGENT + ".flow..", // a conntrack may come with its packet
              AGENT + ".worker..",
              AGENT + ".flow..", // the kernel says of a packet which flow it is of
              AGENT + ".replay..", // a capture takes the place of the queue
              AGENT + ".lifecycle..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KERNEL + ".nfqueue..");

  @ArchTest
  static final ArchRule conntrackIsKnownByFlowsAndWhoeverMakesThem =
      noClasses()
          .that()
          .resideInAPackage(AGENT + "..")
          .and()
          .resideOutsideOfPackages(
              AGENT + ".worker..",
              AGENT + ".path..",
              AGENT + ".announce..",
              AGENT + ".flow..",
              AGENT + ".expectation..", // parents and children are conntracks
              AGENT + ".handover..",
              AGENT + ".nat..",
              AGENT + ".report..", // its records of children are of conntracks
              AGENT + ".lifecycle..",
              AGENT + ".operate..",
              AGENT + ".pinhole..", // an expectation belongs to a parent
              AGENT + ".replay..", // has a table of its own
              AGENT + ".start..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KERNEL + ".conntrack..");

  @ArchTest
  static final ArchRule netlinkIsKnownByWhoeverUsesTheBindings =
      noClasses()
          .that()
          .resideInAPackage(AGENT + "..")
          .and()
          .resideOutsideOfPackages(
              AGENT + ".worker..",
              AGENT + ".path..",
              AGENT + ".announce..",
              AGENT + ".flow..",
              AGENT + ".nat..",
              AGENT + ".lifecycle..",
              AGENT + ".operate..",
              AGENT + ".start..",
              AGENT + ".pinhole.conntrack..",
              AGENT + ".pinhole.nftables..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KERNEL + ".netlink..");

  @ArchTest
  static final ArchRule agentCallsNoLibc =
      noClasses()
          .that()
          .resideInAPackage(AGENT + "..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage(KERNEL + ".libc..");

  /** Everybody else sees {@link PinholeBackend}; the doctor has one tell what it could do here. */
  @ArchTest
  static final ArchRule backendsAreChosenByTheProgramOnly =
      noClasses()
          .that()
          .resideOutsideOfPackages(
              AGENT + ".pinhole..", AGENT + ".replay..") // the latter has one of its own
          .and()
          .doNotHaveFullyQualifiedName(AGENT + ".Pinholed")
          .and()
          .doNotHaveFullyQualifiedName(AGENT + ".operate.doctor.SystemProbe")
          .should()
          .dependOnClassesThat(
              DescribedPredicate.describe(
                  "are implementations of PinholeBackend or of their packages",
                  type ->
                      type.getPackageName().startsWith(AGENT + ".pinhole.")
                          || (type.isAssignableTo(PinholeBackend.class)
                              && !type.isEquivalentTo(PinholeBackend.class))));

  @ArchTest
  static final ArchRule protocolsAreChosenByTheProgramsOnly =
      noClasses()
          .that()
          .resideInAPackage(AGENT + ".*..")
          .and()
          .resideOutsideOfPackage(AGENT + ".cli..")
          .should()
          .dependOnClassesThat(resideInAnyPackage(HELPER + ".ftp.."));

  /** From the program down: each may know those that stand behind it here, and nobody before it. */
  private static final List<String> ROOMS =
      List.of(
          "",
          "cli",
          "start",
          "replay",
          "lifecycle",
          "operate",
          "worker",
          "path",
          "announce",
          "handover",
          "control",
          "flow",
          "report",
          "trace",
          "expectation",
          "metrics",
          "event",
          "pinhole",
          "nat",
          "packet",
          "view",
          "config",
          "shared",
          "limit",
          "service",
          "pace",
          "time");

  @ArchTest
  static final ArchRule noArrowLeadsBackUp =
      classes()
          .that()
          .resideInAPackage(AGENT + "..")
          .should(
              new ArchCondition<>("know only rooms below their own, of those that are listed") {
                @Override
                public void check(JavaClass type, ConditionEvents events) {
                  int own = ROOMS.indexOf(room(type));
                  if (own < 0) {
                    String unlisted = room(type) + " has no place among the rooms";
                    events.add(SimpleConditionEvent.violated(type, unlisted));
                    return;
                  }
                  for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                    JavaClass target = dependency.getTargetClass().getBaseComponentType();
                    boolean inAgent = (target.getPackageName() + ".").startsWith(AGENT + ".");
                    if (inAgent && ROOMS.indexOf(room(target)) < own) {
                      events.add(SimpleConditionEvent.violated(type, dependency.getDescription()));
                    }
                  }
                }
              });

  /** The part of a package name behind the agent's own, up to the next dot. */
  private static String room(JavaClass type) {
    String below = type.getPackageName().substring(AGENT.length());
    return below.isEmpty() ? "" : below.substring(1).split("\\.", 2)[0];
  }

  @ArchTest
  static final ArchRule packagesOfTheAgentAreFreeOfCycles =
      slices().matching(AGENT + ".(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule nobodyKnowsTheProgram =
      noClasses()
          .that()
          .resideInAnyPackage(AGENT + ".*..")
          .should()
          .dependOnClassesThat(
              DescribedPredicate.describe(
                  "are the program", type -> type.getPackageName().equals(AGENT)));

  @ArchTest
  static final ArchRule commandsTalkToTheAgentThroughItsSocketOnly =
      noClasses()
          .that()
          .resideInAPackage(AGENT + ".cli..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                  AGENT + ".start..",
                  AGENT + ".operate",
                  AGENT + ".worker..",
                  AGENT + ".path..",
                  AGENT + ".announce..",
                  AGENT + ".lifecycle..",
                  AGENT + ".flow..",
                  AGENT + ".expectation..",
                  AGENT + ".pinhole.."));

  // ---- Time ----------------------------------------------------------------------------------

  @ArchTest
  static final ArchRule oneClock =
      noClasses()
          .that()
          .resideInAPackage(AGENT + "..")
          .and()
          .resideOutsideOfPackage(AGENT + ".time..")
          .should()
          .accessTargetWhere(
              DescribedPredicate.describe(
                  "the machine is asked what time it is",
                  (JavaAccess<?> access) ->
                      access.getName().matches("nanoTime|currentTimeMillis|now|systemUTC")
                          && access
                              .getTargetOwner()
                              .getName()
                              .matches("java\\.lang\\.System|java\\.time\\..*")));

  /** What happens to flows happens at the time that they are given, not at the machine's. */
  @ArchTest
  static final ArchRule flowsAreGivenTheirTime =
      noClasses()
          .that()
          .resideInAnyPackage(
              AGENT + ".replay..",
              AGENT + ".lifecycle..",
              AGENT + ".operate",
              AGENT + ".worker..",
              AGENT + ".path..",
              AGENT + ".announce..",
              AGENT + ".flow..",
              AGENT + ".report..",
              AGENT + ".trace..",
              AGENT + ".expectation..",
              AGENT + ".nat..")
          .should()
          .accessField(Clock.class, "SYSTEM");

  // ---- Flyweights ----------------------------------------------------------------------------

  /** A view is over bytes that are overwritten by the next packet; a record outlives them. */
  @ArchTest
  static final ArchRule viewsAreNotKeptInRecords =
      fields()
          .that()
          .areDeclaredInClassesThat(DescribedPredicate.describe("are records", JavaClass::isRecord))
          .should()
          .notHaveRawType(simpleNameEndingWith("View").or(simpleNameEndingWith("Cursor")))
          .andShould()
          .notHaveRawType(assignableToBuffer());

  private static DescribedPredicate<JavaClass> assignableToBuffer() {
    return DescribedPredicate.describe(
        "assignable to Buffer", type -> type.isAssignableTo(Buffer.class));
  }
}
