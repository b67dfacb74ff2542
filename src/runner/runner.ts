import type { FileBody } from '#tree'
import type { ByteString } from '#util'
import type { Availability, StoreBind } from './store-view.ts'

/** The ways to run a script over a root, weakest isolation first. */
export const RUNNER_NAMES = ['plain', 'fakeroot', 'namespace', 'vm'] as const

/** `plain` runs `extraCommands`; the others also scripts that want to be root. */
export type RunnerName = (typeof RUNNER_NAMES)[number]

/** Runs a script of a definition over a tree and tells what the tree is afterwards, with owners as the script saw them. */
export interface Runner {
  readonly name: RunnerName
  /** Whether this machine has what the runner needs, or why not and what to install. Nothing is tried. */
  probe(): Promise<Availability>
  /**
   * Why this job is not for this runner although it is available: an owner that it cannot give, a limit that it
   * cannot keep. Undefined if it can. Decided from the job alone, nothing is started.
   */
  refusal(job: RunJob): Promise<string | undefined>
  /**
   * Runs the job. What the script writes to standard output and standard error is reported as it comes. When this
   * resolves or rejects, no process of the script is alive. What was mounted for it is gone at the latest when the
   * changes are disposed of.
   *
   * @throws {ScriptError} `SCRIPT_FAILED`.
   * @throws {DockerToolsError} `RUNNER_UNAVAILABLE` where the system does not allow it, before the script was started;
   *   `LIMIT_EXCEEDED` with the limit's name, `INTERRUPTED`, `PROGRAM_MISSING`.
   */
  run(job: RunJob, signal?: AbortSignal): Promise<Changes>
  /**
   * As `run`, and does what can be done before the trees are known, while somebody else finds them. For runners that
   * have something to do then.
   *
   * @param trees Where it rejects, this rejects with the same.
   */
  runAhead?(plan: JobPlan, trees: Promise<JobTrees>, signal?: AbortSignal): Promise<Changes>
}

/** A script and the tree that it changes. */
export interface RunJob extends JobPlan, JobTrees {}

/** What is to be run, and how; on what is told apart. */
export interface JobPlan {
  /** The argument that the script comes from; errors and events name it. */
  readonly step: 'extraCommands' | 'fakeRootCommands' | 'runAsRoot'
  /** Bash, run with umask 022. Its own `#!` line, if there is one, has no effect. */
  readonly script: string
  /** Options of bash, such as `STRICT_BASH`. A shell that has no `-O` is started without those. */
  readonly bashOptions: readonly string[]
  /**
   * What the script sees:
   *
   * - `image`: the tree as `/`, with `/dev`, `/proc`, `/sys` (read-only) and the store (read-only) mounted in it and
   *   nothing else of the machine. No network, own process numbers. Run by the image's own `/bin/bash`, or by tools
   *   of the runner where it has none.
   * - `folder`: the programs of this machine, read-only, and the tree as working directory.
   *
   * Folders to mount on are in the tree already: whoever makes the job has put them there.
   */
  readonly view: 'image' | 'folder'
  readonly store: JobStore
  /** The whole environment, but for `TMPDIR` and the like, which the runner sets in the view `folder`. */
  readonly environment: Readonly<Record<string, string>>
  readonly limits: JobLimits
}

/** What a script runs on. */
export interface JobTrees {
  /** What was there before and does not count as changed. Undefined: nothing was, and the result is the whole tree. */
  readonly base: TreeSource | undefined
  /**
   * What is laid over it before the script runs. All of it counts as changed. No name of the base is below a name
   * that is no folder here, and where both have a name, both have a folder or both have none.
   */
  readonly upper: TreeSource
}

/** A file system that is given to a runner. */
export interface TreeSource {
  /** Each folder before what is in it; the root, with the empty path, first. Hard links are separate files. */
  readonly entries: readonly OwnedEntry[]
  /**
   * The same as a GNU tar with its end marker, names `./` and `./…`. A chunk is valid until the next one is asked for.
   * It may turn out only at the end that the tree is not what it should be: then this throws in the place of the end
   * marker, and no script may have been started.
   *
   * @param only Leaves out what it says no to; `index` is that among `entries`.
   */
  tar(only?: (entry: OwnedEntry, index: number) => boolean): AsyncIterable<Uint8Array>
}

/** What every file of a tree has. */
export interface OwnedMeta {
  /** Relative to the root, components joined by `/`; empty for the root itself. */
  readonly path: ByteString
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

type Special =
  | { readonly type: 'fifo' | 'socket' }
  | { readonly type: 'symlink'; readonly target: ByteString }
  | { readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }

type File = { readonly type: 'file'; readonly size: number }

/** One file of a tree with its owner, and without its content. */
export type OwnedEntry = OwnedMeta & (Special | File | { readonly type: 'directory' })

/** The store as a script sees it. */
export interface JobStore {
  /** For example `/nix/store`. */
  readonly dir: string
  /** Every path that the script is to see there, and where its content is. */
  readonly binds: readonly StoreBind[]
  /** Whether the script cannot do without them: it names one. */
  readonly isNeeded: boolean
}

/** What a script may use. Undefined: as much as there is. */
export interface JobLimits {
  /** What it may write, in MiB: upstream's `diskSize`. */
  readonly diskMiB: number | undefined
  /** Memory of its processes, in MiB: upstream's `buildVMMemorySize`. */
  readonly memoryMiB: number | undefined
  readonly timeoutSeconds: number | undefined
}

/** What a script has left, packed into a layer as it is. */
export interface Changes extends AsyncDisposable {
  /**
   * The changed files, and all folders above them, names in byte order within each folder, each folder before what is
   * in it. The root is always there.
   */
  readonly entries: readonly ChangedEntry[]
}

/** A file that is not as it was. */
export type ChangedEntry =
  | (OwnedMeta &
      (
        | Special
        | (File & {
            /** Valid until the changes are disposed of. */
            readonly body: FileBody
          })
        | {
            readonly type: 'directory'
            /** Whether nothing of what the base has in this folder is left: it is another folder of the same name. */
            readonly isOpaque: boolean
          }
      ))
  /** The base has this name, and now there is none. */
  | { readonly type: 'whiteout'; readonly path: ByteString }
