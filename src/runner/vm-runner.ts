import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { DockerToolsError } from '#errors'
import { report } from '#events'
import { makeTempDir } from '#util'
import type { Changes, RunJob, Runner } from './runner.ts'
import { STANDARD_PATH } from './script-environment.ts'
import type { Availability } from './store-view.ts'
import { accelerators, noteKvmFailure } from './vm-accelerator.ts'
import { readChanges } from './vm-changes.ts'
import { guestFailure, lastLine } from './vm-failure.ts'
import { writeGivenDisk, writeUpperDisk } from './vm-given-disk.ts'
import { type GuestParts, initramfsEntries, jobFiles } from './vm-guest-files.ts'
import { encodeInitramfs } from './vm-initramfs.ts'
import { findKernel } from './vm-kernel.ts'
import { collectModules } from './vm-modules.ts'
import { findPrograms } from './vm-programs.ts'
import { type GuestReport, runGuest } from './vm-session.ts'
import type { Accelerator } from './vm-qemu.ts'

/** How guests are started. */
export interface VmOptions {
  /** The kernel's file; default: one of this machine's. */
  readonly kernel?: string | undefined
  /** What to run guests by, in turn; default: what this machine has. */
  readonly accelerators?: readonly Accelerator[]
}

const MIB = 1024 * 1024
/** Where a job has no limit of its own. The disk's is a hole in a file; the memory's is taken only as it is used. */
const DEFAULT_DISK_MIB = 16 * 1024
const DEFAULT_MEMORY_MIB = 1024
/** With less, the kernel ends before there is a script. */
const LEAST_MEMORY_MIB = 128
/** A guest that really runs says its first word within one; one that is emulated, on a machine with much to do, later. */
const BOOT_SECONDS: Readonly<Record<Accelerator, number>> = { kvm: 8, tcg: 300 }

/** Runs scripts in a virtual machine of their own, with a kernel of their own; as an ordinary user too. */
export function makeVmRunner(options: VmOptions = {}): Runner {
  let parts: Promise<GuestParts> | undefined
  const findParts = (): Promise<GuestParts> => (parts ??= collectParts(options))
  return {
    name: 'vm',
    probe: async () => probe(findParts),
    refusal: (job) => Promise.resolve(refusal(job)),
    run: async (job, signal) => run(job, await findParts(), options, signal),
  }
}

async function collectParts({ kernel: named }: VmOptions): Promise<GuestParts> {
  const programs = findPrograms([process.env['PATH'] ?? '', STANDARD_PATH].join(delimiter))
  const kernel = findKernel(named)
  return { programs, kernel, modules: await collectModules(kernel) }
}

async function probe(findParts: () => Promise<GuestParts>): Promise<Availability> {
  try {
    await findParts()
    return { isAvailable: true }
  } catch (error) {
    if (!(error instanceof DockerToolsError)) throw error
    const reason = error.message.replace(/^Cannot start a guest(?: with)?:? ?/, '')
    return { isAvailable: false, reason, ...(error.hint === undefined ? {} : { hint: error.hint }) }
  }
}

function refusal({ limits: { memoryMiB } }: RunJob): string | undefined {
  if (memoryMiB !== undefined && memoryMiB < LEAST_MEMORY_MIB) {
    return `a guest with ${memoryMiB} MiB of memory (buildVMMemorySize) does not start, ${LEAST_MEMORY_MIB} MiB are the least`
  }
  return undefined
}

async function run(job: RunJob, parts: GuestParts, options: VmOptions, signal?: AbortSignal): Promise<Changes> {
  const reason = refusal(job)
  if (reason !== undefined)
    throw new DockerToolsError('RUNNER_UNAVAILABLE', `Cannot run ${job.step} in a guest: ${reason}`)
  await using stack = new AsyncDisposableStack()
  const room = stack.use(await makeTempDir('vm-'))
  const { diskMiB = DEFAULT_DISK_MIB, memoryMiB = DEFAULT_MEMORY_MIB } = job.limits
  const limits = { diskMiB, memoryMiB }
  const [initramfs, given, written] = ['initramfs', 'given', 'written'].map((name) => join(room.path, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(initramfs, encodeInitramfs(initramfsEntries(job, parts)))
  await writeGivenDisk(given, job, jobFiles(job, parts.programs))
  await writeUpperDisk(written, job.upper, limits.diskMiB * MIB)
  const ended = await runUntilBooted(options.accelerators ?? accelerators(), (accelerator) =>
    runGuest({
      step: job.step,
      qemu: parts.programs.qemu,
      accelerator,
      kernel: parts.kernel.path,
      initramfs,
      disks: [given, written],
      memoryMiB: limits.memoryMiB,
      timeoutSeconds: job.limits.timeoutSeconds,
      bootSeconds: BOOT_SECONDS[accelerator],
      signal,
    }),
  )
  const failure = guestFailure(job, limits, ended)
  if (failure !== undefined) throw failure
  return readChanges(written, job.base, stack.move())
}

/** Nothing has been mounted before the first word, so the next way can be tried with the same disks. */
async function runUntilBooted(
  ways: readonly Accelerator[],
  start: (accelerator: Accelerator) => Promise<GuestReport>,
): Promise<GuestReport> {
  let last: GuestReport | undefined
  for (const accelerator of ways) {
    last = await start(accelerator)
    if (last.hasBooted) return last
    if (accelerator === 'kvm') {
      noteKvmFailure()
      report({ type: 'debug', message: `No guest starts by KVM: ${lastLine(last.console)}` })
    }
  }
  if (last === undefined) throw new DockerToolsError('INTERNAL', 'Cannot start a guest: there is no way to')
  return last
}
