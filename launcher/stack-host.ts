import type { RootAccess } from "../components/host/host.ts";
import type { Pulumi } from "./backend.ts";
import type { Deployment } from "./repair/deployment.ts";

/** Where a stack is: all that differs between the embedded host and a workstation. */
export interface StackHost {
  /** URI of its libvirt. */
  readonly uri: string;
  /** The words of a command that enter the network of that libvirt: none if it is this one. */
  readonly enter: readonly string[];
  /** Who the stack is for all who use that libvirt. Undefined if nobody else does. */
  owner?(): string;
  /** Whether what has the stack's name there is the stack's. Defaults to true. */
  hasName?(): boolean;
  /** How root's steps are run, and where they are, if pulumi does not run as root. */
  readonly root?: RootAccess | undefined;
  /** Whether others use that libvirt: then nothing there is an orphan, unless a run of this stack was cut off. */
  readonly isShared: boolean;
  /** Absolute path of the folder of its storage pools; undefined if it is on another machine. */
  readonly images: string | undefined;
  /** The folder of the file backend of its stacks; undefined for any other backend. */
  readonly backend: string | undefined;
  /** Whether pulumi may ask the person for a login: then it needs the terminal for itself. Defaults to false. */
  readonly asksLogin?: boolean;
  /** The real pulumi, and its environment. Installs it if it is missing. */
  pulumi(): Promise<Pulumi>;
  /** Brings up what pulumi needs there, and gives the options that it is to have. */
  prepare(pulumi: Pulumi): Promise<readonly string[]>;
  /** The stack's state. Undefined if there is none, or if it cannot be read. */
  deployment(): Deployment | undefined;
  /** Whether its network is there to be entered. */
  isThere(): boolean;
  /** What tells, asked each second while pulumi runs, why a run cannot succeed any more. */
  watch(): () => string | undefined;
  /** Gives back what a stack that does not stand any more has there. */
  end(): Promise<void>;
  /** Runs a command that needs no more than the state of a stack. */
  onState(): Promise<number>;
  /** Runs a command that only looks: what had to be made for that goes again. */
  look(work: () => Promise<number>): Promise<number>;
}
