import { hostname } from "node:os";
import { join } from "node:path";

/** A Slurm whose controller and nodes all run on this machine, with all of its files in one folder. */
export interface Slurm {
  /** Absolute path. */
  readonly folder: string;
  readonly ports: { readonly controller: number; readonly nodes: readonly number[] };
}

/** Names of the nodes; each has a host name, and processes, of its own. */
export const NODES = ["node1", "node2"] as const;
export type NodeName = (typeof NODES)[number];

/** What a node offers, so that it runs one task at a time, and what a task of {@link TASK_OPTIONS} asks for, MB. */
const NODE = { cpus: 1, memory: 2000 };
export const TASK_OPTIONS = ["--cpus-per-task=1", "--mem=1500M"] as const;

/** Seconds without an answer after which the controller takes a node for dead, and requeues its tasks. */
const SILENCE = 10;

export const confOf = (folder: string) => join(folder, "slurm.conf");
export const socketOf = (folder: string) => join(folder, "munge.socket");
export const spoolOf = (folder: string, node: NodeName) => join(folder, `spool-${node}`);
export const stateOf = (folder: string) => join(folder, "state");

/**
 * The text of slurm.conf. Without systemd and accounting: processes are followed through /proc, tasks are bound to
 * nothing, and ended jobs are remembered for an hour by the controller itself.
 */
export function configurationOf({ folder, ports }: Slurm): string {
  const own = (name: string) => join(folder, name);
  const nodes = NODES.map(
    (name, i) =>
      `NodeName=${name} NodeHostname=${hostname()} NodeAddr=127.0.0.1 Port=${ports.nodes[i]} ` +
      `CPUs=${NODE.cpus} RealMemory=${NODE.memory}`,
  );
  const lines = [
    "ClusterName=nuwa",
    `SlurmctldHost=${hostname()}(127.0.0.1)`,
    `SlurmctldPort=${ports.controller}`,
    "SlurmUser=root",
    "SlurmdUser=root",
    "AuthType=auth/munge",
    `AuthInfo=socket=${socketOf(folder)}`,
    "CredType=cred/munge",
    `StateSaveLocation=${stateOf(folder)}`,
    `SlurmdSpoolDir=${own("spool-%n")}`,
    `SlurmctldPidFile=${own("slurmctld.pid")}`,
    `SlurmdPidFile=${own("slurmd-%n.pid")}`,
    `SlurmctldLogFile=${own("slurmctld.log")}`,
    `SlurmdLogFile=${own("slurmd-%n.log")}`,
    "ProctrackType=proctrack/linuxproc",
    "TaskPlugin=task/none",
    "SwitchType=switch/none",
    "MpiDefault=none",
    "SelectType=select/cons_tres",
    "SelectTypeParameters=CR_Core_Memory",
    "AccountingStorageType=accounting_storage/none",
    "JobAcctGatherType=jobacct_gather/none",
    "MinJobAge=3600",
    "ReturnToService=2",
    `SlurmdTimeout=${SILENCE}`,
    ...nodes,
    "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
  ];
  return `${lines.join("\n")}\n`;
}
